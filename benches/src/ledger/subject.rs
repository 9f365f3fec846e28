//! The measured thing: an engine in this process on a real folder, every batch synced, with its
//! accounts made.
//!
//! Invariant: every event must be answered `created`; anything else ends the run.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use engine::{Clock as _, Engine, Log, LogOptions, Options, SystemClock};
use ledger::{Account, CreateAccountStatus, CreateTransferStatus, Transfer};
use money::NodeId;
use tlog::{KeyName, LogSigner};

use super::events::{Events, Mix};
use super::workloads::BATCH;

/// One batch and when it was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) sent: Instant,
    pub(crate) answered: Instant,
    pub(crate) events: usize,
}

/// Of the verifiable log: as long as a short domain and path make it.
const ORIGIN: &str = "pay.example/log";

/// Starts an engine in `folder` with the accounts of `mix`.
pub(crate) async fn start(folder: &Path, mix: Mix) -> Result<(Engine, Events)> {
    start_with(options(folder, false)?, mix).await
}

/// Options of an engine, with the verifiable log or without it.
pub(crate) fn options(folder: &Path, has_log: bool) -> Result<Options> {
    let mut options = Options::new(folder, NodeId::new(1).context("a reserved node")?);
    if has_log {
        options.log = Some(LogOptions::new(LogSigner::from_seed(KeyName::new(ORIGIN)?, &[7; 32])));
    }
    Ok(options)
}

/// The log, as soon as it has so many leaves; more than that is an error.
pub(crate) async fn log_of(engine: &Engine, leaves: u64) -> Result<Log> {
    let log = engine.log().context("the engine keeps no log")?;
    log.reaches(leaves.saturating_sub(1)).await.context("the log has stopped")?;
    let size = log.head().size;
    if size != leaves {
        bail!("the log has {size} leaves and should have {leaves}");
    }
    Ok(log.clone())
}

/// As [`start`], with these options.
pub(crate) async fn start_with(options: Options, mix: Mix) -> Result<(Engine, Events)> {
    let engine = Engine::start(options).context("cannot start the engine")?;
    let engine = engine.engine;
    let mut events = Events::new(mix, SystemClock.now_ms())?;
    let mut first = 1;
    while first <= mix.accounts {
        let count = (BATCH as u64).min(mix.accounts + 1 - first);
        open(&engine, events.accounts(first, count)?).await?;
        first += count;
    }
    Ok((engine, events))
}

async fn open(engine: &Engine, accounts: Vec<Account>) -> Result<()> {
    let statuses = engine.create_accounts(accounts).await.context("accounts were refused")?;
    match statuses.iter().find(|status| **status != CreateAccountStatus::Created) {
        None => Ok(()),
        Some(other) => bail!("an account was answered `{}`", other.code()),
    }
}

/// Sends one batch and waits until it is durable.
pub(crate) async fn send(engine: Engine, batch: Vec<Transfer>) -> Result<Answer> {
    let events = batch.len();
    let sent = Instant::now();
    let statuses = engine.create_transfers(batch).await.context("a batch was refused")?;
    let answered = Instant::now();
    if statuses.len() != events {
        bail!("{events} transfers got {} answers", statuses.len());
    }
    match statuses.iter().find(|status| **status != CreateTransferStatus::Created) {
        None => Ok(Answer { sent, answered, events }),
        Some(other) => bail!("a transfer was answered `{}`", other.code()),
    }
}
