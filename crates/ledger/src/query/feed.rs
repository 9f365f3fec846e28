//! The feed of changes: everything that happened, in order, from any position.
//!
//! Invariants: a position names the same change for ever, also after a snapshot is restored; what a
//! rollback takes back never had a position that could be read. A change says what happened then,
//! not what has become of it since.

use super::QueryError;
use super::page::check_limit;
use crate::books::Ledger;
use crate::event::{Account, Transfer};
use crate::replay::ChangeRef;
use crate::state::PendingState;

/// A page of the feed of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// Where to ask for what comes after them, now or later.
    pub next: u64,
}

/// One change of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// How many changes came before it, since the beginning.
    pub position: u64,
    /// When it happened, Unix nanoseconds. Releases may share a time.
    pub timestamp_ns: u64,
    /// What happened.
    pub kind: ChangeKind,
}

/// What happened to a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// An account was created.
    AccountCreated(Account),
    /// A transfer was created. A post or void names the pending transfer that it resolves.
    TransferCreated(Transfer),
    /// This pending transfer was released after its time had run out.
    HoldExpired(Transfer),
}

impl Ledger {
    /// At most `limit` changes from this position on; the first change has position zero. A page is
    /// empty if the feed ends at the position, and the same position can be asked for again.
    pub fn changes(&self, position: u64, limit: usize) -> Result<Changes, QueryError> {
        check_limit(limit)?;
        let start = usize::try_from(position).map_err(|_| QueryError::PositionNotReached)?;
        let rest = self.changes.get(start..).ok_or(QueryError::PositionNotReached)?;
        let changes: Vec<Change> = (position..)
            .zip(rest.iter().take(limit))
            .map(|(position, &change)| self.change(position, change))
            .collect();
        let next = changes.last().map_or(position, |last| last.position.saturating_add(1));
        Ok(Changes { changes, next })
    }

    fn change(&self, position: u64, change: ChangeRef) -> Change {
        let (timestamp_ns, kind) = match change {
            ChangeRef::Account(index) => {
                let state = &self.accounts[index];
                (state.timestamp_ns, ChangeKind::AccountCreated(state.account))
            }
            ChangeRef::Transfer(index) => {
                let state = &self.transfers[index].state;
                (state.timestamp_ns, ChangeKind::TransferCreated(state.transfer))
            }
            ChangeRef::Expiry(index) => {
                let state = &self.transfers[index].state;
                let at_ns = match state.pending {
                    PendingState::Expired { at_ns } => at_ns,
                    _ => state.timestamp_ns,
                };
                (at_ns, ChangeKind::HoldExpired(state.transfer))
            }
        };
        Change { position, timestamp_ns, kind }
    }
}
