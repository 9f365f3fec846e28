//! Keeping a data folder: checking it, copying it while the node runs, restoring a copy.
//!
//! Invariants: [`fsck`] writes nothing at all; a backup and a restore write only into a folder that
//! was empty or not there; a copy that was broken off cannot be mistaken for a whole one, because
//! its durable mark is written first and its manifest last.
//!
//! Nothing here moves money or talks to the writer: a running node is asked for its
//! [`BackupPoint`] beforehand, and what is durable up to there is never written again.

mod audit;
mod backup;
mod files;
mod fold;
mod fsck;
mod manifest;
mod past;
mod report;
mod restore;

use std::path::{Path, PathBuf};

use journal::{DiskError, OpenError, Position, ReadError, ReadOnly, SnapshotError};
use money::NodeId;
use serde::{Deserialize, Serialize};

pub use backup::{Backup, backup};
pub use fsck::fsck;
pub use manifest::{BackedUpFile, MANIFEST, Manifest};
pub use report::{Finding, Report, SegmentReport, Severity};
pub use restore::{Restored, restore};

/// Folder of the journal within the data folder.
const JOURNAL: &str = "journal";
/// Folder of the snapshots within the data folder.
const SNAPSHOTS: &str = "snapshots";

/// A durable batch up to which a running node can be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPoint {
    /// The node.
    pub node: NodeId,
    /// The last batch; 0 if there is none yet.
    pub last_batch: u64,
    /// The chain hash up to and including it, 64 hex digits in JSON.
    #[serde(with = "manifest::hex")]
    pub head: [u8; 32],
}

impl BackupPoint {
    fn position(&self) -> Position {
        Position { sequence: self.last_batch, hash: journal::Hash(self.head) }
    }
}

/// How far a long operation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, as in "checking".
    pub doing: &'static str,
    /// Bytes done.
    pub done_bytes: u64,
    /// Bytes in all; an upper bound.
    pub total_bytes: u64,
}

/// Why a folder was not checked, copied or restored. In order of precedence.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// There is no journal.
    #[error("{} holds no journal; name the data folder of a node or a backup", .0.display())]
    NoJournal(PathBuf),
    /// There is no manifest.
    #[error("{} holds no finished backup: it has no {MANIFEST}", .0.display())]
    NoBackup(PathBuf),
    /// The manifest cannot be used.
    #[error("{}: {why}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The target holds something.
    #[error("{} is not empty; nothing is written over, name another folder", .0.display())]
    NotEmpty(PathBuf),
    /// A node has the folder open and was not asked for a point.
    #[error("a node has {} open; ask it for a point to copy up to, or stop it", .0.display())]
    Running(PathBuf),
    /// Key and books do not belong together.
    #[error("the key is that of node {key}, but the books are those of node {books}")]
    OtherNode {
        /// Node of the key.
        key: NodeId,
        /// Node of the books.
        books: NodeId,
    },
    /// A file of the backup is not as the manifest says.
    #[error("{} is damaged: {what}; use another backup", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The journal is damaged or of an unknown format.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What the backup holds contradicts itself.
    #[error("the backup is damaged: {0}; use another backup")]
    Unsound(String),
    /// The system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The snapshots cannot be used.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl KeepError {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoJournal(_) => "no_journal",
            Self::NoBackup(_) => "no_backup",
            Self::Manifest { .. } => "backup_manifest",
            Self::NotEmpty(_) => "folder_not_empty",
            Self::Running(_) => "node_running",
            Self::OtherNode { .. } => "other_node",
            Self::File { .. } | Self::Unsound(_) => "backup_damaged",
            Self::Journal(error) => error.code(),
            Self::Read(error) => error.code(),
            Self::Disk(_) => "disk",
            Self::Snapshot(error) => error.code(),
        }
    }

    /// Whether something durable was found broken, rather than not usable for another reason.
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::File { .. }
                | Self::Unsound(_)
                | Self::Journal(OpenError::Damaged(_))
                | Self::Read(ReadError::Damaged(_))
        )
    }
}

/// Whether a process has the data folder open.
pub fn is_running(folder: &Path) -> Result<bool, KeepError> {
    Ok(open_journal(folder)?.is_open_elsewhere())
}

fn open_journal(folder: &Path) -> Result<ReadOnly, KeepError> {
    let dir = folder.join(JOURNAL);
    if dir.is_dir() { Ok(ReadOnly::open(&dir)?) } else { Err(KeepError::NoJournal(folder.into())) }
}
