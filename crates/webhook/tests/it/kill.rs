//! `kill -9` of the sender under load: the receiver gets every event.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::tempdir;

use crate::world::{Receiver, Registry, World, endpoint, endpoint_id, until};

const EVENTS_COUNT: usize = 6_000;
const KILLS: usize = 4;
const FOLDER: &str = "WEBHOOK_TEST_FOLDER";
const URL: &str = "WEBHOOK_TEST_URL";

/// The sender, as a process of its own.
#[test]
fn sender() {
    let (Ok(folder), Ok(url)) = (std::env::var(FOLDER), std::env::var(URL)) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let id = endpoint_id(1);
    let registry = Registry::default();
    // The secret is of no matter: the receiver of this test does not check it.
    let secret = webhook::Secret::generate(webhook::Scheme::Ed25519).unwrap();
    registry.put(id, endpoint(id, &url, &secret));
    let world = World::start_at(folder.as_ref(), registry, EVENTS_COUNT as u64);
    loop {
        std::thread::sleep(Duration::from_millis(10));
        if world.handle.report().behind == 0 && world.handle.report().pending == 0 {
            std::thread::sleep(Duration::from_mins(1));
        }
    }
}

fn spawn(folder: &std::path::Path, url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["kill::sender", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(URL, url)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_sender_is_killed_again_and_again() {
    let (folder, receiver) = (tempdir().unwrap(), Receiver::unchecked().await);
    for kill in 1..=KILLS {
        let mut child = spawn(folder.path(), &receiver.url);
        let share = EVENTS_COUNT * kill / (KILLS + 1);
        until("a share arrives", || receiver.count() >= share).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut child = spawn(folder.path(), &receiver.url);
    let distinct = || {
        let mut ids: BTreeMap<String, u64> = BTreeMap::new();
        for got in receiver.got.lock().unwrap().iter() {
            let position = got.body["position"].as_u64().unwrap();
            // The same event has the same id.
            assert_eq!(*ids.entry(got.id.clone()).or_insert(position), position);
        }
        ids.len()
    };
    until("every event arrives", || receiver.count() >= EVENTS_COUNT && distinct() == EVENTS_COUNT)
        .await;
    child.kill().unwrap();
    child.wait().unwrap();
    // Sent twice is at most what was in memory at a kill.
    let twice = receiver.count() - EVENTS_COUNT;
    assert!(twice <= 600 * KILLS, "{twice} were sent twice");
}
