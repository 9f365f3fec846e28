//! Starting the outbox, and what the API asks of it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, unbounded};
use engine::Clock;
use money::{DeliveryId, EndpointId, NodeId};
use seal::Seal;
use tokio::runtime;
use tokio::sync::{broadcast, oneshot, watch};

use crate::exchange::Http;
use crate::lane::Post;
use crate::notice::Notice;
use crate::outbox::{Input, Outbox, Report};
use crate::source::Source;
use crate::store::{Delivery, DeliveryPage, Reader, State, StoreError, delivery_number};

/// Name of the outbox in the data folder.
pub const FILE: &str = "webhook.sqlite";
/// Tests that a slow stream of events may be behind.
const TESTS_COUNT_MAX: usize = 64;

/// How webhooks are sent.
#[derive(Clone)]
pub struct Options {
    /// The outbox.
    pub path: PathBuf,
    /// The node whose events they are.
    pub node: NodeId,
    /// Opens the endpoints' secrets.
    pub seal: Seal,
    /// When it is.
    pub clock: Arc<dyn Clock>,
    /// Deliveries to one endpoint at a time; more than one may arrive out of order.
    pub in_flight_count: usize,
    /// For development: private addresses are called, too.
    pub allow_private: bool,
}

/// The thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the thread of webhooks does not start: {0}")]
pub struct StartError(std::io::Error);

/// The outbox does not answer: it has stopped, or begins again after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the outbox of webhooks does not answer now")]
pub struct Unavailable;

/// The running outbox. Clones share it.
#[derive(Clone)]
pub struct Handle {
    inbox: Sender<Input>,
    report: Arc<Mutex<Report>>,
    tests: broadcast::Sender<Arc<Notice>>,
    closing: watch::Sender<bool>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    options: Options,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("path", &self.options.path).finish_non_exhaustive()
    }
}

/// Starts following `source`; `end` tells when it has more. To be called within a runtime.
pub fn start<S: Source>(
    source: S,
    mut end: watch::Receiver<u64>,
    options: Options,
) -> Result<Handle, StartError> {
    let (inbox, inputs) = unbounded();
    let report = Arc::default();
    let runtime = runtime::Handle::current();
    let post = Post {
        http: Http::new(options.allow_private, options.in_flight_count),
        seal: options.seal.clone(),
        clock: Arc::clone(&options.clock),
        runtime: runtime.clone(),
        inbox: inbox.clone(),
        in_flight_count: options.in_flight_count.max(1),
    };
    let outbox = Outbox {
        source,
        path: options.path.clone(),
        node: options.node,
        post,
        inputs,
        report: Arc::clone(&report),
    };
    let thread = std::thread::Builder::new().name("webhooks".to_owned());
    let thread = thread.spawn(move || outbox.run()).map_err(StartError)?;
    let waker = inbox.clone();
    runtime.spawn(async move {
        while end.changed().await.is_ok() {
            // One wake at a time in the queue would be enough; the rounds take them all at once.
            if waker.is_empty() && waker.send(Input::Wake).is_err() {
                return;
            }
        }
    });
    let (tests, _) = broadcast::channel(TESTS_COUNT_MAX);
    let (closing, _) = watch::channel(false);
    let thread = Arc::new(Mutex::new(Some(thread)));
    Ok(Handle { inbox, report, tests, closing, thread, options })
}

impl Handle {
    /// What seals the secrets of endpoints.
    pub fn seal(&self) -> &Seal {
        &self.options.seal
    }

    /// Whether private addresses may be called.
    pub fn allows_private(&self) -> bool {
        self.options.allow_private
    }

    /// Unix milliseconds by the outbox's clock.
    pub fn now_ms(&self) -> u64 {
        self.options.clock.now_ms()
    }

    /// How it is.
    pub fn report(&self) -> Report {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Endpoints have changed: looks them up again.
    pub fn refresh(&self) {
        // A stopped outbox needs no news.
        let _ = self.inbox.send(Input::Refresh);
    }

    /// Sends a delivery again, whatever came of it. Whether there is such a one.
    pub async fn redeliver(&self, id: DeliveryId) -> Result<bool, Unavailable> {
        let Some(number) = delivery_number(id) else { return Ok(false) };
        self.ask(|asker| Input::Redeliver(number, asker)).await
    }

    /// Sends an endpoint everything since a time again. The position from which on; `None`: there is no
    /// such endpoint.
    pub async fn replay(&self, id: EndpointId, since_ms: u64) -> Result<Option<u64>, Unavailable> {
        self.ask(|asker| Input::Replay(id, since_ms, asker)).await
    }

    /// Sends a test to one endpoint, or to all that want it and to the streams of events. How many
    /// endpoints get it.
    pub async fn test(
        &self,
        notice: Notice,
        only: Option<EndpointId>,
    ) -> Result<usize, Unavailable> {
        if only.is_none() {
            // Nobody may be listening.
            let _ = self.tests.send(Arc::new(notice.clone()));
        }
        self.ask(|asker| Input::Test(Box::new(notice), only, asker)).await
    }

    /// Tests as they are asked for, for streams of events.
    pub fn tests(&self) -> broadcast::Receiver<Arc<Notice>> {
        self.tests.subscribe()
    }

    /// Turns true when streams of events are to end.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Ends the streams of events, so that a server that waits for its requests can end.
    pub fn close_streams(&self) {
        self.closing.send_replace(true);
    }

    /// Deliveries of an endpoint, the newest first. Reads the disk.
    pub fn deliveries(
        &self,
        endpoint: EndpointId,
        state: Option<State>,
        before: Option<DeliveryId>,
        count_max: usize,
    ) -> Result<DeliveryPage, StoreError> {
        Reader::open(&self.options.path)?.page(endpoint, state, before, count_max)
    }

    /// One delivery. Reads the disk.
    pub fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        Reader::open(&self.options.path)?.delivery(id)
    }

    /// Stops, and waits for the round under way. What was under way goes out again after the next
    /// start. Blocks.
    pub fn stop(&self) {
        let _ = self.inbox.send(Input::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of webhooks broke off");
        }
    }

    async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<T>) -> Input,
    ) -> Result<T, Unavailable> {
        let (asker, answer) = oneshot::channel();
        self.inbox.send(ask(asker)).map_err(|_| Unavailable)?;
        answer.await.map_err(|_| Unavailable)
    }
}
