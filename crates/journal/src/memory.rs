//! A journal in memory, for tests and simulation only: nothing in it outlives the process.
//!
//! It keeps the same promises as the one on files, as long as the process lives, and can be told
//! to fail at a chosen batch. Handles on the same batches stand for the node before and after a
//! restart, or for two writers that compete.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::DiskError;

use crate::Journal;
use crate::batch::{Batch, Batches, Hash};
use crate::error::{AppendError, ReadError};
use crate::frame::FrameHeader;
use crate::options::BATCH_BYTES_MAX;

/// What a failing append leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The batch is lost.
    Lost,
    /// The batch is there after a restart, though it was never acknowledged.
    Kept,
}

/// A journal in memory, for tests and simulation.
#[derive(Debug, Default)]
pub struct Memory {
    batches: Arc<Mutex<Vec<Batch>>>,
    faults: BTreeMap<u64, Fault>,
    stopped: Option<String>,
    /// Where a stopped handle stays: it must not show what it never acknowledged.
    stopped_at: Option<(u64, Hash)>,
}

impl Memory {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets this handle's append of batch `sequence` fail as a broken disk would.
    pub fn fail_at(&mut self, sequence: u64, fault: Fault) {
        self.faults.insert(sequence, fault);
    }

    /// Another handle on the same batches, without faults and not stopped: a restart.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self { batches: Arc::clone(&self.batches), ..Self::default() }
    }

    fn batches(&self) -> MutexGuard<'_, Vec<Batch>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn position(&self) -> (u64, Hash) {
        let last = |batches: &[Batch]| {
            batches.last().map_or((0, Hash::ZERO), |batch| (batch.sequence, batch.hash))
        };
        self.stopped_at.unwrap_or_else(|| last(&self.batches()))
    }

    fn fail(&mut self, last: (u64, Hash)) -> DiskError {
        let cause = io::Error::other("injected fault");
        let error = DiskError { action: "append to", path: PathBuf::from("memory"), cause };
        self.stopped = Some(error.to_string());
        self.stopped_at = Some(last);
        error
    }
}

impl Journal for Memory {
    fn next(&self) -> u64 {
        self.position().0 + 1
    }

    fn head(&self) -> Hash {
        self.position().1
    }

    fn append(&mut self, expected_next: u64, batch: &[u8]) -> Result<(), AppendError> {
        if let Some(cause) = &self.stopped {
            return Err(AppendError::Stopped { cause: cause.clone() });
        }
        let shared = Arc::clone(&self.batches);
        let mut batches = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let last = batches.last().map_or((0, Hash::ZERO), |batch| (batch.sequence, batch.hash));
        if expected_next != last.0 + 1 {
            return Err(AppendError::Conflict { expected: expected_next, next: last.0 + 1 });
        }
        let bytes_max = u64::from(BATCH_BYTES_MAX);
        let Some(body_bytes) = u32::try_from(batch.len()).ok().filter(|b| *b <= BATCH_BYTES_MAX)
        else {
            return Err(AppendError::TooLarge { bytes: batch.len() as u64, bytes_max });
        };
        let fault = self.faults.remove(&expected_next);
        if fault != Some(Fault::Lost) {
            let header = FrameHeader { sequence: expected_next, body_bytes, previous: last.1 };
            let hash = header.hash(batch);
            batches.push(Batch { sequence: expected_next, hash, body: batch.to_vec() });
        }
        match fault {
            None => Ok(()),
            Some(_) => Err(AppendError::Failed(self.fail(last))),
        }
    }

    fn read(&self, from: u64) -> Result<Batches, ReadError> {
        let next = self.next();
        if from == 0 || from > next {
            return Err(ReadError::NotThere { from, first: 1, last: next - 1 });
        }
        let range = |batch: &&Batch| (from..next).contains(&batch.sequence);
        let found: Vec<Batch> = self.batches().iter().filter(range).cloned().collect();
        Ok(Batches::new(found.into_iter().map(Ok)))
    }
}
