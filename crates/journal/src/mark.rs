//! The durable mark: a small file that says up to where the journal is known to be durable.
//!
//! It is written after the batches it speaks of and never synced, so on disk it may be late but
//! never early: a lower bound, below which nothing may be cut as a torn tail. Two slots are
//! written in turn, so a torn write costs at most the newer one.

use std::io;
use std::path::{Path, PathBuf};

use disk::{Access, Disk, DiskError, DiskFile, During as _};

use crate::batch::Hash;
use crate::options::Position;
use crate::seal::{SEALED_BYTES, Unsealed, seal, unseal};

const NAME: &str = "durable";
const TAG: &str = "farthing/durable";
/// Slots lie in sectors of their own, so that one torn write cannot hit both.
const SLOT_STRIDE_BYTES: usize = 512;

/// The mark of one journal, open for writing.
#[derive(Debug)]
pub(crate) struct Mark {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    journal: [u8; 16],
    /// The slot that the next write goes to: never the one that holds the newest mark.
    slot: u64,
}

/// A mark as found on disk.
pub(crate) struct Stored {
    pub(crate) journal: [u8; 16],
    pub(crate) position: Position,
}

impl Mark {
    /// Where the mark of the journal in `dir` lies.
    pub(crate) fn path(dir: &Path) -> PathBuf {
        dir.join(NAME)
    }

    /// Creates or replaces the mark, durably.
    pub(crate) fn create(
        disk: &dyn Disk,
        dir: &Path,
        journal: [u8; 16],
        position: Position,
    ) -> Result<Self, DiskError> {
        let mut slot = encode(journal, position).to_vec();
        slot.resize(SLOT_STRIDE_BYTES, 0);
        let path = disk::create_whole(disk, dir, NAME, &[&slot, &slot])?;
        let file = disk.open(&path, Access::InPlace).during("open", &path)?;
        Ok(Self { file, path, journal, slot: 0 })
    }

    /// Writes the mark without syncing it.
    pub(crate) fn write(&mut self, position: Position) -> Result<(), DiskError> {
        let at = self.slot * SLOT_STRIDE_BYTES as u64;
        let slot = encode(self.journal, position);
        self.file.write_at(&slot, at).during("write", &self.path)?;
        self.slot ^= 1;
        Ok(())
    }

    /// Lets every later write fail.
    #[cfg(test)]
    pub(crate) fn break_file(&mut self) {
        self.file = disk::Local.open(&self.path, Access::Read).unwrap();
    }
}

/// The newest intact mark in `dir`; `None` if there is no mark file.
pub(crate) fn read(
    disk: &dyn Disk,
    dir: &Path,
) -> Result<Option<Result<Stored, Unsealed>>, DiskError> {
    let path = Mark::path(dir);
    let bytes = match disk::read_whole(disk, &path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.during("read", &path)?,
    };
    let second = bytes.get(SLOT_STRIDE_BYTES..).unwrap_or_default();
    let newest = match (decode(&bytes), decode(second)) {
        (Ok(first), Ok(second)) if second.position.sequence > first.position.sequence => Ok(second),
        (Err(Unsealed::Version(version)), _) | (_, Err(Unsealed::Version(version))) => {
            Err(Unsealed::Version(version))
        }
        (Ok(intact), _) | (_, Ok(intact)) => Ok(intact),
        (Err(Unsealed::Damaged), Err(Unsealed::Damaged)) => Err(Unsealed::Damaged),
    };
    Ok(Some(newest))
}

fn encode(journal: [u8; 16], position: Position) -> [u8; SEALED_BYTES] {
    let mut content = [0; 56];
    content[..16].copy_from_slice(&journal);
    content[16..24].copy_from_slice(&position.sequence.to_be_bytes());
    content[24..].copy_from_slice(&position.hash.0);
    seal(TAG, &content)
}

fn decode(bytes: &[u8]) -> Result<Stored, Unsealed> {
    let (mut fields, _) = unseal(TAG, bytes)?;
    let journal = fields.take();
    let sequence = fields.take_u64();
    let hash = Hash(fields.take());
    Ok(Stored { journal, position: Position { sequence, hash } })
}
