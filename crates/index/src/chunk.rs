//! The newest rows, in memory until they are on disk.
//!
//! A chunk begins with the rows of the block that the chunk before it could not fill, so that only
//! whole blocks are written and none of them ever again. Those rows count as rows of this chunk
//! only where rows are read; their keys and terms are the business of the chunk before.

use core::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::error::Error;
use crate::keys::Keys;
use crate::narrow;
use crate::options::{CHUNK_ROWS_MAX, Schema, Shape};
use crate::recent::Recent;
use crate::record::{BURNED, Found, TermRecord, kept};
use crate::sort;

/// Rows by position, with their keys and terms.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// The position of the first row in `rows`: the beginning of a block.
    base: u64,
    /// The position of the first row that no chunk had before.
    first: u64,
    rows: Vec<u8>,
    /// Nothing at all up to the first pair, then as many as rows; zeros: there is none.
    pairs: Vec<u8>,
    keys: Keys,
    /// Locked for one question at a time.
    recent: Mutex<Recent>,
    scratch: Vec<u128>,
}

impl Chunk {
    /// A chunk that goes on after `end` rows; `rows` and `pairs` are what the last block of them
    /// holds if it is not full.
    pub(crate) fn begin(&mut self, end: u64, shape: &Shape, rows: &[u8], pairs: &[u8]) {
        self.base = shape.block_start(end);
        self.first = end;
        self.rows.clear();
        self.rows.extend_from_slice(rows);
        self.pairs.clear();
        self.pairs.extend_from_slice(pairs);
        self.keys.clear();
        self.recent.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The position after the last row.
    pub(crate) fn end(&self, shape: &Shape) -> u64 {
        self.base + (self.rows.len() / shape.row_bytes) as u64
    }

    pub(crate) fn is_empty(&self, shape: &Shape) -> bool {
        self.end(shape) == self.first && self.keys.is_empty()
    }

    /// Adds rows, and returns the highest of their keys.
    pub(crate) fn append(
        &mut self,
        schema: &Schema,
        shape: &Shape,
        rows: &[u8],
        pairs: Option<&[u8]>,
    ) -> Result<Option<u128>, Error> {
        let count = rows.len() / schema.row_bytes;
        let fits = rows.len().is_multiple_of(schema.row_bytes)
            && pairs.is_none_or(|pairs| Some(pairs.len()) == count.checked_mul(schema.pair_bytes));
        if !fits {
            let pairs_bytes = pairs.map_or(0, <[u8]>::len);
            return Err(Error::Misshapen { rows_bytes: rows.len(), pairs_bytes });
        }
        let offset = narrow::index(self.end(shape) - self.first);
        if offset + count > CHUNK_ROWS_MAX {
            return Err(Error::ChunkTooLarge { rows: offset + count });
        }
        let before = self.rows.len() / schema.row_bytes;
        self.rows.extend_from_slice(rows);
        self.append_pairs(before, count, schema.pair_bytes, pairs);
        let mut highest = None;
        for (row, offset) in rows.chunks_exact(schema.row_bytes).zip(narrow::count(offset)..) {
            self.scratch.clear();
            (schema.keys)(row, &mut self.scratch);
            for key in &self.scratch {
                highest = highest.max(Some(*key));
                self.keys.insert(*key, offset);
            }
        }
        Ok(highest)
    }

    fn append_pairs(&mut self, before: usize, count: usize, bytes: usize, pairs: Option<&[u8]>) {
        match pairs {
            Some(pairs) if !self.pairs.is_empty() || pairs.iter().any(|byte| *byte != 0) => {
                self.pairs.resize(before * bytes, 0);
                self.pairs.extend_from_slice(pairs);
            }
            _ if !self.pairs.is_empty() => self.pairs.resize((before + count) * bytes, 0),
            _ => {}
        }
    }

    pub(crate) fn burn(&mut self, key: u128) {
        self.keys.insert(key, BURNED);
    }

    /// What a key belongs to, if it is of this chunk.
    pub(crate) fn find(&self, key: u128) -> Option<Found> {
        self.keys.find(key).map(|offset| Found::at(self.first, offset))
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The row at a position, which must be in `base..end`.
    pub(crate) fn row(&self, position: u64, shape: &Shape) -> &[u8] {
        let start = narrow::index(position - self.base) * shape.row_bytes;
        &self.rows[start..start + shape.row_bytes]
    }

    /// The rows of a range of positions within `base..end`.
    pub(crate) fn rows(&self, positions: Range<u64>, shape: &Shape) -> &[u8] {
        let at = |position| narrow::index(position - self.base) * shape.row_bytes;
        &self.rows[at(positions.start)..at(positions.end)]
    }

    /// The pairs of a range of positions within `base..end`; nothing: there are none.
    pub(crate) fn pairs(&self, positions: Range<u64>, shape: &Shape) -> &[u8] {
        let at = |position| narrow::index(position - self.base) * shape.pair_bytes;
        self.pairs.get(at(positions.start)..at(positions.end)).unwrap_or_default()
    }

    /// Adds to `found` the positions of this chunk's rows that have a term.
    pub(crate) fn positions(
        &self,
        term: u64,
        within: Range<u64>,
        newest_first: bool,
        room: usize,
        schema: &Schema,
        found: &mut Vec<u64>,
    ) {
        let carried = narrow::index(self.first - self.base) * schema.row_bytes;
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.catch_up(&self.rows[carried..], schema);
        let offset = |position: u64| narrow::index(position.saturating_sub(self.first));
        let rows = recent
            .rows(term, offset(within.start)..offset(within.end))
            .map(|row| self.first + row as u64);
        if newest_first {
            found.extend(rows.take(room));
        } else {
            let start = found.len();
            found.extend(rows);
            found[start..].reverse();
            found.truncate(start + room);
        }
    }

    /// The terms of this chunk's rows, packed and sorted, none twice.
    pub(crate) fn sorted_terms(&self, schema: &Schema) -> Vec<u64> {
        let carried = narrow::index(self.first - self.base) * schema.row_bytes;
        let (mut packed, mut terms) = (Vec::new(), Vec::new());
        for (row, offset) in self.rows[carried..].chunks_exact(schema.row_bytes).zip(0..) {
            terms.clear();
            (schema.terms)(row, &mut terms);
            packed.extend(
                terms.iter().map(|term| sort::pack(TermRecord { term: kept(*term), offset })),
            );
        }
        sort::sort(&mut packed, &mut Vec::new());
        packed.dedup();
        packed
    }
}
