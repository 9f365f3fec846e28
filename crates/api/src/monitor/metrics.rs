//! The page that Prometheus reads.
//!
//! Invariant: every family of [`families`] stands on the page of a node that has something to say of
//! it, and no other does.

use engine::AssetSums;
use money::Amount;

use super::alarms::ALARMS;
use super::exposition::{Exposition, seconds};
use super::families as f;
use super::status::{LogLook, Look};
use super::{Certificate, Inner};
use crate::monitor::traffic::Traffic;

/// Media type of the page.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Inner {
    pub(crate) fn metrics(&self, look: &Look) -> String {
        let mut page = Exposition::default();
        page.family(&f::BUILD).sample(&f::BUILD, &[("version", self.version)], 1);
        page.only(&f::READY, u8::from(look.is_ready()));
        let raised = look.alarms();
        page.family(&f::ALARM);
        for (code, severity) in ALARMS {
            let is_raised = raised.iter().any(|alarm| alarm.code == code);
            let labels = [("alarm", code), ("severity", severity.word())];
            page.sample(&f::ALARM, &labels, u8::from(is_raised));
        }
        self.traffic.write(&mut page);
        write_books(&mut page, look);
        page.only(&f::QUEUE, look.engine.waiting);
        page.only(&f::BATCHES, look.engine.batch);
        page.family(&f::SYNC).histogram(&f::SYNC, &[], &look.engine.syncs);
        page.only(&f::JOURNAL, look.folders.journal_bytes);
        if let Some(at_ms) = look.folders.snapshot_at_ms {
            page.only(&f::SNAPSHOT_AGE, look.machine_ms.saturating_sub(at_ms) / 1_000);
        }
        if let Some(log) = &look.log {
            write_log(&mut page, log, look.now_ms);
        }
        if let Some(pending) = look.backlog.webhooks_pending {
            page.only(&f::WEBHOOKS, pending);
        }
        if let Some(dead) = look.backlog.webhooks_dead {
            page.only(&f::WEBHOOKS_DEAD, dead);
        }
        if let Some(lag) = look.backlog.report_lag_events {
            page.only(&f::REPORT_LAG, lag);
        }
        page.only(&f::SHIFT, seconds(self.clock_shift_ms().saturating_mul(1_000)));
        write_certificates(&mut page, &look.certificates);
        write_machine(&mut page, look, self.started_at_ms);
        page.finish()
    }
}

/// The page of a process that has no node: gateways apart.
pub fn gateway_metrics(traffic: &Traffic, certificates: &[Certificate], version: &str) -> String {
    let mut page = Exposition::default();
    page.family(&f::BUILD).sample(&f::BUILD, &[("version", version)], 1);
    traffic.write(&mut page);
    write_certificates(&mut page, certificates);
    page.finish()
}

fn write_certificates(page: &mut Exposition, certificates: &[Certificate]) {
    if certificates.is_empty() {
        return;
    }
    let mut each = |family: &f::Family, figure: fn(&Certificate) -> u64| {
        page.family(family);
        for certificate in certificates {
            let labels = [("certificate", certificate.file.as_str())];
            page.sample(family, &labels, figure(certificate));
        }
    };
    each(&f::CERTIFICATE_END, |certificate| certificate.expires_at_ms / 1_000);
    each(&f::CERTIFICATE_REFUSED, |certificate| certificate.refused.is_some().into());
}

fn write_books(page: &mut Exposition, look: &Look) {
    if let Some(balanced) = look.balanced {
        page.only(&f::BALANCED, u8::from(balanced));
    }
    let Some(vitals) = &look.vitals else { return };
    page.only(&f::PAYMENTS, vitals.payments);
    page.only(&f::HOLDS, vitals.holds_open);
    page.only(&f::CHANNELS, vitals.channels_open);
    let mut sums = |family: &f::Family, amount: fn(&AssetSums) -> Amount| {
        page.family(family);
        for asset in &vitals.assets {
            let labels = [("asset", asset.asset.asset.code.as_str())];
            page.sample(family, &labels, decimal(amount(asset)));
        }
    };
    sums(&f::HELD, |sums| sums.held);
    sums(&f::EXPOSURE, |sums| sums.exposure);
    sums(&f::LIABILITIES, |sums| sums.liabilities);
}

/// Without the asset, which is the label.
fn decimal(amount: Amount) -> String {
    let text = amount.to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn write_log(page: &mut Exposition, log: &LogLook, now_ms: u64) {
    page.only(&f::LEAVES, log.leaves);
    page.only(&f::PUBLISHED, log.published_leaves.unwrap_or(0));
    if let Some(at_ms) = log.published_at_ms {
        page.only(&f::PUBLISHED_AGE, seconds(now_ms.saturating_sub(at_ms).saturating_mul(1_000)));
    }
    page.only(&f::HALTED, u8::from(log.halted.is_some()));
    if let Some(met) = log.quorum_met {
        page.only(&f::QUORUM, u8::from(met));
    }
    page.only(&f::LOG_FAILURES, log.failures);
    if log.witnesses.is_empty() {
        return;
    }
    page.family(&f::WITNESS);
    for witness in &log.witnesses {
        let labels = [("witness", witness.name.as_str())];
        page.sample(&f::WITNESS, &labels, witness.cosigned_size.unwrap_or(0));
    }
}

fn write_machine(page: &mut Exposition, look: &Look, started_at_ms: u64) {
    if let Some(room) = look.room {
        page.only(&f::FREE, room.free_bytes);
        page.only(&f::SIZE, room.size_bytes);
    }
    let process = look.process;
    let figures = [
        (&f::CPU, process.cpu_ms.map(|ms| seconds(ms.saturating_mul(1_000)))),
        (&f::MEMORY, process.resident_bytes.map(|bytes| bytes.to_string())),
        (&f::FILES, process.open_files.map(|count| count.to_string())),
        (&f::FILES_MAX, process.open_files_max.map(|count| count.to_string())),
        (&f::STARTED, Some(seconds(started_at_ms.saturating_mul(1_000)))),
    ];
    for (family, figure) in figures {
        if let Some(figure) = figure {
            page.only(family, figure);
        }
    }
}
