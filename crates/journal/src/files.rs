//! The embedded journal: segment files.
//!
//! An append is one write over prewritten zeros and one `fdatasync`; it is acknowledged only after
//! both. The first write or sync that fails stops the journal for good: what is on the disk is
//! then unknown, a repeated sync would answer "well" without writing, and only recovery can tell.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError, DiskLock, During as _};

use crate::Journal;
use crate::batch::{Batches, Hash};
use crate::error::{AppendError, ReadError};
use crate::frame::FrameHeader;
use crate::mark::Mark;
use crate::open::create_tail;
use crate::options::{Options, Position};
use crate::read;
use crate::recovery::{Recovered, Tail};
use crate::segment::{FIRST_FRAME_AT, SegmentHeader};
use crate::spare::Preparer;

/// A journal on segment files, open for reading and appending.
#[derive(Debug)]
pub struct Files {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: Options,
    mark: Mark,
    unmarked_batches: u32,
    tail: Tail,
    /// The size of the tail's file: up to here zeros are written.
    allocated: u64,
    preparer: Preparer,
    last: Position,
    stopped: Option<String>,
    frame: Vec<u8>,
    /// Held, never read: dropping it lets others open the journal.
    _lock: Box<dyn DiskLock>,
}

impl Files {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
        lock: Box<dyn DiskLock>,
        mark: Mark,
        recovered: Recovered,
    ) -> Result<Self, DiskError> {
        let Recovered { tail, last, .. } = recovered;
        let allocated = tail.file.len().during("read the size of", &tail.path)?;
        let preparer = Preparer::new(Arc::clone(&disk), dir, &options);
        Ok(Self {
            disk,
            dir: dir.to_owned(),
            options,
            mark,
            unmarked_batches: 0,
            tail,
            allocated,
            preparer,
            last,
            stopped: None,
            frame: Vec::new(),
            _lock: lock,
        })
    }

    fn check(&self, expected: u64, batch: &[u8]) -> Result<u32, AppendError> {
        if let Some(cause) = &self.stopped {
            return Err(AppendError::Stopped { cause: cause.clone() });
        }
        let next = self.next();
        if expected != next {
            return Err(AppendError::Conflict { expected, next });
        }
        match u32::try_from(batch.len()) {
            Ok(bytes) if bytes <= self.options.batch_bytes_max => Ok(bytes),
            _ => Err(AppendError::TooLarge {
                bytes: batch.len() as u64,
                bytes_max: u64::from(self.options.batch_bytes_max),
            }),
        }
    }

    fn write(&mut self, header: FrameHeader, batch: &[u8]) -> Result<(), DiskError> {
        let size = header.frame_bytes();
        if self.tail.end > FIRST_FRAME_AT && self.tail.end + size > self.options.segment_bytes {
            self.roll()?;
        }
        let end = self.tail.end + size;
        self.allocate(end)?;
        let hash = header.hash(batch);
        self.frame.clear();
        self.frame.extend_from_slice(&header.encode(&self.tail.key));
        self.frame.extend_from_slice(batch);
        self.frame.extend_from_slice(&hash.0);
        let Tail { file, path, .. } = &self.tail;
        file.write_at(&self.frame, self.tail.end).during("append to", path)?;
        file.sync_data().during("sync", path)?;
        self.tail.end = end;
        self.last = Position { sequence: header.sequence, hash };
        // As fast as this segment fills, and no faster: one that is never full costs little more.
        self.preparer.want(end);
        Ok(())
    }

    /// Begins the next segment, in the spare if there is one. The one before it is whole and
    /// synced.
    fn roll(&mut self) -> Result<(), DiskError> {
        let header = SegmentHeader {
            journal: self.tail.header.journal,
            first: self.last.sequence + 1,
            chain: self.last.hash,
        };
        (self.tail, self.allocated) = if let Some(spare) = self.preparer.take()? {
            spare.become_segment(&*self.disk, &self.dir, header)?
        } else {
            let tail = create_tail(&*self.disk, &self.dir, header, &self.options)?;
            (tail, self.options.preallocate_bytes.max(FIRST_FRAME_AT))
        };
        Ok(())
    }

    /// Writes zeros ahead, so that later syncs have no file size or block map to write. The sync
    /// of the batch makes them durable.
    fn allocate(&mut self, end: u64) -> Result<(), DiskError> {
        if end <= self.allocated {
            return Ok(());
        }
        let chunks_end = end.next_multiple_of(self.options.preallocate_bytes);
        let to = chunks_end.min(self.options.segment_bytes).max(end);
        disk::write_zeros(&*self.tail.file, self.allocated, to)
            .during("preallocate", &self.tail.path)?;
        self.allocated = to;
        Ok(())
    }

    fn write_mark(&mut self) -> Result<(), DiskError> {
        self.unmarked_batches = 0;
        self.mark.write(self.last)
    }
}

impl Journal for Files {
    fn next(&self) -> u64 {
        self.last.sequence + 1
    }

    fn head(&self) -> Hash {
        self.last.hash
    }

    fn append(&mut self, expected_next: u64, batch: &[u8]) -> Result<(), AppendError> {
        let body_bytes = self.check(expected_next, batch)?;
        let header = FrameHeader { sequence: expected_next, body_bytes, previous: self.last.hash };
        if let Err(failed) = self.write(header, batch) {
            self.stopped = Some(failed.to_string());
            return Err(AppendError::Failed(failed));
        }
        self.unmarked_batches += 1;
        if self.unmarked_batches >= self.options.mark_every_batches {
            // The batch is durable whatever becomes of the mark; the next append is refused.
            self.stopped = self.write_mark().err().map(|failed| failed.to_string());
        }
        Ok(())
    }

    fn read(&self, from: u64) -> Result<Batches, ReadError> {
        read::batches(&self.disk, &self.dir, from, self.next())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if self.stopped.is_none() && self.unmarked_batches > 0 {
            // A late mark is a lower bound still, so there is nothing to do about a failure.
            let _ = self.write_mark();
        }
    }
}

#[cfg(test)]
mod tests {
    use disk::{Access, Local};

    use super::*;

    fn opened(dir: &Path) -> Files {
        Files::open(dir, Options::default()).unwrap().0
    }

    /// `/dev/null` takes every write and refuses `fdatasync`; `/dev/full` refuses every write.
    fn stops_on(device: &str, action: &str) {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = opened(dir.path());
        journal.append(1, b"one").unwrap();
        let bad = Local.open(Path::new(device), Access::InPlace).unwrap();
        let good = std::mem::replace(&mut journal.tail.file, bad);

        let failed = journal.append(2, b"two").unwrap_err();
        assert!(matches!(&failed, AppendError::Failed(error) if error.action == action));
        journal.tail.file = good;
        for expected in [1, 2, 3] {
            let refused = journal.append(expected, b"two").unwrap_err();
            assert!(matches!(refused, AppendError::Stopped { .. }), "{refused}");
        }
        assert_eq!((journal.next(), journal.read(1).unwrap().count()), (2, 1));

        drop(journal);
        let mut journal = opened(dir.path());
        assert_eq!(journal.next(), 2);
        journal.append(2, b"two").unwrap();
    }

    #[test]
    fn a_failed_sync_stops_for_good() {
        stops_on("/dev/null", "sync");
    }

    #[test]
    fn a_failed_write_stops_for_good() {
        stops_on("/dev/full", "append to");
    }

    #[test]
    fn a_failed_mark_keeps_the_batch_and_stops_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = opened(dir.path());
        journal.mark.break_file();
        journal.append(1, b"one").unwrap();
        assert!(matches!(journal.append(2, b"two"), Err(AppendError::Stopped { .. })));
        drop(journal);
        assert_eq!(opened(dir.path()).next(), 2);
    }
}
