//! The full check of a ledger: everything that can be derived is derived again and compared.
//!
//! Invariant kept: a ledger that passes has balances that are exactly the sum of its transfers,
//! holds that are resolved at most once, limits that hold, and debits equal to credits in each
//! asset. It changes nothing, and it trusts no column, only the transfers.

use std::collections::{BTreeMap, BTreeSet};

use money::{AccountId, Asset, AssetCode, TransferId};

use crate::books::Ledger;
use crate::event::Kind;
use crate::state::{AccountState, Entry, PendingState, Totals, sum};

/// What is wrong with a ledger. In order of the checks; the first is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Two accounts with one id, or a code of zero, or timestamps out of order.
    #[error("account {0} is recorded twice, out of order or without code")]
    Account(AccountId),
    /// The account is beyond its limit.
    #[error("account {0} is beyond its limit")]
    Limit(AccountId),
    /// Two transfers with one id, an id that is burned too, unknown or unfit accounts, or
    /// timestamps out of order.
    #[error("transfer {0} is recorded twice, out of order or does not fit its accounts")]
    Transfer(TransferId),
    /// The pending state is not what the posts and voids say.
    #[error("the state of pending transfer {0} contradicts what resolved it")]
    PendingState(TransferId),
    /// The post or void does not fit the pending transfer.
    #[error("transfer {0} does not fit the pending transfer that it resolves")]
    Resolution(TransferId),
    /// The list of expiries is not that of the open holds with a timeout.
    #[error("the list of expiries is not that of the open holds")]
    Expiries,
    /// The account's balances are not the sum of its transfers.
    #[error("the balances of account {0} are not the sum of its transfers")]
    Balance(AccountId),
    /// The sums of the asset do not fit into 128 bits.
    #[error("the sums of {0} do not fit into 128 bits")]
    Overflow(Asset),
    /// Debits and credits of the asset differ.
    #[error("the books of {0} do not sum to zero")]
    Unbalanced(Asset),
    /// The kept totals are not the sums of the accounts.
    #[error("the kept totals are not the sums of the accounts")]
    Totals,
}

impl Ledger {
    /// Derives balances, holds and totals from the transfers and compares. Takes time in
    /// proportion to the whole ledger.
    pub fn check(&self) -> Result<(), Broken> {
        self.check_accounts()?;
        self.check_transfers()?;
        self.check_holds()?;
        self.check_balances()?;
        self.check_totals()
    }

    fn check_accounts(&self) -> Result<(), Broken> {
        let mut before_ns = 0;
        for (position, state) in self.accounts.iter().enumerate() {
            let in_order = before_ns < state.timestamp_ns;
            let named = self.account_positions.get(&state.id()) == Some(&position);
            let in_past = state.timestamp_ns <= self.last_timestamp_ns;
            if !(in_order && named && in_past) || state.account.code == 0 {
                return Err(Broken::Account(state.id()));
            }
            if !state.is_within_limit() {
                return Err(Broken::Limit(state.id()));
            }
            before_ns = state.timestamp_ns;
        }
        Ok(())
    }

    fn check_transfers(&self) -> Result<(), Broken> {
        let mut before_ns = 0;
        for (position, entry) in self.transfers.iter().enumerate() {
            let timestamp_ns = entry.state.timestamp_ns;
            let in_order = before_ns < timestamp_ns && timestamp_ns <= self.last_timestamp_ns;
            let named = self.transfer_positions.get(&entry.id()) == Some(&position);
            let burned = self.failed.contains(&entry.id());
            if !(in_order && named && self.fits_accounts(entry)) || burned {
                return Err(Broken::Transfer(entry.id()));
            }
            before_ns = timestamp_ns;
        }
        Ok(())
    }

    fn fits_accounts(&self, entry: &Entry) -> bool {
        let transfer = &entry.state.transfer;
        let fits = |position: usize, id| {
            self.accounts.get(position).is_some_and(|state| {
                state.id() == id
                    && state.account.asset == transfer.asset
                    && state.timestamp_ns < entry.state.timestamp_ns
            })
        };
        entry.debit != entry.credit
            && transfer.code != 0
            && fits(entry.debit, transfer.debit_account)
            && fits(entry.credit, transfer.credit_account)
    }

    fn check_holds(&self) -> Result<(), Broken> {
        let mut resolved = BTreeSet::new();
        for entry in &self.transfers {
            if entry.state.transfer.kind.pending_id().is_some() {
                let hold = self.resolved_hold(entry).ok_or(Broken::Resolution(entry.id()))?;
                if !resolved.insert(hold.id()) {
                    return Err(Broken::PendingState(hold.id()));
                }
            }
        }
        let mut expiries = BTreeMap::new();
        for (position, entry) in self.transfers.iter().enumerate() {
            if !self.fits_pending_state(entry, resolved.contains(&entry.id())) {
                return Err(Broken::PendingState(entry.id()));
            }
            if let (PendingState::Pending, Some(end)) =
                (entry.state.pending, entry.state.expires_at_ns())
            {
                expiries.insert((end, entry.state.timestamp_ns), position);
            }
        }
        if expiries == self.expiries { Ok(()) } else { Err(Broken::Expiries) }
    }

    fn fits_pending_state(&self, entry: &Entry, is_resolved: bool) -> bool {
        let state = &entry.state;
        let is_due = state.expires_at_ns().is_some_and(|end| end <= self.last_timestamp_ns);
        let is_possible = match state.transfer.kind {
            Kind::Pending { timeout_seconds } => {
                timeout_seconds == 0 || state.expires_at_ns().is_some()
            }
            _ => return state.pending == PendingState::None && !is_resolved,
        };
        is_possible
            && match state.pending {
                PendingState::None => false,
                PendingState::Pending => !is_resolved,
                PendingState::Posted { .. } | PendingState::Voided => is_resolved,
                PendingState::Expired => is_due && !is_resolved,
            }
    }

    /// The pending transfer that a post or void resolves, if the two fit together.
    fn resolved_hold(&self, entry: &Entry) -> Option<&Entry> {
        let by = &entry.state;
        let hold = self.transfers.get(entry.resolves?.position)?;
        let held = &hold.state.transfer;
        let outcome = match by.transfer.kind {
            Kind::Post { .. } => PendingState::Posted { amount: by.transfer.amount },
            _ => PendingState::Voided,
        };
        let fits = Some(hold.id()) == by.transfer.kind.pending_id()
            && matches!(held.kind, Kind::Pending { .. })
            && hold.state.pending == outcome
            && hold.state.timestamp_ns < by.timestamp_ns
            && hold.state.expires_at_ns().is_none_or(|end| by.timestamp_ns < end)
            && (hold.debit, hold.credit) == (entry.debit, entry.credit)
            && held.code == by.transfer.code
            && entry.resolves?.amount == held.amount
            && by.transfer.amount <= held.amount
            && (outcome != PendingState::Voided || by.transfer.amount == held.amount);
        fits.then_some(hold)
    }

    fn check_balances(&self) -> Result<(), Broken> {
        let mut derived = vec![Totals::default(); self.accounts.len()];
        for entry in &self.transfers {
            let amount = entry.state.transfer.amount;
            let (pending, posted) = match (entry.state.transfer.kind, entry.state.pending) {
                (Kind::Single | Kind::Post { .. }, _) => (0, amount),
                (_, PendingState::Pending) => (amount, 0),
                _ => (0, 0),
            };
            let debit = &mut derived[entry.debit];
            add(&mut debit.debits_pending, pending)
                .and_then(|()| add(&mut debit.debits_posted, posted))
                .ok_or(Broken::Balance(entry.state.transfer.debit_account))?;
            let credit = &mut derived[entry.credit];
            add(&mut credit.credits_pending, pending)
                .and_then(|()| add(&mut credit.credits_posted, posted))
                .ok_or(Broken::Balance(entry.state.transfer.credit_account))?;
        }
        for (state, derived) in self.accounts.iter().zip(&derived) {
            let same = state.debits_pending == derived.debits_pending
                && state.debits_posted == derived.debits_posted
                && state.credits_pending == derived.credits_pending
                && state.credits_posted == derived.credits_posted;
            if !same {
                return Err(Broken::Balance(state.id()));
            }
        }
        Ok(())
    }

    fn check_totals(&self) -> Result<(), Broken> {
        let derived = sum_by_asset(&self.accounts).map_err(Broken::Overflow)?;
        for (&(code, scale), totals) in &derived {
            let asset = Asset { code, scale };
            if !totals.is_balanced() {
                return Err(Broken::Unbalanced(asset));
            }
            // Holds must still have room to be posted.
            sum([totals.debits_pending, totals.debits_posted]).ok_or(Broken::Overflow(asset))?;
        }
        if derived == self.totals { Ok(()) } else { Err(Broken::Totals) }
    }
}

fn add(column: &mut u128, amount: u128) -> Option<()> {
    *column = column.checked_add(amount)?;
    Some(())
}

/// Sums the accounts by code and scale of their asset, or names an asset whose sums do not fit.
pub(crate) fn sum_by_asset(
    accounts: &[AccountState],
) -> Result<BTreeMap<(AssetCode, u8), Totals>, Asset> {
    let mut by_asset = BTreeMap::<_, Totals>::new();
    for state in accounts {
        let asset = state.account.asset;
        let totals = by_asset.entry((asset.code, asset.scale)).or_default();
        totals.accounts = totals.accounts.saturating_add(1);
        add(&mut totals.debits_pending, state.debits_pending)
            .and_then(|()| add(&mut totals.debits_posted, state.debits_posted))
            .and_then(|()| add(&mut totals.credits_pending, state.credits_pending))
            .and_then(|()| add(&mut totals.credits_posted, state.credits_posted))
            .ok_or(asset)?;
    }
    Ok(by_asset)
}
