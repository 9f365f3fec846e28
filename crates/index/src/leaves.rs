//! The records of a tree from the first to the last, read in large pieces past the cache.
//!
//! Every block is checked; blocks between the leaves are passed over.

use std::sync::Arc;

use crate::block::{self, BLOCK_BYTES, Block, CONTENT_START};
use crate::error::Error;
use crate::record::Record;
use crate::run::Run;
use crate::tree::Tree;

const READ_BLOCKS: u32 = 64;

/// Reads the leaves of one tree of a run.
pub(crate) struct Leaves {
    run: Arc<Run>,
    tree: Tree,
    /// The block that comes next.
    next: u32,
    /// The block after the tree's last.
    end: u32,
    ahead: Vec<u8>,
    /// Blocks of `ahead` that were taken.
    taken: usize,
}

impl Leaves {
    /// Reads `tree`, whose first block is `start`.
    pub(crate) fn new(run: Arc<Run>, tree: Tree, start: u32) -> Self {
        let end = tree.root.map_or(start, |root| root + 1);
        Self { run, tree, next: start, end, ahead: Vec::new(), taken: 0 }
    }

    /// How many records the tree says it has.
    pub(crate) fn records(&self) -> u64 {
        self.tree.records
    }

    /// Puts the records of the next leaf into `records`, which stays empty at the end.
    pub(crate) fn next<R: Record>(&mut self, records: &mut Vec<R>) -> Result<(), Error> {
        records.clear();
        while records.is_empty() && self.next < self.end {
            if self.taken * BLOCK_BYTES == self.ahead.len() {
                let blocks = READ_BLOCKS.min(self.end - self.next) as usize;
                self.ahead.resize(blocks * BLOCK_BYTES, 0);
                self.run.read_ahead(self.next, &mut self.ahead)?;
                self.taken = 0;
            }
            let number = self.next;
            let (blocks, _) = self.ahead.as_chunks::<BLOCK_BYTES>();
            let block = &blocks[self.taken];
            self.taken += 1;
            self.next += 1;
            read(&self.run, number, block, records)?;
        }
        Ok(())
    }
}

fn read<R: Record>(
    run: &Run,
    number: u32,
    block: &Block,
    records: &mut Vec<R>,
) -> Result<(), Error> {
    let head = block::check(block, run.place(number)).map_err(|what| run.damaged(number, what))?;
    if head.kind != R::LEAF {
        return Ok(());
    }
    let count =
        block::expect(block, R::LEAF, R::PER_LEAF).map_err(|what| run.damaged(number, what))?;
    let content = &block[CONTENT_START..CONTENT_START + count * R::BYTES];
    records.extend(content.chunks_exact(R::BYTES).map(R::read));
    Ok(())
}
