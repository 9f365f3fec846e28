//! What can go wrong with the log, in order of precedence.

use std::path::PathBuf;

use disk::DiskError;
use evidence::statement::STATEMENT_ENTRIES_COUNT_MAX;
use money::AccountId;

/// Why the log cannot be opened, grow, or answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The books have a log, and its secrets are not there.
    #[error(
        "the log's secrets are missing: {} is not there; restore it from the newest backup. Without \
         it the log would be made anew with other leaves, which is a fork",
        .0.display()
    )]
    SecretsMissing(PathBuf),
    /// A record of the secrets does not agree with its check.
    #[error("{} is damaged at record {record}; restore it from the newest backup", path.display())]
    SecretsDamaged {
        /// The file.
        path: PathBuf,
        /// The record, from 0.
        record: u64,
    },
    /// Key or origin are not those of the books' log.
    #[error(
        "the log of these books is `{books}`, but the settings name `{settings}`; put `log.origin` \
         and `log.key` back as they were"
    )]
    OtherLog {
        /// The verifier key in the books.
        books: String,
        /// The one of the settings.
        settings: String,
    },
    /// The kept checkpoint cannot be read, or is not of this log's key.
    #[error("{} does not hold a checkpoint of this log: {what}", path.display())]
    CheckpointDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The second memory of what was signed is not there.
    #[error(
        "the guard {} is not there; if the log is new make it with `farthing log guard --create`, \
         else find out where it went",
        .0.display()
    )]
    GuardMissing(PathBuf),
    /// A leaf names an account that has none of its own.
    #[error("leaf {leaf} names an account that was never created")]
    UnknownAccount {
        /// The leaf.
        leaf: u64,
    },
    /// The hash of a forgotten posting is not there.
    #[error("the hash of a forgotten posting of leaf {leaf} is missing; restore `log/forgotten`")]
    ForgottenLost {
        /// The leaf.
        leaf: u64,
    },
    /// Leaves or tiles are not what the tree was made of.
    #[error(
        "the files of the log's tree are damaged; stop the node and remove `log/progress`, `log/leaves` \
         and `log/tiles.*`: the next start makes them anew"
    )]
    FilesDamaged,
    /// The rows cannot be read.
    #[error("the index did not give the rows of the log: {0}")]
    Rows(String),
    /// The disk refused.
    #[error("{0}")]
    Disk(String),
    /// There is no randomness.
    #[error("the operating system gives no randomness")]
    Random,
    /// An epoch cannot be closed.
    #[error("the epoch cannot be closed: {0}")]
    Epoch(String),
    /// The log does not sign any more.
    #[error("the log signs nothing: {0}")]
    Halted(String),
    /// The ledger has no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    /// What opens the account's earlier leaves was destroyed.
    #[error("the history of account {0} was forgotten up to leaf {1}; it can no longer be shown")]
    Forgotten(AccountId, u64),
    /// The account has too many leaves for one statement.
    #[error(
        "account {0} has more than {STATEMENT_ENTRIES_COUNT_MAX} entries, too many for one statement"
    )]
    StatementTooLong(AccountId),
    /// The log has no such leaf yet.
    #[error("the log has no leaf {0} yet")]
    NoLeaf(u64),
    /// The node keeps no log.
    #[error("this node keeps no log")]
    NoLog,
    /// The log has stopped after a disk error.
    #[error("the log has stopped: {0}")]
    Stopped(String),
}

impl From<DiskError> for LogError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error.to_string())
    }
}

impl LogError {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SecretsMissing(_) => "log_secrets_missing",
            Self::SecretsDamaged { .. } => "log_secrets_damaged",
            Self::OtherLog { .. } => "log_other",
            Self::CheckpointDamaged { .. } => "log_checkpoint_damaged",
            Self::GuardMissing(_) => "log_guard_missing",
            Self::UnknownAccount { .. } => "log_account_unknown",
            Self::ForgottenLost { .. } => "log_forgotten_lost",
            Self::FilesDamaged => "log_files_damaged",
            Self::Rows(_) => "log_rows",
            Self::Disk(_) => "disk",
            Self::Random => "no_randomness",
            Self::Epoch(_) => "log_epoch",
            Self::Halted(_) => "log_halted",
            Self::NoAccount(_) => "account_unknown",
            Self::Forgotten(..) => "log_forgotten",
            Self::StatementTooLong(_) => "statement_too_long",
            Self::NoLeaf(_) => "log_leaf_unknown",
            Self::NoLog => "log_off",
            Self::Stopped(_) => "log_stopped",
        }
    }

    /// HTTP status of the problem.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::NoLeaf(_) | Self::NoLog | Self::NoAccount(_) => 404,
            Self::Forgotten(..) => 410,
            Self::StatementTooLong(_) => 422,
            _ => 503,
        }
    }
}
