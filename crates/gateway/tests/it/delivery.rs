//! The delivery rules: nothing is charged that was not delivered, nothing is delivered unpaid.

use std::sync::Arc;

use axum::body::Body;
use http::Response;
use http402::x402::PaymentState;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::books::{Books, author, editor, platform};
use crate::client::{self, Wanted};
use crate::shop::{CHEAP, HOLD_SECONDS, JOB, ODD, Shop};
use crate::upstream::{broken_body, response, serve_bytes};

const LARGE_BYTES: usize = 300_000;

fn files(name: &str) -> [Wanted; 2] {
    let path = format!("/files/{name}");
    [Wanted::get(&path), Wanted::post(&path, "x")]
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_charges_nothing() {
    // The port was ours a moment ago, so nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let shop = Shop::in_front_of(closed).await;
    for wanted in files("a") {
        let paid = shop.paid(&wanted).await;
        let got = shop.send(&paid).await;
        assert_eq!((got.status, got.code().as_str()), (502, "upstream_unreachable"));
        assert_eq!(got.json()["charged"], false);
        assert!(got.settlement().is_none());
        assert!(!String::from_utf8_lossy(&got.body).contains("127.0.0.1"));
    }
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_in_time_charges_nothing() {
    let shop = Shop::open().await;
    shop.upstream.on("/files/slow", |_| std::future::pending());
    for wanted in files("slow") {
        let got = shop.buy(&wanted).await;
        assert_eq!((got.status, got.code().as_str()), (504, "upstream_timeout"));
    }
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn a_small_answer_that_breaks_off_charges_nothing() {
    for head in ["content-length: 100\r\n", "transfer-encoding: chunked\r\n"] {
        let half = format!("HTTP/1.1 200 OK\r\n{head}\r\n5\r\nhello\r\n");
        let shop = Shop::in_front_of(serve_bytes(half).await).await;
        let got = shop.buy(&Wanted::get("/files/half")).await;
        assert_eq!((got.status, got.code().as_str()), (502, "upstream_broken"), "{head}");
        shop.books.assert_paid(0).await;
        // Once a POST's answer of unknown length has begun, only the break is left to tell.
        let wanted = Wanted::post("/files/half", "x");
        let mut live = client::open(shop.address, shop.paid(&wanted).await.request()).await;
        if live.response.status() == 200 {
            assert!(!live.drain().await.1, "{head}");
        }
        shop.books.until_nothing_is_held().await;
        shop.books.assert_paid(0).await;
    }
}

#[tokio::test]
async fn a_large_answer_that_breaks_off_is_charged_for_the_share_that_arrived() {
    // 100,000 of 300,000 bytes for 1,000 units: 333, rounded down.
    let mut part = b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n".to_vec();
    part.resize(part.len() + 100_000, b'x');
    let shop = Shop::in_front_of(serve_bytes(part).await).await;
    let wanted = [files("get")[0].clone(), files("post")[1].clone()];
    for (number, wanted) in wanted.iter().enumerate() {
        let paid = shop.paid(wanted).await;
        let mut live = client::open(shop.address, paid.request()).await;
        assert_eq!(live.response.status(), 200);
        let (bytes, whole) = live.drain().await;
        assert!(!whole && bytes <= 100_000, "{bytes}");
        shop.books.until_nothing_is_held().await;
        shop.books.assert_paid(333 * (number as u128 + 1)).await;
        // A part that was paid for does not open the whole.
        let again = shop.send(&paid).await;
        let code = if number == 0 { (402, "payment_in_part") } else { (409, "outcome_not_kept") };
        assert_eq!((again.status, again.code().as_str()), code);
    }
}

#[tokio::test]
async fn a_large_answer_of_unknown_length_that_breaks_off_charges_nothing() {
    let shop = Shop::open().await;
    shop.upstream.on("/files/a", |_| async { Response::new(broken_body(100, 1000)) });
    for wanted in files("a") {
        let paid = shop.paid(&wanted).await;
        let mut live = client::open(shop.address, paid.request()).await;
        assert!(!live.drain().await.1);
        shop.books.until_nothing_is_held().await;
        shop.books.assert_paid(0).await;
        let again = shop.send(&paid).await;
        assert_eq!((again.status, again.code().as_str()), (402, "payment_released"));
    }
    assert_eq!(shop.upstream.count(), 2);
}

#[tokio::test]
async fn a_large_answer_is_charged_once_it_is_whole() {
    let shop = Shop::open().await;
    shop.upstream.says("/files/known", 200, &[], &vec![b'k'; LARGE_BYTES]);
    shop.upstream.on("/files/unknown", |_| async {
        let pieces = (0..300).map(|_| Ok::<_, std::io::Error>(vec![b'u'; 1000]));
        Response::new(Body::from_stream(futures_util::stream::iter(pieces)))
    });
    let mut paid = 0;
    for wanted in files("known").into_iter().chain(files("unknown")) {
        let with_payment = shop.paid(&wanted).await;
        let got = shop.send(&with_payment).await;
        assert_eq!((got.status, got.body.len()), (200, LARGE_BYTES));
        assert_eq!(got.settlement().unwrap().state, PaymentState::Held);
        // The end came, so the money has moved.
        paid += CHEAP;
        shop.books.assert_paid(paid).await;
        let again = shop.send(&with_payment).await;
        if wanted.method == http::Method::GET {
            assert_eq!((again.status, again.body.len()), (200, LARGE_BYTES));
            assert_eq!(again.settlement().unwrap().state, PaymentState::Settled);
        } else {
            assert_eq!((again.status, again.code().as_str()), (409, "outcome_not_kept"));
            assert_eq!(again.json()["charged"], true);
        }
        shop.books.assert_paid(paid).await;
    }
    assert_eq!(shop.upstream.count(), 6);
}

#[tokio::test]
async fn an_answer_of_unknown_length_to_a_post_is_kept_for_copies() {
    let shop = Shop::open().await;
    shop.upstream.on("/job/1", |_| async {
        let pieces = ["one ", "two"].map(Ok::<_, std::io::Error>);
        Response::new(Body::from_stream(futures_util::stream::iter(pieces)))
    });
    let paid = shop.paid(&Wanted::post("/job/1", "x")).await;
    for got in [shop.send(&paid).await, shop.send(&paid).await] {
        assert_eq!((got.status, &got.body[..]), (200, &b"one two"[..]));
        assert!(got.settlement().is_some());
    }
    assert_eq!(shop.upstream.count(), 1);
    shop.books.assert_paid(JOB).await;
}

#[tokio::test]
async fn ranges_come_under_one_payment() {
    let shop = Shop::open().await;
    shop.upstream.on("/files/audio", |seen| async move {
        let range = seen.headers.get("range").map(|range| range.to_str().unwrap().to_owned());
        match range {
            None => Response::new(Body::from("0123456789")),
            Some(range) => {
                let range = range.trim_start_matches("bytes=").to_owned();
                let (from, to) = range.split_once('-').unwrap();
                let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
                let head = [("content-range".to_owned(), format!("bytes {range}/10"))];
                response(206, &head, Body::from(b"0123456789"[from..=to].to_vec()))
            }
        }
    });
    let paid = shop.paid(&Wanted::get("/files/audio")).await;
    for (range, status, body) in [
        ("bytes=0-3", 206, "0123"),
        ("bytes=4-6", 206, "456"),
        ("bytes=0-3", 206, "0123"),
        ("", 200, "0123456789"),
    ] {
        let wanted = match range {
            "" => paid.clone(),
            range => paid.clone().with("range", range),
        };
        let got = shop.send(&wanted).await;
        assert_eq!((got.status, &got.body[..]), (status, body.as_bytes()), "{range}");
        assert!(got.settlement().is_some());
    }
    shop.books.assert_paid(CHEAP).await;
    // Access ends; then another payment is due.
    shop.books.clock.advance_ms(61_000);
    let late = shop.send(&paid).await;
    assert_eq!((late.status, late.code().as_str()), (402, "payment_already_used"));
}

#[tokio::test]
async fn not_modified_and_redirects_are_not_charged() {
    let shop = Shop::open().await;
    shop.upstream.says("/files/a", 304, &[("etag", "\"v1\"")], b"");
    let got = shop.buy(&Wanted::get("/files/a").with("if-none-match", "\"v1\"")).await;
    assert_eq!((got.status, got.header("etag")), (304, "\"v1\""));
    assert!(got.settlement().is_none());
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn a_split_pays_everybody_and_keeps_the_residue() {
    let shop = Shop::open().await;
    for (number, wanted) in
        [Wanted::get("/split/1"), Wanted::post("/split/1", "x")].into_iter().enumerate()
    {
        assert_eq!(shop.buy(&wanted).await.status, 200);
        let times = number as u128 + 1;
        // 1,003 units: 802.4, 150.45 and 50.15, each rounded down, and one left over.
        assert_eq!(shop.books.available(author()).await, 802 * times);
        assert_eq!(shop.books.available(editor()).await, 150 * times);
        assert_eq!(shop.books.available(platform()).await, 50 * times);
        assert_eq!(shop.books.residue().await, times);
        shop.books.assert_paid(ODD * times).await;
    }
}

#[tokio::test]
async fn a_hold_that_runs_out_is_released_and_the_late_answer_withheld() {
    let shop = Shop::open().await;
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (arrived, released) = (Arc::clone(&came), Arc::clone(&go));
    shop.upstream.on("/job/1", move |_| {
        let (came, go) = (Arc::clone(&arrived), Arc::clone(&released));
        async move {
            came.notify_one();
            go.notified().await;
            Response::new(Body::from("the secret"))
        }
    });
    let paid = shop.paid(&Wanted::post("/job/1", "x")).await;
    let late = async {
        came.notified().await;
        assert_eq!(shop.books.held().await, JOB);
        shop.books.clock.advance_ms(u64::from(HOLD_SECONDS) * 1000 + 1);
        shop.books.until_nothing_is_held().await;
        go.notify_one();
    };
    let (got, ()) = tokio::join!(shop.send(&paid), late);
    assert_eq!(got.status, 503, "{got:?}");
    assert!(!String::from_utf8_lossy(&got.body).contains("secret"));
    let again = shop.send(&paid).await;
    assert_eq!((again.status, again.code().as_str()), (402, "payment_released"));
    assert_eq!(shop.upstream.count(), 1);
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn money_that_is_gone_by_the_time_of_the_charge_is_refused() {
    let shop = Shop::open().await;
    let poor = shop.books.stranger();
    shop.books.fund(&poor, CHEAP).await;
    let required = shop.challenge(&Wanted::get("/cheap/1")).await;
    let requests: Vec<_> =
        (0..4).map(|_| Wanted::get("/cheap/1").paid(&poor.pay(&required).header())).collect();
    let answers = futures_util::future::join_all(requests.iter().map(|paid| shop.send(paid))).await;
    let served = answers.iter().filter(|got| got.status == 200).count();
    assert_eq!(served, 1);
    for got in answers.iter().filter(|got| got.status != 200) {
        assert_eq!((got.status, got.code().as_str()), (402, "insufficient_funds"));
    }
    assert_eq!(shop.books.available(poor.account()).await, 0);
    assert_eq!(shop.books.available(author()).await, CHEAP);
    assert_books_balance(&shop.books).await;
}

async fn assert_books_balance(books: &Books) {
    let sums = books.engine.read(engine::books).await.unwrap();
    assert!(sums.iter().all(|book| book.balanced), "{sums:?}");
}
