//! The settings of a journal on files, with their defaults and bounds.
//!
//! The bounds belong to the format: a torn tail is told from damage by how much one append can
//! have left behind, whatever the settings were at that time.

use crate::batch::Hash;
use crate::error::OpenError;
use crate::frame::OVERHEAD_BYTES;
use crate::segment::FIRST_FRAME_AT;

/// The largest batch that the format allows.
pub const BATCH_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// The largest segment that the format allows.
pub const SEGMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The largest batch unless set otherwise.
pub const BATCH_DEFAULT_BYTES: u32 = 4 * 1024 * 1024;
/// The size at which a new segment begins, unless set otherwise.
pub const SEGMENT_DEFAULT_BYTES: u64 = 64 * 1024 * 1024;
/// How far ahead zeros are written, unless set otherwise.
pub const PREALLOCATE_DEFAULT_BYTES: u64 = 4 * 1024 * 1024;
/// After how many batches the durable mark follows, unless set otherwise.
pub const MARK_EVERY_DEFAULT_BATCHES: u32 = 1;

/// How to open a journal on files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The largest batch; at most [`BATCH_BYTES_MAX`].
    pub batch_bytes_max: u32,
    /// A new segment begins when the next batch would end beyond this size; at least one largest
    /// batch fits, at most [`SEGMENT_BYTES_MAX`].
    pub segment_bytes: u64,
    /// A segment grows by this many written zeros at a time; at most `segment_bytes`.
    pub preallocate_bytes: u64,
    /// The durable mark is written after this many batches and on close; at least 1.
    pub mark_every_batches: u32,
    /// A batch that is known to be right, from a snapshot: segments wholly before it are not
    /// verified and may be missing, and the journal must hold at least this batch. `None`
    /// verifies everything.
    pub verify_from: Option<Position>,
    /// The id of a journal that is created now. `None` draws it at random, which protects it
    /// against batches made to look like its frames; a simulation gives one, to be repeatable.
    pub new_id: Option<[u8; 16]>,
}

/// A batch and its chain hash; by default the empty journal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The batch's sequence; 0 is the empty journal.
    pub sequence: u64,
    /// The chain hash up to and including it.
    pub hash: Hash,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch_bytes_max: BATCH_DEFAULT_BYTES,
            segment_bytes: SEGMENT_DEFAULT_BYTES,
            preallocate_bytes: PREALLOCATE_DEFAULT_BYTES,
            mark_every_batches: MARK_EVERY_DEFAULT_BATCHES,
            verify_from: None,
            new_id: None,
        }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let one_batch = FIRST_FRAME_AT + OVERHEAD_BYTES + u64::from(self.batch_bytes_max);
        let wrong = if self.batch_bytes_max > BATCH_BYTES_MAX {
            "batch_bytes_max is over 16 MiB; lower it"
        } else if self.segment_bytes > SEGMENT_BYTES_MAX {
            "segment_bytes is over 256 MiB; lower it"
        } else if self.segment_bytes < one_batch {
            "segment_bytes does not hold one batch of batch_bytes_max and its frame; raise it"
        } else if self.preallocate_bytes == 0 || self.preallocate_bytes > self.segment_bytes {
            "preallocate_bytes must be between 1 and segment_bytes"
        } else if self.mark_every_batches == 0 {
            "mark_every_batches must be at least 1"
        } else {
            return Ok(());
        };
        Err(OpenError::Options(wrong))
    }
}
