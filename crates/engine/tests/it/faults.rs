//! A disk that fails and a queue that is full: nothing is promised that is not kept.

use std::sync::mpsc;
use std::time::Duration;

use engine::{
    AuthorizeError, Authorized, Coded, Engine, FundError, GrantError, ManualClock, Mode, OpenError,
    ReleaseError, Retry, RevokeError, SettleError, Unavailable,
};
use instrument::{Revocation, Signed};
use journal::{AppendError, Batches, Fault, Hash, Journal, Memory, ReadError};
use tokio::task::JoinHandle;

use crate::world::{
    Buy, Granted, START_MS, World, everything, fund, furnish, key, node, options, payer, usd,
};

/// A world on a journal in memory, and a handle on its batches.
fn in_memory(prepare: impl FnOnce(&mut Memory)) -> (World, Memory) {
    let mut memory = Memory::new();
    prepare(&mut memory);
    let batches = memory.reopen();
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(START_MS * 1_000_000);
    let engine = Engine::start_with(options(dir.path(), &clock), Box::new(memory)).unwrap();
    (World { dir, clock, engine }, batches)
}

/// Batches that [`furnish`] makes when each of its calls is one batch.
const FURNISHED: u64 = 8;

#[tokio::test]
async fn a_failed_append_stops_everything_and_shows_nothing() {
    for fault in [Fault::Lost, Fault::Kept] {
        let fail_at = FURNISHED + 2;
        let (world, batches) = in_memory(|memory| memory.fail_at(fail_at, fault));
        furnish(&world.engine).await;
        assert_eq!(batches.next(), FURNISHED + 1);
        let first = world.charge(&Buy::new(1, 100)).await;
        let durable = world.everything().await;
        // Held up behind a slow read, so that all of them share the batch that fails.
        let (slow, go) = hold_up(&world.engine).await;
        let mut queued = Vec::new();
        for order in 2..7 {
            let (engine, buy) = (world.engine.clone(), Buy::new(order, 10).mode(Mode::Charge));
            queued.push(tokio::spawn(async move { engine.authorize(buy.command()).await }));
        }
        let engine = world.engine.clone();
        let read = tokio::spawn(async move { engine.read(engine::State::payment_count).await });
        tokio::task::yield_now().await;
        drop(go);
        // The slow read shares their batch, so it must not show what the disk may not have.
        assert_eq!(slow.await.unwrap(), Err(Unavailable::Stopped));
        for answer in queued {
            let stopped = AuthorizeError::Unavailable(Unavailable::Stopped);
            assert_eq!(answer.await.unwrap(), Err(stopped));
        }
        assert_eq!(read.await.unwrap(), Err(Unavailable::Stopped));
        assert_stopped(&world.engine).await;

        let restarted =
            Engine::start_with(options(world.dir.path(), &world.clock), Box::new(batches.reopen()))
                .unwrap();
        let after = restarted.read(move |state| state.payment(first.payment)).await.unwrap();
        assert_eq!(after, Some(first));
        // What was never acknowledged may be there or not, but whole and only as the disk says.
        assert_eq!(everything(&restarted).await == durable, fault == Fault::Lost);
        assert!(restarted.read(engine::books).await.unwrap().iter().all(|view| view.balanced));
    }
}

/// Keeps the writer busy until the sender is dropped.
async fn hold_up(engine: &Engine) -> (JoinHandle<Result<(), Unavailable>>, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel::<()>();
    let engine = engine.clone();
    let slow = tokio::spawn(async move {
        let read = move |_: &engine::State| {
            begun.send(()).unwrap();
            let _ = wait.recv();
        };
        engine.read(read).await
    });
    tokio::task::yield_now().await;
    begins.recv().unwrap();
    (slow, go)
}

/// Every operation answers that the node has stopped.
async fn assert_stopped(engine: &Engine) {
    const STOPPED: Unavailable = Unavailable::Stopped;
    let buy = Buy::new(50, 10);
    let granted = Granted::new(9, 1, 1, 1);
    let revocation = Revocation { node: node(), mandate: granted.terms.id };
    let owner = key(1).public();
    let revocation = Signed::sign(revocation, &key(1)).verify_with(&owner).unwrap();
    let token = engine::ClaimToken(1);
    let authorized = engine.authorize(buy.command()).await;
    assert_eq!(authorized, Err(AuthorizeError::Unavailable(STOPPED)));
    let charged = engine.charge(buy.id(), token, None).await;
    assert_eq!(charged, Err(AuthorizeError::Unavailable(STOPPED)));
    let held = engine.hold(buy.id(), token, 1).await;
    assert_eq!(held, Err(AuthorizeError::Unavailable(STOPPED)));
    let settled = engine.settle(buy.id(), None, None, true).await;
    assert_eq!(settled, Err(SettleError::Unavailable(STOPPED)));
    let released = engine.release(buy.id(), token, None).await;
    assert_eq!(released, Err(ReleaseError::Unavailable(STOPPED)));
    let opened = engine.open_asset(usd(), true).await;
    assert_eq!(opened, Err(OpenError::Unavailable(STOPPED)));
    let funded = engine.fund(fund(1, payer(1), 1)).await;
    assert_eq!(funded, Err(FundError::Unavailable(STOPPED)));
    let grant = engine.grant(granted.verified(), String::new()).await;
    assert_eq!(grant, Err(GrantError::Unavailable(STOPPED)));
    let revoked = engine.revoke(revocation, owner).await;
    assert_eq!(revoked, Err(RevokeError::Unavailable(STOPPED)));
    assert_eq!(engine.read(|_| ()).await, Err(STOPPED));
    engine.shutdown().await;
}

#[tokio::test]
async fn copies_that_wait_are_told_of_the_stop() {
    let (world, _) = in_memory(|memory| memory.fail_at(FURNISHED + 1, Fault::Lost));
    furnish(&world.engine).await;
    let buy = Buy::new(1, 10);
    let (payment, claim) = world.proceed(&buy).await;
    let engine = world.engine.clone();
    let waiting = tokio::spawn(async move { engine.authorize(buy.command()).await });
    tokio::task::yield_now().await;
    let stopped = Err(AuthorizeError::Unavailable(Unavailable::Stopped));
    assert_eq!(world.engine.charge(payment, claim, None).await.map(|_| ()), stopped);
    assert_eq!(waiting.await.unwrap().map(|_| ()), stopped);
}

/// A journal that is slow until it is let go, so that a test can look at the queue meanwhile.
struct Slow {
    inner: Memory,
    begun: mpsc::Sender<()>,
    turns: mpsc::Receiver<()>,
}

impl Slow {
    fn new() -> (Self, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let ((begun, begins), (turn, turns)) = (mpsc::channel(), mpsc::channel());
        (Self { inner: Memory::new(), begun, turns }, begins, turn)
    }
}

impl Journal for Slow {
    fn next(&self) -> u64 {
        self.inner.next()
    }

    fn head(&self) -> Hash {
        self.inner.head()
    }

    fn append(&mut self, expected_next: u64, batch: &[u8]) -> Result<(), AppendError> {
        // Once the test has let go of its ends, every append passes.
        let _ = self.begun.send(());
        let _ = self.turns.recv();
        self.inner.append(expected_next, batch)
    }

    fn read(&self, from: u64) -> Result<Batches, ReadError> {
        self.inner.read(from)
    }
}

#[tokio::test]
async fn no_answer_comes_before_the_batch_is_durable_and_a_full_queue_is_busy() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(START_MS * 1_000_000);
    let mut options = options(dir.path(), &clock);
    options.queue_count_max = 4;
    let (slow, _begins, turn) = Slow::new();
    let engine = Engine::start_with(options, Box::new(slow)).unwrap();
    (0..FURNISHED).for_each(|_| turn.send(()).unwrap());
    furnish(&engine).await;
    let world = World { dir, clock, engine };

    // While the first batch is being written, the writer fills one more and then the queue fills.
    let mut charges = vec![send(&world, &Buy::new(1, 10).mode(Mode::Charge))];
    tokio::task::yield_now().await;
    let (mut reads, mut refused_in_a_row) = (Vec::new(), 0);
    while refused_in_a_row < 20 {
        let engine = world.engine.clone();
        let read = tokio::spawn(async move { engine.read(engine::State::payment_count).await });
        tokio::task::yield_now().await;
        if read.is_finished() {
            refused_in_a_row += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        } else {
            refused_in_a_row = 0;
            reads.push(read);
        }
    }
    charges.extend((2..=30).map(|order| send(&world, &Buy::new(order, 10).mode(Mode::Charge))));
    tokio::task::yield_now().await;
    let answered: Vec<_> = charges.extract_if(.., |charge| charge.is_finished()).collect();
    let busy = answered.len();
    for charge in answered {
        let error = charge.await.unwrap().unwrap_err();
        assert_eq!(error, AuthorizeError::Unavailable(Unavailable::Busy));
        assert_eq!((error.code(), error.retry()), ("node_busy", Retry::AfterSeconds(1)));
    }
    assert!(busy > 0 && !charges.is_empty(), "{busy} busy, {} queued", charges.len());
    drop(turn);
    let accepted = charges.len();
    for charge in charges {
        assert!(matches!(charge.await.unwrap(), Ok(Authorized::Charged(_))));
    }
    for read in reads {
        assert!(read.await.unwrap().is_ok());
    }
    let count = world.engine.read(engine::State::payment_count).await;
    assert_eq!(count, Ok(accepted));
}

/// A world whose next append says that it has begun and lasts until its turn.
async fn in_turns() -> (World, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(START_MS * 1_000_000);
    let (slow, begins, turn) = Slow::new();
    let engine = Engine::start_with(options(dir.path(), &clock), Box::new(slow)).unwrap();
    (0..FURNISHED).for_each(|_| turn.send(()).unwrap());
    furnish(&engine).await;
    (0..FURNISHED).for_each(|_| begins.recv().unwrap());
    (World { dir, clock, engine }, begins, turn)
}

fn send(world: &World, buy: &Buy) -> JoinHandle<Result<Authorized, AuthorizeError>> {
    let (engine, command) = (world.engine.clone(), buy.command());
    tokio::spawn(async move { engine.authorize(command).await })
}

#[tokio::test]
async fn a_caller_that_has_gone_gets_no_turn() {
    let world = World::new().await;
    let (slow, go) = hold_up(&world.engine).await;
    let buys = [Buy::new(2, 10), Buy::new(3, 10).held()];
    for buy in &buys {
        let gone = send(&world, buy);
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    drop(go);
    slow.await.unwrap().unwrap();
    for buy in &buys {
        world.proceed(buy).await;
    }
}

#[tokio::test]
async fn a_turn_whose_caller_left_during_the_commit_is_given_back() {
    let (world, begins, turn) = in_turns().await;
    let buy = Buy::new(1, 10).held();
    let gone = send(&world, &buy);
    tokio::task::yield_now().await;
    begins.recv().unwrap();
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    drop(turn);
    let copy = tokio::time::timeout(Duration::from_secs(20), send(&world, &buy)).await;
    match copy.expect("the copy must not wait for the hold's end").unwrap() {
        Ok(Authorized::Replay { payment, .. }) => {
            assert_eq!(payment.reason, Some(engine::ReleaseReason::NotDelivered));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.available(payer(1)).await, crate::world::FUNDS);
    world.assert_balanced().await;
}
