//! Proofs and receipts out of a large log that an engine keeps, one after the other on one thread.
//!
//! The log is written just before, so its files are in the page cache. Everything that was timed is
//! verified afterwards: a wrong proof gives no figure.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use benches::disk::scratch;
use benches::percentile::percentile;
use benches::random::Random;
use benches::report::{Report, float};
use engine::{Engine, Log, Opened};
use evidence::record::Opening;
use tlog::policy::Policy;
use tlog::{Cosigner, KeyName, Receipt, leaf_hash, verify_inclusion};

use crate::ledger::events::{Events, Ids, Mix, Sides};
use crate::ledger::figures::{self, Figures};
use crate::ledger::subject;
use crate::ledger::workloads::BATCH;

/// How this program is told to be the run.
pub(crate) const WORD: &str = "log-proofs";

const MIX: Mix =
    Mix { accounts: 10_000, sides: Sides::Uniform, ids: Ids::Ascending, history: true };
/// Batches that are on their way while the log is filled.
const IN_FLIGHT: usize = 4;
/// The smaller log whose receipts are measured, a size that tile logs are often described with.
const SMALL_LEAVES: u64 = 70_000;
const SMALL: &str = "70k";
/// Receipts that are measured, of random leaves; the longest counts.
const RECEIPTS: usize = 1_000;
const WITNESS: &str = "witness.example";
/// Unix seconds; as long as those of this century.
const COSIGNED_AT_S: u64 = 1_800_000_000;

/// How much is measured.
pub(super) struct Plan {
    pub(super) leaves: u64,
    /// The leaves as the names of workloads say them.
    pub(super) name: &'static str,
    /// Proofs that are timed.
    pub(super) asked: usize,
}

/// Prints all figures of the run.
pub(super) fn measure(report: &Report, plan: &Plan) -> Result<()> {
    let folder = scratch()?;
    let folder = folder.path().to_str().context("the folder's name is not text")?;
    let words = [plan.leaves.to_string(), plan.asked.to_string()];
    let Figures(found) = figures::of(&[WORD, &words[0], &words[1], plan.name, folder])?;
    for figure in found {
        let (workload, metric) =
            figure.metric.split_once('.').context("a figure of no workload")?;
        report.value(workload, metric, figure.value, &figure.unit)?;
    }
    Ok(())
}

/// The run, in the process of its own.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [leaves, asked, name, folder] = words else {
        bail!("usage: {WORD} LEAVES ASKED NAME FOLDER");
    };
    let (leaves, asked, folder) = (leaves.parse()?, asked.parse()?, Path::new(folder));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let (engine, events) = subject::start_with(subject::options(folder, true)?, MIX).await?;
        let mut subject = Subject { engine, events, leaves: MIX.accounts, random: Random::new(9) };
        subject.fill(SMALL_LEAVES).await?;
        subject.receipts(SMALL).await?;
        subject.fill(leaves).await?;
        subject.receipts(name).await?;
        subject.proofs(name, asked).await?;
        subject.engine.shutdown().await;
        Ok(())
    })
}

struct Subject {
    engine: Engine,
    events: Events,
    leaves: u64,
    random: Random,
}

impl Subject {
    /// Sends transfers until the log has so many leaves.
    async fn fill(&mut self, leaves: u64) -> Result<()> {
        let mut flying = VecDeque::new();
        while self.leaves < leaves {
            let count = (BATCH as u64).min(leaves - self.leaves);
            self.leaves += count;
            let batch = self.events.transfers(usize::try_from(count)?)?;
            flying.push_back(tokio::spawn(subject::send(self.engine.clone(), batch)));
            if flying.len() == IN_FLIGHT
                && let Some(oldest) = flying.pop_front()
            {
                oldest.await??;
            }
        }
        for batch in flying {
            batch.await??;
        }
        self.log().await.map(drop)
    }

    async fn log(&self) -> Result<Log> {
        subject::log_of(&self.engine, self.leaves).await
    }

    /// Publishes a checkpoint with one cosignature; what it then takes for a policy to hold.
    async fn publish(&self) -> Result<Policy> {
        let log = self.log().await?;
        let witness = Cosigner::from_seed(KeyName::new(WITNESS)?, &[8; 32]);
        let (head, note) = log.prepare()?;
        log.publish(head, &note, &[witness.cosign(&note, COSIGNED_AT_S)?])?;
        let key = witness.verifier();
        let text = format!("log {}\nwitness w {key}\nquorum w\n", log.vkey());
        Ok(Policy::parse(text.as_bytes())?)
    }

    /// Size of receipts, and how long one takes from the question to its bytes.
    async fn receipts(&mut self, name: &str) -> Result<()> {
        let policy = self.publish().await?;
        let (mut longest, mut times, mut made) = (0, Vec::new(), Vec::new());
        for _ in 0..RECEIPTS {
            // A transfer: the first leaves are the accounts.
            let leaf = MIX.accounts + self.random.below(self.leaves - MIX.accounts);
            let asked = Instant::now();
            let receipt = self.engine.leaf_receipt(leaf, Opened::PAYEE).await?;
            let text = receipt.to_string();
            times.push(asked.elapsed());
            longest = longest.max(text.len());
            made.push(text);
        }
        for text in made {
            let receipt = Receipt::parse(text.as_bytes())?;
            let opening = Opening::decode(receipt.extra().context("a receipt opens nothing")?)?;
            ensure!(opening.credit().account().is_some(), "a receipt does not name the payee");
            receipt.verify(&leaf_hash(&opening.entry()), &policy)?;
        }
        let workload = format!("receipt_{name}");
        figures::print(&format!("{workload}.receipt_bytes"), float(longest as u64), "bytes")?;
        print_times(&workload, times)
    }

    /// How long an inclusion proof takes.
    async fn proofs(&mut self, name: &str, asked: usize) -> Result<()> {
        let log = self.log().await?;
        let head = log.head();
        let size = head.size;
        let mut timed = Vec::new();
        for _ in 0..asked {
            let leaf = self.random.below(size);
            let started = Instant::now();
            let proof = log.prove_inclusion(leaf, size)?;
            timed.push((started.elapsed(), leaf, proof));
        }
        for (_, leaf, proof) in &timed {
            let receipt = self.engine.leaf_receipt(*leaf, Opened::BOTH).await?;
            let opening = Opening::decode(receipt.extra().context("a receipt opens nothing")?)?;
            verify_inclusion(&leaf_hash(&opening.entry()), *leaf, size, proof, &head.root)?;
        }
        let workload = format!("proof_{name}");
        print_times(&workload, timed.into_iter().map(|(time, ..)| time).collect())?;
        figures::print(&format!("{workload}.leaves"), float(size), "leaves")
    }
}

fn print_times(workload: &str, mut times: Vec<Duration>) -> Result<()> {
    times.sort_unstable();
    for percent in [50, 99] {
        let time = percentile(&times, percent).context("nothing was timed")?;
        let ms = time.as_secs_f64() * 1e3;
        figures::print(&format!("{workload}.p{percent}_ms"), ms, "ms")?;
    }
    Ok(())
}
