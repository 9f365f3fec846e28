//! Rows and pairs on disk.
//!
//! Rows lie densely: the block and file of a position follow from its number alone. Each block of
//! rows tells by one bit a row whether there is a pair, which then is at the same place of the
//! file of pairs beside it; blocks without any pair are never written there. Only whole blocks are
//! written, and none twice.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use disk::{Access, Disk, DiskFile, During, number_name};

use crate::block::{self, Block, CONTENT_START, Family, Head, Kind, Place};
use crate::cache::Cache;
use crate::chunk::Chunk;
use crate::error::Error;
use crate::narrow;
use crate::options::Shape;
use crate::output::Output;
use crate::tree::Sink;

/// Files of rows and pairs that are kept open.
pub const OPEN_FILES_COUNT_MAX: usize = 64;

/// The files of rows and pairs.
#[derive(Debug)]
pub(crate) struct RowFiles {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    shape: Shape,
    cache: Arc<Cache>,
    /// Files open for reading, the one used last at the end.
    open: Mutex<Vec<OpenFile>>,
}

#[derive(Debug, Clone)]
struct OpenFile {
    family: Family,
    number: u64,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
}

impl RowFiles {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf, shape: Shape, cache: Arc<Cache>) -> Self {
        Self { disk, dir, shape, cache, open: Mutex::default() }
    }

    pub(crate) fn path(&self, family: Family, number: u64) -> PathBuf {
        self.dir.join(number_name(number, family.ending()))
    }

    /// Copies the row at a position that is on disk.
    pub(crate) fn row(&self, position: u64, row: &mut [u8]) -> Result<(), Error> {
        let (block, slot) = self.row_block(position)?;
        let start = CONTENT_START + slot * self.shape.row_bytes;
        row.copy_from_slice(&block[start..start + self.shape.row_bytes]);
        Ok(())
    }

    /// Adds rows from a position on disk to `rows`: those of its block, `limit` at most.
    pub(crate) fn rows_of_block(
        &self,
        position: u64,
        limit: u64,
        rows: &mut Vec<u8>,
    ) -> Result<u64, Error> {
        let (block, slot) = self.row_block(position)?;
        let count = limit.min((self.shape.per_block - slot) as u64);
        let start = CONTENT_START + slot * self.shape.row_bytes;
        let bytes = narrow::index(count) * self.shape.row_bytes;
        rows.extend_from_slice(&block[start..start + bytes]);
        Ok(count)
    }

    /// Copies the pair beside the row at a position that is on disk; false: there is none.
    pub(crate) fn pair(&self, position: u64, pair: &mut [u8]) -> Result<bool, Error> {
        let (block, slot) = self.row_block(position)?;
        if !has_pair(&block, slot, &self.shape) {
            return Ok(false);
        }
        let block = self.block(Family::Pairs, position / self.shape.per_block as u64)?;
        let start = CONTENT_START + slot * self.shape.pair_bytes;
        pair.copy_from_slice(&block[start..start + self.shape.pair_bytes]);
        Ok(true)
    }

    fn row_block(&self, position: u64) -> Result<(Arc<Block>, usize), Error> {
        let per_block = self.shape.per_block as u64;
        let block = self.block(Family::Rows, position / per_block)?;
        Ok((block, narrow::index(position % per_block)))
    }

    /// A block of rows or pairs, counted through all files.
    pub(crate) fn block(&self, family: Family, number: u64) -> Result<Arc<Block>, Error> {
        let (file, block) = self.locate(number);
        let open = self.open(family, file)?;
        let found = self.cache.get(Place { family, file, block }, &*open.file, &open.path)?;
        let kind = if family == Family::Rows { Kind::Rows } else { Kind::Pairs };
        match block::expect(&found, kind, self.shape.per_block) {
            Ok(count) if count == self.shape.per_block => Ok(found),
            Ok(_) => Err(damaged(&open, block, "it has fewer rows than were written")),
            Err(what) => Err(damaged(&open, block, what)),
        }
    }

    fn locate(&self, block: u64) -> (u64, u32) {
        let per_file = u64::from(self.shape.file_blocks);
        (block / per_file, narrow::half(block % per_file))
    }

    fn open(&self, family: Family, number: u64) -> Result<OpenFile, Error> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().rposition(|o| o.family == family && o.number == number) {
            let found = open[at].clone();
            open[at..].rotate_left(1);
            return Ok(found);
        }
        let path = self.path(family, number);
        let file = Arc::from(self.disk.open(&path, Access::Read).during("open", &path)?);
        if open.len() == OPEN_FILES_COUNT_MAX {
            open.remove(0);
        }
        let found = OpenFile { family, number, path, file };
        open.push(found.clone());
        Ok(found)
    }

    /// Writes the blocks that `chunk` fills, durable but for the names of new files.
    pub(crate) fn write(&self, chunk: &Chunk) -> Result<(), Error> {
        let per_block = self.shape.per_block as u64;
        let mut next = chunk.base() / per_block;
        let end = chunk.end(&self.shape) / per_block;
        while next < end {
            let (file, block) = self.locate(next);
            let until = end.min(next + u64::from(self.shape.file_blocks - block));
            let mut rows = self.output(Family::Rows, file, block)?;
            let mut pairs = match self.shape.pair_bytes {
                0 => None,
                _ => Some(self.output(Family::Pairs, file, block)?),
            };
            for number in next..until {
                self.write_block(chunk, number, &mut rows, pairs.as_mut())?;
            }
            rows.finish()?;
            if let Some(pairs) = pairs {
                pairs.finish()?;
            }
            next = until;
        }
        Ok(())
    }

    fn output(
        &self,
        family: Family,
        number: u64,
        block: u32,
    ) -> Result<Output<Box<dyn DiskFile>>, Error> {
        let path = self.path(family, number);
        let access = if block == 0 { Access::Create } else { Access::InPlace };
        let file = self.disk.open(&path, access).during("write", &path)?;
        Ok(Output::new(file, &path, family, number, block))
    }

    fn write_block(
        &self,
        chunk: &Chunk,
        number: u64,
        rows: &mut Output<Box<dyn DiskFile>>,
        pairs: Option<&mut Output<Box<dyn DiskFile>>>,
    ) -> Result<(), Error> {
        let Shape { per_block, pair_bytes, row_bytes, .. } = self.shape;
        let first = number * per_block as u64;
        let positions = first..first + per_block as u64;
        let mut block = [0; block::BLOCK_BYTES];
        let content = block::content_mut(&mut block);
        content[..per_block * row_bytes]
            .copy_from_slice(chunk.rows(positions.clone(), &self.shape));
        let Some(pairs) = pairs else {
            rows.put(Head { kind: Kind::Rows, level: 0, count: per_block }, &mut block)?;
            return Ok(());
        };
        let beside = chunk.pairs(positions, &self.shape);
        let bits = &mut content[per_block * row_bytes..];
        let mut has_any = false;
        for (slot, pair) in beside.chunks_exact(pair_bytes).enumerate() {
            if pair.iter().any(|byte| *byte != 0) {
                bits[slot / 8] |= 1 << (slot % 8);
                has_any = true;
            }
        }
        rows.put(Head { kind: Kind::Rows, level: 0, count: per_block }, &mut block)?;
        if !has_any {
            return pairs.skip(1);
        }
        let mut block = [0; block::BLOCK_BYTES];
        block::content_mut(&mut block)[..per_block * pair_bytes].copy_from_slice(beside);
        pairs.put(Head { kind: Kind::Pairs, level: 0, count: per_block }, &mut block)?;
        Ok(())
    }
}

/// Whether the row in a slot of a block has a pair.
pub(crate) fn has_pair(block: &Block, slot: usize, shape: &Shape) -> bool {
    let bits = &block::content(block)[shape.per_block * shape.row_bytes..];
    shape.pair_bytes > 0 && bits[slot / 8] & 1 << (slot % 8) != 0
}

fn damaged(open: &OpenFile, block: u32, what: &'static str) -> Error {
    Error::Damaged { file: open.path.clone(), block: u64::from(block), what }
}
