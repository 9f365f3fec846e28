//! The state of the node as its operator sees it: one look, typed.
//!
//! Invariant: a look never waits longer than [`LOOK_MS_MAX`] for the writer; a writer that does not
//! answer is an alarm, not a hanging request.

use std::time::Duration;

use engine::{Reading, Vitals};
use money::Asset;
use serde::Serialize;
use utoipa::ToSchema;

use super::alarms::Alarm;
use super::process::{Process, Room};
use super::{Backlog, Certificate, Inner};
use crate::log::WitnessReport;
use crate::schema;

/// Time for the writer to answer a look.
pub(crate) const LOOK_MS_MAX: u64 = 2_000;

/// What one look found, in the words of the program.
pub(crate) struct Look {
    /// `None` if the writer did not answer.
    pub vitals: Option<Vitals>,
    pub engine: engine::EngineFigures,
    pub log: Option<LogLook>,
    pub room: Option<Room>,
    pub process: Process,
    pub backlog: Backlog,
    pub balanced: Option<bool>,
    pub folders: Folders,
    pub certificates: Vec<Certificate>,
    pub now_ms: u64,
    /// Of the machine: a sandbox's clock may be ahead.
    pub machine_ms: u64,
}

/// The log at one moment.
pub(crate) struct LogLook {
    pub leaves: u64,
    pub published_leaves: Option<u64>,
    pub published_at_ms: Option<u64>,
    pub halted: Option<String>,
    pub quorum_met: Option<bool>,
    pub failures: u64,
    pub failure: Option<String>,
    pub witnesses: Vec<WitnessReport>,
}

/// Sizes of the parts of the data folder.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Folders {
    pub journal_bytes: u64,
    /// When the newest snapshot was written, Unix milliseconds.
    pub snapshot_at_ms: Option<u64>,
}

/// `GET /v1/status`
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeStatus)]
pub(crate) struct Status {
    /// Whether the node takes payments.
    pub ready: bool,
    /// What is wrong, the worst first.
    pub alarms: Vec<Alarm>,
    /// Version of the program.
    pub version: &'static str,
    /// When the process started, Unix milliseconds.
    pub started_at_ms: u64,
    /// The node's clock, Unix milliseconds.
    pub now_ms: u64,
    /// By how much a sandbox's clock was advanced.
    pub clock_shift_ms: u64,
    /// Payments and requests of the last minute.
    pub throughput: Throughput,
    /// The writer and its journal.
    pub writer: Writer,
    /// Payments since the beginning; null while the writer does not answer.
    pub payments: Option<u64>,
    /// Payments whose money is held.
    pub holds_open: Option<u64>,
    /// Channels that are open or closing.
    pub channels_open: Option<u64>,
    /// Sums of each asset.
    pub assets: Vec<AssetStatus>,
    /// Whether debits equal credits in every asset, as last added up; null before that.
    pub books_balanced: Option<bool>,
    /// The log; null if the node keeps none.
    pub log: Option<LogStatus>,
    /// Webhooks and reports.
    pub backlog: Backlog,
    /// Certificates of the process's listeners; empty without TLS.
    pub certificates: Vec<Certificate>,
    /// The machine.
    pub machine: Machine,
}

/// Payments and requests of the last minute, or since the start if that is less.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Throughput {
    /// How long that is, in milliseconds.
    pub window_ms: u64,
    /// Payments that were taken.
    pub payments: u64,
    /// Requests to the gateways of this process.
    pub gateway_requests: u64,
    /// Half of these were answered within, in microseconds; null without any.
    pub gateway_p50_us: Option<u64>,
    /// 99 of 100.
    pub gateway_p99_us: Option<u64>,
}

/// The writer and its journal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Writer {
    /// It has stopped for good.
    pub stopped: bool,
    /// Commands that wait.
    pub queue_commands: u64,
    /// Batches since the beginning.
    pub batches: u64,
    /// Half of the batches of the last minute were synced within, in microseconds.
    pub sync_p50_us: Option<u64>,
    /// 99 of 100.
    pub sync_p99_us: Option<u64>,
    /// The journal on the disk.
    pub journal_bytes: u64,
    /// When the newest snapshot was written, Unix milliseconds; null without one.
    pub snapshot_at_ms: Option<u64>,
}

/// Sums of one asset, in base units.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssetStatus {
    /// Code.
    #[schema(value_type = schema::AssetCode)]
    pub asset: String,
    /// Digits after the decimal point.
    pub scale: u8,
    /// Play money.
    pub sandbox: bool,
    /// Owed to payers and payees.
    #[schema(value_type = schema::Units)]
    pub liabilities: String,
    /// Held for payments and channels.
    #[schema(value_type = schema::Units)]
    pub held: String,
    /// Spent on channels and not settled yet.
    #[schema(value_type = schema::Units)]
    pub exposure: String,
}

/// The log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogStatus {
    /// All leaves.
    pub leaves: u64,
    /// Leaves of the published checkpoint; null before the first.
    pub published_leaves: Option<u64>,
    /// When a checkpoint was published last, Unix milliseconds.
    pub published_at_ms: Option<u64>,
    /// Why nothing more is signed; null if all is well.
    pub halted: Option<String>,
    /// Whether enough witnesses cosigned the published checkpoint.
    pub quorum_met: Option<bool>,
    /// The witnesses in the last round.
    pub witnesses: Vec<WitnessReport>,
}

/// The process and its disk; what the system does not say is null.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Machine {
    /// Memory in use.
    pub resident_bytes: Option<u64>,
    /// Time of the processor, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Files and connections.
    pub open_files: Option<u64>,
    /// How many there may be.
    pub open_files_max: Option<u64>,
    /// Room for the data folder.
    pub data_free_bytes: Option<u64>,
    /// Size of its file system.
    pub data_size_bytes: Option<u64>,
}

impl Inner {
    /// Looks once.
    pub(crate) async fn look(&self) -> Look {
        let asked = self.engine.read(engine::vitals);
        let answered = tokio::time::timeout(Duration::from_millis(LOOK_MS_MAX), asked).await;
        let state = self.state();
        let (balanced, folders) = (state.balanced, state.folders);
        drop(state);
        let now_ms = self.engine.clock().now_ms();
        Look {
            vitals: answered.ok().and_then(Result::ok),
            engine: self.engine.figures(),
            log: self.look_at_log(),
            room: super::process::room(&self.data),
            process: super::process::process(),
            backlog: self.backlog(),
            balanced,
            folders,
            certificates: (self.certificates)(),
            now_ms,
            machine_ms: now_ms.saturating_sub(self.clock_shift_ms()),
        }
    }

    fn look_at_log(&self) -> Option<LogLook> {
        let log = self.engine.log()?;
        let report = self.log.as_ref().map(|known| known.report.borrow().clone());
        let report = report.unwrap_or_default();
        let published = log.checkpoint();
        let judge = |note| self.log.as_ref().map(|known| known.policy.judge(note).is_ok());
        Some(LogLook {
            leaves: log.head().size,
            published_leaves: published.as_ref().map(|(head, _)| head.size),
            published_at_ms: report.published_at_ms,
            halted: log.halted(),
            quorum_met: published.as_ref().and_then(|(_, note)| judge(note)),
            failures: report.failures,
            failure: report.failure.map(|failure| failure.detail),
            witnesses: report.witnesses,
        })
    }

    /// What one look says to the operator.
    pub(crate) fn status(&self, look: Look) -> Status {
        let alarms = look.alarms();
        let window = self.state().window(&self.sample(&look));
        let of = |get: fn(&Vitals) -> usize| look.vitals.as_ref().map(|found| get(found) as u64);
        Status {
            ready: look.is_ready(),
            alarms,
            version: self.version,
            started_at_ms: self.started_at_ms,
            now_ms: look.now_ms,
            clock_shift_ms: self.clock_shift_ms(),
            throughput: window.throughput(),
            writer: Writer {
                stopped: look.engine.has_stopped,
                queue_commands: look.engine.waiting as u64,
                batches: look.engine.batch,
                sync_p50_us: window.syncs.percentile_us(50),
                sync_p99_us: window.syncs.percentile_us(99),
                journal_bytes: look.folders.journal_bytes,
                snapshot_at_ms: look.folders.snapshot_at_ms,
            },
            payments: look.vitals.as_ref().map(|found| found.payments),
            holds_open: of(|found| found.holds_open),
            channels_open: of(|found| found.channels_open),
            assets: look.assets(),
            books_balanced: look.balanced,
            log: look.log.map(LogStatus::from),
            backlog: look.backlog,
            certificates: look.certificates,
            machine: Machine {
                resident_bytes: look.process.resident_bytes,
                cpu_ms: look.process.cpu_ms,
                open_files: look.process.open_files,
                open_files_max: look.process.open_files_max,
                data_free_bytes: look.room.map(|room| room.free_bytes),
                data_size_bytes: look.room.map(|room| room.size_bytes),
            },
        }
    }
}

impl Look {
    fn assets(&self) -> Vec<AssetStatus> {
        let assets = self.vitals.iter().flat_map(|found| &found.assets);
        let status = |sums: &engine::AssetSums| {
            let Asset { code, scale } = sums.asset.asset;
            AssetStatus {
                asset: code.as_str().to_owned(),
                scale,
                sandbox: sums.asset.sandbox,
                liabilities: sums.liabilities.units().to_string(),
                held: sums.held.units().to_string(),
                exposure: sums.exposure.units().to_string(),
            }
        };
        assets.map(status).collect()
    }
}

impl From<LogLook> for LogStatus {
    fn from(look: LogLook) -> Self {
        Self {
            leaves: look.leaves,
            published_leaves: look.published_leaves,
            published_at_ms: look.published_at_ms,
            halted: look.halted,
            quorum_met: look.quorum_met,
            witnesses: look.witnesses,
        }
    }
}

/// What was counted up to a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub at: tokio::time::Instant,
    pub payments: u64,
    pub sites: Reading,
    pub syncs: Reading,
}

/// What came between two samples.
pub(crate) struct Window {
    pub length: Duration,
    pub payments: u64,
    pub sites: Reading,
    pub syncs: Reading,
}

impl Sample {
    pub(crate) fn since(&self, earlier: &Self) -> Window {
        Window {
            length: self.at.saturating_duration_since(earlier.at),
            payments: self.payments.saturating_sub(earlier.payments),
            sites: self.sites.since(&earlier.sites),
            syncs: self.syncs.since(&earlier.syncs),
        }
    }
}

impl Window {
    fn throughput(&self) -> Throughput {
        Throughput {
            window_ms: u64::try_from(self.length.as_millis()).unwrap_or(u64::MAX),
            payments: self.payments,
            gateway_requests: self.sites.count(),
            gateway_p50_us: self.sites.percentile_us(50),
            gateway_p99_us: self.sites.percentile_us(99),
        }
    }
}
