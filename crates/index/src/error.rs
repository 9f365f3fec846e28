//! What can go wrong with an index, and what to do about it.
//!
//! An index is a copy of what others keep, so the answer to damage is always the same: delete
//! nothing by hand, build it anew. Nothing here repairs.

use std::path::PathBuf;

use disk::DiskError;

const REBUILD: &str = "the index is damaged; start with a rebuilt index";

/// Why an index could not answer or take something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Work in the background has failed before; the index takes and answers nothing more.
    #[error("the index has stopped: {cause}")]
    Stopped {
        /// The text of the first error.
        cause: String,
    },
    /// The rows or pairs are no whole number of rows, or not equally many.
    #[error("{rows_bytes} bytes of rows and {pairs_bytes} bytes of pairs do not fit the schema")]
    Misshapen {
        /// Length of the rows that were given.
        rows_bytes: usize,
        /// Length of the pairs that were given.
        pairs_bytes: usize,
    },
    /// More rows than one chunk may hold; the chunk has to be sealed first.
    #[error("a chunk of {rows} rows is too large: seal it first")]
    ChunkTooLarge {
        /// Rows that the chunk would have.
        rows: usize,
    },
    /// No row has this position.
    #[error("there is no row {position}: the index has {len}")]
    BeyondEnd {
        /// The position that was asked for.
        position: u64,
        /// How many rows there are.
        len: u64,
    },
    /// A block on disk is not what was written there.
    #[error("{}, block {block}: {what}; {REBUILD}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The block of 4,096 bytes within it, the first is 0.
        block: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Error {
    /// Stable name of the kind of error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Stopped { .. } => "index_stopped",
            Self::Misshapen { .. } => "index_rows_misshapen",
            Self::ChunkTooLarge { .. } => "index_chunk_too_large",
            Self::BeyondEnd { .. } => "index_position_beyond_end",
            Self::Damaged { .. } => "index_damaged",
            Self::Disk(_) => "index_disk_failed",
        }
    }
}

/// Why an index could not be created or opened. Nothing of what a manifest names was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The schema cannot be stored: a row or a pair is empty or larger than a block.
    #[error("rows of {row_bytes} bytes with pairs of {pair_bytes} do not fit into a block")]
    Schema {
        /// Size of a row.
        row_bytes: usize,
        /// Size of a pair.
        pair_bytes: usize,
    },
    /// An option is out of its range.
    #[error("the option {name} is out of range")]
    Option {
        /// Its name.
        name: &'static str,
    },
    /// The manifest belongs to an index of another schema or with other files.
    #[error("the manifest is of an index with another {what}")]
    Foreign {
        /// What differs.
        what: &'static str,
    },
    /// A file that the manifest names is not there.
    #[error("{} is missing; {REBUILD}", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// A file that the manifest names is shorter than it must be.
    #[error("{} has {bytes} bytes, {expected} were written; {REBUILD}", file.display())]
    Short {
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
        /// The least size.
        expected: u64,
    },
    /// What a file says about itself differs from the manifest.
    #[error("{}: {what}; {REBUILD}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A thread for the background could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

impl OpenError {
    /// Stable name of the kind of error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Schema { .. } => "index_schema_unusable",
            Self::Option { .. } => "index_option_out_of_range",
            Self::Foreign { .. } => "index_manifest_foreign",
            Self::Missing { .. } => "index_file_missing",
            Self::Short { .. } => "index_file_short",
            Self::Damaged { .. } => "index_damaged",
            Self::Disk(_) => "index_disk_failed",
            Self::Thread(_) => "index_thread_refused",
        }
    }
}

/// Why bytes are no manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They do not begin as a manifest does.
    #[error("these bytes are no manifest of an index")]
    NotAManifest,
    /// The manifest is of another version of the format.
    #[error("the manifest has version {version}; this program reads version 1")]
    Version {
        /// The version it names.
        version: u8,
    },
    /// The checksum does not match, or the bytes end too early.
    #[error("the manifest is damaged")]
    Damaged,
    /// The numbers contradict each other.
    #[error("the manifest contradicts itself: {what}")]
    Contradiction {
        /// Where.
        what: &'static str,
    },
}

impl DecodeError {
    /// Stable name of the kind of error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAManifest => "index_manifest_unknown",
            Self::Version { .. } => "index_manifest_version",
            Self::Damaged => "index_manifest_damaged",
            Self::Contradiction { .. } => "index_manifest_contradiction",
        }
    }
}
