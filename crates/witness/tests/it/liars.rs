//! A log's client against witnesses that are slow, dead, broken or lying.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{StatusCode, header};
use tlog::witness::{AddCheckpoint, CONFLICT_CONTENT_TYPE, cosigned_body};
use tlog::{Cosigner, LogSigner, Note};
use witness::client::{
    ANSWER_BYTES_MAX, Alarm, CONFLICT_RETRIES_COUNT_MAX, Client, Options, Outcome, Round,
};

use crate::world::{
    History, LOG, OTHER_LOG, TIME, cosigner, fresh, log_named, name, policy, serve, serve_witness,
    signed,
};

/// A witness that answers each request with what `answer` makes of it; counts them.
async fn serve_answers(
    answer: impl Fn(AddCheckpoint) -> Response + Clone + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let handler = move |body: String| async move {
        counter.fetch_add(1, Ordering::SeqCst);
        answer(AddCheckpoint::parse(body.as_bytes()).unwrap())
    };
    (serve(Router::new().route("/add-checkpoint", post(handler))).await, count)
}

fn conflict(body: String) -> Response {
    (StatusCode::CONFLICT, [(header::CONTENT_TYPE, CONFLICT_CONTENT_TYPE)], body).into_response()
}

fn other() -> Cosigner {
    Cosigner::from_seed(name("witness.example/w2"), &[19; 32])
}

async fn round(client: &mut Client, size: u64) -> Round {
    let prove = |old, new| async move { Ok::<_, String>(History::First.proof(old, new)) };
    client.collect(&History::First.note(size), prove).await.unwrap()
}

/// The outcome at seven leaves with a witness that answers so, in one round.
async fn outcome(
    answer: impl Fn(AddCheckpoint) -> Response + Clone + Send + Sync + 'static,
) -> (Outcome, usize) {
    let (url, count) = serve_answers(answer).await;
    let mut client =
        Client::new(&policy(&[(cosigner().verifier(), &url)]), Options::default()).unwrap();
    let mut round = round(&mut client, 7).await;
    let status = round.witnesses.remove(0);
    assert!(round.signatures.is_empty(), "{status:?}");
    assert_eq!((status.failures, status.cosigned_size), (1, None), "{status:?}");
    (status.outcome, count.load(Ordering::SeqCst))
}

#[tokio::test]
async fn signatures_that_are_not_the_witnesss_own_do_not_count() {
    let sign = |key: Cosigner, note: &Note| cosigned_body(&[key.cosign(note, TIME).unwrap()]);
    let of_other_key = outcome(move |request| sign(other(), request.note()).into_response());
    assert_eq!(of_other_key.await.0, Outcome::Forged("note_unsigned"));
    // Its own, but for another checkpoint.
    let elsewhere = outcome(move |_| sign(cosigner(), &History::First.note(6)).into_response());
    assert_eq!(elsewhere.await.0, Outcome::Forged("note_signature_mismatch"));
    // The log's own line, sent back.
    let back = outcome(|request| cosigned_body(request.note().signatures()).into_response());
    assert_eq!(back.await.0, Outcome::Forged("note_unsigned"));
    // One good line beside a bad one of the same key.
    let mixed = outcome(move |request| {
        let good = sign(cosigner(), request.note());
        format!("{good}{}", sign(cosigner(), &History::First.note(6))).into_response()
    });
    assert_eq!(mixed.await.0, Outcome::Forged("note_signature_mismatch"));
}

#[tokio::test]
async fn further_signatures_beside_the_witnesss_own_are_left_out() {
    let (url, _) = serve_answers(|request| {
        let lines = [other(), cosigner()].map(|key| key.cosign(request.note(), TIME).unwrap());
        cosigned_body(&lines).into_response()
    })
    .await;
    let mut client =
        Client::new(&policy(&[(cosigner().verifier(), &url)]), Options::default()).unwrap();
    let round = round(&mut client, 7).await;
    let names: Vec<&str> = round.signatures.iter().map(|line| line.name().as_str()).collect();
    assert_eq!(names, ["witness.example/w1"]);
}

#[tokio::test]
async fn answers_that_make_no_sense_are_named() {
    let malformed = |code| (Outcome::Malformed(code), 1);
    assert_eq!(outcome(|_| "".into_response()).await, malformed("witness_answer_lines"));
    assert_eq!(outcome(|_| "<html>".into_response()).await, malformed("witness_answer_lines"));
    let long = "a".repeat(ANSWER_BYTES_MAX + 1);
    let long = outcome(move |_| long.clone().into_response()).await;
    assert_eq!(long, malformed("witness_answer_too_large"));
    let plain = outcome(|_| (StatusCode::CONFLICT, "3\n").into_response()).await;
    assert_eq!(plain, malformed("witness_answer_size"));
    assert_eq!(outcome(|_| conflict("03\n".into())).await, malformed("witness_answer_size"));
    // It names the size that was sent, and still refuses.
    assert_eq!(outcome(|_| conflict("0\n".into())).await, malformed("witness_answer_size"));
    let moved = outcome(|_| {
        (StatusCode::FOUND, [(header::LOCATION, "http://127.0.0.1:1/add-checkpoint")])
            .into_response()
    });
    assert_eq!(moved.await, (Outcome::Failed { status: 302 }, 1));
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::TOO_MANY_REQUESTS] {
        let failed = outcome(move |_| status.into_response()).await;
        assert_eq!(failed, (Outcome::Failed { status: status.as_u16() }, 1));
    }
    let refused =
        outcome(|_| (StatusCode::BAD_REQUEST, "no\u{1b}[31m way\n").into_response()).await;
    let words = "no [31m way".to_owned();
    assert_eq!(refused, (Outcome::Refused { status: 400, words }, 1));
}

#[tokio::test]
async fn an_alarm_without_proof_is_told_as_such() {
    let say = |status: StatusCode, body: String| {
        move || async move {
            (status, [(header::CONTENT_TYPE, CONFLICT_CONTENT_TYPE)], body).into_response()
        }
    };
    let stranger = LogSigner::from_seed(name(LOG), &[99; 32]);
    for shown in [
        // What the log is known to have signed contradicts nothing.
        History::First.note(7).to_string(),
        History::First.note(3).to_string(),
        // Nobody who matters has signed these.
        signed(&stranger, History::First.head(9)).to_string(),
        signed(&log_named(OTHER_LOG), History::First.head(9)).to_string(),
        "nonsense".to_owned(),
    ] {
        let claim = post(say(StatusCode::CONFLICT, "9\n".to_owned()));
        let router = Router::new()
            .route("/add-checkpoint", claim)
            .route("/{log}/checkpoint", get(say(StatusCode::OK, shown.clone())));
        let url = serve(router).await;
        let mut client =
            Client::new(&policy(&[(cosigner().verifier(), &url)]), Options::default()).unwrap();
        let status = round(&mut client, 7).await.witnesses.remove(0);
        let alarm = Alarm::WitnessAhead { size: 9, own_size: 7 };
        assert_eq!((status.alarm, status.proof), (Some(alarm), None), "{shown}");
    }
}

#[tokio::test]
async fn an_alarm_is_not_lost_when_the_proof_never_comes() {
    let router = Router::new()
        .route("/add-checkpoint", post(|| async { conflict("9\n".into()) }))
        .route("/{log}/checkpoint", get(std::future::pending::<()>));
    let url = serve(router).await;
    let options = Options { collect_ms: 300, ..Options::default() };
    let mut client = Client::new(&policy(&[(cosigner().verifier(), &url)]), options).unwrap();
    let told = round(&mut client, 7).await;
    assert_eq!(told.witnesses[0].outcome, Outcome::Late);
    let alarms: Vec<Alarm> = told.alarms().map(|(_, alarm)| alarm).collect();
    assert_eq!(alarms, [Alarm::WitnessAhead { size: 9, own_size: 7 }]);
}

#[tokio::test]
async fn a_witness_that_names_another_size_each_time_is_given_up() {
    let next = Arc::new(AtomicUsize::new(0));
    let (outcome, count) =
        outcome(move |_| conflict(format!("{}\n", 1 + next.fetch_add(1, Ordering::SeqCst) % 6)))
            .await;
    assert_eq!(outcome, Outcome::Unsettled);
    assert_eq!(u32::try_from(count).unwrap(), CONFLICT_RETRIES_COUNT_MAX + 1);
}

#[tokio::test]
async fn the_slow_and_the_dead_delay_nobody_else_longer_than_the_round() {
    let (_folder, good) = fresh();
    let good = serve_witness(good).await;
    let hangs = Router::new().route("/add-checkpoint", post(std::future::pending::<()>));
    let hangs = serve(hangs).await;
    // Bound, then closed: nobody answers there.
    let dead = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", socket.local_addr().unwrap())
    };
    // Takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute = format!("http://{}", silent.local_addr().unwrap());
    let keys: Vec<Cosigner> =
        (1..=3).map(|it| Cosigner::from_seed(name("witness.example/x"), &[it; 32])).collect();
    let policy = policy(&[
        (keys[0].verifier(), &hangs),
        (keys[1].verifier(), &dead),
        (keys[2].verifier(), &mute),
        (cosigner().verifier(), &good),
    ]);
    for (answer_ms, collect_ms, size) in [(60_000, 300, 7), (300, 60_000, 9)] {
        let pause_first_ms = 60_000;
        let options = Options { answer_ms, collect_ms, pause_first_ms, ..Options::default() };
        let mut client = Client::new(&policy, options).unwrap();
        let start = Instant::now();
        let told = round(&mut client, size).await;
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        let codes: Vec<&str> = told.witnesses.iter().map(|it| it.outcome.code()).collect();
        assert_eq!(codes, ["witness_late", "witness_unreachable", "witness_late", "cosigned"]);
        assert_eq!(told.signatures.len(), 1);
        // They are left alone for a while, and the good one goes on.
        let told = round(&mut client, size + 1).await;
        let codes: Vec<&str> = told.witnesses.iter().map(|it| it.outcome.code()).collect();
        assert_eq!(codes, ["witness_paused", "witness_paused", "witness_paused", "cosigned"]);
    }
}

#[tokio::test]
async fn pauses_grow_with_each_failure_and_end_with_a_success() {
    let sick = Arc::new(AtomicUsize::new(4));
    let (url, count) = serve_answers(move |request| {
        let left =
            sick.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Err(_) => {
                cosigned_body(&[cosigner().cosign(request.note(), TIME).unwrap()]).into_response()
            }
        }
    })
    .await;
    let options = Options { pause_first_ms: 40, pause_last_ms: 100, ..Options::default() };
    let mut client = Client::new(&policy(&[(cosigner().verifier(), &url)]), options).unwrap();
    let mut pauses = Vec::new();
    let status = loop {
        let mut told = round(&mut client, 7).await;
        let status = told.witnesses.remove(0);
        match status.outcome {
            Outcome::Failed { status: 503 } => pauses.push((status.failures, status.pause_ms)),
            Outcome::Paused => tokio::time::sleep(Duration::from_millis(status.pause_ms)).await,
            Outcome::Cosigned { .. } => break status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(pauses, [(1, 40), (2, 80), (3, 100), (4, 100)]);
    assert_eq!((status.failures, status.pause_ms, count.load(Ordering::SeqCst)), (0, 0, 5));
}
