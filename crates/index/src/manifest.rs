//! What an index was at one moment: enough to open it again exactly so.
//!
//! A manifest names the runs and says how many rows there are; the rows of the last block, if it
//! is not full, are in the manifest itself, so that no block on disk is ever written again. Its
//! size grows with the logarithm of the number of rows. The bytes are in
//! `docs/internals/index.md`. Bytes of strangers never panic here.

use disk::number_name;
use twox_hash::XxHash3_64;

use crate::block::{BLOCK_BYTES, Family};
use crate::error::{DecodeError, OpenError};
use crate::narrow;
use crate::options::{FILE_BLOCKS_MAX, Shape};
use crate::run::RunHead;

const TAG: &[u8; 15] = b"farthing/index\0";
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 8;
const POSITION_BITS: u32 = 48;

/// The state of an index: its files and what the last of them do not hold yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub(crate) shape: Shape,
    pub(crate) rows: u64,
    /// The number that the next run gets.
    pub(crate) next_number: u64,
    /// The rows of the last block, if it is not full.
    pub(crate) last_rows: Vec<u8>,
    /// The pairs beside them; nothing: there are none.
    pub(crate) last_pairs: Vec<u8>,
    /// Oldest first.
    pub(crate) runs: Vec<RunHead>,
}

/// A file that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// Its name in the folder of the index.
    pub name: String,
    /// How long it must be at least.
    pub bytes: u64,
}

impl Manifest {
    /// How many rows there are.
    pub const fn len(&self) -> u64 {
        self.rows
    }

    /// Whether there are no rows.
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Blocks of rows on disk.
    pub(crate) fn blocks(&self) -> u64 {
        self.rows / self.shape.per_block as u64
    }

    /// All files that it names: rows, pairs, runs.
    pub fn files(&self) -> impl Iterator<Item = NamedFile> + '_ {
        let per_file = u64::from(self.shape.file_blocks);
        let blocks = self.blocks();
        let rows = (0..blocks.div_ceil(per_file)).flat_map(move |number| {
            let held = per_file.min(blocks - number * per_file);
            let rows = (Family::Rows, held * BLOCK_BYTES as u64);
            // Pairs that no row has are holes, also at the end of the file.
            let pairs = (self.shape.pair_bytes > 0).then_some((Family::Pairs, 0));
            [Some(rows), pairs].into_iter().flatten().map(move |(family, bytes)| NamedFile {
                name: number_name(number, family.ending()),
                bytes,
            })
        });
        rows.chain(self.runs.iter().map(|run| NamedFile {
            name: number_name(run.number, Family::Run.ending()),
            bytes: run.bytes_on_disk(),
        }))
    }

    /// Appends its bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(TAG);
        out.push(VERSION);
        for number in [
            narrow::count(self.shape.row_bytes),
            narrow::count(self.shape.pair_bytes),
            self.shape.file_blocks,
            narrow::count(self.last_rows.len()),
            narrow::count(self.last_pairs.len()),
            narrow::count(self.runs.len()),
        ] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.rows.to_be_bytes());
        out.extend_from_slice(&self.next_number.to_be_bytes());
        out.extend_from_slice(&self.last_rows);
        out.extend_from_slice(&self.last_pairs);
        self.runs.iter().for_each(|run| out.extend_from_slice(&run.encode()));
        let sum = XxHash3_64::oneshot(&out[start..]);
        out.extend_from_slice(&sum.to_be_bytes());
    }

    /// Reads what [`Manifest::encode`] wrote: all of `bytes`, and nothing else is taken.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let rest = bytes.strip_prefix(TAG).ok_or(DecodeError::NotAManifest)?;
        let (&version, rest) = rest.split_first().ok_or(DecodeError::NotAManifest)?;
        if version != VERSION {
            return Err(DecodeError::Version { version });
        }
        let (body, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(DecodeError::Damaged)?;
        if XxHash3_64::oneshot(body) != u64::from_be_bytes(*sum) {
            return Err(DecodeError::Damaged);
        }
        let body_rest = rest.len().checked_sub(CHECKSUM_BYTES).and_then(|end| rest.get(..end));
        let manifest = Fields(body_rest.ok_or(DecodeError::Damaged)?).manifest()?;
        manifest.check().map_err(|what| DecodeError::Contradiction { what })?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), &'static str> {
        let last = narrow::index(self.rows % self.shape.per_block as u64);
        if self.rows >> POSITION_BITS != 0 {
            return Err("the number of rows");
        }
        if self.last_rows.len() != last * self.shape.row_bytes {
            return Err("the rows of the last block");
        }
        if ![0, last * self.shape.pair_bytes].contains(&self.last_pairs.len()) {
            return Err("the pairs of the last block");
        }
        let mut end = 0;
        for run in &self.runs {
            if run.first != end || run.number >= self.next_number {
                return Err("the order of the runs");
            }
            end = run.end;
        }
        let mut numbers: Vec<u64> = self.runs.iter().map(|run| run.number).collect();
        numbers.sort_unstable();
        if end != self.rows || numbers.windows(2).any(|two| two[0] == two[1]) {
            return Err("the runs");
        }
        Ok(())
    }
}

/// What is left to read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn manifest(&mut self) -> Result<Manifest, DecodeError> {
        let [row_bytes, pair_bytes, file_blocks, last_rows, last_pairs, runs] = [
            self.short()?,
            self.short()?,
            self.short()?,
            self.short()?,
            self.short()?,
            self.short()?,
        ];
        let shape = Shape::new(row_bytes as usize, pair_bytes as usize, file_blocks)
            .ok()
            .filter(|shape| (1..=FILE_BLOCKS_MAX).contains(&shape.file_blocks))
            .ok_or(DecodeError::Contradiction { what: "the size of rows" })?;
        let (rows, next_number) = (self.long()?, self.long()?);
        let last_rows = self.take(last_rows as usize)?.to_vec();
        let last_pairs = self.take(last_pairs as usize)?.to_vec();
        let (runs_bytes, rest) = self.0.as_chunks::<{ RunHead::BYTES }>();
        if runs_bytes.len() != runs as usize || !rest.is_empty() {
            return Err(DecodeError::Contradiction { what: "the number of runs" });
        }
        let runs = runs_bytes.iter().map(RunHead::decode).collect::<Result<_, _>>()?;
        Ok(Manifest { shape, rows, next_number, last_rows, last_pairs, runs })
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], DecodeError> {
        let (now, later) = self.0.split_at_checked(bytes).ok_or(DecodeError::Damaged)?;
        self.0 = later;
        Ok(now)
    }

    fn short(&mut self) -> Result<u32, DecodeError> {
        let (now, later) = self.0.split_first_chunk().ok_or(DecodeError::Damaged)?;
        self.0 = later;
        Ok(u32::from_be_bytes(*now))
    }

    fn long(&mut self) -> Result<u64, DecodeError> {
        let (now, later) = self.0.split_first_chunk().ok_or(DecodeError::Damaged)?;
        self.0 = later;
        Ok(u64::from_be_bytes(*now))
    }
}

/// The shape of an index that is opened with these options, if the manifest has the same.
pub(crate) fn same_shape(manifest: &Manifest, shape: Shape) -> Result<(), OpenError> {
    let theirs = manifest.shape;
    for (what, differs) in [
        ("size of rows", theirs.row_bytes != shape.row_bytes),
        ("size of pairs", theirs.pair_bytes != shape.pair_bytes),
        ("size of files", theirs.file_blocks != shape.file_blocks),
    ] {
        if differs {
            return Err(OpenError::Foreign { what });
        }
    }
    Ok(())
}
