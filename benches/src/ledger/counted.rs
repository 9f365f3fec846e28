//! Instructions of one transfer in user space, counted by callgrind: a gate that a busy machine cannot
//! move.
//!
//! Two runs of different length; the difference is the transfers alone, with everything that they
//! cause in other threads: sync, index, merges. Making the events is not counted.

use std::path::Path;

use anyhow::{Context, Result, bail};
use benches::callgrind::{Counted, Profile};
use benches::disk::scratch;
use benches::report::{Report, float};

use super::subject;
use super::workloads::{BATCH, Workload};

/// How this program is told to be one run.
pub(crate) const WORD: &str = "ledger-counted";

const WORKLOAD: &str = "uniform_10k";
/// Batches of the short and of the long run.
const BATCHES: (usize, usize) = (16, 80);
/// The function that makes the events.
const MAKING: &str = "ledger::events::Events::transfers";
/// More instructions a transfer than this are a failure. Set a tenth above what was measured: low
/// enough to notice a change, above what thread timing moves.
const CEILING: f64 = 5_300.0;

/// Counts, prints, and fails above the ceiling.
pub(crate) fn gate(report: &Report) -> Result<()> {
    let (few, many) = BATCHES;
    let (short, long) = (count(few)?, count(many)?);
    let instructions = per_transfer(&short, &long, (many - few) * BATCH)?;
    report.value(WORKLOAD, "instructions_per_transfer", instructions, "instructions")?;
    report.value(WORKLOAD, "instructions_ceiling", CEILING, "instructions")?;
    if instructions > CEILING {
        bail!("a transfer takes {instructions:.0} instructions, more than the {CEILING} allowed");
    }
    Ok(())
}

fn count(batches: usize) -> Result<Profile> {
    let folder = scratch()?;
    let folder = folder.path().to_str().context("the folder's name is not text")?;
    Counted::start(&std::env::current_exe()?, &[WORD, &batches.to_string(), folder])?.finish()
}

/// A maker that is not found was renamed or merged into its caller: no figure is better than a wrong
/// one.
fn per_transfer(short: &Profile, long: &Profile, transfers: usize) -> Result<f64> {
    let without_making = |profile: &Profile| {
        let making = profile.inclusive(MAKING);
        let making = making.with_context(|| format!("`{MAKING}` was not counted"))?;
        anyhow::Ok(profile.total.saturating_sub(making))
    };
    let difference = without_making(long)?.saturating_sub(without_making(short)?);
    Ok(float(difference) / float(transfers as u64))
}

/// One run, in the process that is counted: one batch after another, then a clean shutdown, so that
/// no work is left undone.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [batches, folder] = words else {
        bail!("usage: {WORD} BATCHES FOLDER");
    };
    let batches: usize = batches.parse()?;
    let workload = Workload::named(WORKLOAD).context("no such workload")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (engine, mut events) = subject::start(Path::new(folder), workload.mix).await?;
        for _ in 0..batches {
            let batch = events.transfers(BATCH)?;
            subject::send(engine.clone(), batch).await?;
        }
        engine.shutdown().await;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn making_the_events_and_what_both_runs_share_do_not_count() {
        let profile = |total, making: u64| Profile {
            total,
            functions: vec![(format!("x:benches::{MAKING} [y]"), making)],
        };
        let instructions = per_transfer(&profile(1_000, 100), &profile(6_000, 1_100), 20).unwrap();
        assert!((instructions - 200.0).abs() < 1e-9);
        let unknown = Profile { total: 1, functions: Vec::new() };
        assert!(per_transfer(&unknown, &unknown, 20).is_err());
    }
}
