//! The process that kills: starts a child, kills it at any moment, looks for what was acknowledged.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use engine::{Engine, State};
use ledger::Balances;
use money::AccountId;
use tempfile::TempDir;

use super::CHILD;
use super::batches::{ACCOUNTS, REFUSED, ROUND, SENDERS, book, events, id, kept};
use super::child::options;
use super::wait::wait;
use crate::random::Random;

/// Rounds on one folder; then a new one begins, so that a round stays short.
const ROUNDS_PER_FOLDER: u64 = 5;

/// The longest that a child works, in milliseconds.
const LIFE_MS_MAX: u64 = 100;

/// The longest that a child may take to its first word.
const BEGIN_MAX: Duration = Duration::from_mins(1);

/// What all rounds came to.
#[derive(Debug, Default)]
pub struct Killed {
    pub rounds: u64,
    pub batches: u64,
    pub transfers: u64,
    /// Batches that were there without having been acknowledged.
    pub unsaid: u64,
    /// Children that were killed before they said anything.
    pub silent: u64,
}

/// Kills `count` times.
pub fn rounds(count: u64, seed: u64) -> Result<Killed> {
    let mut random = Random::new(seed);
    let mut killed = Killed::default();
    let mut folder = Folder::new()?;
    for round in 1..=count {
        // Seldom while it starts, most of the time while it works.
        let (waits, life_ms) = (random.chance(850), random.below(LIFE_MS_MAX));
        let said = kill(folder.dir.path(), round, waits, life_ms)?;
        killed.rounds += 1;
        killed.batches += said.len() as u64;
        killed.silent += u64::from(said.is_empty());
        folder.unchecked.push((round, said));
        let is_last = round % ROUNDS_PER_FOLDER == 0 || round == count;
        // Now and then the next child starts on what this one left, without anybody between.
        if is_last || random.chance(500) {
            folder.check(&mut killed).with_context(|| format!("round {round} of seed {seed}"))?;
        }
        if is_last {
            folder = Folder::new()?;
        }
    }
    // A run that acknowledged next to nothing has proved next to nothing.
    ensure!(killed.batches > count, "only {} batches in {count} rounds", killed.batches);
    Ok(killed)
}

/// A node's folder and what is known of it.
struct Folder {
    dir: TempDir,
    /// Batches that were found, all of them whole.
    there: BTreeSet<u64>,
    /// Rounds since the last check, with the batches that were acknowledged.
    unchecked: Vec<(u64, BTreeSet<u64>)>,
}

/// Lets a child work for a while, counted from its start or from its first word, and kills it; gives
/// the batches that it acknowledged.
fn kill(dir: &Path, round: u64, waits: bool, life_ms: u64) -> Result<BTreeSet<u64>> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg(CHILD)
        .arg(dir)
        .arg(round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start a child")?;
    let mut said = child.stdout.take().context("the child has no output")?;
    let (begun, has_begun) = mpsc::channel();
    let reader = std::thread::spawn(move || -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; 8];
        if said.read_exact(&mut bytes).is_err() {
            return Ok(Vec::new());
        }
        // Nobody waits if the child was to be killed at once.
        let _ = begun.send(());
        said.read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    if waits {
        // An end without a word shows below.
        let _ = has_begun.recv_timeout(BEGIN_MAX);
    }
    std::thread::sleep(Duration::from_millis(life_ms));
    let ended = child.try_wait()?;
    child.kill()?;
    child.wait()?;
    if let Some(status) = ended {
        bail!("the child ended by itself: {status}");
    }
    let bytes = reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    let (numbers, _) = bytes.as_chunks::<8>();
    Ok(numbers.iter().map(|number| u64::from_le_bytes(*number)).collect())
}

impl Folder {
    fn new() -> Result<Self> {
        Ok(Self { dir: tempfile::tempdir()?, there: BTreeSet::new(), unchecked: Vec::new() })
    }

    /// Starts the node, looks at everything, and stops it.
    fn check(&mut self, killed: &mut Killed) -> Result<()> {
        let engine = Engine::start(options(self.dir.path()))?.engine;
        for (round, said) in std::mem::take(&mut self.unchecked) {
            let first = round * ROUND;
            // Each sender has one batch under way at most.
            let last = said.last().map_or(first, |last| *last) + 2 * SENDERS;
            for batch in first..=last {
                let is_said = said.contains(&batch);
                let is_there = is_there(&engine, batch)?;
                ensure!(is_there || !is_said, "batch {batch} was acknowledged and is lost");
                if is_there {
                    killed.unsaid += u64::from(!is_said);
                    killed.transfers += kept(batch)?.len() as u64;
                    self.there.insert(batch);
                }
            }
        }
        let mut balances = vec![Balances::default(); usize::try_from(ACCOUNTS)?];
        for batch in &self.there {
            book(&kept(*batch)?, &mut balances);
        }
        wait(engine.read(move |state| is_balanced(state, &balances)))??;
        wait(engine.shutdown());
        Ok(())
    }
}

/// Whether a batch is there, as a whole and as it was sent.
fn is_there(engine: &Engine, batch: u64) -> Result<bool> {
    let right = kept(batch)?;
    let burned = events(batch)?.len() > 1;
    let refused = id(batch, REFUSED)?;
    let read = move |state: &State| -> Result<bool> {
        let ledger = state.ledger();
        let mut states = Vec::new();
        for (transfer, _) in &right {
            states.extend(ledger.transfer(transfer.id)?);
        }
        let found = states.len();
        ensure!(found == 0 || found == right.len(), "a part of batch {batch} is there");
        for (state, (transfer, pending)) in states.iter().zip(&right) {
            let is_right = state.transfer == *transfer && state.pending == *pending;
            ensure!(is_right, "{state:?} is there, right is {transfer:?} {pending:?}");
        }
        let is_burned = ledger.is_failed(refused)?;
        ensure!(is_burned == (found > 0 && burned), "{refused} is burned: {is_burned}");
        Ok(found > 0)
    };
    wait(engine.read(read))?
}

/// Whether every account has these balances, and each asset sums to zero.
fn is_balanced(state: &State, right: &[Balances]) -> Result<()> {
    let ledger = state.ledger();
    for (number, right) in (1_u128..).zip(right) {
        let account = ledger.account(AccountId::new(number)?);
        let found = account.map(|account| account.balances).unwrap_or_default();
        ensure!(found == *right, "account {number} has {found:?}, right is {right:?}");
    }
    for (asset, totals) in ledger.totals() {
        ensure!(totals.is_balanced(), "{asset} does not sum to zero: {totals:?}");
    }
    ledger.check()?;
    Ok(())
}
