//! Looks at a journal without changing a byte: what it holds, what is broken, and where.
//!
//! The verdict on a journal that nobody has open is that of opening it: damage here refuses the
//! start there, and what is called torn here would be cut there. Unlike a start, an inspection goes
//! on behind damage. Of a journal that is open elsewhere it judges what the durable mark vouches
//! for and nothing beyond, because the writer is at work there.
//!
//! It must not write, and takes no more than a shared lock on a lock file that exists.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Access, Disk, DiskError, DiskLock, During as _, Local};

use crate::batch::Hash;
use crate::error::OpenError;
use crate::open::LOCK;
use crate::options::Position;
use crate::recovery::{self, Place, Walk};
use crate::scan::{Fault, SegmentReader, Step};
use crate::segment;

/// Faults that one inspection reports; it stops at the next one.
pub const FAULTS_COUNT_MAX: usize = 100;

/// A journal's folder, open for reading alone.
#[derive(Debug)]
pub struct ReadOnly {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    open_elsewhere: bool,
    /// Held, never read: while it is, nobody opens the journal to write.
    _lock: Option<Box<dyn DiskLock>>,
}

/// One whole batch as an inspection meets it.
#[derive(Debug)]
pub struct WholeBatch<'a> {
    /// Its place in the order.
    pub sequence: u64,
    /// The chain hash up to and including it.
    pub hash: Hash,
    /// The bytes that were appended.
    pub body: &'a [u8],
    /// The segment.
    pub segment: &'a Path,
    /// Where its body begins, in bytes from the segment's start.
    pub body_at: u64,
    /// Everything before it, from the first batch or the known position on, is whole.
    pub follows: bool,
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFound {
    /// The file.
    pub path: PathBuf,
    /// The first batch by its name.
    pub first: u64,
    /// Whole batches in it.
    pub batches: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// What an inspection found.
#[derive(Debug, Default)]
pub struct Inspection {
    /// A process has the journal open; only what its mark vouches for was judged.
    pub open_elsewhere: bool,
    /// The segments, in order.
    pub segments: Vec<SegmentFound>,
    /// The last whole batch; sequence 0 if there is none.
    pub last: Position,
    /// The batch up to which the durable mark vouches; `None` if it is missing or broken.
    pub durable_mark: Option<u64>,
    /// How many bytes of a torn tail the next start cuts. They hold no acknowledged batch.
    pub torn_bytes: u64,
    /// Where they begin.
    pub torn_at: Option<Place>,
    /// Files that a crash left unfinished; the next start removes them.
    pub unfinished: Vec<PathBuf>,
    /// Why a start is refused: damage and unknown formats, in the order of the files.
    pub faults: Vec<OpenError>,
    /// There were more than [`FAULTS_COUNT_MAX`]; what follows the last one was not looked at.
    pub cut_short: bool,
}

/// The segments that a start from a snapshot after batch `known` does not need. They can be moved
/// away once that is the *older* of the snapshots kept; a full check needs them back.
pub fn archivable(segments: &[SegmentFound], known: u64) -> &[SegmentFound] {
    // A segment is behind the snapshot if the next one begins no later than the batch after it.
    let behind = segments.windows(2).take_while(|pair| pair[1].first <= known.saturating_add(1));
    &segments[..behind.count()]
}

impl ReadOnly {
    /// Opens the journal's folder `dir`, which must exist, on the local disk.
    pub fn open(dir: &Path) -> Result<Self, DiskError> {
        Self::open_on(Arc::new(Local), dir)
    }

    /// Opens the journal's folder `dir`, which must exist, on `disk`.
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, DiskError> {
        let path = dir.join(LOCK);
        let (open_elsewhere, lock) = match disk.lock_shared(&path) {
            // A copy without lock file is open nowhere.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => (false, None),
            other => match other.during("lock", &path)? {
                Some(lock) => (false, Some(lock)),
                None => (true, None),
            },
        };
        Ok(Self { disk, dir: dir.to_owned(), open_elsewhere, _lock: lock })
    }

    /// Whether a process has the journal open for writing.
    pub fn is_open_elsewhere(&self) -> bool {
        self.open_elsewhere
    }

    /// The journal's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// Where the first segment begins, 1 unless older ones were moved away; `None` without any.
    pub fn first(&self) -> Result<Option<u64>, DiskError> {
        Ok(segment::list(&*self.disk, &self.dir)?.first().map(|(first, _)| *first))
    }

    /// Looks at everything and shows each whole batch. `from` is a batch that is known to be
    /// right: the segments before it may be missing.
    pub fn inspect(
        &self,
        from: Option<Position>,
        visit: &mut dyn FnMut(&WholeBatch<'_>),
    ) -> Result<Inspection, DiskError> {
        let mut seen = Inspection { open_elsewhere: self.open_elsewhere, ..Inspection::default() };
        // Read before the segments are listed: all it vouches for is there then.
        let mark = match recovery::stored_mark(&*self.disk, &self.dir) {
            Ok(mark) => mark,
            Err(error) => {
                seen.note(error)?;
                None
            }
        };
        seen.durable_mark = mark.as_ref().map(|mark| mark.position.sequence);
        let known = from.unwrap_or_default();
        let needed = seen.durable_mark.unwrap_or(0).max(known.sequence);
        let end = if self.open_elsewhere { seen.durable_mark.unwrap_or(0) } else { u64::MAX };
        seen.unfinished = if self.open_elsewhere {
            Vec::new()
        } else {
            disk::unfinished(&*self.disk, &self.dir)?
        };
        let mut segments = segment::list(&*self.disk, &self.dir)?;
        segments.retain(|(first, _)| *first <= end);
        if segments.is_empty() && needed > 0 {
            let what = "the folder holds no segments, but this batch was durable";
            seen.note(recovery::damaged(&self.dir, 1, what))?;
        }
        let walk = Walk::new(known, mark);
        let mut survey = Survey { disk: &*self.disk, walk, seen, end, follows: true, lost: false };
        let last = segments.len().saturating_sub(1);
        for (index, (first, path)) in segments.iter().enumerate() {
            survey.segment(
                &Turn { first: *first, path, start: index == 0, tail: index == last },
                visit,
            )?;
            if survey.seen.cut_short {
                break;
            }
        }
        survey.seen.last = survey.walk.last;
        Ok(survey.seen)
    }
}

impl Inspection {
    /// Whether a start would take the journal, as far as it was judged.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    fn note(&mut self, error: OpenError) -> Result<(), DiskError> {
        match error {
            OpenError::Disk(error) => return Err(error),
            _ if self.faults.len() == FAULTS_COUNT_MAX => self.cut_short = true,
            fault => self.faults.push(fault),
        }
        Ok(())
    }
}

/// One segment's place among the others.
struct Turn<'a> {
    first: u64,
    path: &'a Path,
    start: bool,
    tail: bool,
}

struct Survey<'a> {
    disk: &'a dyn Disk,
    walk: Walk,
    seen: Inspection,
    /// The last batch that is judged.
    end: u64,
    follows: bool,
    /// The segment before could not be read, so nothing is known about where it ended.
    lost: bool,
}

impl Survey<'_> {
    fn note(&mut self, error: OpenError) -> Result<(), DiskError> {
        self.follows = false;
        self.seen.note(error)
    }

    fn segment(
        &mut self,
        turn: &Turn<'_>,
        visit: &mut dyn FnMut(&WholeBatch<'_>),
    ) -> Result<(), DiskError> {
        let Turn { first, path, start, tail } = *turn;
        let bytes = self.disk.open(path, Access::Read).and_then(|file| file.len());
        let bytes = bytes.during("read the size of", path)?;
        let path = path.to_owned();
        self.seen.segments.push(SegmentFound { path: path.clone(), first, batches: 0, bytes });
        let mut reader = match recovery::open_segment(self.disk, &path, first) {
            Ok(reader) => reader,
            Err(error) => {
                self.lost = true;
                return self.note(error);
            }
        };
        if let Err(error) = self.walk.check_journal(&reader) {
            self.note(error)?;
        }
        if std::mem::take(&mut self.lost) {
            self.walk.last = reader.before();
        } else if let Err(error) = self.walk.enter(&reader, start) {
            self.note(error)?;
            self.walk.last = reader.before();
        }
        while let Some(fault) = self.frames(&mut reader, visit)? {
            let rest = reader.rest()?;
            let more = rest.end > reader.offset;
            let what = if tail {
                self.walk.damage_in(&reader, fault, &rest)
            } else {
                more.then(|| fault.what())
            };
            let Some(what) = what else {
                if more {
                    self.seen.torn_bytes = rest.end - reader.offset;
                    self.seen.torn_at = Some(Place { segment: path, offset: reader.offset });
                }
                break;
            };
            self.note(OpenError::Damaged(reader.damage(what)))?;
            let Some(later) = rest.later_frame.filter(|_| !self.seen.cut_short) else { break };
            reader.resume(later)?;
            self.walk.last = reader.before();
        }
        Ok(())
    }

    /// Shows all whole batches up to the end and says why there are no more; `None` at the end.
    fn frames(
        &mut self,
        reader: &mut SegmentReader,
        visit: &mut dyn FnMut(&WholeBatch<'_>),
    ) -> Result<Option<Fault>, DiskError> {
        let mut body = Vec::new();
        while reader.sequence <= self.end {
            let body_at = reader.offset + crate::frame::HEADER_BYTES as u64;
            let sequence = reader.sequence;
            let hash = match reader.step(&mut body)? {
                Step::End(fault) => return Ok(Some(fault)),
                Step::Batch(hash) => hash,
            };
            if let Err(error) = self.walk.pass(reader, Position { sequence, hash }) {
                self.note(error)?;
            }
            if let Some(found) = self.seen.segments.last_mut() {
                found.batches += 1;
            }
            let (segment, follows) = (&*reader.path, self.follows);
            visit(&WholeBatch { sequence, hash, body: &body, segment, body_at, follows });
        }
        Ok(None)
    }
}
