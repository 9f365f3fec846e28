//! A run: one file with the keys and the terms of an unbroken range of rows, sorted.
//!
//! The tree of keys with its filters comes first, then the tree of terms, then the list of the
//! filters, then a footer that says the same as the manifest does. A run never changes once it is
//! written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Access, Disk, DiskFile, During, number_name};

use crate::block::{self, BLOCK_BYTES, Block, Family, Head, Kind, Place};
use crate::cache::Cache;
use crate::error::{DecodeError, Error, OpenError};
use crate::filter::Spot;
use crate::output::Output;
use crate::segments::Segments;
use crate::tree::{Sink, Tree};

/// Rows that a run spans at most: offsets have 32 bits, and one value means burned.
pub(crate) const RUN_ROWS_MAX: u64 = u32::MAX as u64;

const NO_ROOT: u32 = u32::MAX;

/// What a run holds and where in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunHead {
    pub(crate) number: u64,
    /// How many times its content was merged.
    pub(crate) level: u8,
    /// The first position it covers.
    pub(crate) first: u64,
    /// The position after the last.
    pub(crate) end: u64,
    pub(crate) keys: Tree,
    /// Keys that have no row.
    pub(crate) burned: u64,
    pub(crate) lowest_key: u128,
    pub(crate) highest_key: u128,
    pub(crate) terms: Tree,
    /// Blocks of the file, the footer included.
    pub(crate) blocks: u32,
}

impl RunHead {
    /// Size of its bytes.
    pub(crate) const BYTES: usize = 96;

    pub(crate) fn rows(&self) -> u64 {
        self.end - self.first
    }

    /// The first block of the tree of terms.
    pub(crate) fn terms_start(&self) -> u32 {
        self.keys.root.map_or(0, |root| root + 1)
    }

    /// The block after the tree of terms, where the segments of keys are listed.
    pub(crate) fn segments_start(&self) -> u32 {
        self.terms.root.map_or(self.terms_start(), |root| root + 1)
    }

    pub(crate) fn bytes_on_disk(&self) -> u64 {
        u64::from(self.blocks) * BLOCK_BYTES as u64
    }

    pub(crate) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut rest = &mut bytes[..];
        let mut put = |part: &[u8]| {
            let (now, later) = core::mem::take(&mut rest).split_at_mut(part.len());
            now.copy_from_slice(part);
            rest = later;
        };
        put(&self.number.to_be_bytes());
        put(&[self.level, 0, 0, 0]);
        put(&self.first.to_be_bytes());
        put(&self.end.to_be_bytes());
        put(&self.keys.records.to_be_bytes());
        put(&self.burned.to_be_bytes());
        put(&self.lowest_key.to_be_bytes());
        put(&self.highest_key.to_be_bytes());
        put(&self.terms.records.to_be_bytes());
        put(&self.keys.root.unwrap_or(NO_ROOT).to_be_bytes());
        put(&self.terms.root.unwrap_or(NO_ROOT).to_be_bytes());
        put(&self.blocks.to_be_bytes());
        bytes
    }

    /// Reads what [`RunHead::encode`] wrote; numbers that contradict each other are refused.
    pub(crate) fn decode(bytes: &[u8; Self::BYTES]) -> Result<Self, DecodeError> {
        let part = |from: usize, size: usize| {
            bytes[from..from + size].iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
        };
        let long = |from| crate::narrow::low_half(part(from, 8));
        let short = |from| crate::narrow::low(crate::narrow::low_half(part(from, 4)));
        let root = |from| Some(short(from)).filter(|root| *root != NO_ROOT);
        let head = Self {
            number: long(0),
            level: bytes[8],
            first: long(12),
            end: long(20),
            keys: Tree { records: long(28), root: root(84) },
            burned: long(36),
            lowest_key: part(44, 16),
            highest_key: part(60, 16),
            terms: Tree { records: long(76), root: root(88) },
            blocks: short(92),
        };
        head.check().map_err(|what| DecodeError::Contradiction { what })?;
        Ok(head)
    }

    fn check(&self) -> Result<(), &'static str> {
        let trees = [self.keys, self.terms];
        let Some(rows) = self.end.checked_sub(self.first) else { return Err("a run ends early") };
        if rows >= RUN_ROWS_MAX {
            return Err("a run is too long");
        }
        if trees.iter().any(|tree| tree.root.is_some() != (tree.records > 0)) {
            return Err("a tree without a root");
        }
        if self.burned > self.keys.records || self.lowest_key > self.highest_key {
            return Err("the keys of a run");
        }
        let last = self.terms.root.or(self.keys.root).map_or(0, |root| u64::from(root) + 1);
        let segments = Segments::blocks_of(self.keys.records);
        let is_mixed = self.terms.root.is_some_and(|root| Some(root) <= self.keys.root);
        if last.checked_add(segments + 1) != Some(u64::from(self.blocks)) || is_mixed {
            return Err("the blocks of a run");
        }
        Ok(())
    }
}

/// A run that can be read.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) head: RunHead,
    pub(crate) segments: Segments,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    cache: Arc<Cache>,
}

impl Run {
    /// Ends the file of a run with the list of its segments and its footer, makes it durable, and
    /// opens it for reading.
    pub(crate) fn finish(
        mut output: Output<Box<dyn DiskFile>>,
        mut head: RunHead,
        segments: Segments,
        dir: &Path,
        cache: &Arc<Cache>,
    ) -> Result<Self, Error> {
        segments.write(&mut output)?;
        head.blocks = output.next() + 1;
        let mut footer = block::empty();
        block::content_mut(&mut footer)[..RunHead::BYTES].copy_from_slice(&head.encode());
        output.put(Head { kind: Kind::Footer, level: 0, count: 1 }, &mut footer)?;
        let file = output.finish()?;
        let path = run_path(dir, head.number);
        Ok(Self { head, segments, path, file, cache: Arc::clone(cache) })
    }

    /// Opens a run that a manifest names, if it is there and as long and as it says.
    pub(crate) fn open(
        disk: &dyn Disk,
        dir: &Path,
        head: RunHead,
        cache: &Arc<Cache>,
    ) -> Result<Self, OpenError> {
        let path = run_path(dir, head.number);
        let file = open_whole(disk, &path, Access::Read, head.bytes_on_disk())?;
        let segments = Segments::default();
        let mut run = Self { head, segments, path, file, cache: Arc::clone(cache) };
        let footer = run
            .block(head.blocks - 1)
            .map_err(|error| run.unusable(error, "its footer is damaged"))?;
        if block::content(&footer)[..RunHead::BYTES] != head.encode() {
            return Err(OpenError::Damaged {
                file: run.path,
                what: "its footer is not what the manifest says",
            });
        }
        run.segments = Segments::read(&run)
            .map_err(|error| run.unusable(error, "its list of segments is damaged"))?;
        Ok(run)
    }

    fn unusable(&self, error: Error, what: &'static str) -> OpenError {
        match error {
            Error::Disk(error) => OpenError::Disk(error),
            _ => OpenError::Damaged { file: self.path.clone(), what },
        }
    }

    /// A block of the file, through the cache.
    pub(crate) fn block(&self, number: u32) -> Result<Arc<Block>, Error> {
        self.look(number, Arc::clone)
    }

    /// Whether a key may be in the run, by the block of the filter that it has a spot in.
    pub(crate) fn may_have(&self, number: u32, spot: Spot) -> Result<bool, Error> {
        self.look(number, |block| {
            let is_filter = block::expect(block, Kind::Filter, usize::MAX);
            is_filter.map(|_| spot.may_be_in(block)).map_err(|what| self.damaged(number, what))
        })?
    }

    /// A block of a filter, through the cache.
    pub(crate) fn filter(&self, number: u32) -> Result<Arc<Block>, Error> {
        let block = self.block(number)?;
        block::expect(&block, Kind::Filter, usize::MAX)
            .map_err(|what| self.damaged(number, what))?;
        Ok(block)
    }

    fn look<T>(&self, number: u32, look: impl FnOnce(&Arc<Block>) -> T) -> Result<T, Error> {
        if number >= self.head.blocks {
            return Err(self.damaged(number, "there is no such block"));
        }
        self.cache.look(self.place(number), &*self.file, &self.path, look)
    }

    /// Fills `buffer`, whole blocks, from block `number` on, past the cache, and unchecked.
    pub(crate) fn read_ahead(&self, number: u32, buffer: &mut [u8]) -> Result<(), Error> {
        let offset = u64::from(number) * BLOCK_BYTES as u64;
        match self.file.read_exact_at(buffer, offset) {
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged(number, "the file ends before it"))
            }
            read => Ok(read.during("read", &self.path)?),
        }
    }

    pub(crate) fn place(&self, number: u32) -> Place {
        Place { family: Family::Run, file: self.head.number, block: number }
    }

    pub(crate) fn damaged(&self, number: u32, what: &'static str) -> Error {
        Error::Damaged { file: self.path.clone(), block: u64::from(number), what }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Where a run is.
pub(crate) fn run_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(number_name(number, Family::Run.ending()))
}

/// Opens a file that must be there and have at least `expected` bytes.
pub(crate) fn open_whole(
    disk: &dyn Disk,
    path: &Path,
    access: Access,
    expected: u64,
) -> Result<Box<dyn DiskFile>, OpenError> {
    let file = match disk.open(path, access) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::Missing { file: path.to_owned() });
        }
        opened => opened.during("open", path)?,
    };
    let bytes = file.len().during("read the size of", path)?;
    if bytes < expected {
        return Err(OpenError::Short { file: path.to_owned(), bytes, expected });
    }
    Ok(file)
}
