//! The log as the engine's parts share it.
//!
//! Invariants: the head that readers see is that of a durable batch; after an error of the disk the
//! log stands still, is not saved, and says so.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use disk::create_folder;
use ledger::Row;
use tlog::{LogSigner, TreeHead};
use tokio::sync::watch;
use tracing::error;

use super::epoch::{ClosedEpoch, EpochCapture, EpochRequest};
use super::feed::Fed;
use super::files::Files;
use super::publish::{self, Published};
use super::worker::Worker;
use super::{Cursor, LogError, LogOptions};
use crate::handle::Options;
use crate::state::State;

/// Folder of the log within the data folder.
pub(crate) const LOG: &str = "log";

/// Rows that a start gives to the log at a time.
const ROWS_AT_ONCE: u64 = 8192;

/// The log of a running engine; cheap to clone.
#[derive(Clone)]
pub struct Log(pub(super) Arc<Inner>);

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("origin", &self.origin()).finish_non_exhaustive()
    }
}

/// What is shared.
pub(crate) struct Inner {
    pub(super) signer: LogSigner,
    pub(super) files: Arc<Files>,
    worker: Mutex<Worker>,
    /// The newest head whose batch is durable.
    pub(super) head: watch::Sender<TreeHead>,
    pub(super) published: Mutex<Published>,
    pub(super) epoch: RwLock<Option<Arc<ClosedEpoch>>>,
    /// One epoch is closed at a time.
    closing: tokio::sync::Mutex<()>,
    /// Captures that wait for their batch.
    captures: Mutex<Vec<(EpochRequest, EpochCapture)>>,
    /// Why the log stands still.
    stopped: RwLock<Option<LogError>>,
}

/// Opens the log of a data folder and brings it up to the state.
pub(crate) fn open(options: &Options, log: &LogOptions, state: &State) -> Result<Log, LogError> {
    let vkey = log.signer.verifier().to_string();
    let dir: PathBuf = options.data.join(LOG);
    let other = state.log.vkey.as_ref().filter(|books| ***books != *vkey);
    if let Some(books) = other {
        if !log.renew {
            return Err(LogError::OtherLog { books: books.clone(), settings: vkey });
        }
        create_folder(&*options.disk, &dir)?;
        publish::renew(&*options.disk, &dir, log)?;
    }
    let leaves = state.log.leaves(state.ledger.past().0.len());
    // A new log may do without the secrets of the old one.
    let is_known = state.log.vkey.is_some() && other.is_none();
    let mut worker = Worker::open(&options.disk, dir.clone(), log, is_known, leaves)?;
    worker.set_assets(state.ledger.assets_by_number().collect());
    for (leaf, mark) in state.log.marks() {
        worker.files.add_epoch(leaf, Arc::clone(&mark.entry));
    }
    let shown = publish::shown(&*options.disk, &dir, &log.signer)?;
    // Of a journal that was set back nothing is known but that it was.
    worker.set_shown(if shown <= leaves { shown } else { 0 });
    if !worker.holds(last_row(&worker, state)?.as_ref().map(|(leaf, row)| (*leaf, row)))? {
        worker.begin_anew()?;
    }
    let open = |worker: &mut Worker| {
        catch_up(worker, state)?;
        let (files, head) = (&worker.files, worker.head());
        Published::open(&options.disk, &dir, log, files, head)
    };
    let mut published = open(&mut worker)?;
    if published.is_halted() && shown <= leaves && worker.is_from_files() {
        // Whether it is the files that contradict what was signed, or the journal.
        worker.begin_anew()?;
        published = open(&mut worker)?;
    }
    worker.set_shown(0);
    let head = worker.head();
    let files = Arc::clone(&worker.files);
    Ok(Log(Arc::new(Inner {
        signer: log.signer.clone(),
        files,
        worker: Mutex::new(worker),
        head: watch::Sender::new(head),
        published: Mutex::new(published),
        epoch: RwLock::default(),
        closing: tokio::sync::Mutex::default(),
        captures: Mutex::default(),
        stopped: RwLock::default(),
    })))
}

/// The last row of the tree that the files hold, with its leaf.
fn last_row(worker: &Worker, state: &State) -> Result<Option<(u64, Row)>, LogError> {
    let Some(row) = Cursor::at_leaf(state, worker.head().size).rows().checked_sub(1) else {
        return Ok(None);
    };
    let read = state.row(row).map_err(|why| LogError::Rows(why.to_string()))?;
    Ok(Some((state.log.leaf_of(row), read)))
}

/// Gives the log what it has not been given yet.
fn catch_up(worker: &mut Worker, state: &State) -> Result<(), LogError> {
    let mut cursor = Cursor::at_leaf(state, worker.head().size);
    loop {
        let parts = cursor.take(state, ROWS_AT_ONCE);
        let parts = parts.map_err(|why| LogError::Rows(why.to_string()))?;
        if parts.is_empty() {
            return Ok(());
        }
        worker.append(&parts)?;
        worker.save_if_due()?;
    }
}

impl Log {
    /// The newest epoch that was closed since the start.
    pub fn epoch(&self) -> Option<Arc<ClosedEpoch>> {
        self.0.epoch.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_epoch(&self, epoch: Arc<ClosedEpoch>) {
        *self.0.epoch.write().unwrap_or_else(PoisonError::into_inner) = Some(epoch);
    }

    /// One epoch is closed at a time.
    pub(crate) async fn closing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.closing.lock().await
    }
}

impl Inner {
    pub(super) fn worker(&self) -> MutexGuard<'_, Worker> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what a batch brings; nobody sees it yet.
    pub(super) fn append(&self, fed: Fed) {
        if self.check().is_err() {
            return;
        }
        let mut worker = self.worker();
        if let Err(why) = worker.append(&fed.parts) {
            drop(worker);
            return self.stop(why);
        }
        let size = worker.head().size;
        let mut captures = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        captures.extend(fed.epochs.into_iter().map(|request| {
            let accounts = worker.accounts().clone();
            let capture = EpochCapture { size, accounts, resident: request.resident.clone() };
            (request, capture)
        }));
    }

    /// What was added is durable: everybody may see it.
    pub(super) fn show(&self) {
        if self.check().is_err() {
            return;
        }
        let mut worker = self.worker();
        let saved = worker.save_if_due();
        let head = worker.head();
        drop(worker);
        self.head.send_replace(head);
        let captures =
            std::mem::take(&mut *self.captures.lock().unwrap_or_else(PoisonError::into_inner));
        for (request, capture) in captures {
            // Who asked may have given up.
            let _ = request.reply.send(Ok(capture));
        }
        if let Err(why) = saved {
            self.stop(why);
        }
    }

    /// What was added last is in no journal: nobody may see it, and it may not be saved.
    pub(super) fn lose(&self) {
        self.end(LogError::Stopped("the journal takes no more batches".to_owned()));
    }

    /// Saves how far the log has come, at the end.
    pub(super) fn save(&self) {
        let mut worker = self.worker();
        // Whoever ended it in the middle of a batch has left more than the journal may hold.
        if self.check().is_ok()
            && worker.head() == *self.head.borrow()
            && let Err(why) = worker.save()
        {
            error!(%why, "how far the log has come was not saved; the next start takes longer");
        }
    }

    pub(super) fn stop(&self, why: LogError) {
        error!(%why, "the log has stopped; payments go on without receipts from it until a restart");
        self.end(why);
    }

    fn end(&self, why: LogError) {
        // Nobody waits for a batch that will not come.
        self.captures.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let mut stopped = self.stopped.write().unwrap_or_else(PoisonError::into_inner);
        stopped.get_or_insert(why);
    }

    /// An error if the log stands still.
    pub(super) fn check(&self) -> Result<(), LogError> {
        match &*self.stopped.read().unwrap_or_else(PoisonError::into_inner) {
            Some(why) => Err(LogError::Stopped(why.to_string())),
            None => Ok(()),
        }
    }
}
