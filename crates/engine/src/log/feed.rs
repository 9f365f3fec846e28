//! From the committer to the log: what a batch adds, and when it is durable.
//!
//! Invariant: the log hears of a batch in the order of the journal, and shows it only after it was
//! told that the journal holds it. It works while the journal syncs. A log that falls behind makes
//! the committer wait: eight batches at most are between them.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::Part;
use super::epoch::EpochRequest;
use super::shared::{Inner, Log};

/// Batches on their way to the log.
const BATCHES_WAITING_COUNT_MAX: usize = 8;

/// What a batch gives to the log.
#[derive(Default)]
pub(crate) struct Fed {
    /// What follows in the log.
    pub parts: Vec<Part>,
    /// Who wants the accounts as they are behind this batch.
    pub epochs: Vec<EpochRequest>,
}

impl Fed {
    /// There is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.epochs.is_empty()
    }
}

enum Job {
    Append(Fed),
    Durable,
    Lost,
}

/// The committer's end.
pub(crate) enum Feed {
    /// The node keeps no log.
    Off,
    /// At once, on the caller's thread.
    Inline(Arc<Inner>),
    /// On a thread of its own.
    Thread(LogThread),
}

/// The log's thread.
pub(crate) struct LogThread {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
}

impl Feed {
    /// Starts the thread.
    pub(crate) fn thread(log: &Log) -> std::io::Result<Self> {
        let log = Arc::clone(&log.0);
        let (jobs, queue) = bounded(BATCHES_WAITING_COUNT_MAX);
        let builder = std::thread::Builder::new().name("farthing-log".to_owned());
        let thread = builder.spawn(move || run(&log, &queue))?;
        Ok(Self::Thread(LogThread { jobs, thread }))
    }

    /// On the caller's thread.
    pub(crate) fn inline(log: &Log) -> Self {
        Self::Inline(Arc::clone(&log.0))
    }

    /// A batch is about to be made durable.
    pub(crate) fn begin(&self, fed: Fed) {
        self.send(Job::Append(fed));
    }

    /// The batch that was begun is durable.
    pub(crate) fn durable(&self) {
        self.send(Job::Durable);
    }

    /// The batch that was begun is not durable, and no later one will be.
    pub(crate) fn lost(&self) {
        self.send(Job::Lost);
    }

    fn send(&self, job: Job) {
        match self {
            Self::Off => {}
            Self::Inline(log) => work(log, job),
            // A thread that has panicked takes nothing; the log stands still then.
            Self::Thread(LogThread { jobs, .. }) => drop(jobs.send(job)),
        }
    }

    /// Ends after what was begun, and saves how far it came.
    pub(crate) fn finish(self) {
        match self {
            Self::Off => {}
            Self::Inline(log) => log.save(),
            Self::Thread(LogThread { jobs, thread }) => {
                drop(jobs);
                // A panic was told when it happened.
                let _ = thread.join();
            }
        }
    }
}

fn run(log: &Inner, queue: &Receiver<Job>) {
    for job in queue {
        work(log, job);
    }
    log.save();
}

fn work(log: &Inner, job: Job) {
    match job {
        Job::Append(fed) => log.append(fed),
        Job::Durable => log.show(),
        Job::Lost => log.lose(),
    }
}
