//! Reads durable batches back from segment files.
//!
//! Every batch is checked against the chain as it is read. The reader never goes beyond the last
//! batch that was durable when it was made, whatever else the files hold.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::Disk;

use crate::batch::{Batch, Batches, Hash};
use crate::error::{Damage, ReadError};
use crate::scan::{SegmentReader, Step};
use crate::segment;

/// The batches `from..next` of the journal in `dir`.
pub(crate) fn batches(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    from: u64,
    next: u64,
) -> Result<Batches, ReadError> {
    let segments = segment::list(&**disk, dir)?;
    let first = segments.first().map_or(next, |(first, _)| *first);
    if from < first || from > next {
        return Err(ReadError::NotThere { from, first, last: next - 1 });
    }
    let start = segments.iter().rposition(|(first, _)| *first <= from).unwrap_or(0);
    let mut source = Source {
        disk: Arc::clone(disk),
        segments: segments.into_iter().skip(start).collect(),
        reader: None,
        sequence: 0,
        chain: None,
        from,
        next,
    };
    source.sequence = source.segments.front().map_or(next, |(first, _)| *first);
    Ok(Batches::new(source))
}

struct Source {
    disk: Arc<dyn Disk>,
    segments: VecDeque<(u64, PathBuf)>,
    reader: Option<SegmentReader>,
    /// The batch that comes next in the files.
    sequence: u64,
    /// The chain hash before it; unknown until the first segment is open.
    chain: Option<Hash>,
    from: u64,
    next: u64,
}

impl Iterator for Source {
    type Item = Result<Batch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.sequence < self.next {
            match self.step() {
                Ok(Some(batch)) if batch.sequence < self.from => {}
                Ok(Some(batch)) => return Some(Ok(batch)),
                Ok(None) => {}
                Err(error) => {
                    self.sequence = self.next;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl Source {
    /// The next batch of the open segment, or none when the next segment was opened instead.
    fn step(&mut self) -> Result<Option<Batch>, ReadError> {
        let next_follows = self.segments.front().is_some_and(|(first, _)| *first == self.sequence);
        let Some(reader) = &mut self.reader else {
            self.open_next()?;
            return Ok(None);
        };
        let mut body = Vec::new();
        match reader.step(&mut body)? {
            Step::Batch(hash) => {
                let batch = Batch { sequence: self.sequence, hash, body };
                self.sequence += 1;
                self.chain = Some(hash);
                Ok(Some(batch))
            }
            Step::End(_) if next_follows => {
                self.open_next()?;
                Ok(None)
            }
            Step::End(fault) => Err(ReadError::Damaged(reader.damage(fault.what()))),
        }
    }

    fn open_next(&mut self) -> Result<(), ReadError> {
        let damage = |segment: PathBuf, what| {
            ReadError::Damaged(Damage { segment, sequence: self.sequence, offset: 0, what })
        };
        let Some((first, path)) = self.segments.pop_front() else {
            return Err(damage(PathBuf::new(), "the segment with this batch is missing"));
        };
        let reader = SegmentReader::open(&*self.disk, &path)?
            .map_err(|_| damage(path.clone(), "the segment header is broken"))?;
        let fits = reader.header.first == first
            && first == self.sequence
            && self.chain.is_none_or(|chain| chain == reader.chain);
        if !fits {
            return Err(damage(path, "the segment does not follow the one before it"));
        }
        self.reader = Some(reader);
        Ok(())
    }
}
