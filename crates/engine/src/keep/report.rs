//! What a check found, for people and, as JSON, for programs.

use std::path::PathBuf;

use money::NodeId;
use serde::Serialize;

use crate::view::BooksView;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is lost; a start deals with it.
    Notice,
    /// Something durable is broken or contradicts itself.
    Damage,
}

/// One thing worth saying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable name for programs.
    pub code: &'static str,
    /// The file.
    pub file: Option<PathBuf>,
    /// The first batch affected.
    pub batch: Option<u64>,
    /// Bytes from the start of the file.
    pub offset: Option<u64>,
    /// What is wrong, in words.
    pub what: String,
    /// What can be done.
    pub advice: String,
}

/// One segment of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SegmentReport {
    /// The file.
    pub file: PathBuf,
    /// The first batch by its name.
    pub first_batch: u64,
    /// Whole batches in it.
    pub batches: u64,
    /// Its size.
    pub bytes: u64,
    /// Both snapshots lie behind it, so it can be moved away.
    pub archivable: bool,
}

/// What a check found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// No damage was found.
    pub sound: bool,
    /// A node has the folder open; what is not marked as durable yet was not judged.
    pub running: bool,
    /// Whose books these are; `None` if nothing in them says so.
    pub node: Option<NodeId>,
    /// The segments, in order.
    pub segments: Vec<SegmentReport>,
    /// The last whole batch.
    pub last_batch: u64,
    /// The chain hash up to and including it.
    #[serde(serialize_with = "super::manifest::hex::serialize")]
    pub head: [u8; 32],
    /// The batch up to which the durable mark vouches.
    pub durable_mark: Option<u64>,
    /// Entries that decode.
    pub entries: u64,
    /// The batch up to which the state could be folded.
    pub folded_batch: u64,
    /// Snapshots that equal the fold, by their batch.
    pub snapshots_equal: Vec<u64>,
    /// Accounts in the folded state.
    pub accounts: u64,
    /// Payments in the folded state.
    pub payments: u64,
    /// Open channels in the folded state.
    pub channels: u64,
    /// Mandates in the folded state.
    pub mandates: u64,
    /// Sums of the folded state.
    pub books: Vec<BooksView>,
    /// What is worth saying, in the order in which it was met.
    pub findings: Vec<Finding>,
}

impl Finding {
    pub(super) fn damage(code: &'static str, what: String, advice: &str) -> Self {
        Self {
            severity: Severity::Damage,
            code,
            file: None,
            batch: None,
            offset: None,
            what,
            advice: advice.to_owned(),
        }
    }

    pub(super) fn notice(code: &'static str, what: String, advice: &str) -> Self {
        Self { severity: Severity::Notice, ..Self::damage(code, what, advice) }
    }

    pub(super) fn in_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    pub(super) fn at(mut self, batch: u64, offset: u64) -> Self {
        (self.batch, self.offset) = (Some(batch), Some(offset));
        self
    }

    pub(super) fn of_batch(mut self, batch: u64) -> Self {
        self.batch = Some(batch);
        self
    }
}
