//! The verifiable log: what it costs the ledger, how fast it grows, and how fast it answers.
//!
//! Each run is a process of its own with a fresh folder, as in the ledger's bench, and every proof
//! and receipt that is timed is verified, outside of the time. A run with the log is over when the log
//! has every leaf, not when the last transfer was answered.

mod append;
pub(crate) mod epochs;
pub(crate) mod proofs;
mod with_ledger;

use anyhow::Result;
use benches::report::{Report, machine_load};

use crate::ledger::workloads::BATCH;
use crate::options::Options;

/// Parts of the bench, as `--only` names them.
const LEDGER_WITH_LOG: &str = "ledger_with_log";
const APPEND: &str = "append";
const PROOF: &str = "proof";
const EPOCH: &str = "epoch";

const PARTS: [&str; 4] = [LEDGER_WITH_LOG, APPEND, PROOF, EPOCH];

/// How much is measured.
struct Plan {
    with_ledger: with_ledger::Plan,
    append: append::Plan,
    proofs: proofs::Plan,
    epochs: epochs::Plan,
}

const FULL: Plan = Plan {
    with_ledger: with_ledger::Plan { rounds: 3, transfers: 10_000_000 },
    append: append::Plan { rounds: 500, leaves: 5 * BATCH },
    proofs: proofs::Plan { leaves: 10_000_000, name: "10m", asked: 20_000 },
    epochs: epochs::Plan { rounds: 3, accounts: 1_000_000 },
};

const QUICK: Plan = Plan {
    with_ledger: with_ledger::Plan { rounds: 1, transfers: 500_000 },
    append: append::Plan { rounds: 50, leaves: 5 * BATCH },
    proofs: proofs::Plan { leaves: 1_000_000, name: "1m", asked: 2_000 },
    epochs: epochs::Plan { rounds: 1, accounts: 100_000 },
};

const NOTES: &[&str] = &[
    "ledger_with_log: uniform_10k of the bench `ledger` with the log and without it, in turn; each \
     run a process with a fresh folder, fsync on; a run with the log ends when that has every leaf",
    "share_of_without: the run with the most transfers a second with the log, against the one \
     without; share_of_without_in_flight_1: the same of runs with one batch in flight",
    "bytes_per_payment: growth of the log's own folder, as the file system allocates it, by transfer",
    "append: entries of 33 bytes in memory to leaves and nodes on one thread, by batches of 8189",
    "proof_N, receipt_N: random leaves of a log of N leaves that an engine keeps, one after the other \
     on one thread, files in the page cache; receipts open the payee and carry one cosignature",
    "epoch: processor time of all threads of an engine from asking for the epoch until its record is \
     a durable leaf, for each million accounts; tree: the tree of sums alone, on one thread",
];

/// Prints all figures.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let options = Options::parse(words, &PARTS)?;
    let plan = if options.quick { &QUICK } else { &FULL };
    let report = Report::new("log");
    NOTES.iter().try_for_each(|note| report.note(note))?;
    report.value("machine", "load_before", machine_load()?, "processes")?;
    if options.wants(APPEND) {
        append::measure(&report, &plan.append)?;
    }
    if options.wants(EPOCH) {
        epochs::measure(&report, &plan.epochs)?;
    }
    if options.wants(PROOF) {
        proofs::measure(&report, &plan.proofs)?;
    }
    if options.wants(LEDGER_WITH_LOG) {
        with_ledger::measure(&report, &plan.with_ledger)?;
    }
    report.value("machine", "load_after", machine_load()?, "processes")
}
