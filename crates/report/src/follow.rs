//! Following: a thread of its own that carries facts from their source into the store.
//!
//! Invariants: the source is asked for what the store has not; a store that fails, or that belongs
//! to another past, is made anew; nothing here stops a payment. Where it stands, and why it stands
//! still, can be asked at any time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use money::NodeId;

use crate::fact::Fact;
use crate::store::{Reader, StoreError, Writer};

/// Facts of one transaction.
const BATCH_FACTS_COUNT_MAX: usize = 10_000;
/// How long the thread sleeps before it looks again whether it is to stop.
const WAIT: Duration = Duration::from_millis(500);
/// How long it waits after an error.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// Where facts come from.
pub trait Source: Send + 'static {
    /// The facts from a position on, at most `count_max` of them.
    fn facts(&mut self, from: u64, count_max: usize) -> Result<Facts, SourceError>;
    /// Returns when there may be facts at `position`, or after `patience`.
    fn wait(&mut self, position: u64, patience: Duration);
}

/// Facts from a source.
#[derive(Debug)]
pub struct Facts {
    /// Each with its position and time, Unix nanoseconds.
    pub facts: Vec<(u64, u64, Fact)>,
    /// Where to go on.
    pub next: u64,
    /// Where the source ends now.
    pub end: u64,
}

/// Why a source has no facts.
#[derive(Debug, thiserror::Error)]
#[error("the events cannot be read: {0}")]
pub struct SourceError(pub String);

/// How far the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Events that are in it.
    pub position: u64,
    /// Events that there are.
    pub end: u64,
    /// Why it stands still, if it does.
    pub fault: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    position: AtomicU64,
    end: AtomicU64,
    fault: Mutex<Option<String>>,
}

/// A store that follows a source, as those see it who ask; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    reader: Reader,
}

/// A store that follows a source, until it is dropped.
#[derive(Debug)]
pub struct Follower {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// Opens the store at `path` and lets it follow the source.
pub fn follow(path: PathBuf, node: NodeId, source: impl Source) -> Result<Follower, StoreError> {
    let writer = Writer::open(&path, node)?;
    let reader = Reader::of(&writer);
    let shared = Arc::new(Shared::default());
    let mut run = Run { writer, source, node, reader: reader.clone(), shared: Arc::clone(&shared) };
    let thread = std::thread::Builder::new().name("report".to_owned()).spawn(move || run.run());
    let thread = thread.map_err(|cause| StoreError::File { path, cause })?;
    Ok(Follower { handle: Handle { shared, reader }, thread: Some(thread) })
}

impl Handle {
    /// Asks the store.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// How far the store is.
    pub fn progress(&self) -> Progress {
        let fault = self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Progress { position: load(&self.shared.position), end: load(&self.shared.end), fault }
    }
}

impl Follower {
    /// For those who ask.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends the thread after its batch. Dropping does the same.
    pub fn stop(&mut self) {
        self.handle.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the read model's thread broke off");
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread has.
struct Run<S> {
    writer: Writer,
    source: S,
    node: NodeId,
    reader: Reader,
    shared: Arc<Shared>,
}

/// Why a step was not made.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Source> Run<S> {
    fn run(&mut self) {
        let mut is_checked = false;
        while !self.shared.stop.load(Ordering::Relaxed) {
            let step = if is_checked { self.step() } else { self.check().map(|()| true) };
            is_checked |= step.is_ok();
            match step {
                Ok(is_more) => {
                    self.note(None);
                    if !is_more {
                        self.source.wait(self.writer.next(), WAIT);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the read model stands still; payments go on");
                    self.note(Some(error.to_string()));
                    self.rest();
                    if let StepError::Store(_) = error {
                        is_checked = false;
                        self.reopen();
                    }
                }
            }
        }
    }

    /// Takes a batch; whether there is more.
    fn step(&mut self) -> Result<bool, StepError> {
        let Facts { facts, next, end } =
            self.source.facts(self.writer.next(), BATCH_FACTS_COUNT_MAX)?;
        if next > self.writer.next() {
            self.writer.ingest(facts, next)?;
        }
        self.shared.position.store(self.writer.next(), Ordering::Relaxed);
        self.shared.end.store(end, Ordering::Relaxed);
        Ok(self.writer.next() < end)
    }

    /// A store of another past is made anew: one beyond the end, or whose last event is not there.
    fn check(&mut self) -> Result<(), StepError> {
        let next = self.writer.next();
        if next == 0 {
            return Ok(());
        }
        let (position, at_ns) = self.writer.last();
        let found = self.source.facts(position, 1)?;
        let is_same = |(at, ns, _): &(u64, u64, Fact)| (*at, *ns) == (position, at_ns);
        if next <= found.end && found.facts.first().is_some_and(is_same) {
            return Ok(());
        }
        tracing::warn!("the read model is of another past and is made anew");
        self.renew()?;
        Ok(())
    }

    /// After a fault of the store: opened again, or made anew if it is damaged.
    fn reopen(&mut self) {
        let path = self.writer.path().to_owned();
        match Writer::open(&path, self.node) {
            Ok(writer) => {
                self.writer = writer;
                self.reader.forget();
            }
            Err(error) => self.note(Some(error.to_string())),
        }
    }

    fn renew(&mut self) -> Result<(), StoreError> {
        self.writer = Writer::create(self.writer.path(), self.node)?;
        self.reader.forget();
        Ok(())
    }

    fn note(&self, fault: Option<String>) {
        *self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Sleeps, but not through the end.
    fn rest(&self) {
        let naps = AFTER_ERROR.as_millis() / WAIT.as_millis();
        for _ in 0..naps {
            if !self.shared.stop.load(Ordering::Relaxed) {
                std::thread::sleep(WAIT);
            }
        }
    }
}
