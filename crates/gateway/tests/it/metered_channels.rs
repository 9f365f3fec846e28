//! What is sold by the unit, paid from channels: step by step, with vouchers that come while the
//! answer does.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use engine::{ChannelPhase, ChannelView, Closing};
use http::{Method, Response};
use http402::mpp::{NeedVoucher, ReadReceipt};
use http402::{Dialect, Instrument};
use instrument::Signed;
use instrument::channel::Close;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::books::{FUNDED_UNITS, author};
use crate::client::{self, Got, Live, Wanted};
use crate::metered::{
    BYTE, EVENT, MeterShop, SECOND, TOKEN, TOKENS_MAX, pieces, read, with_trailer,
};
use crate::purse::{BOTH, DEPOSIT, Purse, header};
use crate::upstream::response;

const EVENTS: &str = "text/event-stream";

/// Far below the wait for a voucher, far above what a busy machine takes.
const AT_ONCE: Duration = Duration::from_secs(20);

impl MeterShop {
    pub async fn with_channel(
        &self,
        dialect: Dialect,
        wanted: &Wanted,
        pays: &Instrument,
    ) -> Wanted {
        let asked = self.send(wanted).await;
        wanted.clone().paid(&header(dialect, &asked, pays))
    }

    pub async fn request(&self, dialect: Dialect, wanted: &Wanted, pays: &Instrument) -> Live {
        let wanted = self.with_channel(dialect, wanted, pays).await;
        client::open(self.address, wanted.request()).await
    }

    /// Opens a channel that allows `units`, and asks for something with it.
    pub async fn open_channel(
        &self,
        dialect: Dialect,
        wanted: &Wanted,
        units: u128,
    ) -> (Purse, Live) {
        let purse = Purse::new(&self.books, 1);
        let open = purse.open(purse.pay(units));
        let live = self.request(dialect, wanted, &open).await;
        assert_eq!(live.response.status(), 200, "{:?}", live.response);
        (purse, live)
    }

    pub async fn view(&self, purse: &Purse) -> ChannelView {
        let id = purse.id();
        self.books.engine.read(move |state| state.channel(id)).await.unwrap().unwrap()
    }

    /// Sends what pays to the same resource, without asking for it.
    pub async fn hand_in(&self, dialect: Dialect, path: &str, pays: &Instrument) -> Got {
        let wanted = self.with_channel(dialect, &Wanted::get(path), pays).await;
        self.send(&Wanted { method: Method::HEAD, ..wanted }).await
    }

    /// Closes the channel: exactly `units` were spent, the payee has them, the payer all the rest.
    pub async fn assert_spent(&self, purse: &Purse, units: u128) {
        let mut view = self.view(purse).await;
        for _ in 0..400 {
            if view.spent == units && view.reserved == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            view = self.view(purse).await;
        }
        assert_eq!((view.spent, view.reserved), (units, 0), "{view:?}");
        if view.state != ChannelPhase::Closed {
            let close = Close { channel: purse.id(), cumulative: units };
            let close = Signed::sign(close, &purse.voucher_key);
            self.books.engine.close_channel(Closing::Agreed(close)).await.unwrap();
        }
        self.books.assert_paid(units).await;
        assert_eq!(self.books.available(author()).await, units);
    }

    /// An upstream whose events a test sends one by one.
    pub fn fed(&self, path: &str, kind: &'static str) -> mpsc::Sender<Bytes> {
        let (sender, receiver) = mpsc::channel::<Bytes>(1);
        let receiver = std::sync::Mutex::new(Some(receiver));
        self.upstream.on(path, move |_| {
            let receiver = receiver.lock().unwrap().take().unwrap();
            let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
                let piece = receiver.recv().await?;
                Some((Ok::<_, std::io::Error>(piece), receiver))
            });
            let kind = [("content-type".to_owned(), kind.to_owned())];
            let answer: Response<Body> = response(200, &kind, Body::from_stream(stream));
            async move { answer }
        });
        sender
    }
}

pub async fn text(live: &mut Live) -> String {
    String::from_utf8(live.piece().await.unwrap().unwrap().to_vec()).unwrap()
}

pub fn needed(event: &str) -> NeedVoucher {
    let data = event.strip_prefix("event: payment-need-voucher\ndata: ").unwrap();
    NeedVoucher::decode(data.trim_end().as_bytes()).unwrap()
}

#[tokio::test]
async fn a_channel_pays_exactly_for_what_was_delivered() {
    let three = &["data: 1\n\n: free\n\n", "data: 2\n\nretry: 1\n\nda", "ta: 3\n\n"][..];
    let ten = &["data: x\n\n"; 10][..];
    let parts = &["12345", "678"][..];
    for (path, kind, sent, cost) in [
        ("/bytes/1", "text/plain", parts, 8 * BYTE),
        ("/steps/1", "text/plain", parts, 8 * BYTE),
        ("/kilobytes/1", "text/plain", parts, 0),
        ("/events/1", EVENTS, three, 3 * EVENT),
        ("/events/2", EVENTS, ten, 6 * EVENT),
        ("/free/1", EVENTS, three, EVENT),
        ("/tiers/1", EVENTS, ten, 2 * EVENT + 2 * 4 + 2),
        ("/seconds/1", "text/plain", parts, SECOND),
        ("/open/1", "text/plain", parts, 8),
    ] {
        for dialect in BOTH {
            for method in [Method::GET, Method::POST] {
                let shop = MeterShop::open().await;
                shop.upstream.on(path, move |_| async move { pieces(kind, sent) });
                let wanted = Wanted::new(method.clone(), path);
                let (purse, mut live) = shop.open_channel(dialect, &wanted, 10_000).await;
                let came = read(&mut live).await;
                assert!(came.whole, "{path}");
                if kind == EVENTS {
                    let receipts = came.events("payment-receipt");
                    let receipt = ReadReceipt::decode(receipts[0].as_bytes()).unwrap();
                    assert_eq!(receipt.charged, Some(cost));
                    assert_eq!(receipt.session.unwrap().spent, cost);
                } else {
                    assert_eq!(came.text, "12345678");
                }
                shop.assert_spent(&purse, cost).await;
            }
        }
    }
}

#[tokio::test]
async fn no_event_comes_before_it_is_paid() {
    let shop = MeterShop::open().await;
    let events = shop.fed("/events/1", EVENTS);
    let wanted = Wanted::get("/events/1");
    let (purse, mut live) = shop.open_channel(Dialect::Mpp, &wanted, 10_000).await;
    for number in 1..=5 {
        events.send(Bytes::from("data: x\n\n")).await.unwrap();
        assert_eq!(text(&mut live).await, "data: x\n\n");
        let spent = shop.view(&purse).await.spent;
        assert!(spent >= number * EVENT, "{number} events came and {spent} is paid");
    }
    drop(events);
    read(&mut live).await;
    shop.assert_spent(&purse, 5 * EVENT).await;
}

#[tokio::test]
async fn a_stream_asks_for_a_voucher_and_goes_on_with_it() {
    for dialect in BOTH {
        let shop = MeterShop::open().await;
        // What an earlier request has spent is part of every total.
        shop.upstream.on("/bytes/1", |_| async { pieces("text/plain", &["12345678"]) });
        let (purse, mut earlier) =
            shop.open_channel(dialect, &Wanted::get("/bytes/1"), 8 * BYTE).await;
        read(&mut earlier).await;
        let events = shop.fed("/events/1", EVENTS);
        let next = Instrument::Voucher(purse.pay(EVENT + 3));
        let mut live = shop.request(dialect, &Wanted::get("/events/1"), &next).await;
        for number in 1..=3_u128 {
            events.send(Bytes::from("data: x\n\n")).await.unwrap();
            if number > 1 {
                let need = needed(&text(&mut live).await);
                let paid = 8 * BYTE + (number - 1) * EVENT;
                assert_eq!((need.required, need.deposit), (paid + EVENT, DEPOSIT));
                assert_eq!(need.accepted, paid + 3);
                assert_eq!(shop.view(&purse).await.spent, paid);
                let voucher = Instrument::Voucher(purse.pay(EVENT));
                let got = shop.hand_in(dialect, "/events/1", &voucher).await;
                assert_eq!((got.status, got.body.len()), (200, 0), "{got:?}");
            }
            assert_eq!(text(&mut live).await, "data: x\n\n");
        }
        drop(events);
        let came = read(&mut live).await;
        assert_eq!(came.events("payment-receipt").len(), 1);
        assert_eq!(shop.upstream.count(), 2, "what only pays asks for nothing");
        shop.assert_spent(&purse, 8 * BYTE + 3 * EVENT).await;
    }
}

#[tokio::test]
async fn without_a_voucher_a_stream_ends_cleanly_at_the_last_paid_unit() {
    for (path, kind, piece, price) in
        [("/events/1", EVENTS, "data: x\n\n", EVENT), ("/bytes/1", "text/plain", "x", BYTE)]
    {
        let shop = MeterShop::open().await;
        shop.upstream.on(path, move |_| async move { pieces(kind, &[piece; 5]) });
        let wanted = Wanted::get(path);
        let (purse, mut live) = shop.open_channel(Dialect::Mpp, &wanted, 3 * price + 1).await;
        let came = read(&mut live).await;
        assert!(came.whole && came.text.starts_with(&piece.repeat(3)));
        assert!(!came.text.contains(&piece.repeat(4)));
        assert_eq!(came.events("payment-need-voucher").len(), usize::from(kind == EVENTS));
        shop.assert_spent(&purse, 3 * price).await;
    }
}

#[tokio::test]
async fn bytes_stop_in_the_middle_of_a_piece_and_go_on_with_a_voucher() {
    let shop = MeterShop::open().await;
    shop.upstream.on("/steps/1", |_| async { pieces("text/plain", &[&"x".repeat(1_000)]) });
    let wanted = Wanted::get("/steps/1");
    let (purse, mut live) = shop.open_channel(Dialect::X402V2, &wanted, 250 * BYTE).await;
    let mut came = 0;
    while came < 250 {
        came += text(&mut live).await.len();
    }
    assert_eq!(came, 250);
    assert_eq!(shop.view(&purse).await.spent, 250 * BYTE);
    let voucher = Instrument::Voucher(purse.pay(750 * BYTE));
    assert_eq!(shop.hand_in(Dialect::X402V2, "/steps/1", &voucher).await.status, 200);
    assert_eq!(read(&mut live).await.text.len(), 750);
    shop.assert_spent(&purse, 1_000 * BYTE).await;
}

#[tokio::test]
async fn a_top_up_lets_a_paused_stream_go_on() {
    let shop = MeterShop::open().await;
    let events = shop.fed("/events/1", EVENTS);
    let purse = Purse::with(&shop.books, 1, |terms| {
        terms.deposit = money::Amount::new(600, crate::books::usd());
    });
    let open = purse.open(purse.pay(EVENT));
    let mut live = shop.request(Dialect::Mpp, &Wanted::get("/events/1"), &open).await;
    events.send(Bytes::from("data: 1\n\n")).await.unwrap();
    assert_eq!(text(&mut live).await, "data: 1\n\n");
    events.send(Bytes::from("data: 2\n\n")).await.unwrap();
    assert_eq!(needed(&text(&mut live).await).deposit, 600);
    let top_up = purse.top_up(5_000, Some(purse.pay(1_000)));
    let got = shop.hand_in(Dialect::Mpp, "/events/1", &top_up).await;
    assert_eq!(got.status, 200, "{got:?}");
    assert_eq!(text(&mut live).await, "data: 2\n\n");
    drop(events);
    read(&mut live).await;
    shop.assert_spent(&purse, 2 * EVENT).await;
}

#[tokio::test]
async fn a_channel_that_closes_in_the_middle_ends_the_stream_cleanly() {
    for at_once in [false, true] {
        let shop = MeterShop::open().await;
        let events = shop.fed("/patient/1", EVENTS);
        let wanted = Wanted::get("/patient/1");
        let (purse, mut live) = shop.open_channel(Dialect::Mpp, &wanted, EVENT).await;
        events.send(Bytes::from("data: 1\n\n")).await.unwrap();
        assert_eq!(text(&mut live).await, "data: 1\n\n");
        events.send(Bytes::from("data: 2\n\n")).await.unwrap();
        assert_eq!(needed(&text(&mut live).await).required, 2 * EVENT);
        let close =
            Signed::sign(Close { channel: purse.id(), cumulative: EVENT }, &purse.voucher_key);
        let closing = if at_once { Closing::ByPayee(purse.id()) } else { Closing::ByPayer(close) };
        shop.books.engine.close_channel(closing).await.unwrap();
        // Not after the time of the wait: no voucher can come any more.
        let came = timeout(AT_ONCE, read(&mut live)).await.unwrap();
        assert!(came.whole && !came.text.contains("data: 2"), "{came:?}");
        shop.assert_spent(&purse, EVENT).await;
    }
}

#[tokio::test]
async fn an_upstream_that_breaks_off_or_a_payer_that_leaves_costs_what_came() {
    let shop = MeterShop::open().await;
    shop.upstream.on("/bytes/1", |_| async { with_trailer("words", None) });
    let (purse, mut live) =
        shop.open_channel(Dialect::X402V2, &Wanted::get("/bytes/1"), 10_000).await;
    assert_eq!(live.drain().await, (5, false));
    let mut view = shop.view(&purse).await;
    while view.spent > 5 * BYTE {
        tokio::time::sleep(Duration::from_millis(5)).await;
        view = shop.view(&purse).await;
    }
    assert_eq!(view.spent, 5 * BYTE, "what was paid ahead came back");
    let events = shop.fed("/events/1", EVENTS);
    let next = Instrument::Voucher(purse.pay(10_000));
    let mut live = shop.request(Dialect::X402V2, &Wanted::get("/events/1"), &next).await;
    events.send(Bytes::from("data: 1\n\n")).await.unwrap();
    assert_eq!(text(&mut live).await, "data: 1\n\n");
    live.hang_up();
    events.closed().await;
    shop.assert_spent(&purse, 5 * BYTE + EVENT).await;
}

#[tokio::test]
async fn reported_units_need_the_most_to_be_accepted_and_cost_what_is_reported() {
    let most = u128::from(TOKENS_MAX) * TOKEN;
    for in_trailer in [false, true] {
        for method in [Method::GET, Method::POST] {
            let shop = MeterShop::open().await;
            shop.upstream.on("/tokens/1", move |_| async move {
                if in_trailer {
                    with_trailer("words", Some(("farthing-units", "12")))
                } else {
                    let named = [("farthing-units".to_owned(), "12".to_owned())];
                    response(200, &named, Body::from("words"))
                }
            });
            let wanted = Wanted::new(method, "/tokens/1");
            let purse = Purse::new(&shop.books, 1);
            let open = purse.open(purse.pay(most - 1));
            let short = shop.with_channel(Dialect::X402V2, &wanted, &open).await;
            let got = shop.send(&short).await;
            assert_eq!((got.status, got.code().as_str()), (402, "channel_exhausted"));
            assert_eq!(shop.upstream.count(), 0);
            let enough = Instrument::Voucher(purse.pay(1));
            let mut live = shop.request(Dialect::X402V2, &wanted, &enough).await;
            let came = read(&mut live).await;
            assert_eq!((came.text.as_str(), came.whole), ("words", true));
            shop.assert_spent(&purse, 12 * TOKEN).await;
        }
    }
}

#[tokio::test]
async fn a_copy_gets_the_first_answer_and_pays_nothing() {
    for method in [Method::GET, Method::POST] {
        let shop = MeterShop::open().await;
        shop.upstream.on("/events/1", |_| async { pieces(EVENTS, &["data: 1\n\n"]) });
        let wanted = Wanted::new(method, "/events/1");
        let purse = Purse::new(&shop.books, 1);
        let open = purse.open(purse.pay(1_000));
        let paid = shop.with_channel(Dialect::Mpp, &wanted, &open).await;
        let mut live = client::open(shop.address, paid.request()).await;
        read(&mut live).await;
        for _ in 0..2 {
            let got = shop.send(&paid).await;
            assert_eq!((got.status, &got.body[..]), (200, &b"data: 1\n\n"[..]));
            assert_eq!(got.header("idempotent-replayed"), "true");
        }
        assert_eq!(shop.upstream.count(), 1);
        shop.assert_spent(&purse, EVENT).await;
    }
}

#[tokio::test]
async fn another_request_waits_its_turn_on_the_channel() {
    let shop = MeterShop::open().await;
    let events = shop.fed("/events/1", EVENTS);
    let wanted = Wanted::get("/events/1");
    let (purse, mut live) = shop.open_channel(Dialect::Mpp, &wanted, 1_000).await;
    events.send(Bytes::from("data: 1\n\n")).await.unwrap();
    assert_eq!(text(&mut live).await, "data: 1\n\n");
    let other = Instrument::Voucher(purse.pay(1_000));
    let busy = shop.with_channel(Dialect::Mpp, &Wanted::get("/bytes/1"), &other).await;
    let got = shop.send(&busy).await;
    assert_eq!((got.status, got.code().as_str()), (503, "channel_busy"));
    drop(events);
    read(&mut live).await;
    shop.assert_spent(&purse, EVENT).await;
}

#[tokio::test]
async fn seconds_are_paid_before_they_begin() {
    let shop = MeterShop::open().await;
    let events = shop.fed("/seconds/1", "audio/mpeg");
    let wanted = Wanted::get("/seconds/1");
    let (purse, mut live) = shop.open_channel(Dialect::Mpp, &wanted, 2 * SECOND).await;
    let feed = tokio::spawn(async move {
        while events.send(Bytes::from("x")).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let first = text(&mut live).await;
    let start = std::time::Instant::now();
    let mut last = start.elapsed();
    let mut came = first.len();
    while let Some(Ok(piece)) = live.piece().await {
        last = start.elapsed();
        came += piece.len();
    }
    assert!(came > 20, "{came}");
    assert!(last < Duration::from_millis(2_200), "{last:?}");
    feed.await.unwrap();
    shop.assert_spent(&purse, 2 * SECOND).await;
}

#[tokio::test]
async fn a_node_that_stops_in_the_middle_ends_the_stream_at_the_last_paid_unit() {
    let mut shop = MeterShop::open().await;
    let body = "x".repeat(1_000);
    let bytes = shop.fed("/steps/1", "text/plain");
    let wanted = Wanted::get("/steps/1");
    let (purse, mut live) = shop.open_channel(Dialect::Mpp, &wanted, 10_000).await;
    bytes.send(Bytes::from(body[..150].to_owned())).await.unwrap();
    let mut came = 0;
    while came < 150 {
        came += text(&mut live).await.len();
    }
    let spent = shop.view(&purse).await.spent;
    assert_eq!(spent, 200 * BYTE, "two steps are paid");
    shop.books.engine.shutdown().await;
    bytes.send(Bytes::from(body)).await.unwrap();
    let rest = read(&mut live).await;
    assert!(rest.whole);
    assert_eq!(came + rest.text.len(), 200, "what was paid is delivered, and nothing more");
    // The node starts again: all that was delivered is paid, and the rest is the payer's.
    shop.books.restart().await;
    let engine = &shop.books.engine;
    let closed = engine.close_channel(Closing::ByPayee(purse.id())).await.unwrap();
    assert_eq!((closed.spent, closed.settled), (200 * BYTE, 200 * BYTE));
    let (payer, payee) = (shop.books.payer.account(), author());
    let accounts = engine.read(move |state| (state.account(payer), state.account(payee)));
    let (payer, payee) = accounts.await.unwrap();
    assert_eq!(payer.unwrap().available.units(), FUNDED_UNITS - 200 * BYTE);
    assert_eq!(payee.unwrap().available.units(), 200 * BYTE);
}
