//! Snapshots: folded states that shorten a start.
//!
//! A snapshot is a cache. One that cannot be read is skipped and reported, never repaired, and
//! losing all of them costs only time. A snapshot appears under its name whole and synced, and
//! the one before it stays until the next is there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::batch::Hash;
use crate::disk::{self, DiskError, During};
use crate::error::SnapshotError;
use crate::seal::{SEALED_BYTES, Unsealed, seal, unseal};

/// How many snapshots are kept.
pub const SNAPSHOTS_KEPT: usize = 2;

const TAG: &str = "farthing/snapshot";
const ENDING: &str = "snapshot";
const HASH_BYTES: usize = 32;

/// The snapshots in one folder.
#[derive(Debug)]
pub struct Snapshots {
    dir: PathBuf,
}

/// The state folded from all batches up to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last batch folded in.
    pub sequence: u64,
    /// Its chain hash.
    pub head: Hash,
    /// The state as it was given to [`Snapshots::write`].
    pub state: Vec<u8>,
}

/// The newest usable snapshot, and the newer ones that were not usable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// `None`: fold from the first batch.
    pub snapshot: Option<Snapshot>,
    /// What was passed over; worth a warning.
    pub skipped: Vec<Skipped>,
}

/// A snapshot that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why, in one sentence.
    pub why: String,
}

impl Snapshots {
    /// Opens the folder `dir`, or creates it.
    pub fn open(dir: &Path) -> Result<Self, SnapshotError> {
        disk::create_folder(dir)?;
        disk::remove_unfinished(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Looks into the folder `dir` without creating or removing anything; a folder that is not
    /// there holds no snapshots.
    pub fn look(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The batches after which a snapshot was taken, with its file, oldest first.
    pub fn list(&self) -> Result<Vec<(u64, PathBuf)>, SnapshotError> {
        if self.dir.is_dir() { Ok(disk::numbered(&self.dir, ENDING)?) } else { Ok(Vec::new()) }
    }

    /// The snapshot after batch `sequence`, or why it cannot be used; `None` if it is not there.
    pub fn read(&self, sequence: u64) -> Result<Option<Result<Snapshot, String>>, SnapshotError> {
        let path = self.dir.join(disk::number_name(sequence, ENDING));
        match read(&path, sequence) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the state after batch `sequence`, whose chain hash is `head`, durably, then removes
    /// all but the newest other one.
    pub fn write(&self, sequence: u64, head: Hash, state: &[u8]) -> Result<(), SnapshotError> {
        let mut content = [0; 48];
        content[..8].copy_from_slice(&sequence.to_be_bytes());
        content[8..40].copy_from_slice(&head.0);
        content[40..].copy_from_slice(&(state.len() as u64).to_be_bytes());
        let header = seal(TAG, &content);
        let name = disk::number_name(sequence, ENDING);
        disk::create_whole(&self.dir, &name, &[&header, state, &checksum(&header, state)])?;
        self.remove_older(sequence)?;
        Ok(())
    }

    /// The newest usable snapshot.
    pub fn latest(&self) -> Result<Found, SnapshotError> {
        self.latest_at_most(u64::MAX)
    }

    /// The newest usable snapshot that goes no further than batch `sequence`.
    pub fn latest_at_most(&self, sequence: u64) -> Result<Found, SnapshotError> {
        let mut found = Found::default();
        for (number, path) in self.list()?.into_iter().rev() {
            if number > sequence {
                continue;
            }
            match self.read(number)? {
                Some(Ok(snapshot)) => {
                    found.snapshot = Some(snapshot);
                    break;
                }
                Some(Err(why)) => found.skipped.push(Skipped { path, why }),
                // A running node has removed it meanwhile.
                None => {}
            }
        }
        Ok(found)
    }

    fn remove_older(&self, written: u64) -> Result<(), DiskError> {
        let others = disk::numbered(&self.dir, ENDING)?.into_iter().rev();
        let others = others.filter(|(sequence, _)| *sequence != written);
        for (_, path) in others.skip(SNAPSHOTS_KEPT - 1) {
            fs::remove_file(&path).during("remove", &path)?;
        }
        Ok(())
    }
}

fn checksum(header: &[u8; SEALED_BYTES], state: &[u8]) -> [u8; HASH_BYTES] {
    *blake3::Hasher::new().update(header).update(state).finalize().as_bytes()
}

/// The snapshot in one file, or why it cannot be used.
fn read(path: &Path, number: u64) -> Result<Result<Snapshot, String>, DiskError> {
    let mut bytes = fs::read(path).during("read", path)?;
    let checked = check(&bytes, number);
    Ok(checked.map(|(head, state_bytes)| {
        bytes.drain(..SEALED_BYTES);
        bytes.truncate(state_bytes);
        Snapshot { sequence: number, head, state: bytes }
    }))
}

fn check(bytes: &[u8], number: u64) -> Result<(Hash, usize), String> {
    let (mut fields, _) = unseal(TAG, bytes).map_err(|unsealed| match unsealed {
        Unsealed::Damaged => "its header is broken".to_owned(),
        Unsealed::Version(found) => format!("its format version {found} is not known here"),
    })?;
    let sequence = fields.take_u64();
    let head = Hash(fields.take());
    let state_bytes = fields.take_u64();
    if sequence != number {
        return Err(format!("its header is that of batch {sequence}"));
    }
    let (header, rest) = bytes.split_first_chunk().ok_or("it is cut short")?;
    let (state, hash) = rest.split_last_chunk::<HASH_BYTES>().ok_or("it is cut short")?;
    if state.len() as u64 != state_bytes {
        return Err("it is cut short or longer than it should be".to_owned());
    }
    if *hash != checksum(header, state) {
        return Err("its state does not match its checksum".to_owned());
    }
    Ok((head, state.len()))
}
