//! The errors of the journal, one enum for each operation.
//!
//! Variants stand in order of precedence: the first that applies is returned. Each text says what
//! is wrong, where, and what to do; programs read `code`, which never changes.

use core::fmt;
use std::path::PathBuf;

use disk::DiskError;

/// Bytes that were durable once and cannot be trusted any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub segment: PathBuf,
    /// The first batch that is affected.
    pub sequence: u64,
    /// Where in the file, in bytes from its start.
    pub offset: u64,
    /// What is wrong there.
    pub what: &'static str,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, sequence, offset, what } = self;
        let path = segment.display();
        write!(f, "batch {sequence} in {path} at byte {offset}: {what}")
    }
}

/// Why a journal was not opened. No whole batch was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The options contradict each other or the format.
    #[error("journal options: {0}")]
    Options(&'static str),
    /// The system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another process, or another part of this one, has the journal open.
    #[error("the journal in {} is open elsewhere; stop that process first", dir.display())]
    Locked {
        /// The journal's folder.
        dir: PathBuf,
    },
    /// A file has a format that this program does not know.
    #[error(
        "{} has format version {found}, this program knows {supported}; use a newer program",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it names.
        found: u32,
        /// The version this program reads and writes.
        supported: u32,
    },
    /// Something durable is broken, and cutting it off would lose what was acknowledged.
    #[error("the journal is damaged: {0}; restore it from a backup or a replica")]
    Damaged(Damage),
}

impl OpenError {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Options(_) => "journal_options",
            Self::Disk(_) => "journal_disk",
            Self::Locked { .. } => "journal_locked",
            Self::Version { .. } => "journal_version",
            Self::Damaged(_) => "journal_damaged",
        }
    }
}

/// Why a batch was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// An earlier write failed; only a restart can tell what is durable.
    #[error("the journal has stopped ({cause}); repair the disk and restart the node")]
    Stopped {
        /// The failure that stopped it.
        cause: String,
    },
    /// Another writer was first, or this one is behind. Nothing was written.
    #[error("append named batch {expected}, but the next is {next}; read up to it first")]
    Conflict {
        /// The sequence the caller named.
        expected: u64,
        /// The sequence the journal is at.
        next: u64,
    },
    /// The batch is over the limit. Nothing was written.
    #[error("a batch of {bytes} bytes is over the limit of {bytes_max}; split it")]
    TooLarge {
        /// The size of the batch.
        bytes: u64,
        /// The journal's limit.
        bytes_max: u64,
    },
    /// The write or sync failed: the batch may or may not be there after a restart.
    #[error(transparent)]
    Failed(#[from] DiskError),
}

impl AppendError {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Stopped { .. } => "journal_stopped",
            Self::Conflict { .. } => "journal_conflict",
            Self::TooLarge { .. } => "batch_too_large",
            Self::Failed(_) => "journal_disk",
        }
    }
}

/// Why batches could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The journal does not hold the batch where the reading should begin.
    #[error("batch {from} is not in the journal, which holds {first} up to {last}")]
    NotThere {
        /// The sequence asked for.
        from: u64,
        /// The first batch held.
        first: u64,
        /// The last batch held.
        last: u64,
    },
    /// The system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What is on disk is not what was appended.
    #[error("the journal is damaged: {0}; restore it from a backup or a replica")]
    Damaged(Damage),
}

impl ReadError {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotThere { .. } => "batch_not_there",
            Self::Disk(_) => "journal_disk",
            Self::Damaged(_) => "journal_damaged",
        }
    }
}

/// Why a snapshot was not written or looked for. A damaged snapshot is not an error: it is skipped.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl SnapshotError {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Disk(_) => "snapshot_disk",
        }
    }
}
