//! What is sold by the unit, paid by orders for the most that it may cost.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use gateway::{ChannelSettings, Meter, MeterTerms, Node, Offer, Routes, Tier, Unit};
use http::{HeaderMap, HeaderName, Method, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use http402::x402::SettleResponse;
use money::Amount;

use crate::books::{Books, Paid, usd};
use crate::client::{self, Got, Live, Wanted};
use crate::far_node::FarNode;
use crate::shop::{offer, paywall_of, serve};
use crate::upstream::{Upstream, response};

pub const BYTE: u128 = 3;
pub const BYTES_MAX: u64 = 100_000;
pub const SECOND: u128 = 100;
pub const SECONDS_MAX: u64 = 3;
pub const EVENT: u128 = 10;
pub const EVENTS_MAX: u64 = 6;
pub const TOKEN: u128 = 7;
pub const TOKENS_MAX: u64 = 1_000;

/// How long a gateway apart waits for its node, on a busy machine too.
pub const PATIENCE_MS: u64 = 2_000;

/// A shop that sells by the unit.
pub struct MeterShop {
    pub books: Books,
    pub upstream: Upstream,
    pub address: SocketAddr,
}

pub fn terms(unit: Unit, price: u128, units_max: u64) -> MeterTerms {
    let (price, units_max) = (Amount::new(price, usd()), Some(units_max));
    MeterTerms { unit, price, per: 1, free_units: 0, units_max, tiers: Vec::new() }
}

pub fn tokens() -> Unit {
    let header = HeaderName::from_static("farthing-units");
    Unit::Reported { name: "token".to_owned(), header }
}

fn metered(path: &str, terms: MeterTerms) -> Offer {
    let price = terms.price;
    let meter = Meter::new(terms).unwrap();
    let channel =
        ChannelSettings { voucher_wait_seconds: 2, ..ChannelSettings::usual(price, Some(&meter)) };
    let both = &[Method::GET, Method::POST];
    Offer { price, meter: Some(meter), channel, ..offer(path, both, 1) }
}

fn routes() -> Routes {
    let tier = |from, price| Tier { from, price: Amount::new(price, usd()) };
    let event = terms(Unit::Event, EVENT, EVENTS_MAX);
    let brief = metered("/brief/{id}", terms(Unit::Event, EVENT, EVENTS_MAX));
    // Longer than any test.
    let mut patient = metered("/patient/{id}", terms(Unit::Event, EVENT, EVENTS_MAX));
    patient.channel.voucher_wait_seconds = 60;
    patient.channel.step_units = 1;
    let mut steps = metered("/steps/{id}", terms(Unit::Byte, BYTE, BYTES_MAX));
    steps.channel.step_units = 100;
    Routes::new(vec![
        metered("/bytes/{id}", terms(Unit::Byte, BYTE, BYTES_MAX)),
        steps,
        patient,
        metered("/kilobytes/{id}", MeterTerms { per: 1_000, ..terms(Unit::Byte, 3, BYTES_MAX) }),
        metered("/seconds/{id}", terms(Unit::Second, SECOND, SECONDS_MAX)),
        metered("/events/{id}", event.clone()),
        metered("/free/{id}", MeterTerms { free_units: 2, ..event.clone() }),
        metered("/tiers/{id}", MeterTerms { tiers: vec![tier(2, 4), tier(4, 1)], ..event }),
        metered("/tokens/{id}", terms(tokens(), TOKEN, TOKENS_MAX)),
        metered("/open/{id}", MeterTerms { units_max: None, ..terms(Unit::Byte, 1, 1) }),
        Offer { hold_seconds: 1, ..brief },
    ])
    .unwrap()
}

impl MeterShop {
    pub async fn open() -> Self {
        let upstream = Upstream::default();
        let behind = upstream.serve().await;
        Self { upstream, ..Self::in_front_of(behind).await }
    }

    pub async fn in_front_of(behind: SocketAddr) -> Self {
        let (books, upstream) = (Books::open().await, Upstream::default());
        let node = Node::Local(books.engine.clone());
        let address = serve(paywall_of(node, &books, routes()), behind).await;
        Self { books, upstream, address }
    }

    /// With a gateway apart from its node.
    pub async fn apart() -> (Self, FarNode) {
        let (books, upstream) = (Books::open().await, Upstream::default());
        let far = FarNode::new(books.engine.clone());
        let (node, behind) = (far.remote_within(PATIENCE_MS).await, upstream.serve().await);
        let address = serve(paywall_of(node, &books, routes()), behind).await;
        (Self { books, upstream, address }, far)
    }

    pub async fn send(&self, wanted: &Wanted) -> Got {
        client::send(self.address, wanted).await
    }

    /// An order for the most, as the first way to pay that the challenge names.
    pub async fn payment(&self, wanted: &Wanted) -> Paid {
        let required = self.send(wanted).await.required();
        assert_eq!(required.accepts[0].scheme.name(), "upto");
        self.books.payer.pay(&required)
    }

    pub async fn paid(&self, wanted: &Wanted) -> Wanted {
        wanted.clone().paid(&self.payment(wanted).await.header())
    }

    /// Sends a request with an order and reads the head of the answer.
    pub async fn buy(&self, wanted: &Wanted) -> Live {
        client::open(self.address, self.paid(wanted).await.request()).await
    }
}

/// A whole body as it came.
#[derive(Debug, Default)]
pub struct Came {
    pub text: String,
    pub trailers: Option<HeaderMap>,
    /// It did not break off.
    pub whole: bool,
}

impl Came {
    /// The data of the events with this name.
    pub fn events(&self, name: &str) -> Vec<String> {
        let start = format!("event: {name}\ndata: ");
        let blocks = self.text.split("\n\n").filter_map(|block| block.strip_prefix(&start));
        blocks.map(str::to_owned).collect()
    }
}

pub async fn read(live: &mut Live) -> Came {
    let mut came = Came { whole: true, ..Came::default() };
    while let Some(frame) = live.response.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => came.text.push_str(std::str::from_utf8(&data).unwrap()),
            Ok(Err(frame)) => came.trailers = frame.into_trailers().ok(),
            Err(_) => came.whole = false,
        }
    }
    came
}

/// An upstream's answer of unknown length, in pieces.
pub fn pieces(kind: &str, pieces: &[&str]) -> Response<Body> {
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from((*piece).to_owned()))).collect();
    let kind = [("content-type".to_owned(), kind.to_owned())];
    let stream = futures_util::stream::iter(
        pieces.into_iter().map(|piece: Result<_, std::io::Error>| piece),
    );
    response(200, &kind, Body::from_stream(stream))
}

/// The same, with a trailer at the end, or `None` to break off there.
pub fn with_trailer(
    text: &'static str,
    trailer: Option<(&'static str, &'static str)>,
) -> Response<Body> {
    let end = match trailer {
        Some((name, value)) => {
            let mut trailers = HeaderMap::new();
            trailers.insert(name, value.parse().unwrap());
            Ok(Frame::trailers(trailers))
        }
        None => Err(std::io::Error::other("broken on purpose")),
    };
    let frames = futures_util::stream::iter([Ok(Frame::data(Bytes::from(text)))]);
    let frames = frames.chain(futures_util::stream::once(async move {
        // The data is on its way before the end is.
        tokio::time::sleep(Duration::from_millis(50)).await;
        end
    }));
    let named = [("trailer".to_owned(), "farthing-units, other".to_owned())];
    response(200, &named, Body::new(StreamBody::new(Box::pin(frames))))
}

const EVENTS: &str = "text/event-stream";

#[tokio::test]
async fn an_order_pays_for_what_was_delivered() {
    let three = &["data: 1\n\n: free\n\n", "data: 2\n\nretry: 1\n\nda", "ta: 3\n\n"][..];
    let ten = &["data: x\n\n"; 10][..];
    let six = "data: x\n\n".repeat(6);
    let long = "x".repeat(70_000);
    let parts = &[long.as_str(), "y", long.as_str()][..];
    for (path, kind, sent, text, cost) in [
        ("/bytes/1", "text/plain", &["12345", "678"][..], "12345678".to_owned(), 8 * BYTE),
        ("/bytes/2", "text/plain", parts, format!("{long}y{}", &long[..29_999]), 300_000),
        ("/kilobytes/1", "text/plain", &[&long[..999]], long[..999].to_owned(), 2),
        ("/events/1", EVENTS, three, three.concat(), 3 * EVENT),
        ("/events/2", EVENTS, ten, six.clone(), 6 * EVENT),
        ("/free/1", EVENTS, three, three.concat(), EVENT),
        ("/free/2", EVENTS, &["data: x\n\n"], "data: x\n\n".to_owned(), 0),
        ("/tiers/1", EVENTS, ten, six, 2 * EVENT + 2 * 4 + 2),
        (
            "/bytes/3",
            EVENTS,
            &["data: 1\n\n", ": x\n\n"],
            "data: 1\n\n: x\n\n".to_owned(),
            14 * BYTE,
        ),
        ("/seconds/1", "text/plain", &["a", "b"], "ab".to_owned(), SECOND),
        ("/bytes/4", "text/plain", &[], String::new(), 0),
    ] {
        let shop = MeterShop::open().await;
        let sent: Vec<String> = sent.iter().map(|piece| (*piece).to_owned()).collect();
        shop.upstream.on(path, move |_| {
            let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
            let answer = pieces(kind, &sent);
            async move { answer }
        });
        let mut live = shop.buy(&Wanted::get(path)).await;
        assert_eq!(live.response.status(), 200, "{path}");
        assert!(live.response.headers().get("content-length").is_none(), "{path}");
        let came = read(&mut live).await;
        assert!(came.whole, "{path}");
        let own = came.text.find("event: payment-receipt").unwrap_or(came.text.len());
        assert_eq!(&came.text[..own], text, "{path}");
        assert_eq!(own < came.text.len(), kind == EVENTS, "{path}");
        shop.books.until_nothing_is_held().await;
        shop.books.assert_paid(cost).await;
    }
}

#[tokio::test]
async fn a_short_answer_is_charged_at_once_and_kept_for_copies() {
    for wanted in [Wanted::get("/bytes/1"), Wanted::post("/bytes/1", "x")] {
        let shop = MeterShop::open().await;
        shop.upstream.says("/bytes/1", 200, &[], b"twelve bytes");
        let paid = shop.paid(&wanted).await;
        for replayed in ["", "true", "true"] {
            let got = shop.send(&paid).await;
            assert_eq!((got.status, &got.body[..]), (200, &b"twelve bytes"[..]));
            assert_eq!(got.header("idempotent-replayed"), replayed);
            assert_eq!(got.settlement().unwrap().amount.units(), 12 * BYTE);
        }
        assert_eq!(shop.upstream.count(), 1);
        shop.books.assert_paid(12 * BYTE).await;
    }
}

#[tokio::test]
async fn a_copy_of_a_stream_gets_the_first_answer_and_nothing_more() {
    for wanted in [Wanted::get("/events/1"), Wanted::post("/events/1", "x")] {
        let shop = MeterShop::open().await;
        shop.upstream.on("/events/1", |_| async { pieces(EVENTS, &["data: 1\n\n"]) });
        let paid = shop.paid(&wanted).await;
        let mut live = client::open(shop.address, paid.request()).await;
        let came = read(&mut live).await;
        assert_eq!(came.events("payment-receipt").len(), 1, "{came:?}");
        let again = shop.send(&paid).await;
        assert_eq!((again.status, &again.body[..]), (200, &b"data: 1\n\n"[..]));
        assert_eq!(shop.upstream.count(), 1);
        shop.books.assert_paid(EVENT).await;
    }
}

#[tokio::test]
async fn a_copy_of_a_long_answer_costs_again() {
    let shop = MeterShop::open().await;
    let all = usize::try_from(BYTES_MAX).unwrap();
    shop.upstream.says("/bytes/1", 200, &[], &vec![b'x'; all]);
    let paid = shop.paid(&Wanted::get("/bytes/1")).await;
    let got = shop.send(&paid).await;
    assert_eq!(got.body.len(), all);
    let again = shop.send(&paid).await;
    assert_eq!((again.status, again.code().as_str()), (409, "outcome_not_kept"));
    assert_eq!(shop.upstream.count(), 1);
    shop.books.assert_paid(u128::from(BYTES_MAX) * BYTE).await;
}

#[tokio::test]
async fn seconds_end_the_stream_on_time() {
    let shop = MeterShop::open().await;
    shop.upstream.on("/seconds/1", |_| async {
        let ticks = futures_util::stream::unfold(0_u32, |number| async move {
            tokio::time::sleep(Duration::from_millis(if number == 0 { 1_200 } else { 100 })).await;
            Some((Ok::<_, std::io::Error>("x"), number + 1))
        });
        response(200, &[], Body::from_stream(ticks))
    });
    let mut live = shop.buy(&Wanted::get("/seconds/1")).await;
    let came = read(&mut live).await;
    assert!(came.whole);
    // A second before the first byte is not counted, and three make thirty ticks, more or less.
    assert!((24..=31).contains(&came.text.len()), "{}", came.text.len());
    shop.books.assert_paid(u128::from(SECONDS_MAX) * SECOND).await;
}

#[tokio::test]
async fn reported_units_are_paid_as_the_upstream_reports_them() {
    for (path, named, value, cost) in [
        ("/tokens/1", "farthing-units", "12", 12 * TOKEN),
        ("/tokens/2", "farthing-units", "0", 0),
        ("/tokens/3", "farthing-units", "1001", u128::from(TOKENS_MAX) * TOKEN),
        ("/tokens/4", "farthing-units", "99999999999999999999999", u128::from(TOKENS_MAX) * TOKEN),
        ("/tokens/5", "farthing-units", "-1", 0),
        ("/tokens/6", "farthing-units", "many", 0),
        ("/tokens/7", "other", "5", 0),
    ] {
        for in_trailer in [false, true] {
            let shop = MeterShop::open().await;
            shop.upstream.on(path, move |_| async move {
                if in_trailer {
                    with_trailer("words", Some((named, value)))
                } else {
                    response(200, &[(named.to_owned(), value.to_owned())], Body::from("words"))
                }
            });
            let mut live = shop.buy(&Wanted::post(path, "prompt")).await;
            let came = read(&mut live).await;
            assert_eq!((came.text.as_str(), came.whole), ("words", true), "{path} {in_trailer}");
            shop.books.until_nothing_is_held().await;
            shop.books.assert_paid(cost).await;
            let te = if in_trailer { "trailers" } else { "" };
            let seen = &shop.upstream.seen()[0].headers;
            assert!(seen.get("te").is_some_and(|value| value == "trailers"), "{te} is asked for");
        }
    }
}

#[tokio::test]
async fn a_report_is_awaited_when_the_payer_is_gone() {
    let shop = MeterShop::open().await;
    shop.upstream
        .on("/tokens/1", |_| async { with_trailer("words", Some(("farthing-units", "9"))) });
    let mut live = shop.buy(&Wanted::post("/tokens/1", "prompt")).await;
    live.piece().await.unwrap().unwrap();
    live.hang_up();
    shop.books.until_nothing_is_held().await;
    shop.books.assert_paid(9 * TOKEN).await;
}

#[tokio::test]
async fn an_upstream_that_breaks_off_is_paid_for_what_came() {
    for (path, cost) in [("/bytes/1", 5 * BYTE), ("/tokens/1", 0)] {
        let shop = MeterShop::open().await;
        shop.upstream.on(path, |_| async { with_trailer("words", None) });
        let mut live = shop.buy(&Wanted::get(path)).await;
        let came = read(&mut live).await;
        assert_eq!((came.text.as_str(), came.whole), ("words", false));
        shop.books.until_nothing_is_held().await;
        shop.books.assert_paid(cost).await;
    }
}

#[tokio::test]
async fn a_payer_that_hangs_up_pays_for_what_it_got() {
    let shop = MeterShop::open().await;
    shop.upstream.on("/events/1", |_| async {
        let events = futures_util::stream::iter(["data: 1\n\n", "data: 2\n\n"]);
        let events = events.map(Ok::<_, std::io::Error>).chain(futures_util::stream::pending());
        response(200, &[("content-type".to_owned(), EVENTS.to_owned())], Body::from_stream(events))
    });
    let mut live = shop.buy(&Wanted::get("/events/1")).await;
    let mut came = 0;
    while came < "data: 1\n\ndata: 2\n\n".len() {
        came += live.piece().await.unwrap().unwrap().len();
    }
    live.hang_up();
    shop.books.until_nothing_is_held().await;
    shop.books.assert_paid(2 * EVENT).await;
}

#[tokio::test]
async fn a_stream_ends_cleanly_before_its_hold_does() {
    let shop = MeterShop::open().await;
    shop.upstream.on("/brief/1", |_| async {
        let events = futures_util::stream::iter(["data: 1\n\n"]).map(Ok::<_, std::io::Error>);
        let body = Body::from_stream(events.chain(futures_util::stream::pending()));
        response(200, &[("content-type".to_owned(), EVENTS.to_owned())], body)
    });
    let mut live = shop.buy(&Wanted::get("/brief/1")).await;
    let came = read(&mut live).await;
    assert!(came.whole && came.text.starts_with("data: 1\n\n"));
    assert_eq!(came.events("payment-receipt").len(), 1);
    shop.books.assert_paid(EVENT).await;
}

#[tokio::test]
async fn failures_cost_nothing() {
    for method in [Method::GET, Method::POST] {
        for (path, status, kind, code) in [
            ("/bytes/1", 503, "text/plain", None),
            ("/events/1", 200, "application/json", Some("upstream_not_metered")),
        ] {
            let shop = MeterShop::open().await;
            shop.upstream.says(path, status, &[("content-type", kind)], b"{}");
            let wanted = shop.paid(&Wanted::new(method.clone(), path)).await;
            let got = shop.send(&wanted).await;
            match code {
                None => assert_eq!((got.status, &got.body[..]), (status, &b"{}"[..])),
                Some(code) => assert_eq!((got.status, got.code().as_str()), (502, code)),
            }
            assert!(matches!(got.settle_response(), Some(SettleResponse::Failure(_))));
            shop.books.assert_paid(0).await;
        }
    }
}

/// Or the first units of every part would be free, and so would be all.
#[tokio::test]
async fn what_has_free_units_starts_at_its_beginning() {
    let shop = MeterShop::open().await;
    for (path, passes) in [("/free/1", false), ("/bytes/1", true)] {
        shop.upstream.on(path, |_| async { pieces("text/event-stream", &["data: 1\n\n"]) });
        let asked = [("range", "bytes=900-"), ("if-range", "\"a\""), ("last-event-id", "7")];
        let wanted =
            asked.iter().fold(Wanted::get(path), |wanted, (name, value)| wanted.with(name, value));
        read(&mut shop.buy(&wanted).await).await;
        let seen = shop.upstream.seen().pop().unwrap();
        for (name, _) in asked {
            assert_eq!(seen.headers.contains_key(name), passes, "{path} {name}");
        }
    }
}

#[tokio::test]
async fn the_receipt_comes_as_a_trailer_to_whoever_reads_trailers() {
    let shop = MeterShop::open().await;
    shop.upstream.on("/bytes/1", |_| async { pieces("text/plain", &["12", "345"]) });
    for (te, comes) in [("trailers", true), ("gzip, Trailers", true), ("gzip", false)] {
        let mut live = shop.buy(&Wanted::get("/bytes/1").with("te", te)).await;
        let came = read(&mut live).await;
        assert_eq!((came.text.as_str(), came.whole), ("12345", true));
        let settled = came.trailers.map(|trailers| {
            match SettleResponse::decode_header(&trailers["payment-response"]).unwrap() {
                SettleResponse::Success(settlement) => settlement.amount.units(),
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(settled, comes.then_some(5 * BYTE), "{te}");
    }
}

#[tokio::test]
async fn what_has_no_end_cannot_be_paid_by_an_order() {
    let shop = MeterShop::open().await;
    let required = shop.send(&Wanted::get("/open/1")).await.required();
    let schemes: Vec<_> = required.accepts.iter().map(|terms| terms.scheme.name()).collect();
    assert_eq!(schemes, ["batch-settlement"]);
    let bounded = shop.payment(&Wanted::get("/bytes/1")).await;
    let got = shop.send(&Wanted::get("/open/1").paid(&bounded.header())).await;
    assert_eq!(got.status, 402);
    assert_eq!(shop.upstream.count(), 0);
    shop.books.assert_paid(0).await;
}

/// What is sold by the unit cannot be paid by one press: its page plays it.
#[tokio::test]
async fn a_person_gets_the_page_that_plays_what_is_metered() {
    let shop = MeterShop::open().await;
    for path in ["/seconds/1", "/open/1"] {
        let got = shop.send(&Wanted::get(path).with("accept", "text/html")).await;
        assert_eq!((got.status, got.header("content-type")), (402, "text/html; charset=utf-8"));
        let page = String::from_utf8_lossy(&got.body).into_owned();
        assert!(page.contains("/player.js") && !page.contains("/paywall.js"), "{page}");
        assert!(page.contains("&quot;scheme&quot;:&quot;batch-settlement&quot;"), "{page}");
        assert!(page.contains(" a second<") || page.contains(" a byte<"), "{page}");
        assert!(got.header("content-security-policy").contains("default-src 'none'"));
    }
}
