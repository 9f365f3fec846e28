//! Why a store does not open, or does not go forward.

use std::path::PathBuf;

use disk::DiskError;

/// Why a store does not open. Nothing was changed that a later start could miss.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Another process has the folder open.
    #[error("another witness runs on {}; two would contradict each other", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The witness has cosigned before, and what it cosigned is not there.
    #[error(
        "{} is missing, so nobody knows what this key has cosigned; put the folder back as it was \
         last, or retire the key and start in an empty folder under another name", path.display()
    )]
    StateMissing {
        /// The list of logs.
        path: PathBuf,
    },
    /// A log that was cosigned has no head.
    #[error(
        "{} is missing, the last checkpoint cosigned of `{origin}`; put it back, or retire the key \
         and start in an empty folder under another name", path.display()
    )]
    HeadMissing {
        /// The file of the head.
        path: PathBuf,
        /// The log.
        origin: String,
    },
    /// A file is not as it was written.
    #[error(
        "{} is damaged: {why}; put it back as it was last, or retire the key and start in an empty \
         folder under another name", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl OpenError {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Disk(_) => "witness_disk",
            Self::Locked { .. } => "witness_locked",
            Self::StateMissing { .. } => "witness_state_missing",
            Self::HeadMissing { .. } => "witness_head_missing",
            Self::Damaged { .. } => "witness_damaged",
        }
    }
}

/// Why nothing was stored. In the order of precedence.
#[derive(Debug, thiserror::Error)]
pub enum AdvanceError<E> {
    /// A write has failed before, so only a restart can tell what is on the disk.
    #[error("an earlier write failed; restart the witness once the disk is well")]
    Stopped,
    /// The caller's decision.
    #[error(transparent)]
    Refused(E),
    /// What was decided would take something back. A defect of the caller.
    #[error("a checkpoint was decided on that takes an earlier one back; it was not stored")]
    Backwards,
    /// The system refused; the store has stopped.
    #[error(transparent)]
    Disk(DiskError),
}
