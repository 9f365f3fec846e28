//! The feed of changes: everything that happened, in order, from any position.
//!
//! Invariants: a position names the same change for ever, also after a snapshot is restored; what a
//! rollback takes back never had a position that could be read. A change says what happened then,
//! not what has become of it since.

use super::page::check_limit;
use super::{Asked, QueryError};
use crate::books::Ledger;
use crate::event::{Account, Transfer};
use crate::memory::count;
use crate::past::Past;
use crate::row::{Row, RowKind};

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

impl<P: Past> Ledger<P> {
    /// At most `limit` changes from this position on; the first change has position zero. A page is
    /// empty if the feed ends at the position, and the same position can be asked for again.
    pub fn changes(&self, position: u64, limit: usize) -> Result<Changes, Asked<P::Error>> {
        check_limit(limit)?;
        if position > self.past.len() {
            return Err(QueryError::PositionNotReached.into());
        }
        let next = position.saturating_add(count(limit)).min(self.past.len());
        let change = |position| {
            let row = self.past.row(position).map_err(Asked::Past)?;
            Ok(Change { position, timestamp_ns: row.timestamp_ns(), kind: self.change(&row) })
        };
        let changes: Result<Vec<Change>, Asked<P::Error>> = (position..next).map(change).collect();
        Ok(Changes { changes: changes?, next })
    }

    fn change(&self, row: &Row) -> ChangeKind {
        match row.kind() {
            Some(RowKind::AccountCreated) => {
                let account = row.account().expect("the past gives back what it absorbed");
                ChangeKind::AccountCreated(account)
            }
            Some(RowKind::HoldExpired) => ChangeKind::HoldExpired(self.transfer_of(row)),
            _ => ChangeKind::TransferCreated(self.transfer_of(row)),
        }
    }
}
