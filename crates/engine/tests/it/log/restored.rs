//! A log after a restore: the copy signs nothing by itself, and everything else works.

use std::fs;
use std::path::Path;

use engine::{
    Backup, Engine, LogError, LogOptions, Opened, StartError, backup, create_guard, fsck, restore,
};
use tempfile::TempDir;
use tlog::TreeHead;

use super::{LEAVES, head_at, logged, options_of, signer, some_history, start, verified};
use crate::world::{Buy, START_MS, World, node, payer};

fn publish(engine: &Engine) -> TreeHead {
    let log = engine.log().unwrap();
    let (head, note) = log.prepare().unwrap();
    log.publish(head, &note, &[]).unwrap();
    head
}

/// A backup of a running node, and what it had published by then.
async fn backed_up(world: &World) -> (TempDir, TreeHead) {
    some_history(world).await;
    world.engine.forget(payer(1)).await.unwrap();
    head_at(&world.engine, LEAVES).await;
    let head = publish(&world.engine);
    let point = Some(world.engine.backup_point().await.unwrap());
    let to = tempfile::tempdir().unwrap();
    let from = world.dir.path();
    let what =
        Backup { from, to: to.path(), node: node(), point, secrets: &[], taken_at_ms: START_MS };
    backup(&what, &mut |_| {}).unwrap();
    (to, head)
}

fn put_back(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    let restored = restore(from, to.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(restored.report.sound, "{:?}", restored.report.findings);
    to
}

#[tokio::test]
async fn a_restored_log_is_halted_until_a_new_one_is_begun() {
    let world = logged().await;
    let (kept, head) = backed_up(&world).await;
    assert!(fs::exists(kept.path().join("log/secrets")).unwrap());
    assert!(!fs::exists(kept.path().join("log/leaves")).unwrap(), "a cache");
    let dir = put_back(kept.path());
    let engine = start(dir.path(), &world.clock, 1).unwrap().engine;
    let log = engine.log().unwrap();
    assert!(log.halted().unwrap().contains("restored"), "{:?}", log.halted());
    assert_eq!(log.head(), head, "with the secrets it is the same tree");
    assert!(matches!(log.sign(), Err(LogError::Halted(_))));
    let world = World { dir, clock: world.clock, engine };
    world.charge(&Buy::new(50, 5)).await;
    world.engine.close_epoch().await.unwrap();
    world.engine.shutdown().await;
    // A start does not help.
    let engine = start(world.dir.path(), &world.clock, 1).unwrap().engine;
    assert!(engine.log().unwrap().halted().is_some());
    engine.shutdown().await;

    let other = start(world.dir.path(), &world.clock, 2).unwrap_err();
    assert!(matches!(other, StartError::Log(LogError::OtherLog { .. })), "{other}");
    let renewed = |renew| {
        let mut options = options_of(world.dir.path(), &world.clock, 2);
        options.log.as_mut().unwrap().renew = renew;
        Engine::start(options).unwrap().engine
    };
    let engine = renewed(true);
    assert_eq!(engine.log().unwrap().halted(), None);
    let newest = publish(&engine);
    assert_eq!(newest.size, head.size + 2);
    verified(&engine, &engine.leaf_receipt(head.size, Opened::BOTH).await.unwrap());
    let aside = world.dir.path().join(format!("log/checkpoint.{}.old", head.size));
    assert!(fs::read_to_string(aside).unwrap().starts_with(super::ORIGIN));
    engine.shutdown().await;
    // From then on it is the books' log; the old one signs no more.
    for renew in [false, true] {
        let engine = renewed(renew);
        assert_eq!(engine.log().unwrap().halted(), None);
        assert_eq!(publish(&engine), newest);
        engine.shutdown().await;
    }
    assert!(!fs::exists(world.dir.path().join("log/halted")).unwrap());
    let other = start(world.dir.path(), &world.clock, 1).unwrap_err();
    assert!(matches!(other, StartError::Log(LogError::OtherLog { .. })), "{other}");
}

#[tokio::test]
async fn a_guard_that_has_seen_nothing_newer_lets_a_restored_log_go_on() {
    let world = logged().await;
    let guard = world.dir.path().join("guard");
    create_guard(&disk::Local, &guard).unwrap();
    let clock = world.clock.clone();
    let with_guard = |dir: &Path| {
        let mut options = options_of(dir, &clock, 1);
        let log = LogOptions { guard: Some(guard.clone()), ..LogOptions::new(signer(1)) };
        options.log = Some(log);
        Engine::start(options).unwrap().engine
    };
    let (kept, _) = backed_up(&world).await;
    let dir = put_back(kept.path());
    let engine = with_guard(dir.path());
    assert!(engine.log().unwrap().halted().is_some(), "an empty guard knows nothing");
    engine.shutdown().await;

    // What the node signs after the backup, the guard sees.
    world.engine.shutdown().await;
    let engine = with_guard(world.dir.path());
    publish(&engine);
    let engine_of_copy = with_guard(dir.path());
    assert_eq!(engine_of_copy.log().unwrap().halted(), None);
    engine_of_copy.shutdown().await;
    let world = World { engine, ..world };
    world.charge(&Buy::new(60, 5)).await;
    world.engine.log().unwrap().reaches(LEAVES).await.unwrap();
    publish(&world.engine);
    let dir = put_back(kept.path());
    let engine = with_guard(dir.path());
    assert!(engine.log().unwrap().halted().unwrap().contains("guard"));
    engine.shutdown().await;
}

#[tokio::test]
async fn a_backup_without_a_log_stays_valid() {
    let world = World::new().await;
    world.charge(&Buy::new(1, 5)).await;
    world.engine.shutdown().await;
    let to = tempfile::tempdir().unwrap();
    let from = world.dir.path();
    let what = Backup {
        from,
        to: to.path(),
        node: node(),
        point: None,
        secrets: &[],
        taken_at_ms: START_MS,
    };
    backup(&what, &mut |_| {}).unwrap();
    let dir = put_back(to.path());
    assert!(fsck(dir.path(), Some(node()), &mut |_| {}).unwrap().sound);
    assert!(!fs::exists(dir.path().join("log")).unwrap());
    // Its log begins then.
    let engine = start(dir.path(), &world.clock, 1).unwrap().engine;
    assert_eq!(engine.log().unwrap().halted(), None);
    publish(&engine);
}
