//! Ordered durable batches: the one record from which a node's state is folded.
//!
//! A [`Journal`] takes whole batches in sequence and answers only when they are durable. The
//! append names the sequence it expects, so a stale writer cannot fork history. Each batch carries
//! the hash of the one before it, so nothing in the middle can change unseen.
//!
//! [`Files`] is the embedded default, on segment files; [`Memory`] stands in for it in tests
//! and simulation; [`Snapshots`] keeps folded states that shorten a start and can be thrown away.
//! The bytes are described in `docs/internals/journal.md`.
//!
//! This crate never looks inside a batch, never retries a failed write or sync, and never drops
//! anything it has acknowledged.

mod batch;
mod error;
mod files;
pub mod frame;
mod inspect;
mod mark;
mod memory;
mod open;
mod options;
mod parts;
mod read;
mod recovery;
mod scan;
pub mod seal;
pub mod segment;
mod snapshot;
mod spare;
mod state_file;

pub use batch::{Batch, Batches, Hash};
pub use disk::DiskError;
pub use error::{AppendError, Damage, OpenError, ReadError, SnapshotError};
pub use files::Files;
pub use inspect::{FAULTS_COUNT_MAX, Inspection, ReadOnly, SegmentFound, WholeBatch, archivable};
pub use memory::{Fault, Memory};
pub use open::Locked;
pub use options::{
    BATCH_BYTES_MAX, BATCH_DEFAULT_BYTES, MARK_EVERY_DEFAULT_BATCHES, Options,
    PREALLOCATE_DEFAULT_BYTES, Position, SEGMENT_BYTES_MAX, SEGMENT_DEFAULT_BYTES,
};
pub use parts::{Part, Parts};
pub use recovery::{Place, Recovery};
pub use snapshot::{
    Found, FoundReader, SNAPSHOTS_KEPT, Skipped, Snapshot, SnapshotReader, Snapshots,
};

/// Ordered durable batches behind a compare-and-append.
pub trait Journal: Send {
    /// The sequence that the next append must name. The first batch is 1.
    fn next(&self) -> u64;

    /// The chain hash of the last batch; zeros while the journal is empty.
    fn head(&self) -> Hash;

    /// Appends `batch` as number `expected_next` and returns only when it is durable.
    ///
    /// After [`AppendError::Failed`] it is unknown whether the batch will be there after a
    /// restart, and every later append answers [`AppendError::Stopped`].
    fn append(&mut self, expected_next: u64, batch: &[u8]) -> Result<(), AppendError>;

    /// The batches from sequence `from` up to the last one durable at the time of the call,
    /// each checked as it is read. `from` may be [`Journal::next`]; that gives none.
    fn read(&self, from: u64) -> Result<Batches, ReadError>;
}
