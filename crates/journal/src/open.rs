//! Opening a journal on files: lock, create or recover, then bring the durable mark up to date.
//!
//! Two processes never have the same journal open. A refused start changes nothing that was
//! durable.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use crate::batch::Hash;
use crate::disk::{self, During};
use crate::error::{Damage, OpenError};
use crate::files::Files;
use crate::mark::Mark;
use crate::options::{Options, Position};
use crate::recovery::{self, Recovered, Recovery, Tail};
use crate::segment::{self, FIRST_FRAME_AT, SegmentHeader};

pub(crate) const LOCK: &str = "lock";

impl Files {
    /// Opens the journal in the folder `dir`, or creates it, folder included.
    ///
    /// Says what it found; a torn tail has been cut and reported when this returns.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), OpenError> {
        options.check()?;
        disk::create_folder(dir)?;
        let lock = lock(dir)?;
        disk::remove_unfinished(dir)?;
        let segments = segment::list(dir)?;
        let (recovered, mark) = if segments.is_empty() {
            create(dir, &options)?
        } else {
            let recovered = recovery::recover(dir, &segments, options.verify_from)?;
            let mark = mark_at(dir, &recovered)?;
            (recovered, mark)
        };
        let Recovered { tail, last, report } = recovered;
        Ok((Self::new(dir, options, lock, mark, tail, last)?, report))
    }
}

/// Keeps every other opening of the journal out.
#[derive(Debug)]
pub(crate) struct Lock(pub(crate) File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough while a child process that is being started shares it.
        let _ = self.0.unlock();
    }
}

fn lock(dir: &Path) -> Result<Lock, OpenError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .during("open", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(cause)) => Err(cause).during("lock", &path).map_err(Into::into),
    }
}

fn create(dir: &Path, options: &Options) -> Result<(Recovered, Mark), OpenError> {
    let durable = recovery::stored_mark(dir)?.map_or(0, |mark| mark.position.sequence);
    let known = options.verify_from.map_or(0, |position| position.sequence);
    if durable.max(known) > 0 {
        let what = "the folder holds no segments, but this batch was durable";
        let damage = Damage { segment: dir.to_owned(), sequence: 1, offset: 0, what };
        return Err(OpenError::Damaged(damage));
    }
    let mut journal = [0; 16];
    getrandom::fill(&mut journal)
        .map_err(io::Error::other)
        .during("draw a random id for the journal in", dir)?;
    let last = Position { sequence: 0, hash: Hash::ZERO };
    let header = SegmentHeader { journal, first: 1, chain: Hash::ZERO };
    let mark = Mark::create(dir, journal, last)?;
    let tail = create_tail(dir, header, options)?;
    let report = Recovery { verified_from: 1, durable_mark: Some(0), ..Recovery::default() };
    Ok((Recovered { tail, last, report }, mark))
}

/// Creates the segment that `header` describes and opens it for the next append.
pub(crate) fn create_tail(
    dir: &Path,
    header: SegmentHeader,
    options: &Options,
) -> Result<Tail, disk::DiskError> {
    let path = segment::create(dir, &header, options.preallocate_bytes)?;
    let file = disk::open_in_place(&path)?;
    Ok(Tail { file, path, key: header.key(), header, end: FIRST_FRAME_AT })
}

/// What recovery has verified it has also synced, so the mark may name it.
fn mark_at(dir: &Path, recovered: &Recovered) -> Result<Mark, OpenError> {
    Ok(Mark::create(dir, recovered.tail.header.journal, recovered.last)?)
}
