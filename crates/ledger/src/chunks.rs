//! Rows of one size in chunks that are copied only when they are written while somebody else still
//! reads them.
//!
//! Invariant: a clone sees the rows as they were when it was made, whatever is written afterwards,
//! and costs one counter a chunk. Rows stand without gaps: index `len - 1` is the last. This module
//! knows nothing of what a row means.

use std::sync::Arc;

/// Rows in a chunk; one chunk is copied at most once for each snapshot.
pub(crate) const CHUNK_ROWS: usize = 256;

/// A list of rows, cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Chunks<T> {
    chunks: Vec<Arc<[T; CHUNK_ROWS]>>,
    len: u32,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Copy> Chunks<T> {
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// The row at an index below the length.
    pub(crate) fn get(&self, index: u32) -> &T {
        let (chunk, row) = place(index);
        &self.chunks[chunk][row]
    }

    /// The row at an index below the length, to be written.
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        let (chunk, row) = place(index);
        &mut Arc::make_mut(&mut self.chunks[chunk])[row]
    }

    /// Adds a row and says where.
    pub(crate) fn push(&mut self, value: T) -> u32 {
        let index = self.len;
        let (chunk, row) = place(index);
        match self.chunks.get_mut(chunk) {
            Some(chunk) => Arc::make_mut(chunk)[row] = value,
            None => self.chunks.push(Arc::new([value; CHUNK_ROWS])),
        }
        self.len = index.checked_add(1).expect("the caller keeps below 2^32 rows");
        index
    }

    /// Removes the last row.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let value = *self.get(last);
        self.len = last;
        let (chunk, row) = place(last);
        if row == 0 {
            self.chunks.truncate(chunk);
        }
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + use<'_, T> {
        let len = wide(self.len);
        self.chunks.iter().enumerate().flat_map(move |(chunk, rows)| {
            let before = chunk.saturating_mul(CHUNK_ROWS);
            rows.iter().take(len.saturating_sub(before))
        })
    }
}

fn place(index: u32) -> (usize, usize) {
    let index = wide(index);
    (index / CHUNK_ROWS, index % CHUNK_ROWS)
}

/// An index as the memory counts.
pub(crate) fn wide(index: u32) -> usize {
    usize::try_from(index).expect("memory is addressed by at least 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_stays_what_it_was() {
        let mut rows = Chunks::default();
        (0..1_000_u32).for_each(|value| assert_eq!(rows.push(value), value));
        let clone = rows.clone();
        *rows.get_mut(700) = 7;
        *rows.get_mut(3) = 999;
        assert_eq!(rows.pop(), Some(999));
        rows.push(8);
        rows.push(9);
        assert!(clone.iter().copied().eq(0..1_000));
        assert_eq!((rows.len(), *rows.get(3), *rows.get(700)), (1_001, 999, 7));
        assert_eq!((*rows.get(999), *rows.get(1_000)), (8, 9));
        let shared = (0..4).filter(|&chunk| Arc::ptr_eq(&rows.chunks[chunk], &clone.chunks[chunk]));
        assert_eq!(shared.collect::<Vec<_>>(), [1], "only what was written was copied");
    }

    #[test]
    fn rows_go_as_they_came() {
        let mut rows = Chunks::default();
        (0..513_u32).for_each(|value| {
            rows.push(value);
        });
        assert_eq!(rows.chunks.len(), 3);
        assert_eq!(rows.pop(), Some(512));
        assert_eq!(rows.chunks.len(), 2, "an empty chunk is given back");
        assert!(rows.iter().rev().copied().eq((0..512).rev()));
        (0..512).rev().for_each(|value| assert_eq!(rows.pop(), Some(value)));
        assert_eq!((rows.pop(), rows.iter().count()), (None, 0));
    }
}
