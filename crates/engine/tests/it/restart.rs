//! Restarts: the same journal gives the same bytes of state, with or without snapshot; what was
//! acknowledged stays; claims are gone; a torn tail costs only what nobody was told.

use std::fs;
use std::path::Path;

use engine::{AuthorizeError, Engine, ManualClock, PaymentState, StartError};
use journal::Snapshots;
use money::NodeId;

use crate::world::{Buy, FUNDS, Granted, World, everything, open, options, outcome, payee, payer};

/// Something of every kind of entry.
async fn trade(world: &World, from: u128) {
    let granted = Granted::new(from, 2, 500, 1000);
    world.grant(&granted).await;
    world.charge(&Buy::new(from, 300).split()).await;
    world.charge(&Buy::new(from + 1, 20).under(&granted)).await;
    world.charge(&Buy::new(from, 11).by_request(&format!("\"charged {from}\""))).await;
    world.proceed(&Buy::new(from, 12).by_request(&format!("\"held {from}\"")).held()).await;
    let (settled, _) = world.proceed(&Buy::new(from + 2, 77).split().held()).await;
    world.engine.settle(settled, Some(30), Some(outcome("kept")), true).await.unwrap();
    let buy = Buy::new(from + 3, 50).named(u8::try_from(from % 200).unwrap(), 1).held();
    let (released, claim) = world.proceed(&buy).await;
    world.engine.release(released, claim, Some(outcome("failed"))).await.unwrap();
    world.proceed(&Buy::new(from + 4, 5).split().mode(engine::Mode::Hold { seconds: 1 })).await;
    world.clock.advance_ms(1500);
    world.proceed(&Buy::new(from + 5, 60).held()).await;
    world.revoke(&granted).await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The bytes of state in the newest snapshot, and how far it goes.
fn snapshot(dir: &Path) -> (u64, Vec<u8>) {
    let found = Snapshots::open(&dir.join("snapshots")).unwrap().latest().unwrap();
    let snapshot = found.snapshot.unwrap();
    (snapshot.sequence, engine::fuzzing::state_of(&snapshot.state).unwrap())
}

#[tokio::test]
async fn journal_alone_and_snapshot_with_tail_give_the_same_bytes() {
    let mut world = World::new().await;
    trade(&world, 100).await;
    world.restart().await;
    trade(&world, 200).await;
    let live = world.everything().await;

    // As after a crash: the second half is in the journal only.
    let (tail, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(world.dir.path(), tail.path());
    copy(world.dir.path(), whole.path());
    fs::remove_dir_all(whole.path().join("snapshots")).unwrap();
    let mut states = Vec::new();
    let mut replayed = Vec::new();
    for dir in [tail.path(), whole.path()] {
        let started = open(dir, &world.clock);
        assert_eq!(everything(&started.engine).await, live);
        started.engine.shutdown().await;
        replayed.push(started.replayed_batches);
        states.push(snapshot(dir));
    }
    assert!(replayed[0] > 0 && replayed[1] > replayed[0], "{replayed:?}");
    assert_eq!(states[0].0, states[1].0);
    assert!(states[0].1 == states[1].1, "the bytes of state differ");
    world.engine.shutdown().await;
    assert!(snapshot(world.dir.path()) == states[0], "the running node's state differs");
}

#[tokio::test]
async fn a_broken_snapshot_is_passed_over() {
    let mut world = World::new().await;
    trade(&world, 100).await;
    let live = world.everything().await;
    world.engine.shutdown().await;
    for entry in fs::read_dir(world.dir.path().join("snapshots")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    world.restart().await;
    assert_eq!(world.everything().await, live);
}

#[tokio::test]
async fn held_stays_held_settled_stays_settled_and_claims_are_gone() {
    let mut world = World::new().await;
    let settled = world.charge(&Buy::new(1, 100)).await;
    let (held, _) = world.proceed(&Buy::new(2, 50).held()).await;
    let (released, claim) = world.proceed(&Buy::new(3, 10).held()).await;
    world.engine.release(released, claim, None).await.unwrap();
    let (claimed, lost) = world.proceed(&Buy::new(4, 5)).await;
    world.clock.advance_ms(1000);
    world.restart().await;
    assert_eq!(world.payment(settled.payment).await, Some(settled));
    assert_eq!(world.state_of(held).await, PaymentState::Held);
    assert_eq!(world.state_of(released).await, PaymentState::Released);
    assert_eq!(world.payment(claimed).await, None);
    let late = world.engine.charge(claimed, lost, None).await;
    assert_eq!(late, Err(AuthorizeError::ClaimLost));
    let (again, _) = world.proceed(&Buy::new(4, 5)).await;
    assert_eq!(again, claimed);
    world.engine.settle(held, None, None, false).await.unwrap();
    assert_eq!(world.available(payer(1)).await, FUNDS - 150);
    assert_eq!(world.available(payee(1)).await, 150);
    world.assert_balanced().await;
}

#[tokio::test]
async fn a_token_of_an_earlier_run_opens_nothing() {
    let mut world = World::new().await;
    let (_, earlier) = world.proceed(&Buy::new(1, 5)).await;
    world.clock.advance_ms(1000);
    world.restart().await;
    let (payment, claim) = world.proceed(&Buy::new(1, 5)).await;
    let late = world.engine.charge(payment, earlier, None).await;
    assert_eq!(late, Err(AuthorizeError::ClaimLost));
    world.engine.charge(payment, claim, None).await.unwrap();
}

#[tokio::test]
async fn a_hold_that_ran_out_while_the_node_was_down_is_released() {
    let mut world = World::new().await;
    let (held, _) = world.proceed(&Buy::new(1, 50).held()).await;
    world.engine.shutdown().await;
    world.clock.advance_ms(31_000);
    world.restart().await;
    let settle = world.engine.settle(held, None, None, false).await;
    assert_eq!(settle, Err(engine::SettleError::NotHeld));
    assert_eq!(world.available(payer(1)).await, FUNDS);
}

#[tokio::test]
async fn a_torn_tail_loses_only_the_torn_batch() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(crate::world::START_MS * 1_000_000);
    let mut options = options(dir.path(), &clock);
    // The mark stays behind, so the last batch is not known to have been durable.
    options.journal.mark_every_batches = 1_000_000;
    let engine = Engine::start(options).unwrap().engine;
    crate::world::furnish(&engine).await;
    let mut world = World { dir, clock, engine };
    let kept = world.charge(&Buy::new(1, 100)).await;
    let before = world.everything().await;
    let torn = world.charge(&Buy::new(2, 30)).await;

    let crashed = tempfile::tempdir().unwrap();
    copy(world.dir.path(), crashed.path());
    cut_last_batch(&crashed.path().join("journal"));
    world.engine.shutdown().await;
    let started = open(crashed.path(), &world.clock);
    assert!(started.recovery.torn_bytes > 0, "{:?}", started.recovery);
    world.engine = started.engine;
    world.dir = crashed;
    assert_eq!(world.everything().await, before);
    assert_eq!(world.payment(kept.payment).await, Some(kept));
    assert_eq!(world.payment(torn.payment).await, None);
    world.charge(&Buy::new(2, 30)).await;
}

/// Overwrites the last bytes that are not zero, as a write that was cut short leaves them.
fn cut_last_batch(dir: &Path) {
    let segments = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let last = segments.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(&last).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end - 20..=end].fill(0);
    fs::write(last, bytes).unwrap();
}

#[tokio::test]
async fn another_nodes_folder_is_refused() {
    let world = World::new().await;
    world.charge(&Buy::new(1, 100)).await;
    world.engine.shutdown().await;
    let mut foreign = options(world.dir.path(), &world.clock);
    foreign.node = NodeId::new(1).unwrap();
    assert!(matches!(Engine::start(foreign), Err(StartError::OtherNode { .. })));
    fs::remove_dir_all(world.dir.path().join("snapshots")).unwrap();
    let mut foreign = options(world.dir.path(), &world.clock);
    foreign.node = NodeId::new(1).unwrap();
    assert!(matches!(Engine::start(foreign), Err(StartError::Broken { .. })));
    open(world.dir.path(), &world.clock);
}
