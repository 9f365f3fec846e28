//! What happens to existing segments when a journal is opened.
//!
//! The whole chain is verified, or the part from a known position on. Only a torn tail is cut:
//! an invalid suffix of the last segment, no longer than one append, with no valid frame in it
//! and nothing in it that was known to be durable. Everything else that does not fit is damage,
//! and refuses the start with the files as they are.

use std::io;
use std::path::{Path, PathBuf};

use disk::{Access, Disk, DiskFile, During as _};

use crate::batch::Hash;
use crate::error::{Damage, OpenError};
use crate::frame::OVERHEAD_BYTES;
use crate::mark::{self, Mark, Stored};
use crate::options::{BATCH_BYTES_MAX, Position};
use crate::scan::{Fault, Rest, SegmentReader, Step};
use crate::seal::{Unsealed, VERSION};
use crate::segment::SegmentHeader;

/// What opening found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// The last whole batch; 0 for an empty journal.
    pub last_sequence: u64,
    /// The batch up to which the durable mark vouched; `None` if its file was not there.
    pub durable_mark: Option<u64>,
    /// The first batch that was verified.
    pub verified_from: u64,
    /// How many bytes of a torn tail were cut. They held no acknowledged batch.
    pub torn_bytes: u64,
    /// Where they began; `None` if nothing was cut.
    pub torn_at: Option<Place>,
}

/// A place in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The segment.
    pub segment: PathBuf,
    /// Bytes from its start.
    pub offset: u64,
}

/// The last segment, ready for the next append.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) path: PathBuf,
    pub(crate) header: SegmentHeader,
    pub(crate) key: [u8; 32],
    /// Where the next frame begins.
    pub(crate) end: u64,
}

/// A recovered journal.
pub(crate) struct Recovered {
    pub(crate) tail: Tail,
    pub(crate) last: Position,
    pub(crate) report: Recovery,
}

/// Verifies the segments of `dir`, of which there is at least one, and cuts a torn tail.
pub(crate) fn recover(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[(u64, PathBuf)],
    verify_from: Option<Position>,
) -> Result<Recovered, OpenError> {
    let Some((_, tail)) = segments.last() else {
        return Err(OpenError::Options("there is no segment to recover"));
    };
    // What a killed process wrote may be in memory only: make it durable before believing it.
    let file = disk.open(tail, Access::InPlace).during("open", tail)?;
    file.sync_all().during("sync", tail)?;
    disk.sync_folder(dir).during("sync folder", dir)?;

    let from = verify_from.unwrap_or(Position { sequence: 0, hash: Hash::ZERO });
    let mark = stored_mark(disk, dir)?;
    let start = segments.iter().rposition(|(first, _)| *first <= from.sequence.saturating_add(1));
    let start = start.unwrap_or(0);
    let mut walk = Walk::new(from, mark);
    for (index, (first, path)) in segments.iter().enumerate() {
        let mut reader = open_segment(disk, path, *first)?;
        walk.check_journal(&reader)?;
        if index < start {
            continue;
        }
        walk.enter(&reader, index == start)?;
        let fault = walk.frames(&mut reader)?;
        let rest = reader.rest()?;
        if index + 1 == segments.len() {
            let report = Recovery { verified_from: segments[start].0, ..Recovery::default() };
            return walk.finish(&reader, fault, &rest, file, report);
        }
        if rest.end > reader.offset {
            return Err(OpenError::Damaged(reader.damage(fault.what())));
        }
    }
    Err(OpenError::Options("there is no segment to recover"))
}

/// The durable mark of `dir`, if there is one.
pub(crate) fn stored_mark(disk: &dyn Disk, dir: &Path) -> Result<Option<Stored>, OpenError> {
    match mark::read(disk, dir)? {
        None => Ok(None),
        Some(Ok(stored)) => Ok(Some(stored)),
        Some(Err(unsealed)) => {
            let what = "both slots of the durable mark are broken; \
                        if nothing else is, removing the file gives up its protection";
            Err(unreadable(&Mark::path(dir), 0, unsealed, what))
        }
    }
}

pub(crate) fn open_segment(
    disk: &dyn Disk,
    path: &Path,
    first: u64,
) -> Result<SegmentReader, OpenError> {
    let reader = SegmentReader::open(disk, path)?
        .map_err(|unsealed| unreadable(path, first, unsealed, "the segment header is broken"))?;
    if reader.header.first != first || first == 0 {
        let what = "the segment header names another first batch than the file name";
        return Err(damaged(path, first, what));
    }
    Ok(reader)
}

fn unreadable(path: &Path, sequence: u64, unsealed: Unsealed, what: &'static str) -> OpenError {
    match unsealed {
        Unsealed::Damaged => damaged(path, sequence, what),
        Unsealed::Version(found) => {
            OpenError::Version { path: path.to_owned(), found, supported: VERSION }
        }
    }
}

pub(crate) fn damaged(path: &Path, sequence: u64, what: &'static str) -> OpenError {
    OpenError::Damaged(Damage { segment: path.to_owned(), sequence, offset: 0, what })
}

/// The walk over the segments, with what is known from elsewhere.
pub(crate) struct Walk {
    from: Position,
    mark: Option<Stored>,
    /// The id of the journal, once it is known.
    journal: Option<[u8; 16]>,
    /// The last whole batch so far.
    pub(crate) last: Position,
    /// Where its frame begins, if it lies in the segment being walked.
    last_frame_at: Option<u64>,
}

impl Walk {
    /// A walk that knows batch `from` and what the mark says.
    pub(crate) fn new(from: Position, mark: Option<Stored>) -> Self {
        Self {
            from,
            journal: mark.as_ref().map(|mark| mark.journal),
            mark,
            last: from,
            last_frame_at: None,
        }
    }

    /// Every segment carries the id of the mark, or without a mark that of the first segment.
    pub(crate) fn check_journal(&mut self, reader: &SegmentReader) -> Result<(), OpenError> {
        let journal = reader.header.journal;
        if *self.journal.get_or_insert(journal) == journal {
            return Ok(());
        }
        let what = "the segment belongs to another journal";
        Err(OpenError::Damaged(reader.damage(what)))
    }

    pub(crate) fn enter(&mut self, reader: &SegmentReader, start: bool) -> Result<(), OpenError> {
        let before = reader.before();
        let missing = if start {
            before.sequence > self.from.sequence
        } else {
            before.sequence != self.last.sequence
        };
        if missing {
            let sequence = self.last.sequence + 1;
            let what = "the batches before this segment are missing";
            return Err(damaged(&reader.path, sequence, what));
        }
        if !start && before.hash != self.last.hash {
            let what = "the segment does not follow the one before it";
            return Err(OpenError::Damaged(reader.damage(what)));
        }
        self.last_frame_at = None;
        self.pass(reader, before)
    }

    /// Steps over all whole batches and says why there are no more.
    fn frames(&mut self, reader: &mut SegmentReader) -> Result<Fault, OpenError> {
        let mut body = Vec::new();
        loop {
            let at = reader.offset;
            match reader.step(&mut body)? {
                Step::End(fault) => return Ok(fault),
                Step::Batch(hash) => {
                    self.last_frame_at = Some(at);
                    self.pass(reader, Position { sequence: reader.sequence - 1, hash })?;
                }
            }
        }
    }

    /// Takes note of a whole batch and compares it with what is known from elsewhere.
    pub(crate) fn pass(
        &mut self,
        reader: &SegmentReader,
        position: Position,
    ) -> Result<(), OpenError> {
        self.last = position;
        let differs = |known: Position| known.sequence == position.sequence && known != position;
        let what = if differs(self.from) {
            "the chain does not lead through the batch that verification should start from"
        } else if self.mark.as_ref().is_some_and(|mark| differs(mark.position)) {
            "the chain does not lead through the batch that the durable mark names"
        } else {
            return Ok(());
        };
        let mut damage = reader.damage(what);
        damage.sequence = position.sequence;
        Err(OpenError::Damaged(damage))
    }

    /// Tells a torn tail from damage, cuts the first and refuses the second.
    fn finish(
        self,
        reader: &SegmentReader,
        fault: Fault,
        rest: &Rest,
        file: Box<dyn DiskFile>,
        mut report: Recovery,
    ) -> Result<Recovered, OpenError> {
        if let Some(what) = self.damage_in(reader, fault, rest) {
            return Err(OpenError::Damaged(reader.damage(what)));
        }
        if rest.end > reader.offset {
            disk::write_zeros(&*file, reader.offset, rest.end)
                .and_then(|()| file.sync_data())
                .during("cut the torn tail of", &reader.path)?;
            report.torn_bytes = rest.end - reader.offset;
            report.torn_at = Some(Place { segment: reader.path.clone(), offset: reader.offset });
        }
        if let Some(at) = self.last_frame_at {
            write_again(&*file, at, reader.offset).during("write again", &reader.path)?;
        }
        report.last_sequence = self.last.sequence;
        report.durable_mark = self.mark.map(|mark| mark.position.sequence);
        let tail = Tail {
            file,
            path: reader.path.clone(),
            header: reader.header,
            key: reader.key,
            end: reader.offset,
        };
        Ok(Recovered { tail, last: self.last, report })
    }

    pub(crate) fn damage_in(
        &self,
        reader: &SegmentReader,
        fault: Fault,
        rest: &Rest,
    ) -> Option<&'static str> {
        let one_append = match fault {
            Fault::Foreign => return Some(fault.what()),
            Fault::Broken { end } => end,
            Fault::NoHeader => reader.offset + OVERHEAD_BYTES + u64::from(BATCH_BYTES_MAX),
        };
        let durable = self.mark.as_ref().map_or(0, |mark| mark.position.sequence);
        if rest.later_frame.is_some() {
            Some(fault.what())
        } else if self.last.sequence < durable.max(self.from.sequence) {
            Some("the batch was durable and is not there or not whole any more")
        } else if rest.end > one_append {
            Some("more bytes follow the last batch than one append can have left")
        } else {
            None
        }
    }
}

/// Writes the last frame over itself and syncs it. After a failed sync the system holds pages
/// that look written and are not on the disk; reading them proves nothing, writing them does.
fn write_again(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let mut frame = vec![0; usize::try_from(to - from).map_err(io::Error::other)?];
    file.read_exact_at(&mut frame, from)?;
    file.write_at(&frame, from)?;
    file.sync_data()
}
