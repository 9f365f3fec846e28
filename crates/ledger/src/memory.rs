//! A past that is kept in memory: for tests, as the model of those on disk, and for ledgers that
//! stay small.
//!
//! Invariant: it answers exactly what [`Past`] asks for, terms without false finds aside. It grows
//! with history.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::Range;

use money::TransferId;

use crate::past::{Fresh, Known, Past, pair_of};
use crate::query::Order;
use crate::row::{ROW_BYTES, Row, rows_of};
use crate::slots::Seed;
use crate::state::Balances;
use crate::term::{keys, terms};

/// Everything that happened, in memory.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    rows: Vec<u8>,
    /// By position; only those that are not all zero.
    pairs: HashMap<u64, [Balances; 2], Seed>,
    known: HashMap<u128, Known, Seed>,
    /// Positions in order, by term.
    positions: HashMap<u64, Vec<u64>, Seed>,
    burned: Vec<TransferId>,
}

impl Memory {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All rows, [`ROW_BYTES`] each, in order: with the burned ids they are the whole past, for
    /// [`Ledger::replay`](crate::Ledger::replay).
    pub fn rows(&self) -> &[u8] {
        &self.rows
    }

    /// The burned ids in the order in which they were.
    pub fn burned(&self) -> &[TransferId] {
        &self.burned
    }
}

impl Past for Memory {
    type Error = Infallible;

    fn find(&self, id: TransferId) -> Result<Option<Known>, Infallible> {
        Ok(self.known.get(&id.get()).copied())
    }

    fn row(&self, position: u64) -> Result<Row, Infallible> {
        let index = usize::try_from(position).expect("a position in memory");
        Ok(Row::from_bytes(self.rows.as_chunks::<ROW_BYTES>().0[index]))
    }

    fn pair(&self, position: u64) -> Result<Option<[Balances; 2]>, Infallible> {
        Ok(self.pairs.get(&position).copied())
    }

    fn positions(
        &self,
        term: u64,
        within: Range<u64>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<u64>, Infallible> {
        let all = self.positions.get(&term).map_or(&[][..], Vec::as_slice);
        let start = all.partition_point(|&position| position < within.start);
        let end = all.partition_point(|&position| position < within.end);
        let found = all.get(start..end).unwrap_or_default().iter().copied();
        Ok(match order {
            Order::NewestFirst => found.rev().take(limit).collect(),
            Order::OldestFirst => found.take(limit).collect(),
        })
    }

    fn len(&self) -> u64 {
        count(self.rows.len() / ROW_BYTES)
    }

    fn absorb(&mut self, fresh: &Fresh) -> Result<(), Infallible> {
        let (mut row_keys, mut row_terms) = (Vec::new(), Vec::new());
        let first = self.len();
        for (position, bytes) in (first..).zip(rows_of(fresh.rows())) {
            let row = Row::from_bytes(*bytes);
            keys(&row, &mut row_keys);
            for key in row_keys.drain(..) {
                self.known.insert(key, Known::Created(position));
            }
            terms(&row, &mut row_terms);
            for term in row_terms.drain(..) {
                self.positions.entry(term).or_default().push(position);
            }
        }
        self.rows.extend(fresh.rows());
        for (position, bytes) in (first..).zip(rows_of(fresh.pairs())) {
            if bytes.iter().any(|&byte| byte != 0) {
                self.pairs.insert(position, pair_of(bytes));
            }
        }
        for &id in fresh.burned() {
            self.known.insert(id.get(), Known::Burned);
        }
        self.burned.extend(fresh.burned());
        Ok(())
    }
}

/// A length in memory as a count.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).expect("a length in memory fits into 64 bits")
}
