//! Epochs: what every account had at one leaf, in a tree of sums whose root becomes a leaf.
//!
//! Invariant: balances and newest leaves are those behind one and the same batch. The trees are
//! computed beside the writer and the log; only the record goes through the journal.

use ledger::Resident;
use tokio::sync::oneshot;

use super::LogError;
use super::accounts::Accounts;

/// Somebody wants the accounts as they are behind a batch.
pub(crate) struct EpochRequest {
    /// The balances there.
    pub resident: Resident,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<EpochCapture, LogError>>,
}

/// The accounts behind a batch.
pub(crate) struct EpochCapture {
    /// Leaves up to there.
    pub size: u64,
    /// What the log knows of them.
    pub accounts: Accounts,
    /// Their balances.
    pub resident: Resident,
}

/// The newest epoch, to prove balances from. Kept in memory: a start closes another one.
#[derive(Debug)]
pub struct ClosedEpoch {}
