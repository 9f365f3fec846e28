//! The ledger under load: an engine in the measured process on a real folder, every batch synced to
//! disk before its answer, beside what the machine itself can do.
//!
//! Each run is a process of its own with a fresh folder, so that memory, processor time and bytes are
//! those of the run. Making the events shares the cores with the engine and is told apart.

pub(crate) mod batches;
pub(crate) mod counted;
pub(crate) mod events;
pub(crate) mod figures;
mod machine;
pub(crate) mod offered;
mod options;
mod postgres;
pub(crate) mod starts;
pub(crate) mod subject;
pub(crate) mod workloads;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use benches::report::{Report, machine_load};

use figures::Figures;
use machine::Machine;
use options::{INSTRUCTIONS, OFFERED_LOAD, Options, STARTS};
use workloads::{WORKLOADS, Workload};

/// How long things are measured that are not counted in transfers.
struct Plan {
    /// Each limit of the machine.
    limit: Duration,
    /// Table of the random pairs: far more than a processor's caches hold.
    table_bytes: usize,
    offered_seconds: u64,
    postgres_seconds: u64,
}

const FULL: Plan = Plan {
    limit: Duration::from_secs(1),
    table_bytes: 1 << 30,
    offered_seconds: 10,
    postgres_seconds: 5,
};

const QUICK: Plan = Plan {
    limit: Duration::from_millis(100),
    table_bytes: 1 << 27,
    offered_seconds: 1,
    postgres_seconds: 1,
};

const NOTES: &[&str] = &[
    "an engine in this process, fsync on, fresh folder and process for each run; accounts without \
     limits, every field of user data random, amounts exponential, history on unless the name says no",
    "METRIC_in_flight_N: N batches on their way, the next one sent when the oldest is durable; \
     without it, the run with the most transfers a second, all metrics from that one run",
    "two_phase: a hold and its post in a later batch count as one transfer",
    "rss_mb: the most that was ever resident (VmHWM), generator included; cpu_us_per_transfer: user \
     and system of all threads, generator included, whose part is generator_ns_per_transfer",
    "start: milliseconds from opening the folder to the first answer; tail: no snapshot, the whole \
     journal is folded; snapshot: everything is in the snapshot; snapshot_tenth: with a tenth of the \
     history",
    "offered_N: N transfers/s due at fixed times, latency from due to durable",
];

/// Prints all figures.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let options = Options::parse(words)?;
    let plan = if options.quick { &QUICK } else { &FULL };
    let report = Report::new("ledger");
    NOTES.iter().try_for_each(|note| report.note(note))?;
    report.value("machine", "load_before", machine_load()?, "processes")?;
    let machine = machine::measure(&report, plan.limit, plan.table_bytes)?;
    for workload in WORKLOADS.iter().filter(|workload| options.wants(workload.name)) {
        measure(&report, &machine, workload, options.transfers)?;
    }
    if options.wants(STARTS) {
        starts::measure(&report, options.transfers)?;
    }
    if options.wants(OFFERED_LOAD) {
        let points = offered::measure(&report, plan.offered_seconds)?;
        let path = picture()?;
        std::fs::write(&path, offered::plot(&points)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        report.note(&format!("offered load: plot in {}", path.display()))?;
    }
    if options.postgres {
        postgres::measure(&report, plan.postgres_seconds)?;
    }
    report.value("machine", "load_after", machine_load()?, "processes")?;
    if options.wants(INSTRUCTIONS) { counted::gate(&report) } else { Ok(()) }
}

/// One workload with each number of batches in flight.
fn measure(report: &Report, machine: &Machine, workload: &Workload, transfers: u64) -> Result<()> {
    let transfers = (transfers / workload.fraction).max(1);
    let mut best: Option<(f64, usize, Figures)> = None;
    for &in_flight in workload.in_flight {
        let figures = batches::measure(workload, in_flight, transfers, batches::WITHOUT_LOG)?;
        for figure in &figures.0 {
            let metric = format!("{}_in_flight_{in_flight}", figure.metric);
            report.value(workload.name, &metric, figure.value, &figure.unit)?;
        }
        let per_s = figures.get("transfers_per_s")?;
        if best.as_ref().is_none_or(|(most, ..)| per_s > *most) {
            best = Some((per_s, in_flight, figures));
        }
    }
    let (per_s, in_flight, figures) = best.context("a workload without runs")?;
    for figure in &figures.0 {
        report.value(workload.name, &figure.metric, figure.value, &figure.unit)?;
    }
    let written_bytes = figures.get("disk_written_bytes_per_transfer")?;
    let limit = machine.nearest(workload, in_flight, written_bytes)?;
    let share = per_s / limit.transfers_per_s;
    report.value(workload.name, "ratio_to_nearest_limit", share, "ratio")?;
    report.note(&format!(
        "{}: {in_flight} in flight; nearest limit of the machine: {}, {:.0} transfers/s",
        workload.name, limit.name, limit.transfers_per_s
    ))
}

/// `target/bench/ledger.svg`, where `target` is the folder that holds this program's profile.
fn picture() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(|profile| profile.parent());
    let folder = target.context("the program has no folder")?.join("bench");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder.join("ledger.svg"))
}
