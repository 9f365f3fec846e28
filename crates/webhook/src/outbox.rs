//! The thread that follows events and keeps the outbox.
//!
//! A round takes what has come of deliveries and what was asked for, looks at new events for each
//! endpoint, commits all of it at once, and hands out what is due. Invariants: nothing is handed out
//! before it is durable; after a failure everything in memory is dropped and read again, so memory never
//! says more than the disk. An endpoint that is behind stays behind: at most [`PENDING_COUNT_MAX`] of its
//! deliveries are in the outbox, the rest stay where they are, among the events.

mod round;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use money::{EndpointId, NodeId};
use tokio::sync::oneshot;

use crate::lane::{Done, Lane, Post};
use crate::notice::Notice;
use crate::source::Source;
use crate::store::{Store, StoreError};

/// Most deliveries of an endpoint that wait in the outbox.
pub const PENDING_COUNT_MAX: u64 = 100_000;
/// Most events that a round looks at for an endpoint.
const EVENTS_COUNT_MAX: usize = 1_000;
/// Most answers and commands of a round.
const INPUTS_COUNT_MAX: usize = 10_000;
/// A round gathers for so long before it commits: the journal's disk is spared.
const GATHER_MS: u64 = 5;
/// Endpoints are looked up again at least so often.
const REFRESH_MS: u64 = 5_000;
/// What is over is pruned so often.
const PRUNE_MS: u64 = 10_000;
/// Pause after a failure of the outbox itself.
const FAILED_PAUSE_MS: u64 = 1_000;

/// What reaches the thread.
pub(crate) enum Input {
    /// New events are durable.
    Wake,
    /// Endpoints have changed.
    Refresh,
    Done(Done),
    /// Send this one again.
    Redeliver(i64, oneshot::Sender<bool>),
    /// Send everything since a time again. Answers with the position; `None`: no such endpoint.
    Replay(EndpointId, u64, oneshot::Sender<Option<u64>>),
    /// Send a test to one endpoint, or to all that want it. Answers how many get it.
    Test(Box<Notice>, Option<EndpointId>, oneshot::Sender<usize>),
    Stop,
}

/// How the outbox is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Deliveries that wait, over all endpoints.
    pub pending: u64,
    /// Events that the endpoint furthest behind has not looked at.
    pub behind: u64,
    /// Endpoints that take nothing now, and since when, Unix milliseconds.
    pub failing: Vec<(EndpointId, u64)>,
    /// Deliveries that were taken since the start.
    pub delivered: u64,
    /// Failed attempts since the start.
    pub failed: u64,
    /// Deliveries given up since the start.
    pub dead: u64,
    /// Why the outbox itself does not work; `None` if it does.
    pub error: Option<String>,
}

/// A failure of the outbox itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("events cannot be read: {0}")]
    Source(String),
}

/// The thread's own.
pub(crate) struct Outbox<S> {
    pub(crate) source: S,
    pub(crate) path: PathBuf,
    pub(crate) node: NodeId,
    pub(crate) post: Post,
    pub(crate) inputs: Receiver<Input>,
    pub(crate) report: Arc<Mutex<Report>>,
}

/// What a life of the outbox, from one failure to the next, has in memory.
struct Memory {
    store: Store,
    lanes: BTreeMap<EndpointId, Lane>,
    refreshed_at_ms: Option<u64>,
    pruned_at_ms: u64,
}

impl<S: Source> Outbox<S> {
    /// Runs until it is told to stop.
    pub(crate) fn run(&self) {
        loop {
            match self.live() {
                Ok(()) => return,
                Err(fault) => {
                    tracing::error!(%fault, "the outbox of webhooks failed and begins again");
                    self.tell(|report| report.error = Some(fault.to_string()));
                }
            }
            if self.pause() {
                return;
            }
        }
    }

    /// Waits after a failure. What comes meanwhile is dropped: answers to deliveries that go out again,
    /// and questions, whose askers see that nobody answers. Whether to stop.
    fn pause(&self) -> bool {
        std::thread::sleep(Duration::from_millis(FAILED_PAUSE_MS));
        self.inputs.try_iter().any(|input| matches!(input, Input::Stop))
    }

    fn live(&self) -> Result<(), Fault> {
        let store = Store::open(&self.path, self.node)?;
        let mut memory =
            Memory { store, lanes: BTreeMap::new(), refreshed_at_ms: None, pruned_at_ms: 0 };
        let mut wait = Duration::ZERO;
        loop {
            let Some(inputs) = self.gather(wait) else { return Ok(()) };
            wait = self.round(&mut memory, inputs)?;
            self.tell(|report| report.error = None);
        }
    }

    /// What has come within `wait` and a moment more; `None`: stop.
    fn gather(&self, wait: Duration) -> Option<Vec<Input>> {
        let mut inputs = Vec::new();
        match self.inputs.recv_timeout(wait) {
            Ok(input) => inputs.push(input),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        if !inputs.is_empty() {
            std::thread::sleep(Duration::from_millis(GATHER_MS));
        }
        inputs.extend(self.inputs.try_iter().take(INPUTS_COUNT_MAX));
        let stop = inputs.iter().any(|input| matches!(input, Input::Stop));
        (!stop).then_some(inputs)
    }

    fn tell(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
