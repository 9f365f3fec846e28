//! Starting: snapshot, then the journal's tail, then the books are checked, then the thread runs.

use std::sync::Arc;

use journal::{Files, Journal, Position, Snapshot, Snapshots};
use tracing::warn;

use super::committer::Committer;
use super::core::Core;
use super::keeper::Keeper;
use super::{Inline, Writer};
use crate::clock::behind_seconds;
use crate::codec::Decoder;
use crate::entry::Stamped;
use crate::error::StartError;
use crate::handle::{Engine, Options, Started};
use crate::queue::{Outlet, queue};
use crate::state::State;

pub(crate) fn start(options: Options) -> Result<Started, StartError> {
    let snapshots = snapshots(&options)?;
    let (state, position) = load_snapshot(&snapshots, &options)?;
    let (files, recovery) = journal(&options, position)?;
    let folded = position.map_or(0, |position| position.sequence);
    let (ready, replayed_batches) = ready(options, Box::new(files), state, folded)?;
    let engine = ready.spawn(snapshots)?;
    Ok(Started { engine, recovery, replayed_batches })
}

pub(crate) fn start_with(
    options: Options,
    journal: Box<dyn Journal>,
) -> Result<Engine, StartError> {
    let snapshots = snapshots(&options)?;
    let (state, position) = load_snapshot(&snapshots, &options)?;
    let folded = position.map_or(0, |position| position.sequence);
    let (ready, _) = ready(options, journal, state, folded)?;
    ready.spawn(snapshots)
}

pub(crate) fn start_inline(options: Options) -> Result<(Engine, Inline), StartError> {
    let snapshots = snapshots(&options)?;
    let (state, position) = load_snapshot(&snapshots, &options)?;
    let (files, _) = journal(&options, position)?;
    let folded = position.map_or(0, |position| position.sequence);
    let (ready, _) = ready(options, Box::new(files), state, folded)?;
    Ok(ready.inline(snapshots))
}

fn snapshots(options: &Options) -> Result<Snapshots, StartError> {
    Ok(Snapshots::open_on(Arc::clone(&options.disk), &options.data.join("snapshots"))?)
}

fn journal(
    options: &Options,
    verify_from: Option<Position>,
) -> Result<(Files, journal::Recovery), StartError> {
    let settings = journal::Options { verify_from, ..options.journal };
    Ok(Files::open_on(Arc::clone(&options.disk), &options.data.join("journal"), settings)?)
}

/// Everything that a writer needs before its first turn.
struct Ready {
    engine: Engine,
    queue: Outlet,
    core: Core,
    journal: Box<dyn Journal>,
    bytes_since_snapshot: u64,
}

impl Ready {
    fn spawn(self, snapshots: Snapshots) -> Result<Engine, StartError> {
        let keeper = Keeper::on_thread(snapshots).map_err(StartError::Thread)?;
        let (engine, writer, committer) = self.parts(keeper);
        std::thread::Builder::new()
            .name("farthing-writer".to_owned())
            .spawn(move || writer.run(committer))
            .map_err(StartError::Thread)?;
        Ok(engine)
    }

    fn inline(self, snapshots: Snapshots) -> (Engine, Inline) {
        let (engine, writer, committer) = self.parts(Keeper::at_once(snapshots));
        (engine, Inline::new(writer, committer))
    }

    fn parts(self, keeper: Keeper) -> (Engine, Writer, Committer) {
        let has_ended = self.queue.has_ended();
        let writer = Writer {
            core: self.core,
            queue: self.queue,
            taken: 0,
            bytes_since_snapshot: self.bytes_since_snapshot,
            keeper_is_busy: keeper.is_busy(),
        };
        (self.engine, writer, Committer::new(self.journal, keeper, has_ended))
    }
}

/// Folds what follows batch `folded` and checks the books and the clock.
fn ready(
    options: Options,
    journal: Box<dyn Journal>,
    state: State,
    folded: u64,
) -> Result<(Ready, u64), StartError> {
    let Replayed { state, batches, bytes } = replay(state, &*journal, folded + 1)?;
    state.ledger.check().map_err(StartError::Books)?;
    let behind = behind_seconds(options.clock.now_ns(), state.last_timestamp_ns);
    if let Some(behind_seconds) = behind.filter(|_| !options.accept_earlier_clock) {
        return Err(StartError::ClockBehind { behind_seconds });
    }
    let (sender, queue) = queue(options.queue_count_max);
    let core = Core::new(state, Arc::clone(&options.clock), options.accept_earlier_clock);
    let engine = Engine::new(sender, options.clock, options.node);
    Ok((Ready { engine, queue, core, journal, bytes_since_snapshot: bytes }, batches))
}

/// The newest snapshot that decodes, or the empty state.
fn load_snapshot(
    snapshots: &Snapshots,
    options: &Options,
) -> Result<(State, Option<Position>), StartError> {
    let found = snapshots.latest()?;
    for skipped in &found.skipped {
        warn!(path = %skipped.path.display(), why = %skipped.why, "a snapshot was passed over");
    }
    let Some(Snapshot { sequence, head, state }) = found.snapshot else {
        return Ok((State::new(options.node), None));
    };
    match State::from_bytes(&state) {
        Ok(state) if state.node == options.node => {
            Ok((state, Some(Position { sequence, hash: head })))
        }
        Ok(state) => Err(StartError::OtherNode { expected: options.node, found: state.node }),
        Err(why) => {
            warn!(sequence, %why, "the snapshot does not decode; the whole journal is read instead");
            Ok((State::new(options.node), None))
        }
    }
}

/// The state after the journal's tail, and how much of a tail that was.
struct Replayed {
    state: State,
    batches: u64,
    bytes: u64,
}

fn replay(mut state: State, journal: &dyn Journal, from: u64) -> Result<Replayed, StartError> {
    let (mut batches, mut bytes) = (0, 0);
    for batch in journal.read(from)? {
        let batch = batch?;
        let sequence = batch.sequence;
        let mut entries = Decoder::new(&batch.body);
        while !entries.is_empty() {
            let stamped = Stamped::decode(&mut entries)
                .map_err(|why| StartError::Malformed { sequence, why })?;
            state.apply(&stamped).map_err(|why| StartError::Broken { sequence, why })?;
        }
        batches += 1;
        bytes += batch.body.len() as u64;
    }
    Ok(Replayed { state, batches, bytes })
}
