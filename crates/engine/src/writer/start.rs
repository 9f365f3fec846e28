//! Starting: snapshot, then the journal's tail, then the books are checked, then the thread runs.

use std::sync::{Arc, Mutex};

use crossbeam_channel::bounded;
use journal::{Batch, Files, Journal, ReadError, Snapshots};

use super::committer::Committer;
use super::core::Core;
use super::keeper::{Keeper, Kept};
use super::loading::Loading;
use super::{Inline, Writer};
use crate::board::Board;
use crate::clock::behind_seconds;
use crate::codec::Decoder;
use crate::entry::Stamped;
use crate::error::StartError;
use crate::event::Sealed;
use crate::figures::Figures;
use crate::handle::{Command, Engine, Options, Started};
use crate::keys::Keys;
use crate::log::{self, Cursor, Feed, Log, LogCommand};
use crate::queue::{Inlet, Outlet, queue};
use crate::state::State;
use crate::verifier::Verifier;

/// Batches that are read before they are folded.
const BATCHES_READ_AHEAD: usize = 4;

pub(crate) fn start(options: Options) -> Result<Started, StartError> {
    let (loading, files, recovery) = load(&options)?;
    let (ready, replayed_batches) = ready(options, Box::new(files), loading, on_threads)?;
    let engine = ready.spawn()?;
    Ok(Started { engine, recovery, replayed_batches })
}

pub(crate) fn start_with(
    options: Options,
    journal: Box<dyn Journal>,
) -> Result<Engine, StartError> {
    let loading = Loading::begin(&options)?;
    ready(options, journal, loading, on_threads)?.0.spawn()
}

pub(crate) fn start_inline(options: Options) -> Result<(Engine, Inline), StartError> {
    let (loading, files, _) = load(&options)?;
    let (ready, replayed_batches) = ready(options, Box::new(files), loading, inline)?;
    Ok(ready.inline(replayed_batches))
}

/// Locks the folder before anything in it is looked at: a node that runs there must not lose what it
/// works with. Then the newest snapshot, then the journal.
fn load(options: &Options) -> Result<(Loading, Files, journal::Recovery), StartError> {
    let locked = Files::lock_on(Arc::clone(&options.disk), &options.data.join("journal"))?;
    let loading = Loading::begin(options)?;
    let settings = journal::Options { verify_from: loading.position(), ..options.journal };
    let (files, recovery) = locked.open(settings)?;
    Ok((loading, files, recovery))
}

/// Everything that a writer needs before its first turn.
struct Ready {
    engine: Engine,
    queue: Outlet,
    core: Core,
    log: Option<Log>,
    figures: Arc<Figures>,
    journal: Box<dyn Journal>,
    bytes_since_snapshot: u64,
    snapshot_every_bytes: u64,
}

/// What is ready, the snapshots that will follow, and what those on disk need of the past.
struct Start(Ready, Snapshots, Kept);

impl Start {
    fn spawn(self) -> Result<Engine, StartError> {
        let Self(ready, snapshots, kept) = self;
        let keeper = Keeper::on_thread(snapshots, kept).map_err(StartError::Thread)?;
        let feed = match &ready.log {
            Some(log) => Feed::thread(log).map_err(StartError::Thread)?,
            None => Feed::Off,
        };
        let (engine, writer, committer) = ready.parts(keeper, feed);
        std::thread::Builder::new()
            .name("farthing-writer".to_owned())
            .spawn(move || writer.run(committer))
            .map_err(StartError::Thread)?;
        Ok(engine)
    }

    fn inline(self, replayed_batches: u64) -> (Engine, Inline) {
        let Self(ready, snapshots, kept) = self;
        let feed = ready.log.as_ref().map_or(Feed::Off, Feed::inline);
        let (engine, writer, committer) = ready.parts(Keeper::at_once(snapshots, kept), feed);
        (engine, Inline::new(writer, committer, replayed_batches))
    }
}

impl Ready {
    fn parts(self, keeper: Keeper, feed: Feed) -> (Engine, Writer, Committer) {
        let has_ended = self.queue.has_ended();
        let writer = Writer {
            core: self.core,
            queue: self.queue,
            taken: 0,
            bytes_since_snapshot: self.bytes_since_snapshot,
            snapshot_every_bytes: self.snapshot_every_bytes,
            keeper_is_busy: keeper.is_busy(),
        };
        let seen = (Arc::clone(&self.engine.board), self.figures);
        (self.engine, writer, Committer::new(self.journal, keeper, feed, seen, has_ended))
    }
}

/// Folds what follows the snapshot and checks the books and the clock.
fn ready(
    options: Options,
    journal: Box<dyn Journal>,
    mut loading: Loading,
    verifier: fn(&Options, Inlet) -> std::io::Result<Verifier>,
) -> Result<(Start, u64), StartError> {
    let folded = loading.position().map_or(0, |position| position.sequence);
    let state = loading.state(&options)?;
    let Replayed { state, batches, bytes } =
        replay(state, &*journal, folded + 1, !options.disk.is_single_threaded())?;
    state.ledger.check().map_err(StartError::Books)?;
    let behind = behind_seconds(options.clock.now_ns(), state.last_timestamp_ns);
    if let Some(behind_seconds) = behind.filter(|_| !options.accept_earlier_clock) {
        return Err(StartError::ClockBehind { behind_seconds });
    }
    let log = match &options.log {
        Some(log) => Some(log::open(&options, log, &state)?),
        None => None,
    };
    let cursor = log.as_ref().map(|_| Cursor::at_end(&state));
    let (sender, queue) = queue(options.queue_count_max);
    let keys = Keys::default();
    let (board, sealed) = (Arc::new(Board::of(&state)), Sealed::of(&state));
    let core = Core::new(
        state,
        keys.clone(),
        Arc::clone(&options.clock),
        options.accept_earlier_clock,
        options.channel_limits.clone(),
        cursor,
    );
    let verifier = verifier(&options, sender.clone()).map_err(StartError::Thread)?;
    let figures: Arc<Figures> = Arc::default();
    let seen = (board, sealed, Arc::clone(&figures));
    let engine =
        Engine::new(sender, keys, verifier, log.clone(), seen, options.clock, options.node);
    if let Some(log) = &log {
        // The queue is empty yet, and a stopped writer needs no log.
        let _ = engine.send(Command::Log(LogCommand::Open(log.vkey())));
    }
    let snapshot_every_bytes = options.snapshot_every_bytes;
    let bytes_since_snapshot = bytes;
    let ready = Ready {
        engine,
        queue,
        core,
        log,
        figures,
        journal,
        bytes_since_snapshot,
        snapshot_every_bytes,
    };
    let Loading { snapshots, kept, .. } = loading;
    Ok((Start(ready, snapshots, Arc::new(Mutex::new(kept))), batches))
}

fn on_threads(options: &Options, writer: Inlet) -> std::io::Result<Verifier> {
    Verifier::start(writer, options.verifier_threads, options.queue_count_max)
}

#[expect(clippy::unnecessary_wraps, reason = "stands in for the one that starts threads")]
fn inline(_: &Options, writer: Inlet) -> std::io::Result<Verifier> {
    Ok(Verifier::inline(writer))
}

/// The state after the journal's tail, and how much of a tail that was.
struct Replayed {
    state: State,
    batches: u64,
    bytes: u64,
}

/// Folds the journal from batch `from` on. Reading and checking batches takes as long as folding
/// them, so a thread reads ahead, unless the disk takes one thread at a time.
fn replay(
    state: State,
    journal: &dyn Journal,
    from: u64,
    reads_ahead: bool,
) -> Result<Replayed, StartError> {
    let batches = journal.read(from)?;
    let replayed = Replayed { state, batches: 0, bytes: 0 };
    if !reads_ahead {
        return replayed.fold_all(batches);
    }
    let (sender, receiver) = bounded(BATCHES_READ_AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for batch in batches {
                // The fold has ended early: it says why.
                if sender.send(batch).is_err() {
                    break;
                }
            }
        });
        replayed.fold_all(receiver.into_iter())
    })
}

impl Replayed {
    fn fold_all(
        mut self,
        batches: impl Iterator<Item = Result<Batch, ReadError>>,
    ) -> Result<Self, StartError> {
        for batch in batches {
            self.fold(&batch?)?;
        }
        Ok(self)
    }

    fn fold(&mut self, batch: &Batch) -> Result<(), StartError> {
        let sequence = batch.sequence;
        let mut entries = Decoder::new(&batch.body);
        while !entries.is_empty() {
            let stamped = Stamped::decode(&mut entries)
                .map_err(|why| StartError::Malformed { sequence, why })?;
            self.state.apply(&stamped).map_err(|why| StartError::Broken { sequence, why })?;
        }
        self.state.seal_if_full().map_err(|why| StartError::IndexBatch { sequence, why })?;
        self.batches += 1;
        self.bytes += batch.body.len() as u64;
        Ok(())
    }
}
