//! Webhooks: how many a second reach a receiver on this machine, how late, and that none is lost when the
//! sender is killed.
//!
//! The sender is a process of its own with the product's outbox on the disk; its events are made up, one
//! each moment of a fixed rate, so what a stall delays stays delayed in the figures. The receiver, in
//! the bench, checks every signature and counts ids.

mod receiver;
pub(crate) mod sender;

use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use benches::report::{Report, float, machine_load};
use engine::{Clock as _, SystemClock};

use receiver::Received;

/// The word that starts the sender.
pub(crate) const SENDER: &str = "webhook-sender";
/// Seconds without any arrival after which the rest counts as lost.
const PATIENCE_S: u64 = 30;

/// How much is sent.
struct Plan {
    seconds: u64,
    per_s: u64,
    burst: u64,
}

const FULL: Plan = Plan { seconds: 60, per_s: 2_000, burst: 100_000 };
const QUICK: Plan = Plan { seconds: 10, per_s: 2_000, burst: 20_000 };

const NOTES: &[&str] = &[
    "steady: events at a fixed rate; delay from the moment an event is due until its body has arrived",
    "killed: the same, with `kill -9` of the sender in the middle and a new sender at once; lost are \
     events whose id never arrived, duplicates arrivals above one for each id",
    "burst: everything is there from the start; the rate is what sender and receiver carry together",
    "outbox on the disk with synchronous FULL; HMAC made and checked for each; 32 deliveries in flight",
];

/// Prints all figures.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let plan = match words {
        [] => FULL,
        [word] if word == "--quick" => QUICK,
        _ => bail!("usage: webhook [--quick]"),
    };
    let report = Report::new("webhook");
    NOTES.iter().try_for_each(|note| report.note(note))?;
    report.value("machine", "load_before", machine_load()?, "processes")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let steady = plan.per_s * plan.seconds;
    runtime.block_on(async {
        measure(&report, "steady", plan.per_s, steady, false).await?;
        measure(&report, "killed", plan.per_s, steady, true).await?;
        measure(&report, "burst", u64::MAX, plan.burst, false).await
    })?;
    report.value("machine", "load_after", machine_load()?, "processes")
}

async fn measure(
    report: &Report,
    workload: &str,
    per_s: u64,
    total: u64,
    kill: bool,
) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let (url, received) = receiver::start(total).await?;
    let start_ns = SystemClock.now_ns();
    let words = [
        SENDER.to_owned(),
        folder.path().display().to_string(),
        url,
        per_s.to_string(),
        total.to_string(),
        start_ns.to_string(),
    ];
    let mut sender = Sender::start(&words)?;
    if kill {
        received.reach(total / 2, PATIENCE_S).await;
        drop(sender);
        sender = Sender::start(&words)?;
    }
    received.reach(total, PATIENCE_S).await;
    // What was under way at the kill may still be on its second way.
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(sender);
    print(report, workload, total, &received)
}

fn print(report: &Report, workload: &str, total: u64, received: &Received) -> Result<()> {
    let counts = received.counts();
    report.value(workload, "events", float(total), "events")?;
    report.value(workload, "lost", float(total - counts.distinct), "events")?;
    report.value(workload, "duplicates", float(counts.arrivals - counts.distinct), "events")?;
    let rate = float(counts.distinct) / (float(counts.spread_ns) / 1e9);
    report.value(workload, "arrived_per_s", rate, "1/s")?;
    for (metric, percent) in [("delay_p50", 50), ("delay_p99", 99), ("delay_most", 100)] {
        let delay_ns = counts.delay_ns(percent).context("nothing arrived")?;
        report.value(workload, metric, float(delay_ns) / 1e6, "ms")?;
    }
    ensure!(counts.distinct == total, "{workload}: {} events are lost", total - counts.distinct);
    Ok(())
}

/// The sender; killed when it goes out of scope.
struct Sender(Child);

impl Sender {
    fn start(words: &[String]) -> Result<Self> {
        let sender = Command::new(std::env::current_exe()?).args(words).spawn();
        sender.map(Self).context("the sender does not start")
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // `kill` is SIGKILL: the process gets no chance to tidy up.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
