//! Snapshots beside the running writer: captured by the writer at a batch's end, written when that
//! batch is durable.
//!
//! Invariants: a snapshot is never written before its batch is durable, so it never tells of what
//! the journal might not hold; one is under way at a time. A snapshot that cannot be written costs
//! the next start time and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded};
use journal::{Position, Snapshots};
use tracing::warn;

use crate::state::State;

/// The state at the end of a batch.
pub(super) struct Capture {
    state: Vec<u8>,
}

impl Capture {
    pub(super) fn of(state: &State) -> Self {
        Self { state: state.to_bytes() }
    }

    fn write(self, snapshots: &Snapshots, position: Position) {
        if let Err(error) = snapshots.write(position.sequence, position.hash, &self.state) {
            warn!(%error, "no snapshot was written");
        }
    }
}

/// Writes captures, on a thread of its own or at once.
pub(super) struct Keeper {
    is_busy: Arc<AtomicBool>,
    how: How,
}

enum How {
    AtOnce(Snapshots),
    Thread { captures: Sender<(Capture, Position)>, thread: JoinHandle<Snapshots> },
}

impl Keeper {
    /// Writes on the caller's thread.
    pub(super) fn at_once(snapshots: Snapshots) -> Self {
        Self { is_busy: Arc::default(), how: How::AtOnce(snapshots) }
    }

    /// Writes on a thread of its own.
    pub(super) fn on_thread(snapshots: Snapshots) -> std::io::Result<Self> {
        let is_busy: Arc<AtomicBool> = Arc::default();
        let ready = Arc::clone(&is_busy);
        let (captures, queue) = bounded::<(Capture, Position)>(1);
        let thread =
            std::thread::Builder::new().name("farthing-snapshot".to_owned()).spawn(move || {
                for (capture, position) in queue {
                    capture.write(&snapshots, position);
                    ready.store(false, Ordering::Release);
                }
                snapshots
            })?;
        Ok(Self { is_busy, how: How::Thread { captures, thread } })
    }

    /// Shared with the writer, which sets it when it captures.
    pub(super) fn is_busy(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_busy)
    }

    /// Writes a capture whose batch is durable.
    pub(super) fn keep(&self, capture: Capture, position: Position) {
        match &self.how {
            How::AtOnce(snapshots) => {
                capture.write(snapshots, position);
                self.is_busy.store(false, Ordering::Release);
            }
            How::Thread { captures, .. } => {
                // One is under way at a time, so there is room, unless the thread has panicked.
                if captures.send((capture, position)).is_err() {
                    warn!("the snapshot thread has ended; no snapshot was written");
                }
            }
        }
    }

    /// Ends the thread after what it has begun. `None` if it has panicked.
    pub(super) fn finish(self) -> Option<Snapshots> {
        match self.how {
            How::AtOnce(snapshots) => Some(snapshots),
            How::Thread { captures, thread } => {
                drop(captures);
                thread.join().ok()
            }
        }
    }
}
