//! The writer: takes commands in batches, decides, folds, and hands the batches to the journal.
//!
//! Two threads share the work, one batch apart: while a batch is being synced, the next one is
//! decided and folded. Invariants: no answer leaves before its batch is durable; entries are folded
//! in the order in which they are appended; after a disk error or a broken invariant nothing is
//! written any more. [`Inline`] does the same on the caller's thread, one step after the other.

mod channels;
mod committer;
mod core;
mod inline;
mod keeper;
mod ledger_batches;
pub(crate) mod loading;
mod log;
mod mandates;
mod payments;
mod registry;
mod requests;
mod start;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::select;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use self::committer::{Abandoned, Batch, Committer, Done, Pipeline};
use self::core::Core;
use self::keeper::Capture;
use crate::handle::Command;
use crate::queue::Outlet;

pub use inline::{Inline, Turned};
pub(crate) use start::{start, start_inline, start_with};

/// Commands that one batch takes; those that the verifier hands on together may go a little beyond.
const BATCH_COMMAND_COUNT_MAX: usize = 2048;

/// Entries that one batch takes, in bytes; the last command may go a little beyond.
const BATCH_FILL_BYTES_MAX: usize = 512 * 1024;

/// Longest sleep between two looks at holds and claims that may have run out.
const SWEEP_INTERVAL_MS_MAX: u64 = 200;

/// What both forms of the writer are made of.
pub(crate) struct Writer {
    core: Core,
    queue: Outlet,
    /// Commands in the open batch.
    taken: usize,
    bytes_since_snapshot: u64,
    snapshot_every_bytes: u64,
    /// A snapshot is under way.
    keeper_is_busy: Arc<AtomicBool>,
}

/// What made the writer turn.
enum Event {
    Command(Command),
    Done(Done),
    Timeout,
    Closed,
}

/// Why the writer ends.
enum End {
    Shutdown(Option<oneshot::Sender<()>>),
    Stopped(String),
}

impl Writer {
    fn run(mut self, committer: Committer) {
        let pipeline = match Pipeline::start(committer) {
            Ok(pipeline) => pipeline,
            Err(error) => return error!(%error, "the journal thread could not be started"),
        };
        match self.turn_until_end(&pipeline) {
            End::Shutdown(done) => {
                if let Some(committer) = pipeline.finish() {
                    committer.close(self.capture());
                }
                // Whoever waits may open the journal again at once.
                drop(self);
                info!("the writer has shut down");
                if let Some(done) = done {
                    // The caller may have given up waiting.
                    let _ = done.send(());
                }
            }
            End::Stopped(stopped) => {
                error!(%stopped, "the writer has stopped; restart the node after `farthing fsck`");
            }
        }
    }

    fn turn_until_end(&mut self, pipeline: &Pipeline) -> End {
        let mut in_flight = false;
        let mut shutdown = None;
        loop {
            match self.next_event(pipeline, in_flight, shutdown.is_some()) {
                Event::Command(first) => {
                    if let Some(done) = self.take(first) {
                        shutdown = Some(Some(done));
                    }
                }
                Event::Done(done) => {
                    in_flight = false;
                    if let Some(stopped) = self.finish(done) {
                        return End::Stopped(stopped);
                    }
                }
                Event::Timeout => {}
                Event::Closed => shutdown = Some(None),
            }
            self.core.sweep();
            if in_flight {
                continue;
            }
            let batch = self.close_batch();
            if !batch.is_empty() {
                if pipeline.begin(batch).is_err() {
                    return End::Stopped("the journal thread has ended".to_owned());
                }
                in_flight = true;
            } else if let Some(done) = shutdown {
                return End::Shutdown(done);
            }
        }
    }

    /// Waits for a command, as long as the open batch has room, and for the journal.
    fn next_event(&self, pipeline: &Pipeline, in_flight: bool, is_ending: bool) -> Event {
        let is_full = in_flight && self.is_full();
        let sweep = Duration::from_millis(SWEEP_INTERVAL_MS_MAX);
        if in_flight && (is_full || is_ending) {
            return pipeline.done.recv().map_or_else(|_| lost(), Event::Done);
        }
        if is_ending {
            return Event::Timeout;
        }
        select! {
            recv(self.queue.commands) -> command => command.map_or(Event::Closed, Event::Command),
            recv(pipeline.done) -> done => done.map_or_else(|_| lost(), Event::Done),
            default(sweep) => Event::Timeout,
        }
    }

    fn is_full(&self) -> bool {
        self.taken >= BATCH_COMMAND_COUNT_MAX || self.core.batch_len() >= BATCH_FILL_BYTES_MAX
    }

    /// Takes the first command and what else is queued, up to a batch.
    fn take(&mut self, first: Command) -> Option<oneshot::Sender<()>> {
        let mut next = Some(first);
        while let Some(command) = next {
            if let Command::Shutdown(done) = command {
                return Some(done);
            }
            self.taken += self.queue.leave(&command);
            self.core.process(command);
            if self.is_full() {
                break;
            }
            next = self.queue.commands.try_recv().ok();
        }
        None
    }

    fn close_batch(&mut self) -> Batch {
        self.taken = 0;
        // The log reads the batch's rows while they are in memory.
        let mut batch = self.core.finish_batch();
        self.core.seal_if_full();
        batch.broken = self.core.broken();
        self.bytes_since_snapshot += batch.bytes.len() as u64;
        // Without entries the batch may never be committed, and its capture never be written.
        let is_due = self.bytes_since_snapshot >= self.snapshot_every_bytes
            && !batch.bytes.is_empty()
            && batch.broken.is_none();
        if is_due && !self.keeper_is_busy.swap(true, Ordering::AcqRel) {
            batch.capture = self.capture();
            self.keeper_is_busy.store(batch.capture.is_some(), Ordering::Release);
        }
        batch
    }

    /// The state at hand, if there is anything new in it.
    fn capture(&mut self) -> Option<Capture> {
        if self.bytes_since_snapshot == 0 {
            return None;
        }
        self.bytes_since_snapshot = 0;
        let capture = Capture::of(self.core.state_mut());
        capture.map_err(|error| warn!(%error, "no snapshot was written")).ok()
    }

    /// Takes note of what became of a batch, and says if that was the end.
    fn finish(&mut self, done: Done) -> Option<String> {
        if done.stopped.is_none() {
            for abandoned in done.abandoned {
                match abandoned {
                    Abandoned::Payment(payment, claim) => self.core.abandon(payment, claim),
                    Abandoned::Channel(channel, lease) => self.core.abandon_lease(channel, lease),
                }
            }
        }
        done.stopped
    }
}

/// The journal thread ended without a report: it panicked.
fn lost() -> Event {
    let stopped = Some("the journal thread has ended".to_owned());
    Event::Done(Done { abandoned: Vec::new(), stopped })
}
