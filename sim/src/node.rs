//! The real engine on a simulated disk and clock, turned by hand on this thread.
//!
//! Answers are polled with a waker that wakes nobody: what is not ready after a turn waits for a
//! later one. Invariant: what a client gets here is what the engine gave, nothing added, nothing
//! dropped.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use disk::Simulated;
use engine::{
    Authorized, Begun, ChannelLimits, ChannelView, Coded, Engine, Inline, Log, LogOptions,
    ManualClock, Options, PaymentView, Spend, StartError, State, Turned,
};

use crate::oracle::UNSETTLED_MAX;
use crate::plan::Plan;
use crate::purchases::node;
use crate::request::{Answer, MandateStep, Request, Seen, Step};
use crate::streams::limited_payee;

/// Where the node keeps its data.
const DATA: &str = "/data";

/// Turns after which a node that always finds something to do counts as hanging.
const TURNS_MAX: usize = 1000;

type Waiting<T> = Pin<Box<dyn Future<Output = T>>>;

/// A running node.
pub struct Node {
    engine: Engine,
    inline: Inline,
    waiting: BTreeMap<u64, Waiting<Answer>>,
    has_ended: bool,
}

/// How a node is started.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    pub plan: &'a Plan,
    pub disk: &'a Simulated,
    pub clock: &'a ManualClock,
    pub accept_earlier_clock: bool,
    pub log: Option<LogOptions>,
}

impl Node {
    pub fn start(start: Start<'_>) -> Result<Self, StartError> {
        let (engine, inline) = Engine::start_inline(options(start))?;
        Ok(Self { engine, inline, waiting: BTreeMap::new(), has_ended: false })
    }

    /// Sends a request; its answer comes with a later turn, if it is not given at once.
    pub fn send(&mut self, number: u64, request: &Request) -> Option<Answer> {
        let mut answer = carry(self.engine.clone(), request.clone());
        if let Poll::Ready(answer) = poll(&mut answer) {
            return Some(answer);
        }
        self.waiting.insert(number, answer);
        None
    }

    /// Turns until there is nothing to do; gives the answers. Says `false` if it never rests.
    pub fn turn(&mut self) -> (BTreeMap<u64, Answer>, bool) {
        let mut rests = false;
        for _ in 0..TURNS_MAX {
            match self.inline.turn() {
                Turned::Worked => continue,
                Turned::Idle => {}
                Turned::Ended => self.has_ended = true,
            }
            rests = true;
            break;
        }
        let mut answers = BTreeMap::new();
        self.waiting.retain(|number, waiting| match poll(waiting) {
            Poll::Ready(answer) => answers.insert(*number, answer).is_some(),
            Poll::Pending => true,
        });
        (answers, rests)
    }

    /// Whether the writer has stopped.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Numbers of the requests that wait for another one's end.
    pub fn waiting(&self) -> impl Iterator<Item = u64> {
        self.waiting.keys().copied()
    }

    /// Looks at the state, as a client does; `None` if the node has stopped. Answers of other
    /// requests that come by the way are kept for the next turn.
    pub fn look<T: Send + 'static>(
        &mut self,
        read: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Option<T> {
        self.run(|engine| async move { engine.read(read).await.ok() })?
    }

    /// Lets the node do something, to its end; `None` if it has stopped before.
    pub fn run<T, F: Future<Output = T> + 'static>(
        &mut self,
        ask: impl FnOnce(Engine) -> F,
    ) -> Option<T> {
        let mut found: Waiting<T> = Box::pin(ask(self.engine.clone()));
        for _ in 0..TURNS_MAX {
            if let Poll::Ready(found) = poll(&mut found) {
                return Some(found);
            }
            if self.inline.turn() == Turned::Ended {
                self.has_ended = true;
            }
        }
        None
    }

    /// The log, if this start keeps one.
    pub fn log(&self) -> Option<&Log> {
        self.engine.log()
    }

    /// Batches that the start folded on top of the snapshot.
    pub fn replayed_batches(&self) -> u64 {
        self.inline.replayed_batches()
    }

    pub fn request_snapshot(&mut self) {
        self.inline.request_snapshot();
    }

    /// Tells the node to stop; the next turn does it.
    pub fn shut_down(&mut self) {
        let engine = self.engine.clone();
        let mut done: Waiting<()> = Box::pin(async move { engine.shutdown().await });
        // Whether it is done shows in the turn.
        let _ = poll(&mut done);
    }
}

fn options(start: Start<'_>) -> Options {
    let sizes = &start.plan.sizes;
    let mut options = Options::new(Path::new(DATA), node());
    options.clock = Arc::new(start.clock.clone());
    options.disk = Arc::new(start.disk.clone());
    options.queue_count_max = start.plan.queue;
    options.accept_earlier_clock = start.accept_earlier_clock;
    options.journal = journal::Options {
        batch_bytes_max: sizes.batch_bytes,
        segment_bytes: sizes.segment_bytes,
        preallocate_bytes: sizes.preallocate_bytes.min(sizes.segment_bytes),
        mark_every_batches: sizes.mark_every_batches,
        verify_from: None,
        new_id: Some([7; 16]),
    };
    options.index = index::Options {
        chunk_rows: sizes.chunk_rows,
        fan_out: sizes.fan_out,
        cache_bytes: sizes.cache_bytes,
        file_blocks: sizes.file_blocks,
        background: false,
    };
    options.log = start.log;
    options.snapshot_every_bytes = sizes.snapshot_every_bytes;
    let limits = ChannelLimits { unsettled_max: UNSETTLED_MAX, ..ChannelLimits::default() };
    options.channel_limits.extend(limited_payee().map(|payee| (payee, limits)));
    options
}

fn poll<T>(waiting: &mut Waiting<T>) -> Poll<T> {
    waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn carry(engine: Engine, request: Request) -> Waiting<Answer> {
    Box::pin(async move {
        match request {
            Request::Accounts(events) => {
                said(engine.create_accounts(events).await, Answer::Accounts)
            }
            Request::Transfers(events) => {
                said(engine.create_transfers(events).await, Answer::Transfers)
            }
            Request::OpenAsset(asset) => said(engine.open_asset(asset, true).await, done),
            Request::OpenAccount(spec) => said(engine.open_account(spec).await, done),
            Request::Fund(fund) => said(engine.fund(fund).await, done),
            Request::Authorize(command) => said(engine.authorize(*command).await, authorized),
            Request::Hold(payment, claim, seconds) => {
                said(engine.hold(payment, claim, seconds).await, done)
            }
            Request::Charge(payment, claim) => {
                said(engine.charge(payment, claim, None).await, |view| paid(&view, true))
            }
            Request::Settle(payment, units) => {
                let settled = engine.settle(payment, units, None, false).await;
                said(settled, |view| paid(&view, true))
            }
            Request::Refund(refund) => said(engine.refund(refund).await, |view| {
                Answer::PaidBack(view.amount.units(), view.refunded.units())
            }),
            Request::Channel(step) => carry_step(engine, step).await,
            Request::Mandate(MandateStep::Grant(chain)) => {
                said(engine.grant_chain(chain, "agent".to_owned()).await, done)
            }
            Request::Mandate(MandateStep::Pause(pause, key)) => {
                said(engine.pause(pause, key).await, done)
            }
            Request::Mandate(MandateStep::Revoke(revocation, key)) => {
                said(engine.revoke(revocation, key).await, done)
            }
            Request::Release(payment, claim) => {
                said(engine.release(payment, claim, None).await, done)
            }
        }
    })
}

async fn carry_step(engine: Engine, step: Step) -> Answer {
    match step {
        Step::Open(command) => said(engine.open_channel(*command).await, channel),
        Step::TopUp(top_up) => said(engine.top_up(top_up).await, channel),
        Step::Present(command) => {
            let id = command.proof.channel();
            said(engine.present(*command).await, |begun| match begun {
                Begun::Proceed { lease, channel } => Answer::Begun(id, lease, channel.into()),
                Begun::Replay { channel, charged, .. } => {
                    Answer::Served(channel.into(), charged.units())
                }
            })
        }
        Step::Accept(proof) => said(engine.accept(proof).await, channel),
        Step::Claim(proof) => said(engine.claim(proof).await, channel),
        Step::Spend(id, lease, spent, end) => {
            let command =
                Spend { channel: id, lease, spent, end, outcome: None, durable_outcome: false };
            said(engine.spend(command).await, channel)
        }
        Step::GiveUp(id, lease) => said(engine.give_up(id, lease, None).await, channel),
        Step::Await(id, lease, above, wait_ms) => {
            said(engine.await_accepted(id, lease, above, wait_ms).await, channel)
        }
        Step::Settle(id) => said(engine.settle_channel(id).await, channel),
        Step::Close(closing) => said(engine.close_channel(closing).await, channel),
    }
}

fn channel(view: ChannelView) -> Answer {
    Answer::Channel(Seen::from(view))
}

fn said<T, E: Coded>(result: Result<T, E>, answer: impl FnOnce(T) -> Answer) -> Answer {
    match result {
        Ok(value) => answer(value),
        Err(error) if error.code().starts_with("node_") => Answer::Unavailable(error.code()),
        Err(error) => Answer::Refused(error.code()),
    }
}

fn done((): ()) -> Answer {
    Answer::Done
}

fn authorized(authorized: Authorized) -> Answer {
    match authorized {
        Authorized::Proceed { payment, claim } => Answer::Proceed(payment, claim),
        Authorized::Charged(view) => paid(&view, true),
        Authorized::Replay { payment, .. } => paid(&payment, false),
    }
}

fn paid(view: &PaymentView, is_new: bool) -> Answer {
    let PaymentView { payment, state, settled, .. } = view;
    Answer::Paid { payment: *payment, state: *state, units: settled.units(), is_new }
}
