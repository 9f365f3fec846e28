//! The naive ledger: maps of accounts and transfers, and the list of all that happened.
//!
//! It says what the answer to each event must be, from the documented meaning of the statuses alone,
//! in plain code without any structure of the real one. A chain works on a copy. It reads no clock:
//! when something happened, and which holds have run out, is told to it, and it checks that.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{
    Account, AccountState, Balances, Change, ChangeKind, CreateAccountStatus, CreateTransferStatus,
    Kind, PendingState, Transfer, TransferState,
};
use money::{AccountId, TransferId};

/// Everything that a ledger should know.
#[derive(Debug, Clone, Default)]
pub struct Books {
    pub accounts: BTreeMap<AccountId, AccountState>,
    pub transfers: BTreeMap<TransferId, TransferState>,
    /// Ids whose attempt failed for the moment, and therefore for good.
    pub burned: BTreeSet<TransferId>,
    /// Open holds.
    pub open: BTreeSet<TransferId>,
    pub past: Vec<Happened>,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
pub struct Happened {
    /// Zero until it is told.
    pub timestamp_ns: u64,
    pub kind: ChangeKind,
    /// Of the debit and the credit account, right after a transfer.
    pub after: [Balances; 2],
}

/// The answers that belong to chains, for both kinds of event.
trait Status: Copy + PartialEq {
    const CREATED: Self;
    const LINKED_EVENT_FAILED: Self;
    const LINKED_EVENT_CHAIN_OPEN: Self;
}

impl Status for CreateAccountStatus {
    const CREATED: Self = Self::Created;
    const LINKED_EVENT_FAILED: Self = Self::LinkedEventFailed;
    const LINKED_EVENT_CHAIN_OPEN: Self = Self::LinkedEventChainOpen;
}

impl Status for CreateTransferStatus {
    const CREATED: Self = Self::Created;
    const LINKED_EVENT_FAILED: Self = Self::LinkedEventFailed;
    const LINKED_EVENT_CHAIN_OPEN: Self = Self::LinkedEventChainOpen;
}

impl Books {
    pub fn create_accounts(&mut self, events: &[Account]) -> Vec<CreateAccountStatus> {
        self.batch(events, |event| event.linked, Self::create_account)
    }

    pub fn create_transfers(&mut self, events: &[Transfer]) -> Vec<CreateTransferStatus> {
        self.batch(events, |event| event.linked, Self::create_transfer)
    }

    fn batch<E, S: Status>(
        &mut self,
        events: &[E],
        is_linked: fn(&E) -> bool,
        create: fn(&mut Self, &E) -> S,
    ) -> Vec<S> {
        let mut statuses = Vec::with_capacity(events.len());
        for chain in events.split_inclusive(|event| !is_linked(event)) {
            let is_open = chain.last().is_some_and(is_linked);
            if let ([event], false) = (chain, is_open) {
                statuses.push(create(self, event));
            } else {
                statuses.extend(self.chain(chain, is_open, create));
            }
        }
        statuses
    }

    fn chain<E, S: Status>(
        &mut self,
        chain: &[E],
        is_open: bool,
        create: fn(&mut Self, &E) -> S,
    ) -> Vec<S> {
        let mut copy = self.clone();
        let mut failure = None;
        for (index, event) in chain.iter().enumerate() {
            let is_last = index + 1 == chain.len();
            let status = if is_last && is_open {
                S::LINKED_EVENT_CHAIN_OPEN
            } else {
                create(&mut copy, event)
            };
            if status != S::CREATED {
                failure = Some((index, status));
                break;
            }
        }
        let Some((index, status)) = failure else {
            *self = copy;
            return vec![S::CREATED; chain.len()];
        };
        // An id that failed stays failed, whatever becomes of its chain.
        self.burned = copy.burned;
        let mut statuses = vec![S::LINKED_EVENT_FAILED; chain.len()];
        if let Some(failed) = statuses.get_mut(index) {
            *failed = status;
        }
        if let (Some(last), true) = (statuses.last_mut(), is_open) {
            *last = S::LINKED_EVENT_CHAIN_OPEN;
        }
        statuses
    }

    fn create_account(&mut self, event: &Account) -> CreateAccountStatus {
        if let Some(old) = self.accounts.get(&event.id) {
            return same_account(event, &old.account);
        }
        if event.code == 0 {
            return CreateAccountStatus::CodeMustNotBeZero;
        }
        let state = AccountState {
            account: *event,
            balances: Balances::default(),
            closed: event.closed,
            timestamp_ns: 0,
        };
        self.accounts.insert(event.id, state);
        self.happened(ChangeKind::AccountCreated(*event));
        CreateAccountStatus::Created
    }

    fn create_transfer(&mut self, event: &Transfer) -> CreateTransferStatus {
        match self.decide(event) {
            Ok(transfer) => {
                self.record(transfer);
                CreateTransferStatus::Created
            }
            Err(status) => {
                if super::rules::is_for_the_moment(status) {
                    self.burned.insert(event.id);
                }
                status
            }
        }
    }

    /// Books a transfer that is allowed, with its actual amount.
    fn record(&mut self, transfer: Transfer) {
        let amount = transfer.amount;
        let mut pending = PendingState::None;
        match transfer.kind {
            Kind::Single { .. } => self.book(&transfer, 0, 0, amount),
            Kind::Pending { .. } => {
                self.book(&transfer, 0, amount, 0);
                pending = PendingState::Pending;
                self.open.insert(transfer.id);
            }
            Kind::Post { pending_id } => {
                let held = self.resolve(pending_id, PendingState::Posted { amount });
                self.book(&transfer, held, 0, amount);
            }
            Kind::Void { pending_id } => {
                let held = self.resolve(pending_id, PendingState::Voided);
                self.book(&transfer, held, 0, 0);
            }
        }
        self.transfers.insert(transfer.id, TransferState { transfer, timestamp_ns: 0, pending });
        self.recall_closed(&transfer);
        self.happened(ChangeKind::TransferCreated(transfer));
    }

    /// Ends a hold and says how much it held.
    fn resolve(&mut self, hold: TransferId, outcome: PendingState) -> u128 {
        self.open.remove(&hold);
        self.transfers.get_mut(&hold).map_or(0, |state| {
            state.pending = outcome;
            state.transfer.amount
        })
    }

    /// Releases a hold that has run out.
    pub fn expire(&mut self, hold: TransferId) -> Result<(), String> {
        let Some(state) = self.transfers.get(&hold).filter(|_| self.open.contains(&hold)) else {
            return Err(format!("{hold} is released, which is no open hold"));
        };
        let transfer = state.transfer;
        let held = self.resolve(hold, PendingState::Expired { at_ns: 0 });
        self.book(&transfer, held, 0, 0);
        self.recall_closed(&transfer);
        self.happened(ChangeKind::HoldExpired(transfer));
        Ok(())
    }

    fn book(&mut self, transfer: &Transfer, released: u128, held: u128, posted: u128) {
        if let Some(state) = self.accounts.get_mut(&transfer.debit_account) {
            state.balances.debits_pending = state.balances.debits_pending - released + held;
            state.balances.debits_posted += posted;
        }
        if let Some(state) = self.accounts.get_mut(&transfer.credit_account) {
            state.balances.credits_pending = state.balances.credits_pending - released + held;
            state.balances.credits_posted += posted;
        }
    }

    /// An account is closed if it was created so or while an open hold closes it.
    fn recall_closed(&mut self, transfer: &Transfer) {
        for id in [transfer.debit_account, transfer.credit_account] {
            let mut open = self.open.iter().filter_map(|hold| self.transfers.get(hold));
            let is_closed = open.any(|state| {
                let (hold, closing) = (&state.transfer, state.transfer.kind.closing());
                (closing.debit && hold.debit_account == id)
                    || (closing.credit && hold.credit_account == id)
            });
            if let Some(state) = self.accounts.get_mut(&id) {
                state.closed = state.account.closed || is_closed;
            }
        }
    }

    fn happened(&mut self, kind: ChangeKind) {
        let balances = |id: AccountId| {
            self.accounts.get(&id).map_or(Balances::default(), |state| state.balances)
        };
        let after = match kind {
            ChangeKind::TransferCreated(transfer) => {
                [balances(transfer.debit_account), balances(transfer.credit_account)]
            }
            _ => [Balances::default(); 2],
        };
        self.past.push(Happened { timestamp_ns: 0, kind, after });
    }

    /// Tells when the thing at this position happened, and checks that it could.
    pub fn stamp(&mut self, position: usize, timestamp_ns: u64) -> Result<(), String> {
        let before_ns = position.checked_sub(1).and_then(|index| self.past.get(index));
        let before_ns = before_ns.map_or(0, |past| past.timestamp_ns);
        let Some(happened) = self.past.get_mut(position) else {
            return Err(format!("nothing should have happened at position {position}"));
        };
        happened.timestamp_ns = timestamp_ns;
        let kind = happened.kind;
        let ends_in_order = match kind {
            ChangeKind::AccountCreated(account) => {
                if let Some(state) = self.accounts.get_mut(&account.id) {
                    state.timestamp_ns = timestamp_ns;
                }
                before_ns < timestamp_ns
            }
            ChangeKind::TransferCreated(transfer) => {
                if let Some(state) = self.transfers.get_mut(&transfer.id) {
                    state.timestamp_ns = timestamp_ns;
                }
                before_ns < timestamp_ns
            }
            ChangeKind::HoldExpired(transfer) => {
                let Some(state) = self.transfers.get_mut(&transfer.id) else {
                    return Err(format!("{} is released but unknown", transfer.id));
                };
                state.pending = PendingState::Expired { at_ns: timestamp_ns };
                let is_over = state.expires_at_ns().is_some_and(|end| end <= timestamp_ns);
                before_ns <= timestamp_ns && is_over
            }
        };
        if ends_in_order {
            Ok(())
        } else {
            Err(format!(
                "{kind:?} at {timestamp_ns} is too early, the one before was at {before_ns}"
            ))
        }
    }

    /// An open hold whose time was over when the thing at this position happened: it should have
    /// been released before.
    pub fn overdue_by(&self, position: usize) -> Option<TransferId> {
        let happened = self.past.get(position)?;
        if matches!(happened.kind, ChangeKind::HoldExpired(_)) {
            return None;
        }
        let mut open = self.open.iter().filter_map(|id| self.transfers.get(id));
        let overdue = open.find(|state| {
            let is_stamped = state.timestamp_ns > 0;
            is_stamped && state.expires_at_ns().is_some_and(|end| end <= happened.timestamp_ns)
        });
        overdue.map(|state| state.transfer.id)
    }

    /// Books in which all of this happened, whoever decided it.
    pub fn replay(changes: &[Change]) -> Result<Self, String> {
        let mut books = Self::default();
        for (position, change) in changes.iter().enumerate() {
            match change.kind {
                ChangeKind::AccountCreated(account) => {
                    if books.create_account(&account) != CreateAccountStatus::Created {
                        return Err(format!("{change:?} cannot be"));
                    }
                }
                ChangeKind::TransferCreated(transfer) => books.record(transfer),
                ChangeKind::HoldExpired(transfer) => books.expire(transfer.id)?,
            }
            books.stamp(position, change.timestamp_ns)?;
        }
        Ok(books)
    }

    /// The balances of every account, counted again from the list of what happened.
    pub fn recount(&self) -> BTreeMap<AccountId, Balances> {
        let mut all: BTreeMap<AccountId, Balances> = BTreeMap::new();
        for state in self.transfers.values() {
            let transfer = &state.transfer;
            let (held, posted) = match (transfer.kind, state.pending) {
                (_, PendingState::Pending) => (transfer.amount, 0),
                (Kind::Single { .. } | Kind::Post { .. }, _) => (0, transfer.amount),
                (Kind::Pending { .. } | Kind::Void { .. }, _) => continue,
            };
            let debit = all.entry(transfer.debit_account).or_default();
            debit.debits_pending += held;
            debit.debits_posted += posted;
            let credit = all.entry(transfer.credit_account).or_default();
            credit.credits_pending += held;
            credit.credits_posted += posted;
        }
        all
    }
}

fn same_account(event: &Account, old: &Account) -> CreateAccountStatus {
    let flags =
        |account: &Account| (account.limit, account.linked, account.history, account.closed);
    if flags(event) != flags(old) {
        CreateAccountStatus::ExistsWithDifferentFlags
    } else if event.user_data != old.user_data {
        CreateAccountStatus::ExistsWithDifferentUserData
    } else if event.user_data_64 != old.user_data_64 {
        CreateAccountStatus::ExistsWithDifferentUserData64
    } else if event.user_data_32 != old.user_data_32 {
        CreateAccountStatus::ExistsWithDifferentUserData32
    } else if event.asset != old.asset {
        CreateAccountStatus::ExistsWithDifferentAsset
    } else if event.code != old.code {
        CreateAccountStatus::ExistsWithDifferentCode
    } else {
        CreateAccountStatus::Exists
    }
}
