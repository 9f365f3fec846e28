//! The second half of the writer: makes batches durable in order and gives the answers.
//!
//! Invariants: no answer of a batch leaves before that batch and all before it are durable; after a
//! failed append nothing is appended any more and every answer is "stopped". This module decides
//! nothing and never looks into the state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use journal::{Journal, Position};
use money::{ChannelId, PaymentId};
use tokio::sync::oneshot;

use super::keeper::{Capture, Keeper};
use crate::board::{Board, News};
use crate::channel::{Begun, ChannelView};
use crate::command::{Authorized, ClaimToken};
use crate::error::{AuthorizeError, ChannelError, Unavailable};
use crate::figures::Figures;
use crate::handle::{Deferred, Reply};
use crate::log::{Fed, Feed};

/// An answer that waits for its batch.
pub(super) enum Answer {
    Reply(Deferred),
    /// The one that may go on. If nobody takes the answer, somebody else must get the turn.
    Proceed(PaymentId, ClaimToken, Reply<Authorized, AuthorizeError>),
    /// The request that may go on with a channel; as for a payment.
    Begun(ChannelId, ClaimToken, Box<ChannelView>, Reply<Begun, ChannelError>),
    /// The batch itself is asked for.
    Point(oneshot::Sender<Position>),
}

/// What one turn of the writer came to.
#[derive(Default)]
pub(super) struct Batch {
    /// Entries; none if the turn only read.
    pub bytes: Vec<u8>,
    pub answers: Vec<Answer>,
    /// The fold met an entry that does not fit: the bytes must not be written.
    pub broken: Option<String>,
    /// The state after these entries, if a snapshot is due.
    pub capture: Option<Capture>,
    /// What the log gets of it.
    pub fed: Fed,
    /// What everybody may see when it is durable.
    pub news: News,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
            && self.answers.is_empty()
            && self.broken.is_none()
            && self.fed.is_empty()
    }
}

/// A turn whose owner had gone when the answer came.
pub(super) enum Abandoned {
    Payment(PaymentId, ClaimToken),
    Channel(ChannelId, ClaimToken),
}

/// What became of a batch.
#[derive(Default)]
pub(super) struct Done {
    /// Turns that somebody else must get.
    pub abandoned: Vec<Abandoned>,
    /// Set if the batch is not durable, and no later one will be.
    pub stopped: Option<String>,
}

/// The journal and whether it can still be trusted, and the snapshots that follow it.
pub(super) struct Committer {
    journal: Box<dyn Journal>,
    keeper: Keeper,
    feed: Feed,
    board: Arc<Board>,
    figures: Arc<Figures>,
    stopped: Option<String>,
    /// Refuses further commands, before anybody learns that the writer has stopped.
    has_ended: Arc<AtomicBool>,
}

impl Committer {
    pub(super) fn new(
        journal: Box<dyn Journal>,
        keeper: Keeper,
        feed: Feed,
        (board, figures): (Arc<Board>, Arc<Figures>),
        has_ended: Arc<AtomicBool>,
    ) -> Self {
        let committer = Self { journal, keeper, feed, board, figures, stopped: None, has_ended };
        committer.figures.batch.store(committer.position().sequence, Ordering::Relaxed);
        committer
    }

    /// The last durable batch.
    pub(super) fn position(&self) -> Position {
        Position { sequence: self.journal.next().saturating_sub(1), hash: self.journal.head() }
    }

    /// Makes the batch durable and gives its answers.
    pub(super) fn commit(&mut self, batch: Batch) -> Done {
        let Batch { bytes, answers, broken, capture, fed, news } = batch;
        if self.stopped.is_none() {
            self.stopped = broken;
        }
        let is_fed = self.stopped.is_none() && !fed.is_empty();
        if is_fed {
            // The log works while the disk does.
            self.feed.begin(fed);
        }
        if self.stopped.is_none() && !bytes.is_empty() {
            let expected = self.journal.next();
            let began = Instant::now();
            self.stopped = self.journal.append(expected, &bytes).err().map(|e| e.to_string());
            if self.stopped.is_none() {
                self.figures.syncs.note(began.elapsed());
                self.figures.batch.store(expected, Ordering::Relaxed);
            }
        }
        let verdict = if self.stopped.is_none() {
            Ok(())
        } else {
            self.has_ended.store(true, Ordering::SeqCst);
            Err(Unavailable::Stopped)
        };
        match verdict {
            Ok(()) if is_fed => self.feed.durable(),
            Err(_) if is_fed => self.feed.lost(),
            _ => {}
        }
        if verdict.is_ok() {
            // Before the answers: who has one finds what it says on the board.
            self.board.put_up(news);
        }
        if let Some(capture) = capture.filter(|_| verdict.is_ok()) {
            self.keeper.keep(capture, self.position());
        }
        let mut done = Done { abandoned: Vec::new(), stopped: self.stopped.clone() };
        for answer in answers {
            match answer {
                Answer::Reply(reply) => reply(verdict),
                Answer::Proceed(payment, claim, reply) => {
                    let proceed = Authorized::Proceed { payment, claim };
                    let answer = verdict.map(|()| proceed).map_err(AuthorizeError::from);
                    if reply.send(answer).is_err() {
                        done.abandoned.push(Abandoned::Payment(payment, claim));
                    }
                }
                Answer::Begun(channel, lease, view, reply) => {
                    let begun = verdict.map(|()| Begun::Proceed { lease, channel: *view });
                    if reply.send(begun.map_err(ChannelError::from)).is_err() {
                        done.abandoned.push(Abandoned::Channel(channel, lease));
                    }
                }
                Answer::Point(reply) => {
                    if verdict.is_ok() {
                        // The caller may have given up waiting.
                        let _ = reply.send(self.position());
                    }
                }
            }
        }
        done
    }
}

impl Committer {
    /// Writes the last snapshot, if there is something new to tell, and closes the journal.
    pub(super) fn close(self, last: Option<Capture>) {
        let position = self.position();
        self.feed.finish();
        self.keeper.finish(last.filter(|_| position.sequence > 0).map(|last| (last, position)));
    }
}

/// A committer on a thread of its own, which takes one batch at a time.
pub(super) struct Pipeline {
    batches: Sender<Batch>,
    pub(super) done: Receiver<Done>,
    thread: JoinHandle<Committer>,
}

impl Pipeline {
    pub(super) fn start(mut committer: Committer) -> std::io::Result<Self> {
        let (batches, queue) = bounded::<Batch>(1);
        let (report, done) = bounded(1);
        let thread =
            std::thread::Builder::new().name("farthing-journal".to_owned()).spawn(move || {
                for batch in queue {
                    // The writer waits for the report of each batch before it ends.
                    let _ = report.send(committer.commit(batch));
                }
                committer
            })?;
        Ok(Self { batches, done, thread })
    }

    /// Hands a batch over; the one before must have been reported.
    pub(super) fn begin(&self, batch: Batch) -> Result<(), Unavailable> {
        self.batches.send(batch).map_err(|_| Unavailable::Stopped)
    }

    /// Ends the thread; nothing may be under way. `None` if it has panicked.
    pub(super) fn finish(self) -> Option<Committer> {
        drop(self.batches);
        self.thread.join().ok()
    }
}
