//! Bodies on their way: streamed both ways, with payers and upstreams that stop half-way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use http::Response;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, mpsc};

use crate::books::{encode, until};
use crate::client::{self, Wanted};
use crate::shop::{CHEAP, JOB, Shop};
use crate::upstream::response;

const MIB: usize = 1024 * 1024;

/// An answer whose body a test feeds; the sender is closed when nobody sends the body any more.
fn fed_body(kind: &'static str) -> (mpsc::Sender<Bytes>, impl Fn() -> Response<Body>) {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    let receiver = std::sync::Mutex::new(Some(receiver));
    let answer = move || {
        let receiver = receiver.lock().unwrap().take().unwrap();
        let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
            let piece = receiver.recv().await?;
            Some((Ok::<_, std::io::Error>(piece), receiver))
        });
        let kind = [("content-type".to_owned(), kind.to_owned())];
        response(200, &kind, Body::from_stream(pieces))
    };
    (sender, answer)
}

#[tokio::test]
async fn a_large_file_waits_for_its_reader() {
    const PIECES: usize = 64;
    let shop = Shop::open().await;
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    shop.upstream.on("/files/large", move |_| {
        let count = Arc::clone(&count);
        let pieces = futures_util::stream::iter(0..PIECES).map(move |_| {
            count.fetch_add(MIB as u64, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; MIB]))
        });
        let length = [("content-length".to_owned(), (PIECES * MIB).to_string())];
        let answer = response(200, &length, Body::from_stream(pieces));
        async move { answer }
    });
    let wanted = shop.paid(&Wanted::get("/files/large")).await;
    let mut live = client::open(shop.address, wanted.request()).await;
    let first = live.piece().await.unwrap().unwrap().len() as u64;
    // The upstream comes to rest, far from its end: only sockets and a few pieces are filled.
    let mut before = 0;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let now = sent.swap(0, Ordering::SeqCst);
        before += now;
        if now == 0 {
            break;
        }
    }
    assert!(before < 32 * MIB as u64, "{before} bytes were read ahead");
    shop.books.until_payments(1).await;
    assert_eq!(shop.books.held().await, CHEAP);
    let (rest, whole) = live.drain().await;
    assert_eq!((first + rest, whole), ((PIECES * MIB) as u64, true));
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let shop = Shop::open().await;
    for (number, wanted) in
        [Wanted::get("/files/events"), Wanted::post("/files/events", "x")].iter().enumerate()
    {
        let (events, answer) = fed_body("text/event-stream");
        shop.upstream.on("/files/events", move |_| {
            let answer = answer();
            async move { answer }
        });
        let mut live = client::open(shop.address, shop.paid(wanted).await.request()).await;
        for text in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
            // The next event is sent only after this one has come.
            events.send(Bytes::from(text)).await.unwrap();
            assert_eq!(live.piece().await.unwrap().unwrap(), text);
            assert_eq!(shop.books.held().await, CHEAP);
        }
        drop(events);
        assert_eq!(live.drain().await, (0, true));
        shop.books.assert_paid(CHEAP * (number as u128 + 1)).await;
    }
}

#[tokio::test]
async fn a_stream_that_outlives_its_hold_is_paid_and_goes_on() {
    let shop = Shop::open().await;
    for (number, wanted) in
        [Wanted::get("/brief/1"), Wanted::post("/brief/1", "x")].iter().enumerate()
    {
        let (events, answer) = fed_body("text/event-stream");
        shop.upstream.on("/brief/1", move |_| {
            let answer = answer();
            async move { answer }
        });
        let mut live = client::open(shop.address, shop.paid(wanted).await.request()).await;
        events.send(Bytes::from("one")).await.unwrap();
        assert_eq!(live.piece().await.unwrap().unwrap(), "one");
        shop.books.until_nothing_is_held().await;
        shop.books.assert_paid(CHEAP * (number as u128 + 1)).await;
        events.send(Bytes::from("two")).await.unwrap();
        assert_eq!(live.piece().await.unwrap().unwrap(), "two");
        // Without its reader it ends: the upstream's next events have nowhere to go.
        live.hang_up();
        events.closed().await;
    }
}

#[tokio::test]
async fn a_payer_that_reads_slowly_does_not_get_past_the_hold_unpaid() {
    let shop = Shop::open().await;
    shop.upstream.says("/brief/large", 200, &[], &vec![b'x'; 64 * MIB]);
    let paid = shop.paid(&Wanted::get("/brief/large")).await;
    let mut live = client::open(shop.address, paid.request()).await;
    shop.books.until_payments(1).await;
    assert_eq!(shop.books.held().await, CHEAP);
    shop.books.until_nothing_is_held().await;
    shop.books.assert_paid(CHEAP).await;
    assert_eq!(live.drain().await, (64 * MIB as u64, true));
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn an_upstream_slower_than_the_hold_is_paid_for_what_arrived() {
    let shop = Shop::open().await;
    shop.upstream.on("/brief/1", |_| async {
        let length = [("content-length".to_owned(), "200000".to_owned())];
        let some = futures_util::stream::iter([Ok::<_, std::io::Error>(vec![b'x'; 100_000])]);
        let body = some.chain(futures_util::stream::pending());
        response(200, &length, Body::from_stream(body))
    });
    let paid = shop.paid(&Wanted::get("/brief/1")).await;
    let mut live = client::open(shop.address, paid.request()).await;
    let (bytes, whole) = live.drain().await;
    assert!(!whole && bytes <= 100_000);
    shop.books.until_nothing_is_held().await;
    shop.books.assert_paid(CHEAP / 2).await;
    let again = shop.send(&paid).await;
    assert_eq!((again.status, again.code().as_str()), (402, "payment_in_part"));
}

#[tokio::test]
async fn r23_a_payer_who_hangs_up_finds_the_answer_later() {
    for wanted in [Wanted::get("/both/1"), Wanted::post("/both/1", "x")] {
        let shop = Shop::open().await;
        let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (arrived, open) = (Arc::clone(&came), Arc::clone(&go));
        shop.upstream.on("/both/1", move |_| {
            let (came, go) = (Arc::clone(&arrived), Arc::clone(&open));
            async move {
                came.notify_one();
                go.notified().await;
                Response::new(Body::from("late, but whole"))
            }
        });
        let paid = shop.paid(&wanted).await;
        client::send_and_hang_up(shop.address, &paid, came.notified()).await;
        go.notify_one();
        let got = shop.send(&paid).await;
        assert_eq!((got.status, &got.body[..]), (200, &b"late, but whole"[..]));
        assert_eq!(shop.upstream.count(), 1);
        shop.books.assert_paid(if wanted.method == http::Method::GET { CHEAP } else { JOB }).await;
    }
}

#[tokio::test]
async fn r23_a_payer_who_hangs_up_in_a_large_file_has_paid_and_may_fetch_it_again() {
    let shop = Shop::open().await;
    shop.upstream.says("/files/large", 200, &[], &vec![b'x'; 32 * MIB]);
    let paid = shop.paid(&Wanted::get("/files/large")).await;
    let mut live = client::open(shop.address, paid.request()).await;
    live.piece().await.unwrap().unwrap();
    live.hang_up();
    shop.books.until_nothing_is_held().await;
    shop.books.assert_paid(CHEAP).await;
    let got = shop.send(&paid).await;
    assert_eq!((got.status, got.body.len()), (200, 32 * MIB));
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn r23_a_reader_of_events_who_leaves_in_a_silence_has_paid() {
    let shop = Shop::open().await;
    let (events, answer) = fed_body("text/event-stream");
    shop.upstream.on("/files/events", move |_| {
        let answer = answer();
        async move { answer }
    });
    let paid = shop.paid(&Wanted::get("/files/events")).await;
    let mut live = client::open(shop.address, paid.request()).await;
    events.send(Bytes::from("one")).await.unwrap();
    assert_eq!(live.piece().await.unwrap().unwrap(), "one");
    live.hang_up();
    shop.books.until_nothing_is_held().await;
    shop.books.assert_paid(CHEAP).await;
}

fn digest_of(body: &[u8]) -> String {
    format!("sha-256=:{}:", encode(Sha256::digest(body)))
}

/// A body in pieces, whose length nobody announces.
fn in_pieces(body: &Bytes) -> Body {
    let pieces: Vec<_> = body.chunks(60_000).map(Bytes::copy_from_slice).collect();
    Body::from_stream(futures_util::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)))
}

/// A payment for a body of which only the digest is known when it is signed.
async fn payment_for(shop: &Shop, body: &Bytes) -> (String, String) {
    let wanted =
        Wanted::post("/files/upload", body.clone()).with("content-digest", &digest_of(body));
    shop.payment(&wanted).await.header()
}

#[tokio::test]
async fn a_large_upload_streams_with_its_digest() {
    let shop = Shop::open().await;
    let body = Bytes::from(vec![7; 3 * MIB]);
    let payment = payment_for(&shop, &body).await;
    let wanted = Wanted::post("/files/upload", body.clone())
        .with("content-digest", &digest_of(&body))
        .paid(&payment);
    let got = shop.send(&wanted).await;
    assert_eq!(got.status, 200);
    let again = client::send_request(shop.address, wanted.request_with(in_pieces(&body))).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    let seen = shop.upstream.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].body.as_ref(), Some(&body));
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn a_slow_upload_is_not_taken_for_a_slow_upstream() {
    let shop = Shop::open().await;
    let pieces = futures_util::stream::unfold(0, |number| async move {
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        (number < 4).then(|| (Ok::<_, std::io::Error>(vec![b'x'; 10]), number + 1))
    });
    let wanted = Wanted::post("/free", "");
    let got =
        client::send_request(shop.address, wanted.request_with(Body::from_stream(pieces))).await;
    assert_eq!(got.status, 200, "{got:?}");
    assert_eq!(shop.upstream.seen()[0].body.as_ref().unwrap().len(), 40);
}

#[tokio::test]
async fn a_large_upload_without_digest_is_refused() {
    let shop = Shop::open().await;
    let body = Bytes::from(vec![7; MIB + 1]);
    for request_body in [Body::from(body.clone()), in_pieces(&body)] {
        let wanted = Wanted::post("/files/upload", body.clone());
        let got = client::send_request(shop.address, wanted.request_with(request_body)).await;
        assert_eq!((got.status, got.code().as_str()), (413, "content_digest_required"));
    }
    assert_eq!(shop.upstream.count(), 0);
}

#[tokio::test]
async fn a_body_without_its_digest_never_arrives_whole() {
    let shop = Shop::open().await;
    for (size, pieces) in [(3 * MIB, false), (3 * MIB, true), (10, true), (10, false)] {
        let (good, bad) = (Bytes::from(vec![7; size]), Bytes::from(vec![8; size]));
        let payment = payment_for(&shop, &good).await;
        let wanted = Wanted::post("/files/upload", bad.clone())
            .with("content-digest", &digest_of(&good))
            .paid(&payment);
        let request = wanted.request_with(if pieces { in_pieces(&bad) } else { bad.into() });
        let got = client::send_request(shop.address, request).await;
        assert_eq!((got.status, got.code().as_str()), (400, "content_digest_mismatch"), "{size}");
        shop.books.assert_paid(0).await;
    }
    until(|| shop.upstream.seen().iter().all(|seen| seen.body.is_none())).await;
}

#[tokio::test]
async fn malformed_digests_are_named() {
    let shop = Shop::open().await;
    for digest in ["sha-256=:AAAA:", "sha-256=:", "sha-256=:%%%:", "sha-256=:AAAA"] {
        let wanted = Wanted::post("/job/1", "x").with("content-digest", digest);
        let got = shop.send(&wanted).await;
        assert_eq!((got.status, got.code().as_str()), (400, "content_digest_malformed"));
    }
}
