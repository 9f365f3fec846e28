//! Batches at full load: a fixed number in flight, the next one sent as soon as the oldest is durable.
//!
//! One run is one process with a fresh folder. The next batch is made while earlier ones are on their
//! way; with one in flight, no batch waits behind another, which is the run to read latencies from.
//! Latency of a batch: from handing it to the engine until its answer is there, durable.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use benches::disk::scratch;
use benches::percentile::percentile;
use benches::process;
use benches::report::float;
use engine::Engine;
use ledger::Transfer;
use tokio::task::JoinHandle;

use super::events::Events;
use super::figures::{self, Figures};
use super::subject::{self, Answer};
use super::workloads::{Shape, Workload};

/// How this program is told to be one run.
pub(crate) const WORD: &str = "ledger-batches";

/// Events that are made to learn what making them costs: enough for the clock of a thread.
const GENERATED: usize = 1_000_000;

/// Whether the engine keeps the verifiable log; the last word of a run.
pub(crate) const WITH_LOG: &str = "log";
pub(crate) const WITHOUT_LOG: &str = "no_log";

/// Runs `workload` in a process of its own, without the verifiable log or with it.
pub(crate) fn measure(
    workload: &Workload,
    in_flight: usize,
    transfers: u64,
    log: &str,
) -> Result<Figures> {
    let folder = scratch()?;
    let folder = folder.path().to_str().context("the folder's name is not text")?;
    let (in_flight, transfers) = (in_flight.to_string(), transfers.to_string());
    figures::of(&[WORD, workload.name, &in_flight, &transfers, folder, log])
}

/// One run, in the process of its own.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [name, in_flight, transfers, folder, log] = words else {
        anyhow::bail!("usage: {WORD} WORKLOAD IN_FLIGHT TRANSFERS FOLDER {WITH_LOG}|{WITHOUT_LOG}");
    };
    let workload = Workload::named(name).context("no such workload")?;
    // One thread takes the answers; this one makes the batches.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let has_log = log == WITH_LOG;
    let (in_flight, transfers) = (in_flight.parse()?, transfers.parse()?);
    let load = Load { workload, in_flight, transfers, has_log };
    runtime.block_on(load.run(Path::new(folder)))
}

struct Load<'a> {
    workload: &'a Workload,
    in_flight: usize,
    transfers: u64,
    has_log: bool,
}

impl Load<'_> {
    async fn run(&self, folder: &Path) -> Result<()> {
        let options = subject::options(folder, self.has_log)?;
        let (engine, mut events) = subject::start_with(options, self.workload.mix).await?;
        let making = self.making(&mut events)?;
        let leaves = self.workload.mix.accounts;
        let log_bytes = self.log_bytes(&engine, leaves, folder).await?;
        let bytes = process::folder_bytes(folder)?;
        let (cpu_us, written) = (process::cpu_us()?, process::written_bytes()?);
        let mut source = Source::new(self.workload, self.in_flight, self.transfers, events);
        let answers = drive(&engine, self.in_flight, || source.next_batch()).await?;
        let events: usize = answers.iter().map(|answer| answer.events).sum();
        let rates = Rates::of(&answers, self.caught_up(&engine, leaves + events as u64).await?)?;
        let cpu_us = process::cpu_us()? - cpu_us;
        let written = process::written_bytes()? - written;
        let bytes = process::folder_bytes(folder)?.saturating_sub(bytes);

        let events_each = f64::from(self.workload.events_each());
        rates.print(events_each)?;
        let transfers = float(events as u64) / events_each;
        figures::print("rss_mb", process::peak_rss_mb()?, "MB")?;
        figures::print("disk_bytes_per_transfer", float(bytes) / transfers, "bytes")?;
        figures::print("disk_written_bytes_per_transfer", float(written) / transfers, "bytes")?;
        figures::print("cpu_us_per_transfer", float(cpu_us) / transfers, "us")?;
        figures::print("generator_ns_per_transfer", making * events_each, "ns")?;
        if self.has_log {
            let all = leaves + events as u64;
            let log_bytes = self.log_bytes(&engine, all, folder).await?.saturating_sub(log_bytes);
            figures::print("log_bytes_per_transfer", float(log_bytes) / transfers, "bytes")?;
        }
        engine.shutdown().await;
        Ok(())
    }

    /// When the log had so many leaves, if there is one: a run with it is over when it is complete.
    async fn caught_up(&self, engine: &Engine, leaves: u64) -> Result<Option<Instant>> {
        if !self.has_log {
            return Ok(None);
        }
        subject::log_of(engine, leaves).await?;
        Ok(Some(Instant::now()))
    }

    /// What the log takes up on the disk once it has so many leaves.
    async fn log_bytes(&self, engine: &Engine, leaves: u64, folder: &Path) -> Result<u64> {
        if self.caught_up(engine, leaves).await?.is_none() {
            return Ok(0);
        }
        process::folder_bytes(&folder.join("log"))
    }

    /// Nanoseconds of processor time that making one event takes.
    fn making(&self, events: &mut Events) -> Result<f64> {
        let batches = GENERATED.div_ceil(self.workload.batch);
        let before_ns = process::thread_cpu_ns()?;
        for _ in 0..batches {
            std::hint::black_box(events.transfers(self.workload.batch)?);
        }
        let ns = process::thread_cpu_ns()? - before_ns;
        Ok(float(ns) / float((batches * self.workload.batch) as u64))
    }
}

/// Keeps `in_flight` batches in flight until there are no more; answers in order of sending.
async fn drive(
    engine: &Engine,
    in_flight: usize,
    mut next: impl FnMut() -> Result<Option<Vec<Transfer>>>,
) -> Result<Vec<Answer>> {
    let mut flying: VecDeque<JoinHandle<Result<Answer>>> = VecDeque::with_capacity(in_flight);
    let mut answers = Vec::new();
    while let Some(batch) = next()? {
        if flying.len() == in_flight
            && let Some(oldest) = flying.pop_front()
        {
            answers.push(oldest.await??);
        }
        flying.push_back(tokio::spawn(subject::send(engine.clone(), batch)));
    }
    for rest in flying {
        answers.push(rest.await??);
    }
    Ok(answers)
}

/// The batches of a workload, in order.
struct Source {
    shape: Shape,
    batch: usize,
    in_flight: usize,
    /// Transfers that are still to be begun.
    left: u64,
    events: Events,
    /// Holds that are to be posted, the oldest first.
    open: VecDeque<Vec<Transfer>>,
    posting: bool,
}

impl Source {
    fn new(workload: &Workload, in_flight: usize, transfers: u64, events: Events) -> Self {
        Self {
            shape: workload.shape,
            batch: workload.batch,
            in_flight,
            left: transfers,
            events,
            open: VecDeque::new(),
            posting: false,
        }
    }

    fn next_batch(&mut self) -> Result<Option<Vec<Transfer>>> {
        // Holds and posts take turns once as many hold batches are open as can be in flight, so that a
        // hold is durable before its post is sent.
        let post = self.left == 0 || (self.posting && self.open.len() >= self.in_flight);
        self.posting = !self.posting;
        if post && let Some(pendings) = self.open.pop_front() {
            return self.events.posts(&pendings).map(Some);
        }
        let count = self.batch.min(usize::try_from(self.left)?);
        if count == 0 {
            return Ok(None);
        }
        self.left -= count as u64;
        match self.shape {
            Shape::Single => self.events.transfers(count).map(Some),
            Shape::TwoPhase => {
                let pendings = self.events.pendings(count)?;
                self.open.push_back(pendings.clone());
                Ok(Some(pendings))
            }
        }
    }
}

/// What the answers say about speed.
struct Rates {
    events_per_s: f64,
    /// Of the last quarter of the batches: what is kept up once caches are full and files merge.
    last_quarter_per_s: f64,
    /// Ascending.
    latencies: Vec<Duration>,
    /// From the last answer until the log had all leaves.
    behind: Option<Duration>,
}

impl Rates {
    /// `caught_up`: when the log was complete, if one was kept.
    fn of(answers: &[Answer], caught_up: Option<Instant>) -> Result<Self> {
        let first = answers.first().context("a run without batches")?;
        let last_quarter = &answers[answers.len() * 3 / 4..];
        let before = answers[..answers.len() * 3 / 4].last().map_or(first.sent, |it| it.answered);
        let mut latencies: Vec<_> = answers.iter().map(|it| it.answered - it.sent).collect();
        latencies.sort_unstable();
        let answered = answers.iter().map(|it| it.answered).max().unwrap_or(first.sent);
        let end = caught_up.map_or(answered, |caught_up| caught_up.max(answered));
        Ok(Self {
            events_per_s: rate(answers, first.sent, end),
            last_quarter_per_s: rate(last_quarter, before, end),
            latencies,
            behind: caught_up.map(|_| end - answered),
        })
    }

    fn print(&self, events_each: f64) -> Result<()> {
        let percent = |percent| {
            percentile(&self.latencies, percent).map_or(f64::NAN, |it| it.as_secs_f64() * 1e3)
        };
        figures::print("transfers_per_s", self.events_per_s / events_each, "1/s")?;
        let last_quarter = self.last_quarter_per_s / events_each;
        figures::print("transfers_per_s_last_quarter", last_quarter, "1/s")?;
        figures::print("batch_p50_ms", percent(50), "ms")?;
        figures::print("batch_p99_ms", percent(99), "ms")?;
        figures::print("batch_max_ms", percent(100), "ms")?;
        self.behind.map_or(Ok(()), |behind| {
            figures::print("log_behind_ms", behind.as_secs_f64() * 1e3, "ms")
        })
    }
}

/// Events a second from `since` to `end`.
fn rate(answers: &[Answer], since: Instant, end: Instant) -> f64 {
    let events: usize = answers.iter().map(|answer| answer.events).sum();
    float(events as u64) / (end - since).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::events::Mix;
    use super::*;

    fn source(name: &str, in_flight: usize, transfers: u64) -> Source {
        let workload = Workload { batch: 10, ..*Workload::named(name).unwrap() };
        Source::new(&workload, in_flight, transfers, Events::new(workload.mix, 1).unwrap())
    }

    #[test]
    fn all_transfers_are_sent_and_no_more() {
        let mut source = source("uniform_10k", 4, 35);
        let mut sizes = Vec::new();
        while let Some(batch) = source.next_batch().unwrap() {
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [10, 10, 10, 5]);
    }

    #[test]
    fn each_hold_is_posted_once_and_only_when_it_can_be_durable() {
        for in_flight in [1, 2, 4] {
            let mut source = source("two_phase", in_flight, 105);
            let mut batches = Vec::new();
            while let Some(batch) = source.next_batch().unwrap() {
                batches.push(batch);
            }
            let sent_in = |id| batches.iter().position(|it| it.iter().any(|made| made.id == id));
            let mut posted = BTreeSet::new();
            for (number, batch) in batches.iter().enumerate() {
                for id in batch.iter().filter_map(|made| made.kind.pending_id()) {
                    // At most `in_flight` are on their way, so the one this far back is answered.
                    assert!(sent_in(id).unwrap() + in_flight <= number, "{in_flight} in flight");
                    assert!(posted.insert(id));
                }
            }
            assert_eq!(posted.len(), 105);
            let events: usize = batches.iter().map(Vec::len).sum();
            assert_eq!(events, 210);
        }
    }

    #[test]
    fn rates_are_of_the_whole_run_and_of_its_end() {
        let zero = Instant::now();
        let at = |ms| zero + Duration::from_millis(ms);
        // Four batches; the last takes as long as the others together.
        let times = [(0, 10), (10, 20), (20, 30), (30, 60)];
        let answers = times.map(|(sent, answered)| Answer {
            sent: at(sent),
            answered: at(answered),
            events: 600,
        });
        let rates = Rates::of(&answers, None).unwrap();
        assert!((rates.events_per_s - 40_000.0).abs() < 1e-6);
        assert!((rates.last_quarter_per_s - 20_000.0).abs() < 1e-6);
        assert_eq!(percentile(&rates.latencies, 50), Some(Duration::from_millis(10)));
        assert_eq!(percentile(&rates.latencies, 99), Some(Duration::from_millis(30)));
        assert!(Rates::of(&[], None).is_err());
        assert_eq!(rates.behind, None);
        // With a log the run ends when that is complete; latencies stay.
        let rates = Rates::of(&answers, Some(at(80))).unwrap();
        assert!((rates.events_per_s - 30_000.0).abs() < 1e-6);
        assert!((rates.last_quarter_per_s - 12_000.0).abs() < 1e-6);
        assert_eq!(percentile(&rates.latencies, 99), Some(Duration::from_millis(30)));
        assert_eq!(rates.behind, Some(Duration::from_millis(20)));
        assert_eq!(Rates::of(&answers, Some(at(50))).unwrap().behind, Some(Duration::ZERO));
    }

    #[test]
    fn a_real_engine_takes_every_workload() {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        for (name, in_flight, batches) in [("uniform_10k", 2, 3), ("two_phase", 2, 6)] {
            let mix = Mix { accounts: 50, ..Workload::named(name).unwrap().mix };
            let mut source = source(name, in_flight, 30);
            let folder = tempfile::tempdir().unwrap();
            let answers = runtime.block_on(async {
                let (engine, events) = subject::start(folder.path(), mix).await.unwrap();
                source.events = events;
                let answers = drive(&engine, in_flight, || source.next_batch()).await.unwrap();
                engine.shutdown().await;
                answers
            });
            assert_eq!(answers.len(), batches);
        }
    }
}
