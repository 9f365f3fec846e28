//! What belongs to a copy of a journal up to one durable batch, taken while the writer goes on.
//!
//! Invariants: every batch of the copy was checked against the chain, and the chain leads to the
//! batch that the copy was asked for. Segments before the last are never written again; of the
//! last one only the bytes up to that batch count, and those are never written again either.

use std::path::{Path, PathBuf};

use disk::{Disk, DiskError, Local};

use crate::error::{Damage, ReadError};
use crate::inspect::ReadOnly;
use crate::mark::Mark;
use crate::options::Position;
use crate::scan::{SegmentReader, Step};
use crate::segment;

/// The files of a journal up to one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The last batch they hold.
    pub upto: Position,
    /// The segments, in order.
    pub segments: Vec<Part>,
    journal: [u8; 16],
}

/// The beginning of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file.
    pub path: PathBuf,
    /// How many of its bytes belong to the copy; the rest is zeros or later batches.
    pub bytes: u64,
}

impl Parts {
    /// Writes the durable mark of a copy into its folder, and returns the file. Written before the
    /// segments, it lets nobody start from a copy that is not finished.
    pub fn write_mark(&self, dir: &Path) -> Result<PathBuf, DiskError> {
        self.write_mark_on(&Local, dir)
    }

    /// As [`Parts::write_mark`], into a folder on `disk`.
    pub fn write_mark_on(&self, disk: &dyn Disk, dir: &Path) -> Result<PathBuf, DiskError> {
        Mark::create(disk, dir, self.journal, self.upto)?;
        Ok(Mark::path(dir))
    }
}

impl ReadOnly {
    /// The parts up to batch `upto`, which must be durable, each checked.
    pub fn parts(&self, upto: Position) -> Result<Parts, ReadError> {
        let mut segments = segment::list(self.disk(), self.dir())?;
        segments.retain(|(first, _)| *first <= upto.sequence.max(1));
        let mut parts = Parts { upto, segments: Vec::new(), journal: [0; 16] };
        let mut before: Option<Position> = None;
        let mut broken = None;
        for (first, path) in segments {
            let damage = |what| Damage { segment: path.clone(), sequence: first, offset: 0, what };
            let mut reader = SegmentReader::open(self.disk(), &path)?
                .map_err(|_| ReadError::Damaged(damage("the segment header cannot be read")))?;
            let own = parts.segments.is_empty() || reader.header.journal == parts.journal;
            let follows = before.is_none_or(|before| before == reader.before());
            if !own || !follows || reader.header.first != first {
                let what = "the segment does not follow the one before it";
                return Err(ReadError::Damaged(broken.unwrap_or_else(|| damage(what))));
            }
            parts.journal = reader.header.journal;
            broken = walk(&mut reader, upto)?;
            before = Some(reader.before());
            parts.segments.push(Part { bytes: reader.offset, path });
        }
        match (before, broken) {
            (Some(last), _) if last == upto => Ok(parts),
            (_, Some(damage)) => Err(ReadError::Damaged(damage)),
            (last, None) => Err(ReadError::NotThere {
                from: upto.sequence,
                first: 1,
                last: last.unwrap_or_default().sequence,
            }),
        }
    }
}

/// Steps over the batches up to `upto`; gives what stands in the place of the next one instead.
fn walk(reader: &mut SegmentReader, upto: Position) -> Result<Option<Damage>, ReadError> {
    let mut body = Vec::new();
    while reader.sequence <= upto.sequence {
        if let Step::End(fault) = reader.step(&mut body)? {
            return Ok(Some(reader.damage(fault.what())));
        }
    }
    if reader.before() == upto {
        return Ok(None);
    }
    let what = "the chain does not lead through the batch that the copy should end with";
    Ok(Some(reader.damage(what)))
}
