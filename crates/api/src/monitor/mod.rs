//! Watching the node: one look at everything, told as `GET /v1/status`, as metrics, and as alarms.
//!
//! Invariants: watching never slows a payment down: counting is adding to an atomic, and the writer is
//! asked for sums that it keeps anyway, once each few seconds. No figure carries who paid whom.
//!
//! This module must not decide on payments.

mod alarms;
mod exposition;
mod families;
mod metrics;
mod observe;
mod process;
mod routes;
mod status;
mod traffic;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use engine::{Clock as _, Engine, SystemClock};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::clock::TestClock;
use crate::log::NodeLog;
pub(crate) use observe::observe;
pub(crate) use routes::routes;
pub use routes::{gateway_metrics_router, metrics_router};
use status::{Folders, Look, Sample, Status, Window};
pub use traffic::{SiteTraffic, Traffic};

/// Pause between two samples.
const SAMPLE_SECONDS: u64 = 5;
/// Samples that are kept: a minute of them.
const SAMPLES_COUNT_MAX: usize = 13;
/// The books are added up over all accounts at most this often, because the writer does it.
const BOOKS_SECONDS: u64 = 600;

/// What works beside the writer and can fall behind; null where it does not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Backlog {
    /// Deliveries of webhooks that wait.
    pub webhooks_pending: Option<u64>,
    /// Deliveries that were given up since the start.
    pub webhooks_dead: Option<u64>,
    /// Endpoints that answered 410 and are sent nothing any more.
    pub webhooks_disabled: Option<u64>,
    /// Events that the reports have not taken in.
    pub report_lag_events: Option<u64>,
}

/// The certificate of a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Certificate {
    /// Its file.
    pub file: String,
    /// When the one in force ends, Unix milliseconds.
    pub expires_at_ms: u64,
    /// Why what is in the file now is not in force; null if it is.
    pub refused: Option<String>,
}

/// What is watched.
pub struct Watched {
    /// The engine.
    pub engine: Engine,
    /// The data folder.
    pub data: PathBuf,
    /// Version of the program.
    pub version: &'static str,
    /// What is told of the log.
    pub log: Option<NodeLog>,
    /// The clock of a sandbox.
    pub clock: Option<Arc<dyn TestClock>>,
    /// Asks what works beside the writer.
    pub backlog: Arc<dyn Fn() -> Backlog + Send + Sync>,
    /// Requests as they are counted.
    pub traffic: Traffic,
    /// Asks for the certificates of the process's listeners.
    pub certificates: Arc<dyn Fn() -> Vec<Certificate> + Send + Sync>,
}

/// Watches one node; clones share it.
#[derive(Clone)]
pub struct Monitor(Arc<Inner>);

struct Inner {
    engine: Engine,
    data: PathBuf,
    version: &'static str,
    log: Option<NodeLog>,
    clock: Option<Arc<dyn TestClock>>,
    backlog: Arc<dyn Fn() -> Backlog + Send + Sync>,
    traffic: Traffic,
    certificates: Arc<dyn Fn() -> Vec<Certificate> + Send + Sync>,
    started_at_ms: u64,
    state: Mutex<State>,
}

/// What is kept between two looks.
#[derive(Default)]
struct State {
    samples: VecDeque<Sample>,
    balanced: Option<bool>,
    folders: Folders,
    raised: BTreeSet<&'static str>,
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("data", &self.0.data).finish_non_exhaustive()
    }
}

impl Monitor {
    /// A monitor that looks when it is asked; [`Monitor::watch`] lets it look by itself.
    pub fn new(watched: Watched) -> Self {
        let Watched { engine, data, version, log, clock, backlog, traffic, certificates } = watched;
        let inner = Inner {
            engine,
            data,
            version,
            log,
            clock,
            backlog,
            traffic,
            certificates,
            // Of the machine, not of a sandbox whose clock was advanced.
            started_at_ms: SystemClock.now_ms(),
            state: Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    /// Requests as they are counted.
    pub fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }

    /// Takes samples and tells the log of alarms that begin and end, until `stop`.
    pub async fn watch(self, mut stop: watch::Receiver<bool>) {
        let watching = async {
            let mut books_due = Instant::now();
            loop {
                if Instant::now() >= books_due {
                    self.0.add_up().await;
                    books_due = Instant::now() + Duration::from_secs(BOOKS_SECONDS);
                }
                self.0.take_sample().await;
                tokio::time::sleep(Duration::from_secs(SAMPLE_SECONDS)).await;
            }
        };
        tokio::select! {
            () = watching => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Whether the node takes payments.
    pub(crate) async fn is_ready(&self) -> bool {
        self.0.look().await.is_ready()
    }

    pub(crate) async fn status(&self) -> Status {
        let look = self.0.look().await;
        self.0.status(look)
    }

    /// All metrics, in the text format of Prometheus.
    pub async fn metrics(&self) -> String {
        let look = self.0.look().await;
        self.0.metrics(&look)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backlog(&self) -> Backlog {
        (self.backlog)()
    }

    fn clock_shift_ms(&self) -> u64 {
        self.clock.as_ref().map_or(0, |clock| clock.shift_ms())
    }

    fn sample(&self, look: &Look) -> Sample {
        Sample {
            at: Instant::now(),
            payments: look.vitals.as_ref().map_or(0, |found| found.payments),
            sites: self.traffic.sites_reading(),
            syncs: look.engine.syncs,
        }
    }

    async fn take_sample(&self) {
        let data = self.data.clone();
        let folders = tokio::task::spawn_blocking(move || folders(&data)).await;
        let look = self.look().await;
        let sample = self.sample(&look);
        let alarms = look.alarms();
        let mut state = self.state();
        state.folders = folders.unwrap_or_default();
        // A writer that does not answer has no number of payments.
        if look.vitals.is_some() {
            state.samples.push_back(sample);
        }
        let others = state.samples.len().saturating_sub(SAMPLES_COUNT_MAX);
        state.samples.drain(..others);
        for alarm in &alarms {
            if state.raised.insert(alarm.code) {
                tracing::warn!(alarm = alarm.code, detail = alarm.detail, "an alarm is raised");
            }
        }
        state.raised.retain(|code| {
            let is_raised = alarms.iter().any(|alarm| alarm.code == *code);
            if !is_raised {
                tracing::warn!(alarm = code, "an alarm is over");
            }
            is_raised
        });
    }

    async fn add_up(&self) {
        if let Ok(books) = self.engine.read(engine::books).await {
            self.state().balanced = Some(books.iter().all(|sums| sums.balanced));
        }
    }
}

impl State {
    /// What came since the oldest sample.
    fn window(&self, now: &Sample) -> Window {
        now.since(self.samples.front().unwrap_or(now))
    }
}

/// Sizes in the data folder; what cannot be read counts as nothing.
fn folders(data: &Path) -> Folders {
    let files = |name: &str| {
        let entries = fs::read_dir(data.join(name)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok())
    };
    let at_ms = |file: fs::Metadata| {
        let since = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok()
    };
    Folders {
        journal_bytes: files("journal").map(|file| file.len()).sum(),
        snapshot_at_ms: files("snapshots").filter_map(at_ms).max(),
    }
}
