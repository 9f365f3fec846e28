//! How long a start takes: after transfers that no snapshot holds, and after history of two lengths
//! that one does.
//!
//! The filling process ends without a word to the engine, as a crash does, or after a shutdown, which
//! leaves a snapshot. The start is another process, so its memory is its own. Files are in the page
//! cache, as after a crash of the program.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use benches::disk::scratch;
use benches::process;
use benches::report::{Report, float};
use engine::{Engine, Options};
use money::NodeId;

use super::events::{Ids, Mix, Sides};
use super::figures::{self, Figures};
use super::subject;
use super::workloads::BATCH;

/// How this program is told to be one of the processes.
pub(crate) const WORD: &str = "ledger-starts";

const MIX: Mix =
    Mix { accounts: 10_000, sides: Sides::Uniform, ids: Ids::Ascending, history: true };

/// Batches that are on their way while the folder is filled.
const IN_FLIGHT: usize = 4;

/// What the last run left in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// A journal and no snapshot.
    Tail,
    /// A snapshot of everything.
    Snapshot,
}

impl Left {
    const fn word(self) -> &'static str {
        match self {
            Self::Tail => "tail",
            Self::Snapshot => "snapshot",
        }
    }
}

/// Prints the times of the starts.
pub(crate) fn measure(report: &Report, transfers: u64) -> Result<()> {
    let tenth = (transfers / 10).max(1);
    let runs = [
        ("tail", Left::Tail, transfers),
        ("snapshot_tenth", Left::Snapshot, tenth),
        ("snapshot", Left::Snapshot, transfers),
    ];
    for (name, left, transfers) in runs {
        let folder = scratch()?;
        let folder = folder.path().to_str().context("the folder's name is not text")?;
        let count = transfers.to_string();
        figures::of(&[WORD, "fill", left.word(), &count, folder])?;
        let Figures(found) = figures::of(&[WORD, "start", left.word(), &count, folder])?;
        report.value("start", &format!("{name}_transfers"), float(transfers), "transfers")?;
        for figure in found {
            report.value(
                "start",
                &format!("{name}_{}", figure.metric),
                figure.value,
                &figure.unit,
            )?;
        }
    }
    Ok(())
}

/// One of the processes.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [what, left, transfers, folder] = words else {
        bail!("usage: {WORD} fill|start tail|snapshot TRANSFERS FOLDER");
    };
    let left = if left == Left::Tail.word() { Left::Tail } else { Left::Snapshot };
    let (transfers, folder) = (transfers.parse()?, Path::new(folder));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    match what.as_str() {
        "fill" => runtime.block_on(fill(folder, left, transfers)),
        "start" => runtime.block_on(start(folder, left, transfers)),
        other => bail!("`{other}` is neither fill nor start"),
    }
}

fn options(folder: &Path, left: Left) -> Result<Options> {
    let mut options = Options::new(folder, NodeId::new(1).context("a reserved node")?);
    if left == Left::Tail {
        options.snapshot_every_bytes = u64::MAX;
    }
    Ok(options)
}

async fn fill(folder: &Path, left: Left, transfers: u64) -> Result<()> {
    let (engine, mut events) = subject::start_with(options(folder, left)?, MIX).await?;
    let mut rest = transfers;
    let mut flying = std::collections::VecDeque::new();
    while rest > 0 {
        let count = (BATCH as u64).min(rest);
        rest -= count;
        let batch = events.transfers(usize::try_from(count)?)?;
        flying.push_back(tokio::spawn(subject::send(engine.clone(), batch)));
        if flying.len() == IN_FLIGHT
            && let Some(oldest) = flying.pop_front()
        {
            oldest.await??;
        }
    }
    for batch in flying {
        batch.await??;
    }
    match left {
        // As a crash: nothing is closed, nothing is written.
        Left::Tail => std::process::exit(0),
        Left::Snapshot => engine.shutdown().await,
    }
    Ok(())
}

async fn start(folder: &Path, left: Left, transfers: u64) -> Result<()> {
    let began = Instant::now();
    let started = Engine::start(options(folder, left)?).context("cannot start the engine")?;
    let engine = started.engine;
    let known = engine.read(engine::books).await.context("the engine does not answer")?;
    let seconds = began.elapsed().as_secs_f64();
    let moved = known.first().map_or(0, |books| books.debits.units());
    if moved == 0 || transfers == 0 {
        bail!("the start found no transfers");
    }
    figures::print("ms", seconds * 1e3, "ms")?;
    figures::print("cpu_ms", float(process::cpu_us()?) / 1e3, "ms")?;
    figures::print("batches", float(started.replayed_batches), "batches")?;
    figures::print("rss_mb", process::peak_rss_mb()?, "MB")?;
    std::process::exit(0)
}
