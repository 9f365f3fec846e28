//! What can be wrong with a log that is copied or checked.

use std::path::PathBuf;

use tlog::policy::Unacceptable;
use tlog::{BundleError, NoteError, Tile};

use crate::failure::Failure;

/// Why a log was not copied, or is not what it says. The first that applies is told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MirrorError {
    /// The log does not answer.
    #[error(transparent)]
    Unreachable(client::Error),
    /// The folder cannot be read or written.
    #[error("{path}: {cause}", path = path.display())]
    Disk {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// Another program writes the folder.
    #[error("{} is being written by another `farthing log export`", .0.display())]
    Busy(PathBuf),
    /// There is no checkpoint.
    #[error("there is no checkpoint in {0}: it is no log, or it has not published one yet")]
    NoCheckpoint(String),
    /// What is there is no signed note.
    #[error("the checkpoint in {place} cannot be read: {cause}")]
    NoteMalformed {
        /// Folder or URL.
        place: String,
        /// What is wrong.
        cause: NoteError,
    },
    /// The policy does not accept it.
    #[error("the checkpoint in {place} is not to be trusted: {cause}")]
    NotTrusted {
        /// Folder or URL.
        place: String,
        /// Why not.
        cause: Unacceptable,
    },
    /// The folder holds another log.
    #[error("the folder holds the log `{kept}`, and this is `{found}`")]
    OtherLog {
        /// Origin of the folder's checkpoint.
        kept: String,
        /// Origin of the other.
        found: String,
    },
    /// The log has become smaller.
    #[error(
        "the log has {found} leaves, and had {kept} before: it was set back, or this checkpoint is \
         an old one"
    )]
    Shrunk {
        /// Leaves of the folder's checkpoint.
        kept: u64,
        /// Leaves of the other.
        found: u64,
    },
    /// The log does not continue what the folder holds.
    #[error(
        "the log was forked: its first {size} leaves are others than those that it had signed \
         before. Keep both checkpoints: together they prove it"
    )]
    Forked {
        /// Leaves of the folder's checkpoint.
        size: u64,
    },
    /// A file that the checkpoint implies is not there.
    #[error("{0} is missing, though the checkpoint implies it")]
    Missing(Tile),
    /// The hashes at the right edge do not lead to the root.
    #[error("the tiles at the end of the tree do not lead to the root of the checkpoint")]
    Edge,
    /// A tile is not what the tile above it says.
    #[error("{0} is damaged: it does not lead to the root of the checkpoint")]
    Tile(Tile),
    /// A bundle cannot be read.
    #[error("{tile} is damaged: {cause}")]
    Bundle {
        /// The bundle.
        tile: Tile,
        /// What is wrong.
        cause: BundleError,
    },
    /// An entry is not what the leaf says.
    #[error("{tile} is damaged: entry {leaf} is not the leaf of the log")]
    Entry {
        /// The bundle.
        tile: Tile,
        /// Index of the leaf.
        leaf: u64,
    },
}

impl MirrorError {
    /// Stable code for programs.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Unreachable(error) => error.code(),
            Self::Disk { .. } => "disk",
            Self::Busy(_) => "log_folder_busy",
            Self::NoCheckpoint(_) => "log_no_checkpoint",
            Self::NoteMalformed { cause, .. } => cause.code(),
            Self::NotTrusted { cause, .. } => cause.code(),
            Self::OtherLog { .. } => "log_other",
            Self::Shrunk { .. } => "log_shrunk",
            Self::Forked { .. } => "log_forked",
            Self::Missing(_) => "log_tile_missing",
            Self::Edge => "log_root_mismatch",
            Self::Tile(_) => "log_tile_damaged",
            Self::Bundle { .. } => "log_bundle_damaged",
            Self::Entry { .. } => "log_entry_damaged",
        }
    }

    /// Whether it is the log that is wrong, and not the way to it.
    pub(crate) fn is_of_the_log(&self) -> bool {
        !matches!(self, Self::Unreachable(_) | Self::Disk { .. } | Self::Busy(_))
    }
}

impl From<MirrorError> for Failure {
    fn from(error: MirrorError) -> Self {
        let text = format!("{error} ({})", error.code());
        match error {
            MirrorError::Unreachable(error) => error.into(),
            MirrorError::NotTrusted { .. } => Self::damage(text).with_hint(
                "compare the key or policy with what the operator published elsewhere, and ask why \
                 they differ",
            ),
            error if error.is_of_the_log() => Self::damage(text),
            _ => Self::new(text),
        }
    }
}
