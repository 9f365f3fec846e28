//! Questions about the log: which leaf a payment is, its receipt, the chain of an account.
//!
//! Invariant: what is shown here is durable, and covered by something that the log has signed.

use std::sync::Arc;

use evidence::statement::{STATEMENT_ENTRIES_COUNT_MAX, Statement};
use ledger::Row;
use money::{AccountId, PaymentId};
use tlog::Receipt;
use tokio::sync::oneshot;

use super::{Command, Engine};
use crate::error::Unavailable;
use crate::log::{ClosedEpoch, Log, LogCommand, LogError, Opened, side_of};
use crate::state::State;

impl From<Unavailable> for LogError {
    fn from(why: Unavailable) -> Self {
        Self::Stopped(why.to_string())
    }
}

impl Engine {
    /// The log, if the node keeps one.
    pub fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    fn need_log(&self) -> Result<&Log, LogError> {
        self.log.as_ref().ok_or(LogError::NoLog)
    }

    /// The receipt of a settled payment's leg, the first of which is 0: proof that it is in the log.
    /// `None` if there is no such payment or leg, or nothing was paid.
    pub async fn payment_receipt(
        &self,
        payment: PaymentId,
        leg: usize,
        opened: Opened,
    ) -> Result<Option<Receipt>, LogError> {
        let log = self.need_log()?;
        let found = self.read(move |state| leaf_of_payment(state, payment, leg)).await??;
        let Some((leaf, row)) = found else { return Ok(None) };
        log.reaches(leaf).await?;
        log.receipt(leaf, &row, opened).map(Some)
    }

    /// The receipt of any row.
    pub async fn leaf_receipt(&self, leaf: u64, opened: Opened) -> Result<Receipt, LogError> {
        let log = self.need_log()?;
        log.reaches(leaf).await?;
        let row = self.row_of(leaf).await?;
        log.receipt(leaf, &row, opened)
    }

    async fn row_of(&self, leaf: u64) -> Result<Row, LogError> {
        self.read(move |state| row_of_leaf(state, leaf)).await?
    }

    /// Closes an epoch: proves what every account has now, and places the roots in the log. The writer
    /// is held up for the moment of a capture; the rest happens on another thread.
    pub async fn close_epoch(&self) -> Result<Arc<ClosedEpoch>, LogError> {
        let log = self.need_log()?;
        let _one_at_a_time = log.closing().await;
        let number = self.read(|state| state.log.epochs.len() as u64 + 1).await?;
        let (reply, captured) = oneshot::channel();
        self.send(Command::Log(LogCommand::Capture(reply)))?;
        let capture = captured.await.map_err(|_| Unavailable::Stopped)??;
        let time_ms = self.clock.now_ns() / 1_000_000;
        let computed = move || ClosedEpoch::compute(number, time_ms, &capture);
        let closed = self.beside(computed).await;
        let closed = closed.ok_or_else(|| LogError::Epoch("it was cut off".to_owned()))??;
        let entry: Arc<[u8]> = closed.record.encode().into();
        let leaf = self.call(|reply| Command::Log(LogCommand::Record(entry, reply))).await?;
        let closed = Arc::new(closed.at_leaf(leaf));
        log.set_epoch(Arc::clone(&closed));
        Ok(closed)
    }

    /// Destroys what opens the postings of an account in all leaves so far. The leaves stay, and so
    /// do the receipts of the other sides. Gives the number of leaves.
    pub async fn forget(&self, account: AccountId) -> Result<u64, LogError> {
        let log = self.need_log()?;
        loop {
            let chain = self.chain(log, account, usize::MAX).await?;
            let leaves: Vec<_> = chain
                .leaves
                .iter()
                .map(|(leaf, row)| (*leaf, side_of(row, account) as u8))
                .collect();
            if log.forget(account, &leaves)? {
                return Ok(leaves.len() as u64);
            }
        }
    }

    /// The statement of an account: its whole history in the log, with its place in the newest epoch,
    /// which [`Statement::verify`] checks. At most [`STATEMENT_ENTRIES_COUNT_MAX`] entries.
    pub async fn statement(&self, account: AccountId) -> Result<Statement, LogError> {
        let log = self.need_log()?;
        let chain = self.chain(log, account, STATEMENT_ENTRIES_COUNT_MAX).await?;
        if chain.since > 0 {
            return Err(LogError::Forgotten(account, chain.since));
        }
        if let Some(epoch) = log.epoch() {
            log.reaches(epoch.leaf).await?;
        }
        let Chain { mut leaves, .. } = chain;
        leaves.reverse();
        let log = log.clone();
        let made = move || log.statement(account, &leaves);
        let made = self.beside(made).await;
        made.ok_or_else(|| LogError::Stopped("the statement was cut off".to_owned()))?
    }

    /// Does longer work where it holds nobody up: on another thread, or here if there are none. `None`
    /// if it was cut off.
    pub(super) async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if self.verifier.is_inline() {
            return Some(work());
        }
        tokio::task::spawn_blocking(work).await.ok()
    }

    /// Every leaf in which an account takes part since its secret was drawn, newest first.
    async fn chain(
        &self,
        log: &Log,
        account: AccountId,
        leaves_max: usize,
    ) -> Result<Chain, LogError> {
        // What was answered before is in the chain, though the log may still be at work on it.
        let leaves = self.read(|state| state.log.leaves(state.ledger.past().0.len())).await?;
        if let Some(last) = leaves.checked_sub(1) {
            log.reaches(last).await?;
        }
        let (newest, since) = log.newest(account)?;
        if let Some(newest) = newest {
            log.reaches(newest).await?;
        }
        let mut leaves = Vec::new();
        let mut next = newest;
        while let Some(leaf) = next.filter(|leaf| *leaf >= since) {
            if leaves.len() == leaves_max {
                return Err(LogError::StatementTooLong(account));
            }
            let row = self.row_of(leaf).await?;
            next = log.before(leaf)?[side_of(&row, account) as usize];
            leaves.push((leaf, row));
        }
        Ok(Chain { leaves, since })
    }
}

/// An account's leaves, newest first, and where they begin to open.
struct Chain {
    leaves: Vec<(u64, Row)>,
    since: u64,
}

/// The leaf that moved the money of a payment's leg.
fn leaf_of_payment(
    state: &State,
    payment: PaymentId,
    leg: usize,
) -> Result<Option<(u64, Row)>, LogError> {
    let position =
        state.settled_leg(payment, leg).map_err(|why| LogError::Rows(why.to_string()))?;
    let Some(position) = position else { return Ok(None) };
    let row = state.row(position).map_err(|why| LogError::Rows(why.to_string()))?;
    Ok(Some((state.log.leaf_of(position), row)))
}

fn row_of_leaf(state: &State, leaf: u64) -> Result<Row, LogError> {
    let position = state.log.row_of(leaf).ok_or(LogError::NoLeaf(leaf))?;
    state.row(position).map_err(|why| LogError::Rows(why.to_string()))
}
