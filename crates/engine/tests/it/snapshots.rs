//! When snapshots are written, what they may tell, and what a start does with an index that cannot
//! be read just now. The writer turns on the test's thread, so each step is known.

use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use disk::{Fault, Simulated, When};
use engine::{
    AuthorizeError, Engine, Inline, ManualClock, Mode, Options, StartError, State, Turned,
    Unavailable,
};
use journal::Snapshots;

use crate::keep::check;
use crate::world::{Buy, START_MS, furnish, options};

fn clock() -> ManualClock {
    ManualClock::new(START_MS * 1_000_000)
}

fn poll<T>(call: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match call.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

/// Lets the writer turn until the call is answered.
fn until_answered<T>(inline: &mut Inline, call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    for _ in 0..100 {
        if let Some(answer) = poll(call.as_mut()) {
            return answer;
        }
        inline.turn();
    }
    panic!("the call is never answered")
}

fn pay(engine: &Engine, inline: &mut Inline, order: u128) {
    let command = Buy::new(order, 10).mode(Mode::Charge).command();
    until_answered(inline, engine.authorize(command)).unwrap();
}

fn snapshots(options: &Options) -> Vec<u64> {
    let found = Snapshots::look_on(Arc::clone(&options.disk), &options.data.join("snapshots"));
    found.list().unwrap().into_iter().map(|(sequence, _)| sequence).collect()
}

/// A turn that makes nothing durable must not use up the snapshot that is due.
#[test]
fn a_snapshot_that_is_due_waits_for_a_batch() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let (engine, mut inline) = Engine::start_inline(options(dir.path(), &clock)).unwrap();
    until_answered(&mut inline, furnish(&engine));
    drop((engine, inline));
    let mut frequent = options(dir.path(), &clock);
    frequent.snapshot_every_bytes = 1;
    assert!(snapshots(&frequent).is_empty());
    let (engine, mut inline) = Engine::start_inline(frequent).unwrap();
    assert_eq!(inline.turn(), Turned::Idle);
    for order in 1..4 {
        pay(&engine, &mut inline, order);
    }
    let found = snapshots(&options(dir.path(), &clock));
    assert_eq!(found.len(), 2, "{found:?}");
    drop((engine, inline));
    assert!(check(dir.path()).sound);
}

/// What a hold's lost answer leaves to be written is in the journal before it is in a snapshot.
#[test]
fn the_last_snapshot_tells_nothing_that_the_journal_does_not() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let (engine, mut inline) = Engine::start_inline(options(dir.path(), &clock)).unwrap();
    until_answered(&mut inline, furnish(&engine));
    let (caller, leaver) = (engine.clone(), engine.clone());
    let mut hold =
        Box::pin(async move { caller.authorize(Buy::new(1, 10).held().command()).await });
    assert!(poll(hold.as_mut()).is_none());
    // The caller goes between the decision and the answer.
    let mut leave = Box::pin(async move { leaver.read(move |_: &State| drop(hold)).await });
    assert!(poll(leave.as_mut()).is_none());
    let mut shutdown = pin!(engine.shutdown());
    assert!(poll(shutdown.as_mut()).is_none());
    assert_eq!(inline.turn(), Turned::Ended);
    assert!(poll(shutdown).is_some());
    drop((leave, inline));
    let report = check(dir.path());
    assert!(report.sound && report.snapshots_equal.len() == 1, "{:?}", report.findings);
    assert!(report.books.iter().all(|books| books.held.units() == 0));
}

fn on(disk: &Simulated, clock: &ManualClock) -> Options {
    let mut options = options(Path::new("/data"), clock);
    options.disk = Arc::new(disk.clone());
    options
}

/// An index that is whole and cannot be read just now is not thrown away.
#[test]
fn an_index_that_cannot_be_read_now_is_not_thrown_away() {
    let (disk, clock) = (Simulated::new(7), clock());
    let (engine, mut inline) = Engine::start_inline(on(&disk, &clock)).unwrap();
    until_answered(&mut inline, furnish(&engine));
    pay(&engine, &mut inline, 1);
    until_answered(&mut inline, engine.shutdown());
    drop((engine, inline));
    let before = disk.files();
    assert!(before.iter().any(|(path, _)| path.extension().is_some_and(|end| end == "run")));
    disk.arm_within("index", Fault::ReadError, When::Nth(1));
    let refused = Engine::start_inline(on(&disk, &clock)).err();
    assert!(matches!(refused, Some(StartError::Index(::index::OpenError::Disk(_)))), "{refused:?}");
    assert_eq!(disk.files(), before);
    disk.disarm();
    let (engine, mut inline) = Engine::start_inline(on(&disk, &clock)).unwrap();
    let count = until_answered(&mut inline, engine.read(State::payment_count)).unwrap();
    assert_eq!(count, 1);
}

/// A claim is answered before its batch: not when the look for an earlier payment has failed.
#[test]
fn nobody_proceeds_on_a_past_that_could_not_be_read() {
    let mut ended = 0;
    for order in 100..110 {
        let (disk, clock) = (Simulated::new(7), clock());
        let (engine, mut inline) = Engine::start_inline(on(&disk, &clock)).unwrap();
        until_answered(&mut inline, furnish(&engine));
        (1..20).for_each(|order| pay(&engine, &mut inline, order));
        until_answered(&mut inline, engine.shutdown());
        drop((engine, inline));
        let (engine, mut inline) = Engine::start_inline(on(&disk, &clock)).unwrap();
        disk.arm_within("records", Fault::ReadError, When::PerMillion(1_000_000));
        let mut claim = pin!(engine.authorize(Buy::new(order, 10).command()));
        assert!(poll(claim.as_mut()).is_none());
        // A key beyond all keys of the index is answered without a look at the disk.
        if inline.turn() == Turned::Ended {
            ended += 1;
            let stopped = AuthorizeError::Unavailable(Unavailable::Stopped);
            assert_eq!(poll(claim), Some(Err(stopped)));
        }
    }
    assert!(ended > 0);
}
