//! Snapshots: folded states that shorten a start.
//!
//! A snapshot is a cache. One that cannot be read is skipped and reported, never repaired, and
//! losing all of them costs only time. A snapshot appears under its name whole and synced, and
//! the one before it stays until the next is there. No byte of a state is handed out before all of
//! it was checked.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError, During as _, Local};

use crate::batch::Hash;
use crate::error::SnapshotError;
use crate::state_file;
pub use crate::state_file::SnapshotReader;

/// How many snapshots are kept.
pub const SNAPSHOTS_KEPT: usize = 2;

const ENDING: &str = "snapshot";

/// The snapshots in one folder.
#[derive(Debug)]
pub struct Snapshots {
    disk: Arc<dyn Disk>,
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

/// As [`Found`], with the state to be read piece by piece.
#[derive(Debug, Default)]
pub struct FoundReader {
    /// `None`: fold from the first batch.
    pub snapshot: Option<SnapshotReader>,
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
    /// Opens the folder `dir` on the local disk, or creates it.
    pub fn open(dir: &Path) -> Result<Self, SnapshotError> {
        Self::open_on(Arc::new(Local), dir)
    }

    /// Opens the folder `dir` on `disk`, or creates it.
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, SnapshotError> {
        disk::create_folder(&*disk, dir)?;
        disk::remove_unfinished(&*disk, dir)?;
        Ok(Self { disk, dir: dir.to_owned() })
    }

    /// Looks into the folder `dir` of the local disk without creating or removing anything; a
    /// folder that is not there holds no snapshots.
    pub fn look(dir: &Path) -> Self {
        Self::look_on(Arc::new(Local), dir)
    }

    /// As [`Snapshots::look`], on `disk`.
    pub fn look_on(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        Self { disk, dir: dir.to_owned() }
    }

    /// The batches after which a snapshot was taken, with its file, oldest first.
    pub fn list(&self) -> Result<Vec<(u64, PathBuf)>, SnapshotError> {
        if self.disk.is_folder(&self.dir) {
            Ok(disk::numbered(&*self.disk, &self.dir, ENDING)?)
        } else {
            Ok(Vec::new())
        }
    }

    /// The snapshot after batch `sequence`, or why it cannot be used; `None` if it is not there.
    pub fn read(&self, sequence: u64) -> Result<Option<Result<Snapshot, String>>, SnapshotError> {
        match self.reader(sequence)? {
            Some(Ok(reader)) => Ok(Some(Ok(self.whole(reader)?))),
            Some(Err(why)) => Ok(Some(Err(why))),
            None => Ok(None),
        }
    }

    /// As [`Snapshots::read`], with the state to be read piece by piece. All of it has been
    /// checked when this returns.
    pub fn reader(
        &self,
        sequence: u64,
    ) -> Result<Option<Result<SnapshotReader, String>>, SnapshotError> {
        let path = self.path(sequence);
        match state_file::open(&*self.disk, &path, sequence) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the state after batch `sequence`, whose chain hash is `head`, durably, then removes
    /// all but the newest other one.
    pub fn write(&self, sequence: u64, head: Hash, state: &[u8]) -> Result<(), SnapshotError> {
        let bytes = state.len() as u64;
        self.write_with(sequence, head, bytes, &mut |file| file.write_all(state))
    }

    /// As [`Snapshots::write`], with a state of `state_bytes` bytes that `write` writes piece by
    /// piece. If it fails, or writes another number of bytes, no snapshot appears.
    pub fn write_with(
        &self,
        sequence: u64,
        head: Hash,
        state_bytes: u64,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), SnapshotError> {
        let name = disk::number_name(sequence, ENDING);
        disk::create_whole_with(&*self.disk, &self.dir, &name, &mut |file| {
            state_file::write(file, sequence, head, state_bytes, write)
        })?;
        self.remove_older(sequence)?;
        Ok(())
    }

    /// The newest usable snapshot.
    pub fn latest(&self) -> Result<Found, SnapshotError> {
        self.latest_at_most(u64::MAX)
    }

    /// The newest usable snapshot that goes no further than batch `sequence`.
    pub fn latest_at_most(&self, sequence: u64) -> Result<Found, SnapshotError> {
        let FoundReader { snapshot, skipped } = self.latest_reader_at_most(sequence)?;
        let snapshot = snapshot.map(|reader| self.whole(reader)).transpose()?;
        Ok(Found { snapshot, skipped })
    }

    /// As [`Snapshots::latest_at_most`], with the state to be read piece by piece.
    pub fn latest_reader_at_most(&self, sequence: u64) -> Result<FoundReader, SnapshotError> {
        let mut found = FoundReader::default();
        for (number, path) in self.list()?.into_iter().rev() {
            if number > sequence {
                continue;
            }
            match self.reader(number)? {
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

    fn path(&self, sequence: u64) -> PathBuf {
        self.dir.join(disk::number_name(sequence, ENDING))
    }

    fn whole(&self, mut reader: SnapshotReader) -> Result<Snapshot, DiskError> {
        let (sequence, head) = (reader.sequence(), reader.head());
        let path = self.path(sequence);
        let bytes = usize::try_from(reader.state_bytes()).map_err(io::Error::other);
        let mut state = Vec::with_capacity(bytes.during("read", &path)?);
        reader.read_to_end(&mut state).during("read", &path)?;
        Ok(Snapshot { sequence, head, state })
    }

    fn remove_older(&self, written: u64) -> Result<(), DiskError> {
        let others = disk::numbered(&*self.disk, &self.dir, ENDING)?.into_iter().rev();
        let others = others.filter(|(sequence, _)| *sequence != written);
        for (_, path) in others.skip(SNAPSHOTS_KEPT - 1) {
            self.disk.remove(&path).during("remove", &path)?;
        }
        Ok(())
    }
}
