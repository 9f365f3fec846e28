//! The writer thread: takes commands in batches, decides, folds, appends, and answers.
//!
//! Invariants: no answer leaves before its batch is durable; entries are folded in the order in
//! which they are appended; after a disk error or a broken invariant nothing is written any more.

mod core;
mod start;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use journal::{Journal, Position, Snapshots};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use self::core::{Answer, Core};
use crate::command::Authorized;
use crate::error::{AuthorizeError, Unavailable};
use crate::handle::Command;

pub(crate) use start::{start, start_with};

/// Commands that one batch takes.
const BATCH_COMMAND_COUNT_MAX: usize = 2048;

/// Entries that one batch takes, in bytes; the last command may go a little beyond.
const BATCH_FILL_BYTES_MAX: usize = 512 * 1024;

/// A snapshot follows after this many bytes of journal.
const SNAPSHOT_EVERY_BYTES: u64 = 256 * 1024 * 1024;

/// Longest sleep between two looks at holds and claims that may have run out.
const SWEEP_INTERVAL_MS_MAX: u64 = 200;

pub(crate) struct Writer {
    core: Core,
    journal: Box<dyn Journal>,
    snapshots: Snapshots,
    queue: Receiver<Command>,
    /// Callers that want to know the last durable batch, after the batch at hand.
    pointed: Vec<oneshot::Sender<Position>>,
    bytes_since_snapshot: u64,
}

impl Writer {
    fn run(mut self) {
        loop {
            let mut shutdown = None;
            match self.queue.recv_timeout(Duration::from_millis(SWEEP_INTERVAL_MS_MAX)) {
                Ok(first) => shutdown = self.take(first),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.core.sweep();
            if let Err(stopped) = self.commit() {
                error!(%stopped, "the writer has stopped; restart the node after `farthing fsck`");
                return;
            }
            if let Some(done) = shutdown {
                self.snapshot();
                // Whoever waits may open the journal again at once.
                drop(self);
                info!("the writer has shut down");
                // The caller may have given up waiting.
                let _ = done.send(());
                return;
            }
        }
        self.snapshot();
    }

    /// Takes the first command and what else is queued, up to a batch.
    fn take(&mut self, first: Command) -> Option<oneshot::Sender<()>> {
        let mut next = Some(first);
        let mut count = 0;
        while let Some(command) = next {
            if let Command::Shutdown(done) = command {
                return Some(done);
            }
            match command {
                Command::BackupPoint(reply) => self.pointed.push(reply),
                command => self.core.process(command),
            }
            count += 1;
            if count >= BATCH_COMMAND_COUNT_MAX || self.core.batch_len() >= BATCH_FILL_BYTES_MAX {
                break;
            }
            next = self.queue.try_recv().ok();
        }
        None
    }

    /// Makes the batch durable and gives the answers.
    fn commit(&mut self) -> Result<(), String> {
        let (batch, answers) = self.core.finish_batch();
        let written = match self.core.broken() {
            Some(broken) => Err(broken.to_string()),
            None if batch.is_empty() => Ok(()),
            None => {
                let expected = self.journal.next();
                self.journal.append(expected, &batch).map_err(|error| error.to_string())
            }
        };
        let verdict = match written {
            Ok(()) => Ok(()),
            Err(_) => Err(Unavailable::Stopped),
        };
        for answer in answers {
            match answer {
                Answer::Reply(reply) => reply(verdict),
                Answer::Proceed(payment, claim, reply) => {
                    let proceed = Authorized::Proceed { payment, claim };
                    let answer = verdict.map(|()| proceed).map_err(AuthorizeError::from);
                    if reply.send(answer).is_err() && verdict.is_ok() {
                        self.core.abandon(payment, claim);
                    }
                }
                // A read that is dropped answers "stopped" by closing its channel.
                Answer::Read(read) if verdict.is_ok() => read(self.core.state()),
                Answer::Read(_) => {}
            }
        }
        let pointed = std::mem::take(&mut self.pointed);
        written?;
        let position =
            Position { sequence: self.journal.next().saturating_sub(1), hash: self.journal.head() };
        for reply in pointed {
            // The caller may have given up waiting.
            let _ = reply.send(position);
        }
        self.bytes_since_snapshot += batch.len() as u64;
        if self.bytes_since_snapshot >= SNAPSHOT_EVERY_BYTES {
            self.snapshot();
        }
        Ok(())
    }

    fn snapshot(&mut self) {
        let sequence = self.journal.next().saturating_sub(1);
        if sequence == 0 || self.bytes_since_snapshot == 0 {
            return;
        }
        let state = self.core.state().to_bytes();
        // A snapshot only shortens the next start; without it the journal is read instead.
        if let Err(error) = self.snapshots.write(sequence, self.journal.head(), &state) {
            warn!(%error, "no snapshot was written");
        }
        self.bytes_since_snapshot = 0;
    }
}
