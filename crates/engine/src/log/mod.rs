//! The verifiable log of the books: each row of the ledger is a leaf, in the order of the journal.
//!
//! Invariants: ledger and log commit together, for the journal holds the rows and the order of
//! epoch records, and the leaves follow from them; nothing is signed or shown before the journal
//! holds it durably; nothing is signed that contradicts what was signed before. A log that cannot go
//! on signs no more, and payments go on.
//!
//! Formats of leaves: crate `evidence`; of tree and checkpoints: crate `tlog`. How it works:
//! `docs/internals/log.md`.

mod accounts;
mod audit;
mod columns;
mod cursor;
mod epoch;
mod error;
mod feed;
mod files;
mod forgotten;
mod mark;
mod publish;
mod reader;
mod saved;
mod secrets;
mod shared;
mod statement;
mod worker;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tlog::LogSigner;
use tokio::sync::oneshot;

use crate::error::Unavailable;
use crate::handle::Reply;

pub(crate) use audit::{Audit, LogFault};
pub(crate) use cursor::Cursor;
pub use epoch::ClosedEpoch;
pub(crate) use epoch::{EpochCapture, EpochRequest};
pub use error::LogError;
pub(crate) use feed::{Fed, Feed};
pub(crate) use mark::{MARK, restored};
pub use publish::create_guard;
pub use reader::Opened;
pub use shared::Log;
pub(crate) use shared::{LOG, open};
pub(crate) use statement::side_of;

/// In the place of an index: there is no such leaf.
const NO_LEAF: u64 = u64::MAX;

/// An index as formats show it.
const fn link(leaf: u64) -> Option<u64> {
    if leaf == NO_LEAF { None } else { Some(leaf) }
}

/// What a backup of the log consists of, in the order in which it must be opened.
pub(crate) const LOG_FILES: [&str; 4] = [publish::NAME, secrets::NAME, forgotten::NAME, MARK];

/// Fills bytes at random.
pub type Random = Arc<dyn Fn(&mut [u8]) -> Result<(), ()> + Send + Sync>;

/// How the log is set up.
#[derive(Clone)]
pub struct LogOptions {
    /// The log's key, under its origin.
    pub signer: LogSigner,
    /// Where secrets come from.
    pub random: Random,
    /// A second place that remembers the newest signed checkpoint, best on another disk: a data folder
    /// that was set back is noticed by it. The file must exist; [`crate::create_guard`] makes it.
    pub guard: Option<PathBuf>,
    /// Leaves between two saves of how far the log has come: what a start makes again at most.
    pub save_every_leaves: u64,
    /// Begin a new log if the books have one with another key: the way out when that one is halted. All
    /// leaves stay, but whoever follows the old log has to be told of the new one.
    pub renew: bool,
}

/// Leaves between two saves by default.
const SAVE_EVERY_DEFAULT_LEAVES: u64 = 1 << 20;

impl LogOptions {
    /// With secrets of the operating system and without a guard.
    pub fn new(signer: LogSigner) -> Self {
        let random: Random = Arc::new(|bytes| getrandom::fill(bytes).map_err(drop));
        Self {
            signer,
            random,
            guard: None,
            save_every_leaves: SAVE_EVERY_DEFAULT_LEAVES,
            renew: false,
        }
    }
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.signer.verifier().name().as_str();
        f.debug_struct("LogOptions").field("origin", &origin).finish_non_exhaustive()
    }
}

/// What the writer is asked for the log.
pub(crate) enum LogCommand {
    /// The books have this log from now on, if they had none.
    Open(String),
    /// The accounts as they are behind the open batch.
    Capture(oneshot::Sender<Result<EpochCapture, LogError>>),
    /// Places an epoch record and tells its leaf.
    Record(Arc<[u8]>, Reply<u64, Unavailable>),
}

/// What follows in the log.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// Rows of the ledger.
    Rows(Vec<u8>),
    /// An epoch record.
    Epoch(Arc<[u8]>),
}
