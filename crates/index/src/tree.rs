//! Sorted records as a tree of blocks, written in one pass from the first record to the last.
//!
//! Blocks of records and the blocks of fences above them are written as they fill, children first,
//! so nothing but one block of each level is in memory, whatever the number of records. The root
//! is the last block. The filters of keys stand among the other blocks, see [`SegmentsWriter`].
//!
//! The same records always make the same blocks; a check of a tree is to write it once more.

use crate::block::{self, Block, CONTENT_START, Head};
use crate::error::Error;
use crate::narrow;
use crate::record::Record;
use crate::segments::{Segments, SegmentsWriter};

/// Takes blocks in order and numbers them.
pub(crate) trait Sink {
    /// Seals the block with its number and takes it; returns the number.
    fn put(&mut self, head: Head, block: &mut Block) -> Result<u32, Error>;
}

/// Writes a tree.
pub(crate) struct TreeWriter<R: Record> {
    leaf: Open<R>,
    segments: SegmentsWriter,
    levels: Vec<Open<R>>,
    records: u64,
}

/// A block that is being filled.
struct Open<R: Record> {
    block: Box<Block>,
    count: usize,
    /// The order of the first record in or below it.
    first: Option<R::Order>,
    /// The block that its first fence names.
    first_child: u32,
    /// Blocks of its level that are already written.
    written: u64,
}

/// What a finished tree is reached by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The last block of it; `None`: there are no records.
    pub(crate) root: Option<u32>,
    pub(crate) records: u64,
}

impl<R: Record> Open<R> {
    fn new() -> Self {
        Self { block: block::empty(), count: 0, first: None, first_child: 0, written: 0 }
    }

    fn put(&mut self, head: Head, sink: &mut impl Sink) -> Result<u32, Error> {
        let number = sink.put(head, &mut self.block)?;
        block::content_mut(&mut self.block).fill(0);
        self.count = 0;
        self.written += 1;
        Ok(number)
    }
}

impl<R: Record> TreeWriter<R> {
    /// For a tree of so many records.
    pub(crate) fn new(records: u64) -> Self {
        let segments = SegmentsWriter::new(records);
        Self { leaf: Open::new(), segments, levels: Vec::new(), records: 0 }
    }

    /// Adds a record that is above all before it.
    #[inline]
    pub(crate) fn push(&mut self, record: R, sink: &mut impl Sink) -> Result<(), Error> {
        if self.leaf.count == R::PER_LEAF {
            self.put_leaf(sink)?;
        }
        if self.leaf.count == 0 {
            self.leaf.first = Some(record.order());
        }
        let at = CONTENT_START + self.leaf.count * R::BYTES;
        record.write(&mut self.leaf.block[at..at + R::BYTES]);
        self.leaf.count += 1;
        self.records += 1;
        match record.filtered() {
            Some(key) => self.segments.add(key, sink),
            None => Ok(()),
        }
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self, sink: &mut impl Sink) -> Result<(Tree, Segments), Error> {
        let records = self.records;
        let segments = self.segments.finish(sink)?;
        if self.leaf.count > 0 {
            self.put_leaf(sink)?;
        }
        let mut level = 0;
        while let Some(open) = self.levels.get(level) {
            if open.written == 0 && open.count == 1 {
                return Ok((Tree { root: Some(open.first_child), records }, segments));
            }
            if open.count > 0 {
                self.put_fences(level, sink)?;
            }
            level += 1;
        }
        Ok((Tree { root: None, records }, segments))
    }

    fn put_leaf(&mut self, sink: &mut impl Sink) -> Result<(), Error> {
        let head = Head { kind: R::LEAF, level: 0, count: self.leaf.count };
        let number = self.leaf.put(head, sink)?;
        let first = self.leaf.first;
        self.add_fence(0, first, number, sink)
    }

    fn add_fence(
        &mut self,
        level: usize,
        first: Option<R::Order>,
        child: u32,
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        if self.levels.len() == level {
            self.levels.push(Open::new());
        }
        let open = &mut self.levels[level];
        let Some(order) = first else { return Ok(()) };
        if open.count == 0 {
            open.first = Some(order);
            open.first_child = child;
        }
        let at = CONTENT_START + open.count * R::FENCE_BYTES;
        let fence = &mut open.block[at..at + R::FENCE_BYTES];
        R::write_order(order, fence);
        fence[R::ORDER_BYTES..].copy_from_slice(&child.to_be_bytes());
        open.count += 1;
        if open.count == R::PER_FENCES { self.put_fences(level, sink) } else { Ok(()) }
    }

    fn put_fences(&mut self, level: usize, sink: &mut impl Sink) -> Result<(), Error> {
        let height = narrow::low_byte(narrow::count(level + 1));
        let open = &mut self.levels[level];
        let head = Head { kind: R::FENCES, level: height, count: open.count };
        let number = open.put(head, sink)?;
        let first = open.first;
        self.add_fence(level + 1, first, number, sink)
    }
}
