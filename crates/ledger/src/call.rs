//! What the call at hand has made so far, so that its events see each other before the past knows
//! of them.
//!
//! Invariants: every row and burned id of the call is found by id, every resolution by the hold that
//! it resolves; what a rollback takes back is found no more, and burned ids stay burned. Rows get
//! their names when somebody first asks for one that may be there: ids mostly grow, and a call of
//! growing ids never names any.

use money::TransferId;

use crate::past::Fresh;
use crate::row::{ROW_BYTES, Row};
use crate::slots::{Seed, Table};
use crate::state::Balances;

/// Rows and burned ids of a call, and the table that finds them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub fresh: Fresh,
    seed: Seed,
    /// A number is an index into rows or burned ids times four, and one of the constants below.
    names: Table,
    /// Most names of the call.
    most: usize,
    /// Rows that have their names, the first ones; none while `names` is still that of another call.
    named: Option<u32>,
    /// Largest id of the call: a larger one need not be sought.
    largest: u128,
}

/// By the id of a row.
const CREATED: u32 = 0;
/// By a burned id.
const BURNED: u32 = 1;
/// By the id of the hold that a row resolves.
const RESOLVES: u32 = 2;

/// What the call knows of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    Created(Row),
    Burned,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    rows: usize,
    pairs: usize,
}

impl Call {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Begins a call that makes at most so many names: one for an event, two for a resolution.
    pub(crate) fn begin(&mut self, names: usize) {
        self.fresh.clear();
        self.most = names;
        self.named = None;
        self.largest = 0;
    }

    /// What the call made of an id.
    #[inline]
    pub(crate) fn find(&mut self, id: TransferId) -> Option<Made> {
        if id.get() > self.largest {
            return None;
        }
        self.name_rows();
        self.find_named(id)
    }

    /// Names the rows that have no names yet.
    fn name_rows(&mut self) {
        let named = self.named.unwrap_or_else(|| {
            self.names.clear(self.most);
            0
        });
        for index in named..self.next_index() {
            let row = self.fresh.row(index);
            self.names.insert(self.seed.hash(row.id()), join(index, CREATED));
            if row.pending_id() != 0 {
                self.names.insert(self.seed.hash(!row.pending_id()), join(index, RESOLVES));
            }
        }
        self.named = Some(self.next_index());
    }

    fn find_named(&self, id: TransferId) -> Option<Made> {
        let number = self.names.find(self.seed.hash(id.get()), |number| {
            let (index, what) = split(number);
            match what {
                CREATED => self.fresh.row(index).id() == id.get(),
                BURNED => self.fresh.burned[crate::chunks::wide(index)] == id,
                _ => false,
            }
        })?;
        match split(number) {
            (index, CREATED) => Some(Made::Created(self.fresh.row(index))),
            _ => Some(Made::Burned),
        }
    }

    /// The row that resolves a hold.
    pub(crate) fn resolution(&mut self, hold: TransferId) -> Option<Row> {
        self.name_rows();
        let number = self.names.find(self.seed.hash(!hold.get()), |number| {
            let (index, what) = split(number);
            what == RESOLVES && self.fresh.row(index).pending_id() == hold.get()
        })?;
        Some(self.fresh.row(split(number).0))
    }

    /// Adds the row of a transfer.
    pub(crate) fn push(&mut self, row: &Row, pair: Option<&[Balances; 2]>) {
        self.largest = self.largest.max(row.id());
        self.fresh.push(row, pair);
    }

    pub(crate) fn burn(&mut self, id: TransferId) {
        self.name_rows();
        let index = u32::try_from(self.fresh.burned.len()).unwrap_or(u32::MAX);
        self.largest = self.largest.max(id.get());
        self.names.insert(self.seed.hash(id.get()), join(index, BURNED));
        self.fresh.burned.push(id);
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { rows: self.fresh.rows.len(), pairs: self.fresh.pairs.len() }
    }

    /// Takes back the last row, which was pushed at this mark; burned ids stay.
    pub(crate) fn take_back(&mut self, mark: Mark) {
        let index = self.next_index().saturating_sub(1);
        if self.named.is_some_and(|named| named > index) {
            let row = self.fresh.row(index);
            self.names.remove(self.seed.hash(row.id()), join(index, CREATED));
            if row.pending_id() != 0 {
                self.names.remove(self.seed.hash(!row.pending_id()), join(index, RESOLVES));
            }
            self.named = Some(index);
        }
        self.fresh.rows.truncate(mark.rows);
        self.fresh.pairs.truncate(mark.pairs);
    }

    /// Takes back the last row, which is that of an account.
    pub(crate) fn take_back_account(&mut self) {
        let rows = self.fresh.rows.len().saturating_sub(ROW_BYTES);
        self.fresh.rows.truncate(rows);
    }

    fn next_index(&self) -> u32 {
        u32::try_from(self.fresh.rows.len() / ROW_BYTES).unwrap_or(u32::MAX)
    }
}

const fn join(index: u32, what: u32) -> u32 {
    index.wrapping_shl(2) | what
}

const fn split(number: u32) -> (u32, u32) {
    (number.wrapping_shr(2), number & 3)
}
