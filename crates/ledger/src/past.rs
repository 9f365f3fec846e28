//! The past: every row that ever was, and the ids that are burned. The ledger reads it through a
//! trait and does no I/O itself.
//!
//! Invariants that a [`Past`] keeps: rows stand in the order in which they were absorbed, without
//! gaps, and never change; what `absorb` has taken is found from then on. What the call at hand has
//! made so far is not yet in the past: it is [`Fresh`].

use std::ops::Range;

use money::TransferId;

use crate::query::Order;
use crate::row::{ROW_BYTES, Row};
use crate::state::Balances;

/// What is known under the id of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The transfer whose row is at this position.
    Created(u64),
    /// An attempt burned the id.
    Burned,
}

/// Everything that happened before the call at hand.
///
/// After an error the ledger that asked must not be used any more: it may have done half of a call.
pub trait Past {
    /// Why the past cannot be read or written.
    type Error;

    /// What is known under the id of a transfer, if anything.
    fn find(&self, id: TransferId) -> Result<Option<Known>, Self::Error>;

    /// The row at a position below the length, just as it was absorbed.
    fn row(&self, position: u64) -> Result<Row, Self::Error>;

    /// The balances of the debit and of the credit account right after the row at a position.
    /// `None` stands for zeros, which is what rows have of which no account keeps a history.
    fn pair(&self, position: u64) -> Result<Option<[Balances; 2]>, Self::Error>;

    /// Positions within a range of rows that carry a [term](crate::terms), in order, at most
    /// `limit`. Rows that do not carry it may be among them, rows that do are never left out.
    fn positions(
        &self,
        term: u64,
        within: Range<u64>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<u64>, Self::Error>;

    /// How many rows there are: the position of the next one.
    fn len(&self) -> u64;

    /// Nothing has happened yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what a call made, as the rows that follow.
    fn absorb(&mut self, fresh: &Fresh) -> Result<(), Self::Error>;
}

/// What one call made: rows, the balances beside them, and burned ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fresh {
    pub(crate) rows: Vec<u8>,
    pub(crate) pairs: Vec<u8>,
    pub(crate) burned: Vec<TransferId>,
}

impl Fresh {
    /// The rows, [`ROW_BYTES`] each, in order.
    pub fn rows(&self) -> &[u8] {
        &self.rows
    }

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.rows.len() / ROW_BYTES
    }

    /// The call changed nothing.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.burned.is_empty()
    }

    /// Beside each row the balances of its debit and of its credit account right after it,
    /// [`ROW_BYTES`] for both; zeros where neither keeps a history. Empty if no row has any.
    ///
    /// An account's balances are four numbers of 16 bytes, big-endian: debits pending, debits
    /// posted, credits pending, credits posted.
    pub fn pairs(&self) -> &[u8] {
        &self.pairs
    }

    /// Ids that transient failures burned, in order.
    pub fn burned(&self) -> &[TransferId] {
        &self.burned
    }

    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.pairs.clear();
        self.burned.clear();
    }

    pub(crate) fn row(&self, index: u32) -> Row {
        let start = crate::chunks::wide(index).saturating_mul(ROW_BYTES);
        let mut bytes = [0; ROW_BYTES];
        bytes.copy_from_slice(&self.rows[start..start.saturating_add(ROW_BYTES)]);
        Row::from_bytes(bytes)
    }

    /// Adds a row, with the balances beside it if an account of it keeps a history.
    pub(crate) fn push(&mut self, row: &Row, pair: Option<&[Balances; 2]>) {
        if pair.is_some() && self.pairs.is_empty() {
            self.pairs.resize(self.rows.len(), 0);
        }
        self.rows.extend(row.as_bytes());
        if let Some(pair) = pair {
            pair_bytes(pair, &mut self.pairs);
        } else if !self.pairs.is_empty() {
            self.pairs.resize(self.rows.len(), 0);
        }
    }
}

fn pair_bytes(pair: &[Balances; 2], out: &mut Vec<u8>) {
    for column in pair.iter().flat_map(Balances::columns) {
        out.extend(column.to_be_bytes());
    }
}

/// The balances in the bytes beside a row, as [`Fresh::pairs`] lays them out.
pub fn pair_of(bytes: &[u8; ROW_BYTES]) -> [Balances; 2] {
    let columns = bytes.as_chunks::<16>().0;
    let column = |index: usize| u128::from_be_bytes(columns[index]);
    [
        Balances::of([column(0), column(1), column(2), column(3)]),
        Balances::of([column(4), column(5), column(6), column(7)]),
    ]
}
