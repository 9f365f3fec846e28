//! What is sent, when, how often, and what follows.

use serde_json::json;
use tempfile::tempdir;
use webhook::{Disabled, Notice, PING, Scheme, Secret, State};

use crate::world::{
    Receiver, Registry, START_MS, World, account, endpoint, endpoint_id, event_id, until,
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn every_event_arrives_signed_in_order_and_once() {
    let (folder, receiver) = (tempdir().unwrap(), Receiver::start().await);
    let world = World::start(folder.path());
    let id = endpoint_id(1);
    world.registry.put(id, endpoint(id, &receiver.url, receiver.secret()));
    world.handle.refresh();
    world.happen(2_500);
    until("all arrive", || receiver.count() >= 2_500).await;
    let positions = receiver.positions();
    assert_eq!(positions, (0..2_500).collect::<Vec<_>>());
    until("the outbox is empty", || world.handle.report().pending == 0).await;
    let got = receiver.got.lock().unwrap()[0].clone();
    let position = got.body["position"].as_u64().unwrap();
    assert_eq!(got.id, event_id(position).to_string());
    assert_eq!(got.body["id"], json!(got.id));
    assert_eq!(got.body["api_version"], "2026-11-01");
    assert_eq!(got.body["data"]["payer"], json!(account(99)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payee_hears_of_its_own_account_and_not_who_paid() {
    let (folder, receiver) = (tempdir().unwrap(), Receiver::start().await);
    let world = World::start(folder.path());
    let id = endpoint_id(1);
    let mut limited = endpoint(id, &receiver.url, receiver.secret());
    limited.accounts = Some(vec![account(2)]);
    world.registry.put(id, limited);
    world.happen(10);
    world.handle.refresh();
    until("the half arrives", || receiver.count() >= 5).await;
    until("all are looked at", || world.handle.report().behind == 0).await;
    let mut positions = receiver.positions();
    positions.sort_unstable();
    assert_eq!(positions, [1, 3, 5, 7, 9]);
    assert!(receiver.got.lock().unwrap().iter().all(|got| got.body["data"].get("payer").is_none()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_when_the_receiver_asks_for_it() {
    let (folder, receiver) = (tempdir().unwrap(), Receiver::start().await);
    let world = World::start(folder.path());
    let id = endpoint_id(1);
    receiver.answers(|_| (503, vec![("retry-after", "60".to_owned())]));
    world.registry.put(id, endpoint(id, &receiver.url, receiver.secret()));
    world.happen(1);
    world.handle.refresh();
    until("it was tried", || world.handle.report().failed == 1).await;
    let page = world.handle.deliveries(id, None, None, 10).unwrap();
    let [delivery] = page.deliveries.as_slice() else { panic!("{page:?}") };
    assert_eq!(
        (delivery.state, delivery.failures, delivery.status),
        (State::Pending, 1, Some(503))
    );
    assert_eq!(delivery.next_attempt_at_ms, Some(world.now_ms() + 60_000));
    assert_eq!(world.handle.report().failing, [(id, world.now_ms())]);
    receiver.answers(|_| (200, Vec::new()));
    world.advance_ms(59_999);
    world.advance_ms(1);
    until("it arrives", || world.handle.report().delivered == 1).await;
    assert_eq!(receiver.count(), 2);
    let ids: Vec<String> = receiver.got.lock().unwrap().iter().map(|got| got.id.clone()).collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(world.handle.report().failing, []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_days_a_message_is_dead_and_can_be_sent_by_hand() {
    let (folder, receiver) = (tempdir().unwrap(), Receiver::start().await);
    let world = World::start(folder.path());
    let id = endpoint_id(1);
    receiver.answers(|_| (500, Vec::new()));
    world.registry.put(id, endpoint(id, &receiver.url, receiver.secret()));
    world.happen(1);
    world.handle.refresh();
    let mut attempts = 1;
    while world.handle.report().dead == 0 {
        until("an attempt", || world.handle.report().failed >= attempts).await;
        attempts += 1;
        let page = world.handle.deliveries(id, None, None, 1).unwrap();
        if let Some(next_ms) = page.deliveries[0].next_attempt_at_ms {
            world.advance_ms(next_ms - world.now_ms());
        }
    }
    assert!((12..=15).contains(&receiver.count()), "{}", receiver.count());
    assert!(world.now_ms() <= START_MS + 3 * DAY_MS);
    let dead = world.handle.deliveries(id, Some(State::Dead), None, 10).unwrap().deliveries;
    assert_eq!(dead.len(), 1);
    assert!(world.registry.get(id).active);

    receiver.answers(|_| (200, Vec::new()));
    assert!(world.handle.redeliver(dead[0].delivery).await.unwrap());
    until("it arrives", || world.handle.report().delivered == 1).await;
    let delivery = world.handle.delivery(dead[0].delivery).unwrap().unwrap();
    assert_eq!(delivery.state, State::Delivered);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_or_fails_for_days_is_switched_off() {
    let (folder, receiver) = (tempdir().unwrap(), Receiver::start().await);
    let world = World::start(folder.path());
    let (gone, failing) = (endpoint_id(1), endpoint_id(2));
    receiver.answers(|_| (410, Vec::new()));
    world.registry.put(gone, endpoint(gone, &receiver.url, receiver.secret()));
    world.happen(1);
    world.handle.refresh();
    until("it is switched off", || !world.registry.get(gone).active).await;
    assert_eq!(world.registry.get(gone).disabled, Some(Disabled::Gone));

    receiver.answers(|_| (500, Vec::new()));
    world.registry.put(failing, endpoint(failing, &receiver.url, receiver.secret()));
    let mut failed = world.handle.report().failed;
    let mut halves = 0;
    while world.registry.get(failing).active {
        assert!(halves < 20, "it is never switched off");
        halves += 1;
        world.happen(1);
        world.advance_ms(DAY_MS / 2);
        until("it is tried", || world.handle.report().failed > failed).await;
        failed = world.handle.report().failed;
    }
    assert!(halves >= 10, "it is switched off too early");
    assert_eq!(world.registry.get(failing).disabled, Some(Disabled::Failing));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_everything_since_a_time_with_the_same_ids() {
    let (folder, receiver) = (tempdir().unwrap(), Receiver::start().await);
    let world = World::start(folder.path());
    let id = endpoint_id(1);
    world.registry.put(id, endpoint(id, &receiver.url, receiver.secret()));
    world.happen(10);
    world.handle.refresh();
    until("all arrive", || world.handle.report().delivered == 10).await;
    let position = world.handle.replay(id, START_MS + 6_500).await.unwrap();
    assert_eq!(position, Some(7));
    until("the last three arrive again", || world.handle.report().delivered == 13).await;
    let mut again = receiver.positions().split_off(10);
    again.sort_unstable();
    assert_eq!(again, [7, 8, 9]);
    assert_eq!(world.handle.replay(endpoint_id(9), 0).await.unwrap(), None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_it_was() {
    let (folder, receiver) = (tempdir().unwrap(), Receiver::start().await);
    let registry = Registry::default();
    let id = endpoint_id(1);
    registry.put(id, endpoint(id, &receiver.url, receiver.secret()));
    let world = World::start_at(folder.path(), registry.clone(), 100);
    until("all arrive", || world.handle.report().delivered == 100).await;
    world.stop().await;
    let world = World::start_at(folder.path(), registry.clone(), 103);
    until("the rest arrives", || world.handle.report().delivered == 3).await;
    assert_eq!(receiver.count(), 103);
    // What it missed while it was off is not sent.
    let mut changed = registry.get(id);
    changed.from = 105;
    registry.put(id, changed);
    world.happen(3);
    world.handle.refresh();
    until("the last arrives", || receiver.positions().contains(&105)).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_outbox_sends_what_is_younger_than_three_days() {
    let (folder, receiver) = (tempdir().unwrap(), Receiver::start().await);
    let registry = Registry::default();
    let id = endpoint_id(1);
    registry.put(id, endpoint(id, &receiver.url, receiver.secret()));
    let seconds = 3 * DAY_MS / 1000;
    let world = World::start_at(folder.path(), registry, seconds + 50);
    until("the first arrives", || receiver.count() > 0).await;
    let first = receiver.positions()[0];
    assert!((50..60).contains(&first), "{first}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_reaches_who_it_is_for() {
    let (folder, receiver) = (tempdir().unwrap(), Receiver::start().await);
    let world = World::start(folder.path());
    let id = endpoint_id(1);
    let key = Secret::generate(Scheme::Ed25519).unwrap();
    let other = Receiver::start().await;
    world.registry.put(id, endpoint(id, &receiver.url, receiver.secret()));
    let mut deaf = endpoint(endpoint_id(2), &other.url, other.secret());
    deaf.events = vec!["payment.held".to_owned()];
    world.registry.put(endpoint_id(2), deaf);
    world.handle.refresh();
    let test = |name| Notice {
        id: event_id(1 << 60),
        name,
        position: None,
        at_ms: START_MS,
        accounts: Vec::new(),
        data: serde_json::Map::new(),
    };
    let mut stream = world.handle.tests();
    assert_eq!(world.handle.test(test("payment.settled"), None).await.unwrap(), 1);
    assert_eq!(stream.recv().await.unwrap().name, "payment.settled");
    until("it arrives", || receiver.count() == 1).await;
    assert_eq!(receiver.got.lock().unwrap()[0].body["test"], true);
    assert_eq!(world.handle.test(test(PING), Some(endpoint_id(2))).await.unwrap(), 1);
    until("the ping arrives", || other.count() == 1).await;
    // A replaced secret signs beside the new one, here with another scheme.
    let mut changed = world.registry.get(id);
    changed.signature = key.scheme();
    changed.rotate(id, world.handle.seal(), world.now_ms()).unwrap();
    world.registry.put(id, changed);
    world.handle.refresh();
    world.happen(1);
    until("it is signed twice", || receiver.count() == 2).await;
    let signature = receiver.got.lock().unwrap()[1].signature.clone();
    assert!(signature.starts_with("v1a,") && signature.contains(" v1,"), "{signature}");
    world.stop().await;
}
