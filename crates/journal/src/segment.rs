//! Segment files: their names and headers.
//!
//! A segment is named by the first sequence it may hold, and its header repeats that, the
//! journal's id and the chain hash before it. A segment appears under its name only when its
//! header is durable, so a broken header is always damage and never a torn write.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use disk::{Disk, DiskError};

use crate::batch::Hash;
use crate::seal::{SEALED_BYTES, Unsealed, checksum, seal, unseal};

/// Where the first frame begins.
pub const FIRST_FRAME_AT: u64 = SEALED_BYTES as u64;

const TAG: &str = "farthing/segment";
const ENDING: &str = "seg";

/// The header of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Random, drawn once for a journal, the same in all its segments.
    pub journal: [u8; 16],
    /// The sequence of the first batch.
    pub first: u64,
    /// The chain hash of the batch before it.
    pub chain: Hash,
}

impl SegmentHeader {
    /// The bytes that open the segment.
    pub fn encode(&self) -> [u8; SEALED_BYTES] {
        let mut content = [0; 56];
        content[..16].copy_from_slice(&self.journal);
        content[16..24].copy_from_slice(&self.first.to_be_bytes());
        content[24..].copy_from_slice(&self.chain.0);
        seal(TAG, &content)
    }

    /// The key of the frames in this segment.
    pub fn key(&self) -> [u8; 32] {
        checksum(&self.encode())
    }

    /// The header that `bytes` begin with, and the key of the frames after it: the checksum of
    /// the header, which nobody can guess who has not seen the file.
    pub fn decode(bytes: &[u8]) -> Result<(Self, [u8; 32]), Unsealed> {
        let (mut fields, key) = unseal(TAG, bytes)?;
        let journal = fields.take();
        let first = fields.take_u64();
        let chain = Hash(fields.take());
        Ok((Self { journal, first, chain }, key))
    }
}

/// The segments in `dir`, in order.
pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<(u64, PathBuf)>, DiskError> {
    disk::numbered(disk, dir, ENDING)
}

/// The name of the segment that begins with batch `first`.
pub(crate) fn name(first: u64) -> String {
    disk::number_name(first, ENDING)
}

/// Creates a segment of `bytes` bytes, the header and then zeros, whole or not at all.
pub(crate) fn create(
    disk: &dyn Disk,
    dir: &Path,
    header: &SegmentHeader,
    bytes: u64,
) -> Result<PathBuf, DiskError> {
    disk::create_whole_with(disk, dir, &name(header.first), &mut |file| {
        file.write_all(&header.encode())?;
        let mut zeros = io::repeat(0).take(bytes.saturating_sub(FIRST_FRAME_AT));
        io::copy(&mut zeros, file).map(drop)
    })
}
