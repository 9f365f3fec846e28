//! A log's client against good witnesses.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::serve::ListenerExt as _;
use tlog::policy::Policy;
use tlog::{Cosigner, Note};
use tokio::net::TcpListener;
use witness::client::{Alarm, Client, Options, Outcome, Round};
use witness::{Start, Store, Witness, server};

use crate::world::{
    FORK, History, LOG, OTHER_LOG, TIME, clock, cosigner, fresh, log, log_named, name, policy,
    serve, serve_witness,
};

/// One round of a log with this history.
async fn round(client: &mut Client, history: History, size: u64) -> Round {
    let prove = |old, new| async move { Ok::<_, String>(history.proof(old, new)) };
    client.collect(&history.note(size), prove).await.unwrap()
}

#[tokio::test]
async fn rounds_go_on_from_what_was_cosigned_last() {
    let (_folder, witness) = fresh();
    let url = serve_witness(Arc::clone(&witness)).await;
    let mut client =
        Client::new(&policy(&[(cosigner().verifier(), &url)]), Options::default()).unwrap();
    assert_eq!(client.count(), 1);
    let asked = RefCell::new(Vec::new());
    for size in [0, 0, 3, 7, 7, 20] {
        let prove = |old, new| {
            asked.borrow_mut().push((old, new));
            async move { Ok::<_, String>(History::First.proof(old, new)) }
        };
        let note = History::First.note(size);
        let round = client.collect(&note, prove).await.unwrap();
        let status = &round.witnesses[0];
        assert!(matches!(status.outcome, Outcome::Cosigned { time } if time >= TIME), "{status:?}");
        assert_eq!((status.cosigned_size, status.failures, status.pause_ms), (Some(size), 0, 0));
        assert_eq!(round.alarms().count(), 0);
        let all = note.with_signatures(&round.signatures).unwrap();
        let (log, witness) = (log(), cosigner());
        assert_eq!(all.verify([log.verifier(), witness.verifier()]).unwrap().len(), 2);
    }
    // No request was in vain: each proof starts at what was cosigned before.
    assert_eq!(asked.into_inner(), [(3, 7), (7, 20)]);
}

#[tokio::test]
async fn a_client_that_knows_nothing_asks_and_goes_on_from_the_answer() {
    let (_folder, witness) = fresh();
    witness.add_checkpoint(History::First.request(0, 6).as_bytes(), TIME).unwrap();
    let url = serve_witness(witness).await;
    let mut client =
        Client::new(&policy(&[(cosigner().verifier(), &url)]), Options::default()).unwrap();
    let status = round(&mut client, History::First, 9).await.witnesses.remove(0);
    assert_eq!((status.outcome.code(), status.cosigned_size), ("cosigned", Some(9)));
}

#[tokio::test]
async fn a_log_that_lost_leaves_is_told_so() {
    let (_folder, witness) = fresh();
    witness.add_checkpoint(History::First.request(0, 9).as_bytes(), TIME).unwrap();
    let url = serve_witness(witness).await;
    let options = Options { refused_pause_ms: 0, ..Options::default() };
    let mut client = Client::new(&policy(&[(cosigner().verifier(), &url)]), options).unwrap();
    let told = round(&mut client, History::First, 8).await;
    let alarm = Alarm::WitnessAhead { size: 9, own_size: 8 };
    assert_eq!(told.witnesses[0].outcome, Outcome::Alarm(alarm));
    assert!(told.signatures.is_empty());
    let alarms: Vec<Alarm> = told.alarms().map(|(_, alarm)| alarm).collect();
    assert_eq!((alarms, alarm.code()), (vec![alarm], "witness_ahead"));
    // The log itself has signed what it does not have any more.
    let proof = told.witnesses[0].proof.as_ref().unwrap();
    assert_eq!(proof.text(), History::First.note(9).text());
    proof.verify([log().verifier()]).unwrap();
    // Whoever has caught up is in order again.
    let healed = round(&mut client, History::First, 9).await;
    assert_eq!((healed.signatures.len(), healed.alarms().count()), (1, 0));
    assert_eq!(healed.witnesses[0].proof, None);
    // The client remembers by itself, too.
    let told = round(&mut client, History::First, 5).await;
    let alarm = Alarm::WitnessAhead { size: 9, own_size: 5 };
    assert_eq!(told.witnesses[0].outcome, Outcome::Alarm(alarm));
}

#[tokio::test]
async fn a_log_that_forked_is_told_so_and_stays_told() {
    for size in [FORK + 2, FORK + 4] {
        let (_folder, witness) = fresh();
        witness.add_checkpoint(History::First.request(0, FORK + 2).as_bytes(), TIME).unwrap();
        let url = serve_witness(witness).await;
        let mut client =
            Client::new(&policy(&[(cosigner().verifier(), &url)]), Options::default()).unwrap();
        let told = round(&mut client, History::Second, size).await;
        let alarm = Alarm::Inconsistent { own_size: size };
        assert_eq!(told.witnesses[0].outcome, Outcome::Alarm(alarm));
        // Two roots of one size prove it; smaller ones are for the log to compare.
        assert_eq!(told.witnesses[0].proof.is_some(), size == FORK + 2);
        let later = round(&mut client, History::Second, size).await;
        assert_eq!(later.witnesses[0].outcome, Outcome::Paused);
        assert!(later.witnesses[0].pause_ms > 0);
        assert_eq!(later.alarms().map(|(_, alarm)| alarm).collect::<Vec<_>>(), [alarm]);
    }
}

#[tokio::test]
async fn a_log_that_is_unknown_there_is_told_by_name_and_asks_no_more_for_long() {
    for (keys, code) in [
        (vec![log_named(OTHER_LOG)], "witness_refused_origin"),
        (vec![tlog::LogSigner::from_seed(name(LOG), &[8; 32])], "witness_refused_key"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Arc::new(disk::Local), folder.path(), Start::First).unwrap();
        let keys = keys.iter().map(|key| key.verifier().clone());
        let witness = Witness::new(store, cosigner(), keys).unwrap();
        let url = serve_witness(Arc::new(witness)).await;
        let mut client =
            Client::new(&policy(&[(cosigner().verifier(), &url)]), Options::default()).unwrap();
        let told = round(&mut client, History::First, 3).await;
        let status = &told.witnesses[0];
        assert_eq!((status.outcome.code(), status.failures), (code, 1));
        assert!(status.pause_ms > 500_000, "{}", status.pause_ms);
        assert_eq!(told.alarms().count(), 0);
        assert_eq!(
            round(&mut client, History::First, 4).await.witnesses[0].outcome,
            Outcome::Paused
        );
    }
}

#[tokio::test]
async fn one_connection_serves_many_rounds() {
    let (_folder, witness) = fresh();
    let router = server::router(witness, clock(), "").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let listener = listener.tap_io(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let policy = policy(&[(cosigner().verifier(), &url)]);
    let mut client = Client::new(&policy, Options::default()).unwrap();
    for size in 1..10 {
        assert_eq!(round(&mut client, History::First, size).await.signatures.len(), 1);
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn several_witnesses_cosign_one_checkpoint() {
    let mut lines = String::new();
    let mut folders = Vec::new();
    for number in 1..=3_u8 {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Arc::new(disk::Local), folder.path(), Start::First).unwrap();
        let key = Cosigner::from_seed(name(&format!("witness.example/{number}")), &[number; 32]);
        let vkey = key.verifier().clone();
        let witness = Witness::new(store, key, [log().verifier().clone()]).unwrap();
        let router = server::router(Arc::new(witness), clock(), "/some/where").unwrap();
        // With and without a slash at the end, and at the root.
        let path = ["/some/where/", "/some/where", ""][usize::from(number) - 1];
        let url = serve(router).await;
        writeln!(lines, "witness w{number} {vkey} {url}{path}").unwrap();
        folders.push(folder);
    }
    let unasked = Cosigner::from_seed(name("witness.example/unasked"), &[99; 32]);
    let text = format!(
        "log {}\n{lines}witness w4 {}\ngroup g 3 w1 w2 w3 w4\nquorum g\n",
        log().verifier(),
        unasked.verifier()
    );
    let policy = Policy::parse(text.as_bytes()).unwrap();
    let mut client = Client::new(&policy, Options::default()).unwrap();
    assert_eq!(client.count(), 3);
    let told = round(&mut client, History::First, 7).await;
    assert_eq!(told.witnesses[3].outcome, Outcome::NoUrl);
    let note: Note = History::First.note(7).with_signatures(&told.signatures).unwrap();
    assert_eq!(policy.judge(&note).unwrap().cosigned.len(), 3);
}

#[tokio::test]
async fn a_proof_that_cannot_be_made_is_told_as_such() {
    let (_folder, witness) = fresh();
    witness.add_checkpoint(History::First.request(0, 6).as_bytes(), TIME).unwrap();
    let url = serve_witness(witness).await;
    let mut client =
        Client::new(&policy(&[(cosigner().verifier(), &url)]), Options::default()).unwrap();
    let prove = |_, _| async { Err::<Vec<tlog::Hash>, _>("a tile is missing") };
    let told = client.collect(&History::First.note(9), prove).await.unwrap();
    assert_eq!(told.witnesses[0].outcome, Outcome::Unproven("a tile is missing".to_owned()));
}
