//! The read model: how fast it takes payments, how large it gets, how fast it answers.
//!
//! The store is built through its own ingest from made-up payments of one year: 20 offers and 40
//! countries of Zipf's popularity, 5 kinds of payers, 100,000 payers; some payments are held first,
//! some released, some refunded. Every answer that is timed is not empty, and income of the whole year
//! is what was paid in.

mod payments;
mod queries;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use benches::disk::scratch;
use benches::report::{Report, float, machine_load};
use money::NodeId;
use report::{Reader, Writer};

use self::payments::{Payments, payee};
use crate::options::Options;

const INGEST: &str = "ingest";
const QUERY: &str = "query";
const BOTH: &str = "query_while_ingesting";
const PARTS: [&str; 3] = [INGEST, QUERY, BOTH];

/// Payments of one transaction of the store, as when the node catches up.
const BATCH_COUNT: u64 = 10_000;

struct Plan {
    payments: u64,
    rounds: usize,
}

const FULL: Plan = Plan { payments: 10_000_000, rounds: 300 };
const QUICK: Plan = Plan { payments: 100_000, rounds: 30 };

const NOTES: &[&str] = &[
    "ingest: payments into an empty store, 10,000 a transaction, one thread, until the last is \
     readable; file: the store's files after it",
    "query: questions of a dashboard over the whole store, one after the other on one connection, with \
     random time zones, accounts and cursors; files in the page cache",
    "query_while_ingesting: the same while a second thread goes on with the ingest",
];

/// Prints all figures.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let options = Options::parse(words, &PARTS)?;
    let plan = if options.quick { &QUICK } else { &FULL };
    let report = Report::new("report");
    NOTES.iter().try_for_each(|note| report.note(note))?;
    report.value("machine", "load_before", machine_load()?, "processes")?;
    let folder = scratch()?;
    let path = folder.path().join("report.sqlite");
    let mut payments = Payments::new(plan.payments);
    let mut writer = Writer::create(&path, NodeId::new(1)?)?;
    let begun = Instant::now();
    take(&mut writer, &mut payments, plan.payments)?;
    let seconds = begun.elapsed().as_secs_f64();
    report.value(INGEST, "payments", float(plan.payments), "payments")?;
    report.value(INGEST, "payments_per_s", float(plan.payments) / seconds, "1/s")?;
    report.value(INGEST, "file", float(size(&path)?), "bytes")?;
    let reader = Reader::of(&writer);
    queries::check(&reader, &payments)?;
    if options.wants(QUERY) {
        queries::measure(&report, QUERY, &reader, plan.payments, plan.rounds)?;
    }
    if options.wants(BOTH) {
        while_ingesting(&report, &reader, writer, payments, plan)?;
    }
    report.value("machine", "load_after", machine_load()?, "processes")
}

fn take(writer: &mut Writer, payments: &mut Payments, count: u64) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let batch = payments.batch(left.min(BATCH_COUNT))?;
        writer.ingest(batch, payments.position())?;
        left -= left.min(BATCH_COUNT);
    }
    Ok(())
}

fn while_ingesting(
    report: &Report,
    reader: &Reader,
    mut writer: Writer,
    mut payments: Payments,
    plan: &Plan,
) -> Result<()> {
    let stop = std::sync::atomic::AtomicBool::new(false);
    let is_over = || stop.load(std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|scope| {
        let ingest = scope.spawn(|| -> Result<f64> {
            let (begun, mut taken) = (Instant::now(), 0);
            while !is_over() {
                take(&mut writer, &mut payments, BATCH_COUNT)?;
                taken += BATCH_COUNT;
            }
            Ok(float(taken) / begun.elapsed().as_secs_f64())
        });
        let measured = queries::measure(report, BOTH, reader, plan.payments, plan.rounds);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let rate = ingest.join().ok().context("the ingest broke off")??;
        report.value(BOTH, "payments_per_s", rate, "1/s")?;
        measured
    })
}

fn size(path: &Path) -> Result<u64> {
    let mut sum = 0;
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        if let Ok(file) = std::fs::metadata(&name) {
            sum += file.len();
        }
    }
    ensure!(sum > 0, "the store has no file");
    ensure!(payee(0)? != payee(1)?, "there is one payee only");
    Ok(sum)
}
