//! The spare: the next segment's file, filled with zeros ahead of need.
//!
//! An append that had to write zeros first would take many times as long as the others. So a
//! thread of its own keeps a file of zeros, under an unfinished name, and lets it grow as the last
//! segment fills. It becomes a segment by getting a header, a sync and the segment's name, in that
//! order. A crash leaves an unfinished file, which the next start removes.
//!
//! On a disk that wants its calls from one thread the same steps are done in the append.
//! The spare holds nothing, so what fails here costs no batch; but it is told when the spare is
//! wanted, and a spare whose sync failed is never used.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use disk::{Access, Disk, DiskError, DiskFile, During as _};

use crate::options::Options;
use crate::recovery::Tail;
use crate::segment::{self, FIRST_FRAME_AT, SegmentHeader};

/// An ending that [`disk::remove_unfinished`] knows.
const NAME: &str = "spare.new";
/// Zeros that are written and synced at once; more would hold up the sync of a batch.
const STEP_BYTES: u64 = 1024 * 1024;

/// A file of zeros under an unfinished name.
#[derive(Debug)]
pub(crate) struct Spare {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    /// Its size; zeros up to here are durable.
    bytes: u64,
}

impl Spare {
    fn create(disk: &dyn Disk, dir: &Path) -> Result<Self, DiskError> {
        let path = dir.join(NAME);
        let file = disk.open(&path, Access::Create).during("create", &path)?;
        Ok(Self { file, path, bytes: 0 })
    }

    fn grow(&mut self, to: u64) -> Result<(), DiskError> {
        disk::write_zeros(&*self.file, self.bytes, to)
            .and_then(|()| self.file.sync_all())
            .during("preallocate", &self.path)?;
        self.bytes = to;
        Ok(())
    }

    /// Turns it into the segment that `header` describes, durably: the tail, and its file's size.
    pub(crate) fn become_segment(
        self,
        disk: &dyn Disk,
        dir: &Path,
        header: SegmentHeader,
    ) -> Result<(Tail, u64), DiskError> {
        let Self { file, path: unfinished, bytes } = self;
        file.write_at(&header.encode(), 0)
            .and_then(|()| file.sync_all())
            .during("write", &unfinished)?;
        let path = dir.join(segment::name(header.first));
        disk.rename(&unfinished, &path).during("rename into place", &path)?;
        disk.sync_folder(dir).during("sync folder", dir)?;
        let tail = Tail { file, path, key: header.key(), header, end: FIRST_FRAME_AT };
        Ok((tail, bytes.max(FIRST_FRAME_AT)))
    }
}

/// Keeps the spare.
#[derive(Debug)]
pub(crate) struct Preparer {
    work: Arc<Work>,
    /// Started with the first step that is due.
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Work {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    step_bytes: u64,
    segment_bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How large the spare should be.
    wanted_bytes: u64,
    /// Away while a step is under way.
    spare: Option<Spare>,
    busy: bool,
    failed: Option<DiskError>,
    closing: bool,
}

impl State {
    fn is_due(&self) -> bool {
        let bytes = self.spare.as_ref().map_or(0, |spare| spare.bytes);
        !self.busy && self.failed.is_none() && bytes < self.wanted_bytes
    }
}

impl Preparer {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path, options: &Options) -> Self {
        let work = Work {
            disk,
            dir: dir.to_owned(),
            step_bytes: options.preallocate_bytes.min(STEP_BYTES),
            segment_bytes: options.segment_bytes,
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        Self { work: Arc::new(work), thread: None }
    }

    /// Lets the spare grow to about `bytes`.
    pub(crate) fn want(&mut self, bytes: u64) {
        let whole_steps = bytes - bytes % self.work.step_bytes;
        let due = {
            let mut state = self.work.state();
            state.wanted_bytes = whole_steps.min(self.work.segment_bytes);
            state.is_due()
        };
        if !due {
            return;
        }
        if self.work.disk.is_single_threaded() {
            while self.work.step(self.work.state()) {}
        } else if self.thread.is_some() {
            self.work.changed.notify_all();
        } else {
            let work = Arc::clone(&self.work);
            let builder = thread::Builder::new().name("journal-spare".to_owned());
            // Without a thread there is no spare, and each segment is made when it is needed.
            self.thread = builder.spawn(move || work.run()).ok();
        }
    }

    /// The spare as far as it has come, or what kept it from growing; `None` if there is none.
    pub(crate) fn take(&mut self) -> Result<Option<Spare>, DiskError> {
        let mut state = self.work.state();
        state.wanted_bytes = 0;
        while state.busy {
            state = self.work.wait(state);
        }
        state.failed.take().map_or_else(|| Ok(state.spare.take()), Err)
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.work.state().closing = true;
        self.work.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It holds no batch, so nothing is lost if it ended in disorder.
            let _ = thread.join();
        }
        if let Some(spare) = self.work.state().spare.take() {
            // The next start removes it otherwise.
            let _ = self.work.disk.remove(&spare.path);
        }
    }
}

impl Work {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let mut state = self.state();
            while !state.closing && !state.is_due() {
                state = self.wait(state);
            }
            if state.closing {
                return;
            }
            self.step(state);
        }
    }

    /// One step, if one is due; without the lock while the disk is at work.
    fn step(&self, mut state: MutexGuard<'_, State>) -> bool {
        if !state.is_due() {
            return false;
        }
        let wanted = state.wanted_bytes;
        let spare = state.spare.take();
        state.busy = true;
        drop(state);
        let spare = spare.map_or_else(|| Spare::create(&*self.disk, &self.dir), Ok);
        let grown = spare.and_then(|mut spare| {
            let to = wanted.min(spare.bytes + self.step_bytes);
            spare.grow(to).map(|()| spare)
        });
        let mut state = self.state();
        state.busy = false;
        match grown {
            Ok(spare) => state.spare = Some(spare),
            Err(error) => state.failed = Some(error),
        }
        self.changed.notify_all();
        true
    }
}

#[cfg(test)]
mod tests {
    use disk::Local;

    use super::*;
    use crate::batch::Hash;

    fn preparer(dir: &Path, preallocate_bytes: u64) -> Preparer {
        let options = Options { preallocate_bytes, ..Options::default() };
        Preparer::new(Arc::new(Local), dir, &options)
    }

    /// Waits until nothing is due any more.
    fn done(preparer: &Preparer) {
        let mut state = preparer.work.state();
        while state.busy || state.is_due() {
            state = preparer.work.wait(state);
        }
    }

    #[test]
    fn the_thread_grows_a_spare_that_becomes_a_segment() {
        let dir = tempfile::tempdir().unwrap();
        let mut preparer = preparer(dir.path(), 1000);
        preparer.want(999);
        assert!(preparer.thread.is_none() && preparer.take().unwrap().is_none());
        preparer.want(1000);
        preparer.want(3999);
        done(&preparer);
        let spare = preparer.take().unwrap().unwrap();
        assert_eq!((spare.bytes, preparer.take().unwrap().is_none()), (3000, true));
        let header = SegmentHeader { journal: [1; 16], first: 9, chain: Hash::ZERO };
        let (tail, bytes) = spare.become_segment(&Local, dir.path(), header).unwrap();
        let whole = [&header.encode()[..], &[0; 3000 - 128]].concat();
        assert_eq!((disk::read_whole(&Local, &tail.path).unwrap(), bytes), (whole, 3000));
        assert_eq!(segment::list(&Local, dir.path()).unwrap(), [(9, tail.path)]);

        preparer.want(u64::MAX);
        drop(preparer);
        assert_eq!(Local.list(dir.path()).unwrap().len(), 1, "the next spare was left behind");
    }

    #[test]
    fn what_failed_is_told_when_the_spare_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let mut preparer = preparer(&dir.path().join("nowhere"), 1000);
        preparer.want(5000);
        done(&preparer);
        preparer.want(6000);
        assert_eq!(preparer.take().unwrap_err().action, "create");
    }
}
