//! Alarms: what somebody has to look at, from one look at the node.
//!
//! Each has a stable code and a row in `docs/guides/run-in-production.md`. A page is for now, a ticket
//! for the morning.

use serde::Serialize;
use utoipa::ToSchema;

use super::process::Room;
use super::status::{LogLook, Look};

/// Of the data folder's file system: less is an alarm.
const DATA_FREE_PERCENT_MIN: u64 = 5;
/// Less is an alarm on a file system of any size.
const DATA_FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// The engine takes no new payment when the clock is further behind than this.
const CLOCK_BEHIND_SECONDS: u64 = 300;
/// A checkpoint that is older than this, with leaves that wait, is late.
const CHECKPOINT_AGE_SECONDS: u64 = 60;
/// Half of what may wait for the writer.
const QUEUE_COMMANDS: usize = 4096;
/// A certificate that ends sooner is an alarm.
const CERTIFICATE_SECONDS_LEFT: u64 = 14 * 24 * 60 * 60;
/// Events that the read model may be behind.
const REPORT_LAG_EVENTS: u64 = 100_000;

/// Something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Alarm {
    /// Stable code.
    pub code: &'static str,
    /// How urgent it is.
    pub severity: Severity,
    /// What was seen, in words.
    pub detail: String,
}

/// How urgent an alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Now.
    Page,
    /// In the morning.
    Ticket,
}

impl Severity {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// Every alarm there is, so that each is told as quiet while it is.
pub(crate) const ALARMS: [(&str, Severity); 16] = [
    ("writer_stopped", Severity::Page),
    ("writer_stuck", Severity::Page),
    ("clock_behind", Severity::Page),
    ("books_unbalanced", Severity::Page),
    ("disk_almost_full", Severity::Page),
    ("log_halted", Severity::Page),
    ("witness_alarm", Severity::Page),
    ("certificate_expired", Severity::Page),
    ("writer_behind", Severity::Ticket),
    ("log_behind", Severity::Ticket),
    ("quorum_missed", Severity::Ticket),
    ("webhooks_dead", Severity::Ticket),
    ("webhooks_disabled", Severity::Ticket),
    ("report_behind", Severity::Ticket),
    ("certificate_expires", Severity::Ticket),
    ("certificate_refused", Severity::Ticket),
];

impl Look {
    /// The node takes payments: its writer answers, its journal is written, its clock is sane.
    pub(crate) fn is_ready(&self) -> bool {
        self.vitals.is_some() && !self.engine.has_stopped && self.clock_behind().is_none()
    }

    /// What is wrong, in the order of [`ALARMS`].
    pub(crate) fn alarms(&self) -> Vec<Alarm> {
        let raised = ALARMS.into_iter().map(|(code, severity)| (code, severity, self.raises(code)));
        let raised = raised.filter_map(|(code, severity, detail)| {
            detail.map(|detail| Alarm { code, severity, detail })
        });
        raised.collect()
    }

    /// Why an alarm is raised; `None` while it is quiet.
    fn raises(&self, code: &str) -> Option<String> {
        let log = self.log.as_ref();
        match code {
            "writer_stopped" => self.engine.has_stopped.then(|| {
                "the writer met a disk error and stopped for good; no payment is taken".to_owned()
            }),
            "writer_stuck" => (self.vitals.is_none() && !self.engine.has_stopped)
                .then(|| "the writer does not answer: the disk hangs, or the queue is full".into()),
            "clock_behind" => self.clock_behind().map(|seconds| {
                format!("the clock is {seconds} seconds behind the newest entry of the journal")
            }),
            "books_unbalanced" => (self.balanced == Some(false))
                .then(|| "debits do not equal credits: run `farthing fsck`".to_owned()),
            "disk_almost_full" => self.room.and_then(almost_full),
            "log_halted" => log.and_then(|log| log.halted.clone()),
            "witness_alarm" => log.and_then(witness_alarm),
            "writer_behind" => (self.engine.waiting > QUEUE_COMMANDS)
                .then(|| format!("{} commands wait for the writer", self.engine.waiting)),
            "log_behind" => log.and_then(|log| self.log_behind(log)),
            "quorum_missed" => log
                .filter(|log| log.quorum_met == Some(false))
                .map(|_| "too few witnesses cosigned the published checkpoint".to_owned()),
            "webhooks_dead" => self
                .backlog
                .webhooks_dead
                .filter(|dead| *dead > 0)
                .map(|dead| format!("{dead} deliveries were given up after three days")),
            "webhooks_disabled" => {
                self.backlog.webhooks_disabled.filter(|disabled| *disabled > 0).map(|disabled| {
                    format!("{disabled} endpoints answered 410 and are switched off")
                })
            }
            "report_behind" => self
                .backlog
                .report_lag_events
                .filter(|lag| *lag > REPORT_LAG_EVENTS)
                .map(|lag| format!("reports are {lag} events behind")),
            "certificate_expired" => self.certificate(|left, _| left == 0),
            "certificate_expires" => {
                self.certificate(|left, _| (1..CERTIFICATE_SECONDS_LEFT).contains(&left))
            }
            "certificate_refused" => self.certificate(|_, refused| refused),
            _ => None,
        }
    }

    /// What is told of the first certificate with these seconds left, or that was refused.
    fn certificate(&self, is_meant: impl Fn(u64, bool) -> bool) -> Option<String> {
        let left = |end_ms: u64| end_ms.saturating_sub(self.machine_ms) / 1_000;
        let mut certificates = self.certificates.iter();
        let found = certificates
            .find(|found| is_meant(left(found.expires_at_ms), found.refused.is_some()))?;
        let days = left(found.expires_at_ms) / (24 * 60 * 60);
        let refused = found.refused.as_ref().map(|why| format!("; the new one is refused: {why}"));
        Some(format!("{} has {days} days left{}", found.file, refused.unwrap_or_default()))
    }

    fn clock_behind(&self) -> Option<u64> {
        let newest_ms = self.vitals.as_ref()?.last_entry_ns / 1_000_000;
        let seconds = newest_ms.saturating_sub(self.now_ms) / 1_000;
        (seconds > CLOCK_BEHIND_SECONDS).then_some(seconds)
    }

    fn log_behind(&self, log: &LogLook) -> Option<String> {
        let waits = log.published_leaves.is_none_or(|published| published < log.leaves);
        let age_ms = self.now_ms.saturating_sub(log.published_at_ms?);
        let is_late = waits && log.halted.is_none() && age_ms > CHECKPOINT_AGE_SECONDS * 1_000;
        is_late.then(|| {
            let why = log.failure.as_deref().unwrap_or("no reason is known");
            format!("the newest checkpoint is {} seconds old: {why}", age_ms / 1_000)
        })
    }
}

fn almost_full(room: Room) -> Option<String> {
    let percent = room.free_bytes.saturating_mul(100) / room.size_bytes.max(1);
    let is_low = percent < DATA_FREE_PERCENT_MIN || room.free_bytes < DATA_FREE_BYTES_MIN;
    is_low.then(|| format!("{} MiB are free, {percent} %", room.free_bytes / (1024 * 1024)))
}

fn witness_alarm(log: &LogLook) -> Option<String> {
    let said = log.witnesses.iter().filter_map(|witness| Some((&witness.name, witness.alarm?)));
    let said: Vec<String> = said.map(|(name, alarm)| format!("{name}: {alarm}")).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

#[cfg(test)]
mod tests {
    use engine::{EngineFigures, Reading, Vitals};

    use super::super::process::Process;
    use super::super::status::Folders;
    use super::super::{Backlog, Certificate};
    use super::*;
    use crate::log::WitnessReport;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn well() -> Look {
        let witness = WitnessReport {
            name: "w".into(),
            state: "cosigned",
            detail: String::new(),
            cosigned_size: Some(5),
            cosigned_at_s: None,
            alarm: None,
        };
        Look {
            vitals: Some(Vitals {
                last_entry_ns: (NOW_MS + CLOCK_BEHIND_SECONDS * 1_000) * 1_000_000,
                payments: 1,
                holds_open: 0,
                channels_open: 0,
                assets: vec![],
            }),
            engine: EngineFigures {
                waiting: QUEUE_COMMANDS,
                batch: 1,
                syncs: Reading::default(),
                has_stopped: false,
            },
            log: Some(LogLook {
                leaves: 6,
                published_leaves: Some(5),
                published_at_ms: Some(NOW_MS - CHECKPOINT_AGE_SECONDS * 1_000),
                halted: None,
                quorum_met: Some(true),
                failures: 0,
                failure: None,
                witnesses: vec![witness],
            }),
            room: Some(Room { free_bytes: 5 << 30, size_bytes: 100 << 30 }),
            process: Process::default(),
            backlog: Backlog {
                webhooks_pending: Some(9),
                webhooks_dead: Some(0),
                webhooks_disabled: Some(0),
                report_lag_events: Some(REPORT_LAG_EVENTS),
            },
            balanced: Some(true),
            folders: Folders::default(),
            certificates: vec![Certificate {
                file: "pay.pem".into(),
                expires_at_ms: NOW_MS - 60_000 + CERTIFICATE_SECONDS_LEFT * 1_000,
                refused: None,
            }],
            now_ms: NOW_MS,
            machine_ms: NOW_MS - 60_000,
        }
    }

    fn spoiled(spoil: impl FnOnce(&mut Look)) -> (Vec<&'static str>, bool) {
        let mut look = well();
        spoil(&mut look);
        (look.alarms().iter().map(|alarm| alarm.code).collect(), look.is_ready())
    }

    #[test]
    fn a_node_at_every_limit_is_quiet() {
        assert_eq!(spoiled(|_| ()), (vec![], true));
    }

    #[test]
    fn one_fault_raises_one_alarm() {
        let log = |spoil: fn(&mut LogLook)| spoiled(|look| spoil(look.log.as_mut().unwrap()));
        let quiet = true;
        assert_eq!(
            spoiled(|look| look.engine.has_stopped = true),
            (vec!["writer_stopped"], !quiet)
        );
        assert_eq!(spoiled(|look| look.vitals = None), (vec!["writer_stuck"], !quiet));
        assert_eq!(spoiled(|look| look.now_ms -= 1_000), (vec!["clock_behind"], !quiet));
        assert_eq!(spoiled(|look| look.balanced = Some(false)), (vec!["books_unbalanced"], quiet));
        assert_eq!(spoiled(|look| look.balanced = None), (vec![], quiet));
        let full = Room { free_bytes: (5 << 30) - 1, size_bytes: 100 << 30 };
        assert_eq!(spoiled(|look| look.room = Some(full)), (vec!["disk_almost_full"], quiet));
        let small = Room { free_bytes: DATA_FREE_BYTES_MIN - 1, size_bytes: DATA_FREE_BYTES_MIN };
        assert_eq!(spoiled(|look| look.room = Some(small)), (vec!["disk_almost_full"], quiet));
        assert_eq!(spoiled(|look| look.engine.waiting += 1), (vec!["writer_behind"], quiet));
        assert_eq!(log(|log| log.halted = Some("why".into())), (vec!["log_halted"], quiet));
        assert_eq!(
            log(|log| log.witnesses[0].alarm = Some("fork")),
            (vec!["witness_alarm"], quiet)
        );
        let late =
            |log: &mut LogLook| log.published_at_ms = log.published_at_ms.map(|at| at - 1_000);
        assert_eq!(log(late), (vec!["log_behind"], quiet));
        // A quiet log has nothing to publish.
        let quiet_log = |log: &mut LogLook| (log.leaves, log.published_at_ms) = (5, Some(1));
        assert_eq!(log(quiet_log), (vec![], quiet));
        assert_eq!(log(|log| log.quorum_met = Some(false)), (vec!["quorum_missed"], quiet));
        let dead = |look: &mut Look| look.backlog.webhooks_dead = Some(1);
        assert_eq!(spoiled(dead), (vec!["webhooks_dead"], quiet));
        let disabled = |look: &mut Look| look.backlog.webhooks_disabled = Some(1);
        assert_eq!(spoiled(disabled), (vec!["webhooks_disabled"], quiet));
        let lag = |look: &mut Look| look.backlog.report_lag_events = Some(REPORT_LAG_EVENTS + 1);
        assert_eq!(spoiled(lag), (vec!["report_behind"], quiet));
        assert_eq!(spoiled(|look| look.machine_ms += 1), (vec!["certificate_expires"], quiet));
        let ended = |look: &mut Look| look.machine_ms = look.certificates[0].expires_at_ms;
        assert_eq!(spoiled(ended), (vec!["certificate_expired"], quiet));
        let refused = |look: &mut Look| look.certificates[0].refused = Some("why".into());
        assert_eq!(spoiled(refused), (vec!["certificate_refused"], quiet));
    }

    #[test]
    fn pages_come_before_tickets() {
        assert!(ALARMS.is_sorted_by_key(|(_, severity)| *severity));
        let (codes, _) = spoiled(|look| {
            look.backlog.webhooks_dead = Some(1);
            look.engine.has_stopped = true;
        });
        assert_eq!(codes, ["writer_stopped", "webhooks_dead"]);
    }
}
