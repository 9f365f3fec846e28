//! Opening a journal on files: lock, create or recover, then bring the durable mark up to date.
//!
//! Two processes never have the same journal open. A refused start changes nothing that was
//! durable.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Access, Disk, DiskError, DiskLock, During as _, Local};

use crate::batch::Hash;
use crate::error::{Damage, OpenError};
use crate::files::Files;
use crate::mark::Mark;
use crate::options::{Options, Position};
use crate::recovery::{self, Recovered, Recovery, Tail};
use crate::segment::{self, FIRST_FRAME_AT, SegmentHeader};

pub(crate) const LOCK: &str = "lock";

impl Files {
    /// Opens the journal in the folder `dir` of the local disk, or creates it, folder included.
    ///
    /// Says what it found; a torn tail has been cut and reported when this returns.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), OpenError> {
        Self::open_on(Arc::new(Local), dir, options)
    }

    /// As [`Files::open`], on `disk`.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
    ) -> Result<(Self, Recovery), OpenError> {
        options.check()?;
        Self::lock_on(disk, dir)?.open(options)
    }

    /// Keeps every other opening of the journal in `dir` out, before anything in it or beside it is
    /// read or changed. The folder is created if it is not there.
    pub fn lock_on(disk: Arc<dyn Disk>, dir: &Path) -> Result<Locked, OpenError> {
        disk::create_folder(&*disk, dir)?;
        let lock = lock(&*disk, dir)?;
        Ok(Locked { disk, dir: dir.to_owned(), lock })
    }
}

/// A journal's folder that nobody else can open.
#[derive(Debug)]
pub struct Locked {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    lock: Box<dyn DiskLock>,
}

impl Locked {
    /// As [`Files::open_on`], under the lock that is held.
    pub fn open(self, options: Options) -> Result<(Files, Recovery), OpenError> {
        options.check()?;
        let Self { disk, dir, lock } = self;
        let dir = dir.as_path();
        disk::remove_unfinished(&*disk, dir)?;
        let segments = segment::list(&*disk, dir)?;
        let (recovered, mark) = if segments.is_empty() {
            create(&*disk, dir, &options)?
        } else {
            let recovered = recovery::recover(&*disk, dir, &segments, options.verify_from)?;
            let mark = mark_at(&*disk, dir, &recovered)?;
            (recovered, mark)
        };
        let report = recovered.report.clone();
        Ok((Files::new(disk, dir, options, lock, mark, recovered)?, report))
    }
}

/// Keeps every other opening of the journal out.
fn lock(disk: &dyn Disk, dir: &Path) -> Result<Box<dyn DiskLock>, OpenError> {
    let path = dir.join(LOCK);
    let lock = disk.lock(&path).during("lock", &path)?;
    lock.ok_or_else(|| OpenError::Locked { dir: dir.to_owned() })
}

fn create(disk: &dyn Disk, dir: &Path, options: &Options) -> Result<(Recovered, Mark), OpenError> {
    let durable = recovery::stored_mark(disk, dir)?.map_or(0, |mark| mark.position.sequence);
    let known = options.verify_from.map_or(0, |position| position.sequence);
    if durable.max(known) > 0 {
        let what = "the folder holds no segments, but this batch was durable";
        let damage = Damage { segment: dir.to_owned(), sequence: 1, offset: 0, what };
        return Err(OpenError::Damaged(damage));
    }
    let journal = match options.new_id {
        Some(given) => given,
        None => random_id(dir)?,
    };
    let last = Position { sequence: 0, hash: Hash::ZERO };
    let header = SegmentHeader { journal, first: 1, chain: Hash::ZERO };
    let mark = Mark::create(disk, dir, journal, last)?;
    let tail = create_tail(disk, dir, header, options)?;
    let report = Recovery { verified_from: 1, durable_mark: Some(0), ..Recovery::default() };
    Ok((Recovered { tail, last, report }, mark))
}

fn random_id(dir: &Path) -> Result<[u8; 16], DiskError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(io::Error::other)
        .during("draw a random id for the journal in", dir)?;
    Ok(id)
}

/// Creates the segment that `header` describes and opens it for the next append.
pub(crate) fn create_tail(
    disk: &dyn Disk,
    dir: &Path,
    header: SegmentHeader,
    options: &Options,
) -> Result<Tail, DiskError> {
    let path = segment::create(disk, dir, &header, options.preallocate_bytes)?;
    let file = disk.open(&path, Access::InPlace).during("open", &path)?;
    Ok(Tail { file, path, key: header.key(), header, end: FIRST_FRAME_AT })
}

/// What recovery has verified it has also synced, so the mark may name it.
fn mark_at(disk: &dyn Disk, dir: &Path, recovered: &Recovered) -> Result<Mark, OpenError> {
    Ok(Mark::create(disk, dir, recovered.tail.header.journal, recovered.last)?)
}
