//! Why a statement proves nothing.

use tlog::policy::Unacceptable;
use tlog::{NoteError, VerifyError};

use super::fold::FoldError;
use super::{STATEMENT_BYTES_MAX, STATEMENT_ENTRIES_COUNT_MAX};
use crate::epoch::{EpochRecordError, PlaceError};
use crate::record::OpeningError;
use crate::verdict::FromTheFuture;

/// Why a statement proves nothing. The first that applies is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementRefused {
    /// Longer than [`STATEMENT_BYTES_MAX`].
    #[error("the statement is longer than {STATEMENT_BYTES_MAX} bytes")]
    TooLarge,
    /// The bytes are not JSON of this format.
    #[error("the file is no statement: {message}")]
    Json {
        /// What is wrong, with line and column.
        message: String,
    },
    /// More than [`STATEMENT_ENTRIES_COUNT_MAX`].
    #[error("a statement has at most {STATEMENT_ENTRIES_COUNT_MAX} entries")]
    TooManyEntries,
    /// The scale is that of no asset.
    #[error("the scale of the statement is that of no asset")]
    Scale,
    /// The checkpoint is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The checkpoint is not one that the policy accepts.
    #[error(transparent)]
    Checkpoint(#[from] Unacceptable),
    /// A cosignature is from the future.
    #[error(transparent)]
    Future(#[from] FromTheFuture),
    /// There is no entry.
    #[error("the statement has no entries, not even the creation of the account")]
    NoEntries,
    /// An entry is not the next of the account.
    #[error("entry {index} of the statement: {fault}")]
    Entry {
        /// Index of the leaf.
        index: u64,
        /// What is wrong.
        fault: EntryFault,
    },
    /// The epoch does not count the account.
    #[error("the epoch of the statement: {0}")]
    Epoch(#[from] EpochFault),
}

/// What is wrong with an entry. The first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// Its bytes open nothing.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// It is not at this index of the log.
    #[error("it is not at this place of the log")]
    NotIncluded(#[source] VerifyError),
    /// Not exactly one side names the account.
    #[error("it does not name the account on one side")]
    Account,
    /// It is about another asset.
    #[error("it is about another asset")]
    Asset,
    /// It says that another entry was before it: one is missing, or out of order.
    #[error("the entry before it in the log is not the one before it here: one is missing")]
    Gap,
    /// It contradicts those before.
    #[error(transparent)]
    Fold(#[from] FoldError),
}

/// What is wrong with the epoch. The first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochFault {
    /// Its bytes are no epoch record.
    #[error(transparent)]
    Record(#[from] EpochRecordError),
    /// It is not at this index of the log.
    #[error("it is not at this place of the log")]
    NotIncluded(#[source] VerifyError),
    /// It covers leaves behind itself.
    #[error("it claims to cover itself")]
    Index,
    /// It says nothing of the asset.
    #[error("it says nothing of the account's asset")]
    Asset,
    /// The last entry that it covers is not the last here: one was left out.
    #[error("the account's last entry that it covers is not the last one here")]
    Head,
    /// The sums in it are not those of the entries.
    #[error("the account's sums are not those of its entries")]
    Balances,
    /// The shares are not what is owed.
    #[error("the two shares do not add up to what is owed to the account")]
    Shares,
    /// A share is not in the tree.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

impl StatementRefused {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "statement_too_large",
            Self::Json { .. } => "statement_json",
            Self::TooManyEntries => "statement_too_many_entries",
            Self::Scale => "statement_scale",
            Self::Note(error) => error.code(),
            Self::Checkpoint(error) => error.code(),
            Self::Future(error) => error.code(),
            Self::NoEntries => "statement_no_entries",
            Self::Entry { fault, .. } => fault.code(),
            Self::Epoch(fault) => fault.code(),
        }
    }
}

impl EntryFault {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Opening(error) => error.code(),
            Self::NotIncluded(_) => "statement_entry_not_included",
            Self::Account => "statement_account",
            Self::Asset => "statement_asset",
            Self::Gap => "statement_gap",
            Self::Fold(error) => error.code(),
        }
    }
}

impl EpochFault {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Record(error) => error.code(),
            Self::NotIncluded(_) => "statement_epoch_not_included",
            Self::Index => "statement_epoch_index",
            Self::Asset => "statement_epoch_asset",
            Self::Head => "statement_epoch_head",
            Self::Balances => "statement_epoch_balances",
            Self::Shares => "statement_epoch_shares",
            Self::Place(error) => error.code(),
        }
    }
}
