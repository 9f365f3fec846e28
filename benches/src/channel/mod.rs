//! Payments from channels: vouchers and ticks accepted by an engine, requests and streams paid over
//! HTTP, each beside what the machine, the library or the usual stack does in the same run.
//!
//! Everything that is signed is signed before the clock starts. Shares are of processor time of the
//! whole process, callers included, against one thread that does the raw work alone.

mod books;
mod cost;
pub(crate) mod counted;
mod metered_get;
mod raw;
mod streams;
mod ticks;
mod vouchers;
mod wallet;

use std::time::Duration;

use anyhow::Result;
use benches::disk::{self, Place, SMALL_WRITE_BYTES, scratch};
use benches::report::{Report, machine_load};

use crate::gateway::processes;
use crate::options::Options;

/// Parts of the bench, as `--only` names them.
const VOUCHER: &str = "voucher";
const TICK: &str = "tick";
const METERED_GET: &str = "metered_get";
const STREAM: &str = "stream";
const INSTRUCTIONS: &str = "instructions";

const PARTS: [&str; 5] = [VOUCHER, TICK, METERED_GET, STREAM, INSTRUCTIONS];

/// How much is measured.
struct Plan {
    rounds: usize,
    /// Vouchers and ticks of a round.
    vouchers: usize,
    ticks: usize,
    /// Each raw rate, and the disk.
    raw: Duration,
    metered_get: metered_get::Plan,
    stream: streams::Plan,
    /// Payments of each channel in the short and the long counted run.
    counted: (usize, usize),
}

const FULL: Plan = Plan {
    rounds: 3,
    vouchers: 100_000,
    ticks: 8 << 20,
    raw: Duration::from_millis(700),
    metered_get: metered_get::Plan {
        rounds: 3,
        warm_up: 1_500,
        ours: 20_000,
        theirs: 1_500,
        paced: 30_000,
    },
    stream: streams::Plan { rounds: 3, bytes: 64 << 20, events: 60_000 },
    counted: (8, 40),
};

const QUICK: Plan = Plan {
    rounds: 1,
    vouchers: 20_000,
    ticks: 4 << 20,
    raw: Duration::from_millis(200),
    metered_get: metered_get::Plan {
        rounds: 1,
        warm_up: 200,
        ours: 2_000,
        theirs: 200,
        paced: 2_000,
    },
    stream: streams::Plan { rounds: 1, bytes: 8 << 20, events: 8_000 },
    counted: (1, 5),
};

const NOTES: &[&str] = &[
    "engine in this process, fsync on; voucher: 1,000 channels with a key each, one voucher of each \
     in flight, answered when its watermark is durable; other cases: 100 and 4 channels, as many in \
     flight",
    "share_of_batch_verify: vouchers per second of processor time of the whole process, against \
     verify_batch of ed25519-dalek with 64 signatures of 64 keys on one thread, before and after",
    "tick: 23-byte ticks by the 1,024, each hashed once, the newest of each call durable before its \
     answer; tick_single: every tick a call of its own; share_of_hash_rate: of SHA-256 steps of one \
     block on one thread, both per second of processor time",
    "metered_get: sold by the request, paid by voucher in x402 batch-settlement; engine and gateway \
     in one process with fsync, upstream in a second one, load generator in this one",
    "x402_batch_settlement_*: @x402/express with @x402/evm in one process, vouchers checked there, \
     all in memory; same load generator, same answer, a channel for each connection",
    "*_added_ms and *_half_load: requests at fixed times, at half of metered_get's rate",
    "stream: bodies of one upstream through one gateway, metered and not; each step is durable \
     before it is delivered",
    "instructions: user space, under callgrind, which lacks SHA instructions and wide vectors",
];

/// Prints all figures.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let options = Options::parse(words, &PARTS)?;
    let plan = if options.quick { &QUICK } else { &FULL };
    if options.wants(METERED_GET) {
        processes::install_peer()?;
    }
    let report = Report::new("channel");
    NOTES.iter().try_for_each(|note| report.note(note))?;
    report.value("machine", "load_before", machine_load()?, "processes")?;
    let folder = scratch()?;
    let syncs = disk::syncs_per_s(folder.path(), SMALL_WRITE_BYTES, Place::Prewritten, plan.raw)?;
    report.value("machine", "fsyncs_per_s", syncs, "1/s")?;
    report.value("machine", "cores", cost::cores()?, "processors")?;
    if options.wants(VOUCHER) {
        vouchers::measure(&report, plan.rounds, plan.vouchers, plan.raw)?;
    }
    if options.wants(TICK) {
        ticks::measure(&report, plan.rounds, plan.ticks, plan.raw)?;
    }
    if options.wants(METERED_GET) {
        metered_get::measure(&report, &plan.metered_get)?;
    }
    if options.wants(STREAM) {
        streams::measure(&report, &plan.stream)?;
    }
    report.value("machine", "load_after_rates", machine_load()?, "processes")?;
    if options.wants(INSTRUCTIONS) {
        let (few, many) = plan.counted;
        counted::measure(&report, few, many)?;
    }
    report.value("machine", "load_after", machine_load()?, "processes")
}
