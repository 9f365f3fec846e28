//! What an index holds and how it goes about it.
//!
//! The schema is a matter of the caller: the index never looks into a row itself. The same rows
//! must always have the same keys and terms.

use crate::block::CONTENT_BYTES;
use crate::error::OpenError;

/// Rows of one chunk at most.
pub const CHUNK_ROWS_MAX: usize = (1 << 24) - 1;
/// Runs that are merged at once at most.
pub const FAN_OUT_MAX: usize = 64;
/// Blocks of one file of rows at most: 16 GiB.
pub const FILE_BLOCKS_MAX: u32 = 1 << 22;

/// What a row is and by what it is found.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Size of a row.
    pub row_bytes: usize,
    /// Size of the optional pair beside a row; 0: there are none.
    pub pair_bytes: usize,
    /// Appends the keys of a row: numbers that no other row has.
    pub keys: fn(&[u8], &mut Vec<u128>),
    /// Appends the terms of a row: hashes of its fields. Only their top 40 bits are used.
    pub terms: fn(&[u8], &mut Vec<u64>),
}

/// How an index works.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Rows after which a chunk is full, at most [`CHUNK_ROWS_MAX`].
    pub chunk_rows: usize,
    /// Runs of one level that become one of the next: 2 to [`FAN_OUT_MAX`].
    pub fan_out: usize,
    /// Memory for blocks that were read.
    pub cache_bytes: usize,
    /// Blocks of 4,096 bytes after which a file of rows is full, at most [`FILE_BLOCKS_MAX`]. Part
    /// of the format: an index is opened with the number it was created with.
    pub file_blocks: u32,
    /// Whether two threads write and merge; else every seal does it all before it returns, in an
    /// order that depends on nothing but the calls.
    pub background: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            chunk_rows: 131_072,
            fan_out: 8,
            cache_bytes: 64 << 20,
            file_blocks: 1 << 18,
            background: true,
        }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        for (name, in_range) in [
            ("chunk_rows", (1..=CHUNK_ROWS_MAX).contains(&self.chunk_rows)),
            ("fan_out", (2..=FAN_OUT_MAX).contains(&self.fan_out)),
            ("file_blocks", (1..=FILE_BLOCKS_MAX).contains(&self.file_blocks)),
        ] {
            if !in_range {
                return Err(OpenError::Option { name });
            }
        }
        Ok(())
    }
}

/// How rows lie in blocks: part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) row_bytes: usize,
    pub(crate) pair_bytes: usize,
    /// Rows of a block; as many pairs of the block beside it.
    pub(crate) per_block: usize,
    pub(crate) file_blocks: u32,
}

impl Shape {
    /// As many rows as fit into a block with one bit for each that tells whether it has a pair.
    pub(crate) fn new(
        row_bytes: usize,
        pair_bytes: usize,
        file_blocks: u32,
    ) -> Result<Self, OpenError> {
        let widest = row_bytes.max(pair_bytes);
        let bits = usize::from(pair_bytes > 0);
        let per_block = widest
            .checked_mul(8)
            .and_then(|width| (CONTENT_BYTES * 8 - 7 * bits).checked_div(width + bits))
            .filter(|rows| *rows > 0 && row_bytes > 0)
            .ok_or(OpenError::Schema { row_bytes, pair_bytes })?;
        Ok(Self { row_bytes, pair_bytes, per_block, file_blocks })
    }

    /// The first position of the block that `position` is in.
    pub(crate) const fn block_start(&self, position: u64) -> u64 {
        position - position % self.per_block as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_their_bits_fit_into_a_block() {
        for (row, pair, expected) in [
            (128, 128, Some(31)),
            (128, 0, Some(31)),
            (1, 0, Some(4080)),
            (1, 1, Some(3625)),
            (4080, 0, Some(1)),
            (4079, 1, Some(1)),
            (4080, 1, None),
            (4081, 0, None),
            (0, 0, None),
            (0, 8, None),
            (usize::MAX, 0, None),
        ] {
            let shape = Shape::new(row, pair, 1);
            assert_eq!(shape.as_ref().ok().map(|shape| shape.per_block), expected, "{row} {pair}");
            if let (Ok(shape), true) = (shape, pair > 0) {
                assert!(shape.per_block * row + shape.per_block.div_ceil(8) <= CONTENT_BYTES);
            }
        }
    }

    #[test]
    fn options_out_of_range_are_refused_by_name() {
        let good = Options::default();
        good.check().unwrap();
        for (options, name) in [
            (Options { chunk_rows: 0, ..good }, "chunk_rows"),
            (Options { chunk_rows: CHUNK_ROWS_MAX + 1, ..good }, "chunk_rows"),
            (Options { fan_out: 1, ..good }, "fan_out"),
            (Options { fan_out: FAN_OUT_MAX + 1, ..good }, "fan_out"),
            (Options { file_blocks: 0, ..good }, "file_blocks"),
            (Options { file_blocks: FILE_BLOCKS_MAX + 1, ..good }, "file_blocks"),
        ] {
            assert!(matches!(options.check(), Err(OpenError::Option { name: n }) if n == name));
        }
    }
}
