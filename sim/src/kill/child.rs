//! The process that is killed: a node on a real folder, under as much load as it takes.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use engine::{Engine, Options};

use super::batches::{ROUND, SENDERS, accounts, events, statuses};
use super::wait::wait;
use crate::purchases::node;

/// How the engine of both sides is set up: small pieces, so that segments roll, snapshots are written
/// and runs of the index are merged all the time.
pub fn options(dir: &Path) -> Options {
    let mut options = Options::new(dir, node());
    options.journal.batch_bytes_max = 2 * 1024 * 1024;
    options.journal.segment_bytes = 3 * 1024 * 1024;
    options.journal.preallocate_bytes = 1024 * 1024;
    options.snapshot_every_bytes = 4 * 1024 * 1024;
    (options.index.chunk_rows, options.index.fan_out) = (8_192, 3);
    options
}

/// Works until it is killed. Says the number of each acknowledged batch on standard output, eight
/// bytes each, lowest first.
pub fn work(dir: &Path, round: u64) -> Result<()> {
    let engine = Engine::start(options(dir))?.engine;
    for status in wait(engine.create_accounts(accounts()?))? {
        if !status.is_created_or_exists() {
            bail!("an account was not created: {}", status.code());
        }
    }
    let said = Arc::new(Mutex::new(std::io::stdout()));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (engine, said) = (engine.clone(), Arc::clone(&said));
            thread::spawn(move || send(&engine, round * ROUND + sender, &said))
        })
        .collect();
    for sender in senders {
        sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))??;
    }
    Ok(())
}

fn send(engine: &Engine, first: u64, said: &Mutex<impl Write>) -> Result<()> {
    for batch in (first..).step_by(usize::try_from(SENDERS)?) {
        let answers = wait(engine.create_transfers(events(batch)?))?;
        if answers != statuses(batch) {
            bail!("batch {batch} was answered otherwise than it must be");
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.write_all(&batch.to_le_bytes()).context("nobody listens")?;
        said.flush().context("nobody listens")?;
    }
    Ok(())
}
