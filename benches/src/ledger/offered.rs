//! Latency at a given load: transfers are due at fixed times whatever the engine does, and each one's
//! latency counts from the time it was due. So a stall costs every transfer that it makes wait, also
//! those that could not be sent meanwhile.
//!
//! A batch leaves each millisecond with what is due, as a server that gathers requests would send it.
//! Rates rise until one cannot be kept up; each is a process of its own with a fresh folder.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use benches::disk::scratch;
use benches::pace::Pace;
use benches::percentile::percentile;
use benches::plot::{Line, Panel, Plot};
use benches::report::{Report, float};
use engine::Engine;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::events::Events;
use super::figures;
use super::subject::{self, Answer};
use super::workloads::{BATCH, Workload};

/// How this program is told to be one run.
pub(crate) const WORD: &str = "ledger-offered";

const WORKLOAD: &str = "uniform_10k";
/// Transfers a second.
const OFFERED_PER_S: &[u64] =
    &[1_000, 10_000, 100_000, 250_000, 500_000, 750_000, 1_000_000, 1_250_000];
const GATHER_NS: u64 = 1_000_000;
/// Batches on their way; more wait with the generator, and the wait counts.
const IN_FLIGHT: usize = 64;
/// A run that is this late will not recover.
const BEHIND_NS: u64 = 2_000_000_000;
/// Below this share of what was offered, the rate was not kept up.
const KEPT_UP: f64 = 0.95;
/// The first part of a run, in which nothing is warm, is left out: one of so many.
const WARM_UP_PARTS: u64 = 5;

/// What one rate gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    offered_per_s: f64,
    achieved_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Raises the rate until it is not kept up.
pub(crate) fn measure(report: &Report, seconds: u64) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for &per_s in OFFERED_PER_S {
        let folder = scratch()?;
        let folder = folder.path().to_str().context("the folder's name is not text")?;
        let figures = figures::of(&[WORD, &per_s.to_string(), &seconds.to_string(), folder])?;
        let workload = format!("offered_{per_s}");
        for figure in &figures.0 {
            report.value(&workload, &figure.metric, figure.value, &figure.unit)?;
        }
        let point = Point {
            offered_per_s: float(per_s),
            achieved_per_s: figures.get("transfers_per_s")?,
            p50_ms: figures.get("transfer_p50_ms")?,
            p99_ms: figures.get("transfer_p99_ms")?,
        };
        points.push(point);
        if point.achieved_per_s < KEPT_UP * point.offered_per_s {
            report
                .note(&format!("{per_s} transfers/s were not kept up; no higher rate was tried"))?;
            break;
        }
    }
    Ok(points)
}

/// Rates and latencies over the offered load.
pub(crate) fn plot(points: &[Point]) -> Result<String> {
    let line = |name: &str, guide, pick: fn(&Point) -> f64| Line {
        name: name.to_owned(),
        points: points.iter().map(|point| (point.offered_per_s, pick(point))).collect(),
        guide,
    };
    let plot = Plot {
        title: "Durable transfers: rate and latency against offered load".to_owned(),
        x_label: "offered, transfers/s".to_owned(),
        panels: vec![
            Panel {
                y_label: "made durable, transfers/s".to_owned(),
                lines: vec![
                    line("achieved", false, |point| point.achieved_per_s),
                    line("offered", true, |point| point.offered_per_s),
                ],
            },
            Panel {
                y_label: "due to durable, ms".to_owned(),
                lines: vec![
                    line("p50", false, |point| point.p50_ms),
                    line("p99", false, |point| point.p99_ms),
                ],
            },
        ],
    };
    plot.svg()
}

/// One rate, in the process of its own.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [per_s, seconds, folder] = words else {
        anyhow::bail!("usage: {WORD} PER_S SECONDS FOLDER");
    };
    let (per_s, seconds): (u64, u64) = (per_s.parse()?, seconds.parse()?);
    let workload = Workload::named(WORKLOAD).context("no such workload")?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (engine, events) = runtime.block_on(subject::start(Path::new(folder), workload.mix))?;
    let pace = Pace::new(per_s, per_s * seconds, BATCH as u64, GATHER_NS);
    let mut sender = Sender { runtime: &runtime, engine: &engine, events, flying: VecDeque::new() };
    let run = sender.send_all(pace)?;
    run.print(per_s * seconds / WARM_UP_PARTS)?;
    runtime.block_on(engine.shutdown());
    Ok(())
}

struct Sender<'a> {
    runtime: &'a Runtime,
    engine: &'a Engine,
    events: Events,
    flying: VecDeque<(Range<u64>, JoinHandle<Result<Answer>>)>,
}

impl Sender<'_> {
    /// Sends until all are sent or the engine is hopelessly behind.
    fn send_all(&mut self, mut pace: Pace) -> Result<Run> {
        let started = Instant::now();
        let mut run = Run { started, pace: pace.clone(), answered: Vec::new() };
        while let Some(departure_ns) = pace.departure_ns() {
            let departure = started + Duration::from_nanos(departure_ns);
            std::thread::sleep(departure.saturating_duration_since(Instant::now()));
            if self.flying.len() == IN_FLIGHT {
                self.take_oldest(&mut run)?;
            }
            let now_ns = u64::try_from(started.elapsed().as_nanos())?;
            if pace.behind_ns(now_ns) > BEHIND_NS {
                break;
            }
            let due = pace.depart(now_ns);
            let batch = self.events.transfers(usize::try_from(due.end - due.start)?)?;
            let sent = self.runtime.spawn(subject::send(self.engine.clone(), batch));
            self.flying.push_back((due, sent));
            while self.flying.front().is_some_and(|(_, oldest)| oldest.is_finished()) {
                self.take_oldest(&mut run)?;
            }
        }
        while !self.flying.is_empty() {
            self.take_oldest(&mut run)?;
        }
        Ok(run)
    }

    fn take_oldest(&mut self, run: &mut Run) -> Result<()> {
        if let Some((due, oldest)) = self.flying.pop_front() {
            run.answered.push((due, self.runtime.block_on(oldest)??.answered));
        }
        Ok(())
    }
}

/// What was answered when.
struct Run {
    started: Instant,
    pace: Pace,
    answered: Vec<(Range<u64>, Instant)>,
}

impl Run {
    fn print(&self, warm_up: u64) -> Result<()> {
        let latencies = self.latencies_ns(warm_up);
        let percent =
            |percent| percentile(&latencies, percent).map_or(f64::NAN, |ns: u64| float(ns) / 1e6);
        figures::print("transfers_per_s", self.per_s()?, "1/s")?;
        figures::print("transfer_p50_ms", percent(50), "ms")?;
        figures::print("transfer_p99_ms", percent(99), "ms")?;
        figures::print("transfer_max_ms", percent(100), "ms")
    }

    /// Of each transfer from number `first` on, ascending; if the run was given up before, of all.
    fn latencies_ns(&self, first: u64) -> Vec<u64> {
        let count = self.answered.last().map_or(0, |(due, _)| due.end);
        let first = if count > first { first } else { 0 };
        let mut latencies = Vec::new();
        for (due, answered) in &self.answered {
            let at_ns = u64::try_from((*answered - self.started).as_nanos()).unwrap_or(u64::MAX);
            let counted = due.clone().filter(|index| *index >= first);
            latencies.extend(counted.map(|index| at_ns.saturating_sub(self.pace.due_ns(index))));
        }
        latencies.sort_unstable();
        latencies
    }

    /// Over the whole run: from the first due time to the last answer.
    fn per_s(&self) -> Result<f64> {
        let (due, _) = self.answered.last().context("a run without batches")?;
        let end = self.answered.iter().map(|(_, at)| *at).max().unwrap_or(self.started);
        Ok(float(due.end) / (end - self.started).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_from_the_time_a_transfer_was_due() {
        let started = Instant::now();
        let at = |ms| started + Duration::from_millis(ms);
        let pace = Pace::new(1_000, 100, 10, GATHER_NS);
        // Due at 0 and 1 ms, answered at 5 ms; the third was due at 2 ms and stuck until 50 ms.
        let run = Run { started, pace, answered: vec![(0..2, at(5)), (2..3, at(50))] };
        assert_eq!(run.latencies_ns(0), [4_000_000, 5_000_000, 48_000_000]);
        assert_eq!(run.latencies_ns(1), [4_000_000, 48_000_000]);
        assert_eq!(run.latencies_ns(3).len(), 3);
        assert!((run.per_s().unwrap() - 60.0).abs() < 1e-6);
    }

    #[test]
    fn the_plot_has_a_mark_for_each_rate() {
        let point = |offered_per_s: f64| Point {
            offered_per_s,
            achieved_per_s: offered_per_s * 0.99,
            p50_ms: 1.5,
            p99_ms: 9.0,
        };
        let svg = plot(&[point(1_000.0), point(10_000.0)]).unwrap();
        assert_eq!(svg.matches("<circle").count(), 6);
        assert!(svg.contains(">p99<") && svg.contains("transfers/s"));
        assert!(plot(&[]).is_err());
    }
}
