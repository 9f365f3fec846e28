//! Every metric: its name, kind and meaning. `docs/reference/metrics.md` is the same list for people,
//! and a test compares both with what a node says.

/// A metric with all its labels.
#[derive(Debug)]
pub(crate) struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub help: &'static str,
}

/// How a figure moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! families {
    ($($constant:ident $kind:ident $name:literal $help:literal;)+) => {
        $(pub(crate) const $constant: Family =
            Family { name: $name, kind: Kind::$kind, help: $help };)+
        /// All of them, in the order of the page.
        #[cfg(test)]
        pub(crate) const ALL: &[&Family] = &[$(&$constant),+];
    };
}

families! {
    BUILD Gauge "farthing_build_info" "Always 1; the version of the program is its label";
    READY Gauge "farthing_ready" "1 if the node takes payments";
    ALARM Gauge "farthing_alarm" "1 while the node raises the alarm";
    HTTP_REQUESTS Counter "farthing_http_requests_total" "Requests to the node by route and kind of status";
    HTTP_SECONDS Histogram "farthing_http_request_seconds" "From a request to the head of its answer, by route";
    SITE_REQUESTS Counter "farthing_gateway_requests_total" "Requests to a site by what became of them";
    SITE_SECONDS Histogram "farthing_gateway_request_seconds" "From a request to the head of its answer, upstream included";
    PAYMENTS Counter "farthing_payments_total" "Payments since the beginning of the books, released ones included";
    HOLDS Gauge "farthing_holds_open" "Payments whose money is held";
    CHANNELS Gauge "farthing_channels_open" "Channels that are open or closing";
    HELD Gauge "farthing_held" "Money held for payments and channels, in units of the asset";
    EXPOSURE Gauge "farthing_exposure" "Spent on channels and not settled yet, in units of the asset";
    LIABILITIES Gauge "farthing_liabilities" "What the node owes, in units of the asset";
    BALANCED Gauge "farthing_books_balanced" "1 if debits equal credits in every asset, as last added up";
    QUEUE Gauge "farthing_engine_queue_commands" "Commands that wait for the writer";
    BATCHES Counter "farthing_journal_batches_total" "Batches made durable since the beginning of the journal";
    SYNC Histogram "farthing_journal_sync_seconds" "Time to write and sync one batch";
    JOURNAL Gauge "farthing_journal_bytes" "Bytes of the journal on the disk";
    SNAPSHOT_AGE Gauge "farthing_snapshot_age_seconds" "Since the last snapshot was finished";
    LEAVES Gauge "farthing_log_leaves" "Leaves of the log";
    PUBLISHED Gauge "farthing_log_published_leaves" "Leaves of the published checkpoint";
    PUBLISHED_AGE Gauge "farthing_log_published_age_seconds" "Since a checkpoint was published";
    HALTED Gauge "farthing_log_halted" "1 if the log signs nothing more";
    QUORUM Gauge "farthing_log_quorum_met" "1 if enough witnesses cosigned the published checkpoint";
    LOG_FAILURES Counter "farthing_log_failures_total" "Attempts at a checkpoint or an epoch that failed";
    WITNESS Gauge "farthing_log_witness_leaves" "Leaves of the newest checkpoint that a witness cosigned";
    WEBHOOKS Gauge "farthing_webhook_pending" "Deliveries of webhooks that wait";
    WEBHOOKS_DEAD Counter "farthing_webhook_dead_total" "Deliveries of webhooks that were given up since the start";
    REPORT_LAG Gauge "farthing_report_lag_events" "Events that the reports have not taken in";
    FREE Gauge "farthing_data_free_bytes" "Room for the data folder";
    SIZE Gauge "farthing_data_size_bytes" "Size of the file system of the data folder";
    SHIFT Gauge "farthing_clock_shift_seconds" "By how much a sandbox's clock was advanced";
    CERTIFICATE_END Gauge "farthing_certificate_expires_seconds" "When the certificate in force ends, Unix time";
    CERTIFICATE_REFUSED Gauge "farthing_certificate_refused" "1 while the files hold a certificate that cannot be used";
    CPU Counter "process_cpu_seconds_total" "Time of the processor that was used";
    MEMORY Gauge "process_resident_memory_bytes" "Memory in use";
    FILES Gauge "process_open_fds" "Open files and connections";
    FILES_MAX Gauge "process_max_fds" "Files and connections that may be open";
    STARTED Gauge "process_start_time_seconds" "When the process started, Unix time";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The table of the reference: name and kind of each metric.
    #[test]
    fn the_reference_lists_every_metric_and_no_other() {
        let reference = include_str!("../../../../docs/reference/metrics.md");
        let row = |line: &'static str| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            Some((cells.next()?.strip_suffix('`')?, cells.next()?))
        };
        let listed: BTreeSet<_> = reference.lines().filter_map(row).collect();
        let known: BTreeSet<_> = ALL.iter().map(|of| (of.name, of.kind.word())).collect();
        assert_eq!(known, listed);
        assert_eq!(known.len(), ALL.len(), "a name stands twice");
    }
}
