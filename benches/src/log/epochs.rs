//! Closing an epoch: what it costs to state what is owed to every account.
//!
//! Measured twice: in an engine that does nothing else, all threads, from the question until the
//! record is a durable leaf; and the tree of sums alone, on one thread.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use benches::disk::scratch;
use benches::process;
use benches::random::Random;
use benches::report::{Report, float};
use evidence::Secret;
use evidence::epoch::{AccountState, Balances, EpochTree};
use money::AccountId;

use super::EPOCH;
use crate::ledger::events::{Ids, Mix, Sides};
use crate::ledger::figures;
use crate::ledger::subject;
use crate::ledger::workloads::BATCH;

/// How this program is told to be the run.
pub(crate) const WORD: &str = "log-epochs";

const MILLION: f64 = 1e6;
/// Transfers for each account, so that nearly all have a balance.
const TRANSFERS_EACH: u64 = 2;
/// The engine is at rest when its threads take less than this in `REST`.
const AT_REST_US: u64 = 10_000;
const REST: Duration = Duration::from_millis(300);

/// How much is measured.
pub(super) struct Plan {
    /// The least time counts.
    pub(super) rounds: usize,
    pub(super) accounts: u64,
}

/// Prints all figures, for a million accounts each.
pub(super) fn measure(report: &Report, plan: &Plan) -> Result<()> {
    let tree = tree_cpu_s(plan)? * MILLION / float(plan.accounts);
    report.value(EPOCH, "tree_cpu_s_per_million_accounts", tree, "s")?;
    let folder = scratch()?;
    let folder = folder.path().to_str().context("the folder's name is not text")?;
    let words = [plan.accounts.to_string(), plan.rounds.to_string()];
    for figure in figures::of(&[WORD, &words[0], &words[1], folder])?.0 {
        report.value(EPOCH, &figure.metric, figure.value, &figure.unit)?;
    }
    report.value(EPOCH, "accounts", float(plan.accounts), "accounts")
}

/// Processor time of the tree alone.
fn tree_cpu_s(plan: &Plan) -> Result<f64> {
    let accounts = accounts(plan.accounts)?;
    let owed: u128 = accounts.iter().map(|account| account.balances.owed()).sum();
    let mut least_s = f64::INFINITY;
    for round in 1..=plan.rounds {
        let before_ns = process::thread_cpu_ns()?;
        let tree = EpochTree::build(round as u64, accounts.iter().copied())?;
        least_s = least_s.min(float(process::thread_cpu_ns()? - before_ns) / 1e9);
        ensure!(tree.root().sum == owed, "the tree states another sum than is owed");
    }
    Ok(least_s)
}

fn accounts(count: u64) -> Result<Vec<AccountState>> {
    let mut random = Random::new(11);
    (1..=count)
        .map(|number| {
            let credits_posted = u128::from(random.draw());
            let balances = Balances {
                debits_posted: credits_posted / 3,
                credits_posted,
                debits_pending: 0,
                credits_pending: 0,
            };
            let secret = Secret::new(random.draw_wide().to_be_bytes());
            let account = AccountId::new(u128::from(number))?;
            Ok(AccountState { secret, account, balances, head: Some(number) })
        })
        .collect()
}

/// The run, in the process of its own.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [accounts, rounds, folder] = words else {
        bail!("usage: {WORD} ACCOUNTS ROUNDS FOLDER");
    };
    let (accounts, rounds) = (accounts.parse()?, rounds.parse()?);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(close(Path::new(folder), accounts, rounds))
}

async fn close(folder: &Path, accounts: u64, rounds: usize) -> Result<()> {
    let mix = Mix { accounts, sides: Sides::Uniform, ids: Ids::Ascending, history: false };
    let (engine, mut events) = subject::start_with(subject::options(folder, true)?, mix).await?;
    let mut leaves = accounts;
    while leaves < accounts * (1 + TRANSFERS_EACH) {
        let count = (BATCH as u64).min(accounts * (1 + TRANSFERS_EACH) - leaves);
        leaves += count;
        let batch = events.transfers(usize::try_from(count)?)?;
        subject::send(engine.clone(), batch).await?;
    }
    subject::log_of(&engine, leaves).await?;
    let (mut cpu_s, mut clock_s) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..rounds {
        until_at_rest().await?;
        let (started, before_us) = (Instant::now(), process::cpu_us()?);
        let epoch = engine.close_epoch().await.context("the epoch was not closed")?;
        clock_s = clock_s.min(started.elapsed().as_secs_f64());
        cpu_s = cpu_s.min(float(process::cpu_us()? - before_us) / 1e6);
        ensure!(epoch.leaf == leaves, "the epoch's record is another leaf");
        leaves += 1;
    }
    let millions = float(accounts) / MILLION;
    figures::print("cpu_s_per_million_accounts", cpu_s / millions, "s")?;
    figures::print("s_per_million_accounts", clock_s / millions, "s")?;
    engine.shutdown().await;
    Ok(())
}

/// Waits until merges and the like are done, which would count.
async fn until_at_rest() -> Result<()> {
    loop {
        let before_us = process::cpu_us()?;
        tokio::time::sleep(REST).await;
        if process::cpu_us()? - before_us < AT_REST_US {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_made_up_accounts_states_what_they_are_owed() {
        // So few that the thread's time may not have grown.
        assert!(tree_cpu_s(&Plan { rounds: 1, accounts: 500 }).unwrap() >= 0.0);
    }

    #[tokio::test]
    async fn an_engine_closes_epochs_of_its_accounts() {
        let folder = tempfile::tempdir().unwrap();
        close(folder.path(), 300, 2).await.unwrap();
    }
}
