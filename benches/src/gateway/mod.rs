//! The gateway under load, beside the usual x402 stack for Node.js on the same machine.
//!
//! Ours: node and gateway in one process, each payment synced to disk before its answer, in front of
//! an upstream in a second process. Theirs: `@x402/express` with the handler in its own process and a
//! facilitator in a second one that keeps everything in memory. Both check one Ed25519 signature or
//! more for each payment, get payments that were signed beforehand, and answer the same bytes.

pub(crate) mod counted;
mod payments;
pub(crate) mod processes;
pub(crate) mod rates;
pub(crate) mod sale;
pub(crate) mod serve;
pub(crate) mod upstream;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::serve::ListenerExt as _;
use benches::disk::{self, Place, SMALL_WRITE_BYTES, scratch};
use benches::report::{Report, machine_load};
use tokio::net::TcpListener;

/// Connections of the load generator, for every figure.
pub(crate) const CONNECTIONS: usize = 64;

/// How much is measured.
pub(crate) struct Plan {
    /// Rounds of each stack.
    rounds: usize,
    /// Requests to each stack and route before the first round.
    warm_up: usize,
    /// Requests of one round to us.
    ours: usize,
    /// Requests of one round to the other stack.
    theirs: usize,
    /// Requests at half load.
    paced: usize,
    /// Requests of the short and the long counted run.
    counted: (usize, usize),
    /// How long the disk is measured.
    disk: Duration,
}

const FULL: Plan = Plan {
    rounds: 3,
    warm_up: 1_500,
    ours: 20_000,
    theirs: 2_000,
    paced: 30_000,
    counted: (500, 2_500),
    disk: Duration::from_secs(2),
};

const QUICK: Plan = Plan {
    rounds: 1,
    warm_up: 200,
    ours: 1_000,
    theirs: 200,
    paced: 1_000,
    counted: (50, 250),
    disk: Duration::from_millis(300),
};

const NOTES: &[&str] = &[
    "ours: node and gateway in one process, journal synced to disk, upstream in a second process",
    "x402_express: @x402/express with its handler in one process, HTTP facilitator in a second one, \
     all in memory, nothing synced; default flow is verify, handler, settle",
    "paid_get: payment attached, signed beforehand; paid_get_with_402: 402 first, then paid",
    "*_added_ms and *_half_load: requests at fixed times, at half of paid_get's rate",
    "instructions: node and gateway in user space, under callgrind, which lacks SHA instructions: \
     SHA-256 runs in software there",
];

/// Prints all figures.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let plan = match words {
        [] => &FULL,
        [word] if word == "--quick" => &QUICK,
        _ => bail!("the bench of the gateway knows only the option --quick, not {words:?}"),
    };
    processes::install_peer()?;
    let report = Report::new("gateway");
    NOTES.iter().try_for_each(|note| report.note(note))?;
    report.value("machine", "load_before", machine_load()?, "processes")?;
    let folder = scratch()?;
    let syncs = disk::syncs_per_s(folder.path(), SMALL_WRITE_BYTES, Place::Prewritten, plan.disk)?;
    report.value("machine", "fsyncs_per_s", syncs, "1/s")?;
    rates::measure(&report, plan)?;
    report.value("machine", "load_after_rates", machine_load()?, "processes")?;
    instructions(&report, plan)?;
    report.value("machine", "load_after", machine_load()?, "processes")
}

fn instructions(report: &Report, plan: &Plan) -> Result<()> {
    let (few, many) = plan.counted;
    let costs = counted::count(few, many)?;
    let verify = costs.verify()?;
    let value = |metric: &str, value| report.value("paid_get", metric, value, "instructions");
    value("instructions_paid", costs.paid)?;
    value("instructions_unpaid", costs.unpaid)?;
    value("instructions_software_sha256", costs.soft_sha256)?;
    let ratio = |paid: f64| (paid - verify) / costs.unpaid;
    let all = ratio(costs.paid);
    report.value("paid_get", "instructions_ratio_to_unpaid", all, "ratio")?;
    let unhashed = ratio(costs.paid - costs.soft_sha256);
    report.value("paid_get", "instructions_ratio_without_software_sha256", unhashed, "ratio")?;
    let known: f64 = costs.parts.iter().map(|(_, cost)| cost).sum();
    let proxy = ("proxy", costs.unpaid);
    // What the paywall itself does: terms, receipts, copies of the answer, waiting for the writer.
    let rest = ("rest", costs.paid - known - costs.unpaid);
    for (part, cost) in costs.parts.into_iter().chain([proxy, rest]) {
        value(&format!("instructions_{part}"), cost)?;
        report.value("paid_get", &format!("share_{part}"), cost / costs.paid, "ratio")?;
    }
    Ok(())
}

/// Serves `app` for as long as the process lives.
async fn listen(address: SocketAddr, app: axum::Router) -> Result<()> {
    let listener = TcpListener::bind(address).await?.tap_io(|stream| {
        // Without it a small answer may wait for an acknowledgement; slower, but not wrong.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await.context("the server stopped")
}
