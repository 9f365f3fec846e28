//! Metered delivery by a gateway apart from its node, and leases that are lost on the way: what was
//! delivered is paid, and what was not is not.

use std::time::Duration;

use bytes::Bytes;
use http402::{Dialect, Instrument};

use crate::client::{self, Wanted};
use crate::far_node::Fault;
use crate::metered::{
    BYTE, EVENT, MeterShop, PATIENCE_MS, TOKEN, TOKENS_MAX, pieces, read, with_trailer,
};
use crate::metered_channels::{needed, text};
use crate::purse::{BOTH, Purse};

const EVENTS: &str = "text/event-stream";

/// Longer than any lease of these shops.
const LEASE_IS_OVER_MS: u64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn a_stream_is_paid_step_by_step_at_a_node_apart() {
    for dialect in BOTH {
        let (shop, _) = MeterShop::apart().await;
        let events = shop.fed("/patient/1", EVENTS);
        let wanted = Wanted::get("/patient/1");
        let (purse, mut live) = shop.open_channel(dialect, &wanted, EVENT).await;
        events.send(Bytes::from("data: 1\n\n")).await.unwrap();
        assert_eq!(text(&mut live).await, "data: 1\n\n");
        events.send(Bytes::from("data: 2\n\n")).await.unwrap();
        assert_eq!(needed(&text(&mut live).await).required, 2 * EVENT);
        // Longer than the gateway waits for one answer of its node.
        tokio::time::sleep(Duration::from_millis(PATIENCE_MS + 500)).await;
        let voucher = Instrument::Voucher(purse.pay(EVENT));
        assert_eq!(shop.hand_in(dialect, "/patient/1", &voucher).await.status, 200);
        assert_eq!(text(&mut live).await, "data: 2\n\n");
        assert_eq!(shop.view(&purse).await.spent, 2 * EVENT);
        drop(events);
        let came = read(&mut live).await;
        assert!(came.whole);
        assert_eq!(came.events("payment-receipt").len(), 1);
        shop.assert_spent(&purse, 2 * EVENT).await;
    }
}

#[tokio::test]
async fn an_order_and_reported_units_are_settled_at_a_node_apart() {
    let (shop, _) = MeterShop::apart().await;
    shop.upstream.on("/bytes/1", |_| async { pieces("text/plain", &["12345", "678"]) });
    for wanted in [Wanted::get("/bytes/1"), Wanted::post("/bytes/1", "x")] {
        let mut live = shop.buy(&wanted).await;
        assert_eq!(read(&mut live).await.text, "12345678");
    }
    shop.books.until_nothing_is_held().await;
    shop.books.assert_paid(16 * BYTE).await;
    let (shop, _) = MeterShop::apart().await;
    shop.upstream
        .on("/tokens/1", |_| async { with_trailer("words", Some(("farthing-units", "9"))) });
    let most = u128::from(TOKENS_MAX) * TOKEN;
    let (purse, mut live) =
        shop.open_channel(Dialect::Mpp, &Wanted::post("/tokens/1", "x"), most).await;
    assert_eq!(read(&mut live).await.text, "words");
    shop.assert_spent(&purse, 9 * TOKEN).await;
}

#[tokio::test]
async fn a_step_whose_answer_was_lost_is_paid_once_and_delivered() {
    let (shop, far) = MeterShop::apart().await;
    let events = shop.fed("/events/1", EVENTS);
    let (purse, mut live) =
        shop.open_channel(Dialect::Mpp, &Wanted::get("/events/1"), 10 * EVENT).await;
    for number in 1..=3 {
        far.break_step("spend", Fault::LoseOneAnswer);
        events.send(Bytes::from("data: x\n\n")).await.unwrap();
        assert_eq!(text(&mut live).await, "data: x\n\n");
        assert!(shop.view(&purse).await.spent >= number * EVENT);
    }
    drop(events);
    assert!(read(&mut live).await.whole);
    shop.assert_spent(&purse, 3 * EVENT).await;
}

#[tokio::test]
async fn a_step_that_the_node_did_not_take_is_not_delivered() {
    let (shop, far) = MeterShop::apart().await;
    let bytes = shop.fed("/steps/1", "text/plain");
    let (purse, mut live) =
        shop.open_channel(Dialect::X402V2, &Wanted::get("/steps/1"), 10_000).await;
    bytes.send(Bytes::from("x".repeat(100))).await.unwrap();
    assert_eq!(text(&mut live).await.len(), 100);
    far.break_step("spend", Fault::Say(502, "text/html", b"<h1>Bad Gateway</h1>".to_vec()));
    bytes.send(Bytes::from("y".repeat(100))).await.unwrap();
    let rest = read(&mut live).await;
    assert_eq!((rest.text.as_str(), rest.whole), ("", true));
    assert_eq!(shop.view(&purse).await.spent, 100 * BYTE);
}

/// The lease runs out while a stream waits for its service, and another request takes the channel.
#[tokio::test]
async fn a_lost_lease_ends_the_stream_at_the_last_paid_unit() {
    for is_apart in [false, true] {
        let shop = if is_apart { MeterShop::apart().await.0 } else { MeterShop::open().await };
        let events = shop.fed("/patient/1", EVENTS);
        let (purse, mut live) =
            shop.open_channel(Dialect::Mpp, &Wanted::get("/patient/1"), 3 * EVENT).await;
        events.send(Bytes::from("data: 1\n\n")).await.unwrap();
        assert_eq!(text(&mut live).await, "data: 1\n\n");
        shop.books.clock.advance_ms(LEASE_IS_OVER_MS);
        shop.upstream.on("/bytes/1", |_| async { pieces("text/plain", &["12345"]) });
        let next = Instrument::Voucher(purse.pay(0));
        let other = shop.with_channel(Dialect::Mpp, &Wanted::get("/bytes/1"), &next).await;
        let mut got = shop.send(&other).await;
        // The node ends a lease when it looks at its clock again.
        while got.status == 503 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            got = shop.send(&other).await;
        }
        assert_eq!((got.status, &got.body[..]), (200, &b"12345"[..]));
        events.send(Bytes::from("data: 2\n\n")).await.unwrap();
        let rest = read(&mut live).await;
        assert!(rest.whole && !rest.text.contains("data: 2"), "{rest:?}");
        assert_eq!(rest.events("payment-receipt").len(), 0, "what it says would not be true");
        shop.assert_spent(&purse, EVENT + 5 * BYTE).await;
    }
}

/// The voucher of a stream that has ended so pays for nothing else.
#[tokio::test]
async fn a_copy_of_a_stream_with_a_lost_lease_is_not_served_again_for_nothing() {
    let shop = MeterShop::open().await;
    let events = shop.fed("/patient/1", EVENTS);
    let wanted = Wanted::get("/patient/1");
    let purse = Purse::new(&shop.books, 1);
    let open = purse.open(purse.pay(3 * EVENT));
    let paid = shop.with_channel(Dialect::Mpp, &wanted, &open).await;
    let mut live = client::open(shop.address, paid.request()).await;
    events.send(Bytes::from("data: 1\n\n")).await.unwrap();
    assert_eq!(text(&mut live).await, "data: 1\n\n");
    shop.books.clock.advance_ms(LEASE_IS_OVER_MS);
    shop.upstream.on("/patient/1", |_| async { pieces(EVENTS, &["data: again\n\n"]) });
    let got = shop.send(&paid).await;
    // Whatever it is answered: each event that comes is paid.
    let again = u128::from(got.body.starts_with(b"data: again"));
    drop(events);
    read(&mut live).await;
    shop.assert_spent(&purse, (1 + again) * EVENT).await;
}
