//! The outbox on the disk, row by row.

use tempfile::tempdir;

use super::*;

fn endpoint() -> EndpointId {
    EndpointId::new(1).unwrap()
}

fn store(folder: &Path) -> Store {
    Store::open(&folder.join("webhook.sqlite"), NodeId::new(7).unwrap()).unwrap()
}

fn put(writing: &Writing<'_>, message: &str, now_ms: u64) -> bool {
    let new = NewDelivery { endpoint: endpoint(), message, name: "n", position: None, body: b"{}" };
    writing.put(&new, now_ms).unwrap()
}

#[test]
fn what_is_not_committed_did_not_happen_and_the_cursor_goes_with_the_rows() {
    let folder = tempdir().unwrap();
    let mut store = store(folder.path());
    let writing = store.begin().unwrap();
    writing.place_cursor(endpoint(), 5, 0).unwrap();
    assert!(put(&writing, "evt_1", 10));
    drop(writing);
    let writing = store.begin().unwrap();
    assert_eq!(writing.cursor(endpoint()).unwrap(), None);
    drop(writing);
    assert_eq!(store.pending_count(endpoint()).unwrap(), 0);
}

#[test]
fn a_message_stands_once_and_begins_anew_when_it_was_over() {
    let folder = tempdir().unwrap();
    let mut store = store(folder.path());
    let writing = store.begin().unwrap();
    assert!(put(&writing, "evt_1", 10));
    assert!(!put(&writing, "evt_1", 20));
    writing.commit().unwrap();
    let [number] = store.due_numbers(endpoint(), 10, 9).unwrap()[..] else { panic!("one is due") };
    let writing = store.begin().unwrap();
    let attempt = Attempt { at_ms: 11, status: Some(200), error: None };
    assert!(writing.delivered(number, &attempt).unwrap());
    assert!(!writing.delivered(number, &attempt).unwrap());
    assert!(put(&writing, "evt_1", 20));
    writing.commit().unwrap();
    assert_eq!(store.due_numbers(endpoint(), 19, 9).unwrap(), Vec::<i64>::new());
    assert_eq!(store.next_due_ms(endpoint(), 19).unwrap(), Some(20));
    assert_eq!(store.due_numbers(endpoint(), 20, 9).unwrap(), [number]);
}

#[test]
fn pages_go_from_the_newest_to_the_oldest_and_only_the_newest_are_kept() {
    let folder = tempdir().unwrap();
    let mut store = store(folder.path());
    let writing = store.begin().unwrap();
    for index in 0..5 {
        put(&writing, &format!("evt_{index}"), 10);
    }
    writing.commit().unwrap();
    let reader = Reader::open(&folder.path().join("webhook.sqlite")).unwrap();
    let first = reader.page(endpoint(), None, None, 3).unwrap();
    let second = reader.page(endpoint(), Some(State::Pending), first.next, 3).unwrap();
    let events: Vec<String> =
        [first.deliveries, second.deliveries].concat().into_iter().map(|one| one.event).collect();
    assert_eq!(events, ["evt_4", "evt_3", "evt_2", "evt_1", "evt_0"]);
    assert_eq!(second.next, None);

    let numbers = store.due_numbers(endpoint(), 10, 9).unwrap();
    let writing = store.begin().unwrap();
    for number in &numbers[..4] {
        writing.dead(*number, &Attempt::default()).unwrap();
    }
    assert_eq!(writing.prune(1).unwrap(), 3);
    writing.keep_only(&[endpoint()]).unwrap();
    writing.commit().unwrap();
    assert_eq!(reader.count(State::Dead).unwrap(), 1);
    assert_eq!(reader.count(State::Pending).unwrap(), 1);
}

#[test]
fn an_endpoint_that_is_gone_leaves_nothing() {
    let folder = tempdir().unwrap();
    let mut store = store(folder.path());
    let writing = store.begin().unwrap();
    writing.place_cursor(endpoint(), 5, 0).unwrap();
    put(&writing, "evt_1", 10);
    writing.keep_only(&[]).unwrap();
    assert_eq!(writing.cursor(endpoint()).unwrap(), None);
    writing.commit().unwrap();
    assert_eq!(store.pending_count(endpoint()).unwrap(), 0);
}

#[test]
fn the_outbox_of_another_node_or_version_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("webhook.sqlite");
    drop(store(folder.path()));
    let other = Store::open(&path, NodeId::new(8).unwrap());
    assert!(matches!(other, Err(StoreError::OtherNode)));
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE meta SET value = '9' WHERE name = 'schema'", []).unwrap();
    assert!(matches!(Store::open(&path, NodeId::new(7).unwrap()), Err(StoreError::Version)));
}
