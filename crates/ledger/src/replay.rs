//! The ledger replayed from its accounts and transfers, one change after the other.
//!
//! Invariant kept: every change was allowed when it happened: it found its accounts open, moved no
//! more than its balancing sides left, and passed no limit. A replay reads no balance and no
//! `closed` that the ledger keeps; it counts its own. It must not change anything, and it must not
//! panic: what it replays may come from damaged bytes.

use crate::books::Ledger;
use crate::check::Broken;
use crate::event::Kind;
use crate::history::Histories;
use crate::postings::Postings;
use crate::state::{AccountState, Entry, PendingState};

/// One change of the ledger, with the position of what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeRef {
    /// The account was created.
    Account(usize),
    /// The transfer was created.
    Transfer(usize),
    /// The pending transfer was released after its time had run out.
    Expiry(usize),
}

/// What the ledger must have come to.
pub(crate) struct Replay {
    pub accounts: Vec<AccountState>,
    pub histories: Histories,
}

impl Ledger {
    /// Every change in order of time. A release may have the timestamp of the batch before it and
    /// comes after what was created then: `None` stands before every end. Releases of one time are
    /// in order of end and creation, as they are made.
    pub(crate) fn changes_in_order(&self) -> Vec<ChangeRef> {
        let accounts = self.accounts.iter().enumerate().map(|(position, state)| {
            ((state.timestamp_ns, None, state.timestamp_ns), ChangeRef::Account(position))
        });
        let transfers = self.transfers.iter().enumerate().map(|(position, entry)| {
            let at_ns = entry.state.timestamp_ns;
            ((at_ns, None, at_ns), ChangeRef::Transfer(position))
        });
        let expiries = self.transfers.iter().enumerate().filter_map(|(position, entry)| {
            let PendingState::Expired { at_ns } = entry.state.pending else {
                return None;
            };
            let key = (at_ns, entry.state.expires_at_ns(), entry.state.timestamp_ns);
            Some((key, ChangeRef::Expiry(position)))
        });
        let mut changes: Vec<_> = accounts.chain(transfers).chain(expiries).collect();
        changes.sort_by_key(|&(key, _)| key);
        changes.into_iter().map(|(_, change)| change).collect()
    }

    /// Replays the changes on accounts without balances. Needs records that refer to each other
    /// soundly, as [`Ledger::check_records`] says.
    pub(crate) fn replay(&self, changes: &[ChangeRef]) -> Result<Replay, Broken> {
        let blank = |state: &AccountState| AccountState::new(state.account, state.timestamp_ns);
        let mut replay = Replay {
            accounts: self.accounts.iter().map(blank).collect(),
            histories: Histories::default(),
        };
        let mut last_ns = 0;
        for change in changes {
            match *change {
                ChangeRef::Account(position) => {
                    let state = &self.accounts[position];
                    if state.timestamp_ns <= last_ns {
                        return Err(Broken::Account(state.id()));
                    }
                    last_ns = state.timestamp_ns;
                }
                ChangeRef::Transfer(position) => {
                    let entry = &self.transfers[position];
                    if entry.state.timestamp_ns <= last_ns {
                        return Err(Broken::Transfer(entry.id()));
                    }
                    last_ns = entry.state.timestamp_ns;
                    let hold = entry.resolves.map(|hold| &self.transfers[hold.position]);
                    replay.create(entry, hold)?;
                }
                ChangeRef::Expiry(position) => {
                    let hold = &self.transfers[position];
                    replay.book(hold, hold.release())?;
                    replay.set_closed(hold, false);
                }
            }
        }
        Ok(replay)
    }
}

impl Replay {
    fn create(&mut self, entry: &Entry, hold: Option<&Entry>) -> Result<(), Broken> {
        let kind = entry.state.transfer.kind;
        let (debit, credit) = (&self.accounts[entry.debit], &self.accounts[entry.credit]);
        if !matches!(kind, Kind::Void { .. }) {
            for state in [debit, credit] {
                if state.closed {
                    return Err(Broken::Closed(state.id()));
                }
            }
        }
        let (balancing, amount) = (kind.balancing(), entry.state.transfer.amount);
        let too_much = (balancing.debit && amount > debit.available())
            || (balancing.credit && amount > credit.creditable());
        if too_much {
            return Err(Broken::Balancing(entry.id()));
        }
        self.book(entry, entry.postings())?;
        self.histories.record(entry, &self.accounts);
        self.set_closed(entry, true);
        if let Some(hold) = hold {
            self.set_closed(hold, false);
        }
        Ok(())
    }

    fn book(&mut self, entry: &Entry, postings: Postings) -> Result<(), Broken> {
        let debit = &mut self.accounts[entry.debit];
        postings
            .try_apply(&mut debit.debits_pending, &mut debit.debits_posted)
            .ok_or(Broken::Balance(debit.id()))?;
        let credit = &mut self.accounts[entry.credit];
        postings
            .try_apply(&mut credit.credits_pending, &mut credit.credits_posted)
            .ok_or(Broken::Balance(credit.id()))?;
        for position in [entry.debit, entry.credit] {
            let state = &self.accounts[position];
            if !state.is_within_limit() {
                return Err(Broken::Limit(state.id()));
            }
        }
        Ok(())
    }

    fn set_closed(&mut self, entry: &Entry, closed: bool) {
        let closing = entry.state.transfer.kind.closing();
        if closing.debit {
            self.accounts[entry.debit].closed = closed;
        }
        if closing.credit {
            self.accounts[entry.credit].closed = closed;
        }
    }
}
