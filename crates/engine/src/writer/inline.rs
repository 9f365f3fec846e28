//! The writer on the caller's thread: the same steps one after the other, for simulation and tools.
//!
//! It never waits and starts no thread, so with the same commands, clock and disk it does the same,
//! byte for byte.

use tracing::error;

use super::Writer;
use super::committer::Committer;

/// A writer that turns when told to.
pub struct Inline {
    writer: Writer,
    /// Gone when the writer has ended.
    committer: Option<Committer>,
    replayed_batches: u64,
}

/// The writer has stopped, which has been told.
struct Stopped;

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// Nothing was queued and nothing was due.
    Idle,
    /// A batch was made durable and answered.
    Worked,
    /// The writer has stopped for good, or was told to shut down: no turn does anything any more.
    Ended,
}

impl std::fmt::Debug for Inline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inline").finish_non_exhaustive()
    }
}

impl Inline {
    pub(super) fn new(writer: Writer, committer: Committer, replayed_batches: u64) -> Self {
        Self { writer, committer: Some(committer), replayed_batches }
    }

    /// Batches that the start folded on top of the snapshot.
    pub fn replayed_batches(&self) -> u64 {
        self.replayed_batches
    }

    /// Takes what is queued, up to a batch, makes it durable and answers.
    pub fn turn(&mut self) -> Turned {
        let Some(mut committer) = self.committer.take() else {
            return Turned::Ended;
        };
        let shutdown = match self.writer.queue.commands.try_recv() {
            Ok(first) => self.writer.take(first),
            Err(_) => None,
        };
        self.writer.core.sweep();
        let Ok(worked) = self.commit(&mut committer) else {
            return Turned::Ended;
        };
        if let Some(done) = shutdown {
            // Answers that nobody took leave something to be written, and the last snapshot tells
            // of it.
            loop {
                match self.commit(&mut committer) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(Stopped) => return Turned::Ended,
                }
            }
            committer.close(self.writer.capture());
            // The caller may have given up waiting.
            let _ = done.send(());
            return Turned::Ended;
        }
        self.committer = Some(committer);
        if worked { Turned::Worked } else { Turned::Idle }
    }

    /// Makes the open batch durable and answers it; false: there was nothing in it.
    fn commit(&mut self, committer: &mut Committer) -> Result<bool, Stopped> {
        let batch = self.writer.close_batch();
        if batch.is_empty() {
            return Ok(false);
        }
        let Some(stopped) = self.writer.finish(committer.commit(batch)) else {
            return Ok(true);
        };
        error!(%stopped, "the writer has stopped; restart the node after `farthing fsck`");
        Err(Stopped)
    }

    /// Lets a snapshot follow the next batch that has entries.
    pub fn request_snapshot(&mut self) {
        let due = self.writer.snapshot_every_bytes;
        self.writer.bytes_since_snapshot = self.writer.bytes_since_snapshot.max(due);
    }
}
