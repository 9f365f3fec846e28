//! `GET /v1/status` as far as it is shown. What a newer node says beyond it is passed over.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    pub ready: bool,
    pub alarms: Vec<Alarm>,
    pub version: String,
    pub started_at_ms: u64,
    pub now_ms: u64,
    pub clock_shift_ms: u64,
    pub throughput: Throughput,
    pub writer: Writer,
    pub payments: Option<u64>,
    pub holds_open: Option<u64>,
    pub channels_open: Option<u64>,
    pub assets: Vec<AssetSums>,
    pub books_balanced: Option<bool>,
    pub log: Option<Log>,
    pub backlog: Backlog,
    pub machine: Machine,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Alarm {
    pub code: String,
    pub severity: String,
    pub detail: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Throughput {
    pub window_ms: u64,
    pub payments: u64,
    pub gateway_requests: u64,
    pub gateway_p50_us: Option<u64>,
    pub gateway_p99_us: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Writer {
    pub queue_commands: u64,
    pub batches: u64,
    pub sync_p50_us: Option<u64>,
    pub sync_p99_us: Option<u64>,
    pub journal_bytes: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct AssetSums {
    pub asset: String,
    pub scale: u8,
    pub liabilities: String,
    pub held: String,
    pub exposure: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Log {
    pub leaves: u64,
    pub published_leaves: Option<u64>,
    pub published_at_ms: Option<u64>,
    pub halted: Option<String>,
    pub quorum_met: Option<bool>,
    pub witnesses: Vec<Witness>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Witness {
    pub name: String,
    pub state: String,
    pub cosigned_size: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Backlog {
    pub webhooks_pending: Option<u64>,
    pub report_lag_events: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Machine {
    pub resident_bytes: Option<u64>,
    pub data_free_bytes: Option<u64>,
}
