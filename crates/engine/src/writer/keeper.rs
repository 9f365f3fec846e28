//! Snapshots beside the running writer: captured by the writer at a batch's end, written when that
//! batch is durable.
//!
//! Invariants: a snapshot is never written before its batch is durable, so it never tells of what
//! the journal might not hold, and never before the files of the past that it names are; one is
//! under way at a time. A snapshot that cannot be written costs the next start time and nothing
//! else.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded};
use index::Sealed;
use journal::{Position, SNAPSHOTS_KEPT, Snapshots};
use ledger::Resident;
use tracing::warn;

use crate::state::{Manifests, State};

/// Manifests of the snapshots on disk, newest last.
pub(super) type Kept = Arc<Mutex<Vec<Manifests>>>;

/// The state at the end of a batch, and the promise of its past.
pub(super) struct Capture {
    head: Vec<u8>,
    resident: Resident,
    changes: Option<Sealed>,
    records: Option<Sealed>,
}

impl Capture {
    /// What is written while the writer goes on: the accounts are shared until they change.
    pub(super) fn of(state: &mut State) -> Result<Self, index::Error> {
        let (changes, records) = (state.ledger.past_mut().0.seal()?, state.records.0.seal()?);
        Ok(Self { head: state.head_bytes(), resident: state.resident(), changes, records })
    }

    fn write(self, snapshots: &Snapshots, position: Position, kept: &Kept) {
        let (Some(changes), Some(records)) = (self.changes, self.records) else {
            return;
        };
        let manifests = changes
            .manifest()
            .and_then(|changes| Ok(Manifests { changes, records: records.manifest()? }));
        let manifests = match manifests {
            Ok(manifests) => manifests,
            Err(error) => return warn!(%error, "no snapshot was written"),
        };
        let mut head = self.head;
        manifests.encode(&mut head);
        let mut bytes = head.len() as u64;
        self.resident.encode(&mut |piece| bytes += piece.len() as u64);
        let resident = &self.resident;
        let written = snapshots.write_with(position.sequence, position.hash, bytes, &mut |file| {
            file.write_all(&head)?;
            let mut result: io::Result<()> = Ok(());
            resident.encode(&mut |piece| {
                if result.is_ok() {
                    result = file.write_all(piece);
                }
            });
            result
        });
        match written {
            Ok(()) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push(manifests);
                let others = kept.len().saturating_sub(SNAPSHOTS_KEPT);
                kept.drain(..others);
            }
            Err(error) => warn!(%error, "no snapshot was written"),
        }
    }
}

/// Writes captures, on a thread of its own or at once.
pub(super) struct Keeper {
    is_busy: Arc<AtomicBool>,
    kept: Kept,
    how: How,
}

enum How {
    AtOnce(Snapshots),
    Thread { captures: Sender<(Capture, Position)>, thread: JoinHandle<Snapshots> },
}

impl Keeper {
    /// Writes on the caller's thread.
    pub(super) fn at_once(snapshots: Snapshots, kept: Kept) -> Self {
        Self { is_busy: Arc::default(), kept, how: How::AtOnce(snapshots) }
    }

    /// Writes on a thread of its own.
    pub(super) fn on_thread(snapshots: Snapshots, kept: Kept) -> io::Result<Self> {
        let is_busy: Arc<AtomicBool> = Arc::default();
        let (ready, known) = (Arc::clone(&is_busy), Arc::clone(&kept));
        let (captures, queue) = bounded::<(Capture, Position)>(1);
        let thread =
            std::thread::Builder::new().name("farthing-snapshot".to_owned()).spawn(move || {
                for (capture, position) in queue {
                    capture.write(&snapshots, position, &known);
                    ready.store(false, Ordering::Release);
                }
                snapshots
            })?;
        Ok(Self { is_busy, kept, how: How::Thread { captures, thread } })
    }

    /// Shared with the writer, which sets it when it captures.
    pub(super) fn is_busy(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_busy)
    }

    /// What the snapshots on disk need of the past.
    pub(super) fn kept(&self) -> Kept {
        Arc::clone(&self.kept)
    }

    /// Writes a capture whose batch is durable.
    pub(super) fn keep(&self, capture: Capture, position: Position) {
        match &self.how {
            How::AtOnce(snapshots) => {
                capture.write(snapshots, position, &self.kept);
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

    /// Ends the thread after what it has begun, and writes the last capture. Nothing is written if
    /// the thread has panicked.
    pub(super) fn finish(self, last: Option<(Capture, Position)>) {
        let snapshots = match self.how {
            How::AtOnce(snapshots) => Some(snapshots),
            How::Thread { captures, thread } => {
                drop(captures);
                thread.join().ok()
            }
        };
        if let (Some(snapshots), Some((capture, position))) = (snapshots, last) {
            capture.write(&snapshots, position, &self.kept);
        }
    }
}
