//! Starting: snapshot, then the journal's tail, then the books are checked, then the thread runs.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use journal::{Files, Journal, Position, Snapshot, Snapshots};
use tracing::warn;

use super::Writer;
use super::core::Core;
use crate::clock::behind_seconds;
use crate::codec::Decoder;
use crate::entry::Stamped;
use crate::error::StartError;
use crate::handle::{Engine, Options, Started};
use crate::state::State;

pub(crate) fn start(options: Options) -> Result<Started, StartError> {
    let snapshots = Snapshots::open(&options.data.join("snapshots"))?;
    let (state, position) = load_snapshot(&snapshots, &options)?;
    let settings = journal::Options { verify_from: position, ..options.journal };
    let (files, recovery) = Files::open(&options.data.join("journal"), settings)?;
    let folded = position.map_or(0, |position| position.sequence);
    let (engine, replayed_batches) = run(options, Box::new(files), snapshots, state, folded)?;
    Ok(Started { engine, recovery, replayed_batches })
}

pub(crate) fn start_with(
    options: Options,
    journal: Box<dyn Journal>,
) -> Result<Engine, StartError> {
    let snapshots = Snapshots::open(&options.data.join("snapshots"))?;
    let (state, position) = load_snapshot(&snapshots, &options)?;
    let folded = position.map_or(0, |position| position.sequence);
    let (engine, _) = run(options, journal, snapshots, state, folded)?;
    Ok(engine)
}

/// Folds what follows batch `folded`, checks the books and starts the thread.
fn run(
    options: Options,
    journal: Box<dyn Journal>,
    snapshots: Snapshots,
    state: State,
    folded: u64,
) -> Result<(Engine, u64), StartError> {
    let Replayed { state, batches, bytes } = replay(state, &*journal, folded + 1)?;
    state.ledger.check().map_err(StartError::Books)?;
    let behind = behind_seconds(options.clock.now_ns(), state.last_timestamp_ns);
    if let Some(behind_seconds) = behind.filter(|_| !options.accept_earlier_clock) {
        return Err(StartError::ClockBehind { behind_seconds });
    }
    let (sender, queue) = sync_channel(options.queue_count_max);
    let writer = Writer {
        core: Core::new(state, Arc::clone(&options.clock), options.accept_earlier_clock),
        journal,
        snapshots,
        queue,
        pointed: Vec::new(),
        bytes_since_snapshot: bytes,
    };
    std::thread::Builder::new()
        .name("farthing-writer".to_owned())
        .spawn(move || writer.run())
        .map_err(StartError::Thread)?;
    let engine = Engine::new(sender, options.clock, options.node);
    Ok((engine, batches))
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
