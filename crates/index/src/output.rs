//! Blocks written one after the other into a file.
//!
//! They go out in large pieces, and are synced every few of them: many unwritten pages would stand
//! in the way of everybody else's syncs. Nothing is durable before [`Output::finish`].

use std::path::{Path, PathBuf};

use disk::{DiskFile, During};

use crate::block::{self, BLOCK_BYTES, Block, Family, Head, Place};
use crate::error::Error;
use crate::narrow;
use crate::tree::Sink;

const WRITE_BYTES: usize = 1 << 20;
const SYNC_EVERY_BYTES: usize = 4 << 20;

/// A file that blocks are written to.
pub(crate) struct Output<F> {
    file: F,
    path: PathBuf,
    family: Family,
    number: u64,
    /// The block that comes next.
    next: u32,
    buffer: Vec<u8>,
    unsynced: usize,
}

impl<F: AsRef<dyn DiskFile>> Output<F> {
    /// Writes file number `number` from block `next` on.
    pub(crate) fn new(file: F, path: &Path, family: Family, number: u64, next: u32) -> Self {
        let buffer = Vec::with_capacity(WRITE_BYTES);
        Self { file, path: path.to_owned(), family, number, next, buffer, unsynced: 0 }
    }

    /// The number of the block that comes next.
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// Leaves `blocks` blocks as they are.
    pub(crate) fn skip(&mut self, blocks: u32) -> Result<(), Error> {
        self.write()?;
        self.next += blocks;
        Ok(())
    }

    /// Writes what is left and makes all of it durable.
    pub(crate) fn finish(mut self) -> Result<F, Error> {
        self.write()?;
        self.file.as_ref().sync_data().during("sync", &self.path)?;
        Ok(self.file)
    }

    fn write(&mut self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = (self.buffer.len() / BLOCK_BYTES) as u64;
        let offset = (u64::from(self.next) - written) * BLOCK_BYTES as u64;
        self.file.as_ref().write_at(&self.buffer, offset).during("write", &self.path)?;
        self.unsynced += self.buffer.len();
        self.buffer.clear();
        if self.unsynced >= SYNC_EVERY_BYTES {
            self.file.as_ref().sync_data().during("sync", &self.path)?;
            self.unsynced = 0;
        }
        Ok(())
    }
}

impl<F: AsRef<dyn DiskFile>> Sink for Output<F> {
    fn put(&mut self, head: Head, block: &mut Block) -> Result<u32, Error> {
        let number = self.next;
        block::seal(block, head, Place { family: self.family, file: self.number, block: number });
        self.buffer.extend_from_slice(&block[..]);
        self.next = narrow::half(u64::from(number) + 1);
        if self.buffer.len() >= WRITE_BYTES {
            self.write()?;
        }
        Ok(number)
    }
}
