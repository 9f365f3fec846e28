//! The terms of rows that are still in memory, looked up only when somebody asks.
//!
//! Rows that came since the last question are taken in first. The entries of one term form a
//! chain from its newest row to its oldest.

use core::ops::Range;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::narrow;
use crate::options::Schema;
use crate::record::kept;

/// Terms of the rows of one chunk by their index in it.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// Rows that are taken in.
    rows: usize,
    /// The newest entry of each term.
    newest: HashMap<u64, u32, Spread>,
    /// Row, and the entry before of the same term; an entry that names itself is the oldest.
    entries: Vec<(u32, u32)>,
    terms: Vec<u64>,
}

impl Recent {
    /// Takes in the rows after those that it has.
    pub(crate) fn catch_up(&mut self, rows: &[u8], schema: &Schema) {
        for row in rows.chunks_exact(schema.row_bytes).skip(self.rows) {
            self.terms.clear();
            (schema.terms)(row, &mut self.terms);
            let number = narrow::count(self.rows);
            for term in &self.terms {
                let entry = narrow::count(self.entries.len());
                let newest = self.newest.entry(kept(*term)).or_insert(entry);
                let before = *newest;
                if before != entry && self.entries[before as usize].0 == number {
                    continue;
                }
                *newest = entry;
                self.entries.push((number, before));
            }
            self.rows += 1;
        }
    }

    /// The rows `within` that have a term, newest first.
    pub(crate) fn rows(&self, term: u64, within: Range<usize>) -> impl Iterator<Item = usize> {
        let mut next = self.newest.get(&kept(term)).copied();
        core::iter::from_fn(move || {
            let entry = next?;
            let (row, before) = self.entries[entry as usize];
            next = (before != entry).then_some(before);
            Some(row as usize)
        })
        .skip_while(move |row| *row >= within.end)
        .take_while(move |row| *row >= within.start)
    }

    /// Forgets all rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.rows = 0;
        self.newest.clear();
        self.entries.clear();
    }
}

/// Spreads numbers over a table; they need not be random.
type Spread = BuildHasherDefault<SpreadHasher>;

/// See [`Spread`].
#[derive(Debug, Default, Clone, Copy)]
struct SpreadHasher(u64);

impl Hasher for SpreadHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 29;
    }
}
