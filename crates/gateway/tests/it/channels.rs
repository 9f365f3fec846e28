//! Requests that are paid from a channel, in each dialect: one voucher is one request, one charge and
//! one answer, whatever goes wrong.

use engine::{ChannelPhase, ChannelView};
use http::Method;
use http402::x402::SettleResponse;
use http402::{ChannelState, Dialect, Instrument};
use money::ChannelId;

use crate::books::{FUNDED_UNITS, author};
use crate::client::{self, Got, Wanted};
use crate::dialects::receipt;
use crate::purse::{BOTH, DEPOSIT, Purse, TICK_UNITS, header};
use crate::shop::{CHEAP, JOB, ODD, Shop};
use crate::upstream::serve_bytes;

impl Shop {
    /// The request with a payment from a channel.
    pub async fn with_channel(
        &self,
        dialect: Dialect,
        wanted: &Wanted,
        instrument: &Instrument,
    ) -> Wanted {
        let asked = self.send(wanted).await;
        wanted.clone().paid(&header(dialect, &asked, instrument))
    }

    pub async fn pay_from_channel(
        &self,
        dialect: Dialect,
        wanted: &Wanted,
        instrument: &Instrument,
    ) -> Got {
        self.send(&self.with_channel(dialect, wanted, instrument).await).await
    }

    pub async fn channel_view(&self, id: ChannelId) -> ChannelView {
        self.books.engine.read(move |state| state.channel(id)).await.unwrap().unwrap()
    }

    /// Opens a channel and buys `/cheap/1` with its first voucher.
    pub async fn opened(&self, dialect: Dialect, salt: u8) -> Purse {
        let purse = Purse::new(&self.books, salt);
        let open = purse.open(purse.pay(CHEAP));
        let got = self.pay_from_channel(dialect, &Wanted::get("/cheap/1"), &open).await;
        assert_eq!(got.status, 200, "{got:?}");
        purse
    }
}

/// What a delivery says was charged, and where the channel stands.
pub fn charged(dialect: Dialect, got: &Got) -> (u128, ChannelState) {
    if dialect == Dialect::Mpp {
        let receipt = receipt(got);
        let session = receipt.session.unwrap();
        assert_eq!(receipt.reference, session.channel.to_string());
        let state = ChannelState {
            channel: session.channel,
            deposit: session.deposit,
            accepted: session.accepted,
            spent: session.spent,
            sequence: session.sequence,
            tick_index: 0,
            voucher: None,
            closes_at_ms: None,
        };
        return (receipt.charged.unwrap(), state);
    }
    match got.settle_response() {
        Some(SettleResponse::Channel(settlement)) => {
            (settlement.charged.units(), settlement.channel)
        }
        other => panic!("{other:?}: {got:?}"),
    }
}

/// Where the channel stands, as a corrective challenge says.
pub fn corrected(got: &Got) -> Option<ChannelState> {
    let required = got.required();
    required.accepts.iter().find_map(|terms| terms.channel_state().unwrap())
}

#[tokio::test]
async fn a_channel_opens_pays_and_closes_in_each_dialect() {
    for dialect in BOTH {
        let shop = Shop::open().await;
        let purse = shop.opened(dialect, 1).await;
        assert_eq!(shop.books.held().await, DEPOSIT);
        for (number, wanted) in
            [Wanted::get("/cheap/2"), Wanted::post("/job/1", "do"), Wanted::get("/cheap/3")]
                .into_iter()
                .enumerate()
        {
            let price = if wanted.method == Method::GET { CHEAP } else { JOB };
            let before = shop.channel_view(purse.id()).await.spent;
            let voucher = Instrument::Voucher(purse.pay(price));
            let got = shop.pay_from_channel(dialect, &wanted, &voucher).await;
            assert_eq!(got.status, 200, "{got:?}");
            assert_eq!(got.body, format!("content of {} {}", wanted.method, wanted.path));
            assert_eq!(got.header("cache-control"), "private");
            let (cost, state) = charged(dialect, &got);
            assert_eq!((cost, state.channel), (price, purse.id()));
            assert_eq!((state.deposit, state.spent), (DEPOSIT, before + price));
            assert_eq!((state.accepted, state.sequence), (before + price, number as u64 + 2));
        }
        assert_eq!(shop.upstream.count(), 4);
        // Nothing has moved yet; closing moves it all at once.
        assert_eq!(shop.books.available(author()).await, 0);
        let spent = 3 * CHEAP + JOB;
        let close = purse.close(spent);
        for _ in 0..2 {
            let got = shop.pay_from_channel(dialect, &Wanted::get("/cheap/1"), &close).await;
            assert_eq!(got.status, 200, "{got:?}");
            let view: ChannelView = serde_json::from_slice(&got.body).unwrap();
            assert_eq!((view.state, view.spent), (ChannelPhase::Closed, spent));
            assert_eq!(charged(dialect, &got).0, 0);
            if let Some(SettleResponse::Channel(settlement)) = got.settle_response() {
                assert_eq!(settlement.refunded.unwrap().units(), DEPOSIT - spent);
            }
        }
        assert_eq!(shop.books.available(author()).await, spent);
        assert_eq!(shop.books.available(shop.books.payer.account()).await, FUNDED_UNITS - spent);
        assert_eq!(shop.upstream.count(), 4);
        shop.books.assert_paid(spent).await;
    }
}

#[tokio::test]
async fn one_channel_is_paid_from_in_both_dialects() {
    let shop = Shop::open().await;
    let purse = shop.opened(Dialect::X402V2, 1).await;
    let wanted = Wanted::get("/cheap/2");
    let voucher = Instrument::Voucher(purse.pay(CHEAP));
    let answers = [
        shop.pay_from_channel(Dialect::Mpp, &wanted, &voucher).await,
        shop.pay_from_channel(Dialect::X402V2, &wanted, &voucher).await,
    ];
    for (dialect, got) in [Dialect::Mpp, Dialect::X402V2].into_iter().zip(&answers) {
        assert_eq!(got.status, 200, "{got:?}");
        assert_eq!(charged(dialect, got).0, CHEAP);
    }
    assert_eq!(answers[1].header("idempotent-replayed"), "true");
    assert_eq!(shop.channel_view(purse.id()).await.spent, 2 * CHEAP);
    assert_eq!(shop.upstream.count(), 2);
}

#[tokio::test]
async fn copies_in_flight_are_one_request() {
    for wanted in [Wanted::get("/both/1"), Wanted::post("/both/1", "body")] {
        let shop = Shop::open().await;
        let purse = shop.opened(Dialect::X402V2, 1).await;
        let price = if wanted.method == Method::GET { CHEAP } else { JOB };
        let voucher = Instrument::Voucher(purse.pay(price));
        let paid = shop.with_channel(Dialect::X402V2, &wanted, &voucher).await;
        let other = shop.with_channel(Dialect::Mpp, &wanted, &voucher).await;
        let copies = [&paid, &other, &paid, &paid, &other].map(|copy| shop.send(copy));
        for got in futures_util::future::join_all(copies).await {
            assert_eq!(got.status, 200, "{got:?}");
            assert_eq!(got.body, format!("content of {} /both/1", wanted.method));
        }
        assert_eq!(shop.upstream.count(), 2);
        assert_eq!(shop.channel_view(purse.id()).await.spent, CHEAP + price);
    }
}

#[tokio::test]
async fn a_voucher_with_a_new_number_spends_what_is_left() {
    let shop = Shop::open().await;
    let purse = shop.opened(Dialect::Mpp, 1).await;
    let ahead = Instrument::Voucher(purse.pay(3 * CHEAP));
    let wanted = Wanted::get("/cheap/2");
    assert_eq!(shop.pay_from_channel(Dialect::Mpp, &wanted, &ahead).await.status, 200);
    for _ in 0..2 {
        let next = Instrument::Voucher(purse.pay(0));
        assert_eq!(shop.pay_from_channel(Dialect::Mpp, &wanted, &next).await.status, 200);
    }
    let got =
        shop.pay_from_channel(Dialect::Mpp, &wanted, &Instrument::Voucher(purse.pay(0))).await;
    assert_eq!((got.status, got.code().as_str()), (402, "channel_exhausted"));
    assert_eq!(shop.channel_view(purse.id()).await.spent, 4 * CHEAP);
    assert_eq!(shop.upstream.count(), 4);
}

#[tokio::test]
async fn ticks_pay_for_requests() {
    let shop = Shop::open().await;
    let purse = shop.opened(Dialect::Mpp, 1).await;
    let per_request = u32::try_from(CHEAP / TICK_UNITS).unwrap();
    for (path, index) in [("/cheap/2", 2 * per_request), ("/cheap/3", 3 * per_request)] {
        let wanted = Wanted::get(path);
        let tick = purse.tick(index);
        for replayed in ["", "true"] {
            let got = shop.pay_from_channel(Dialect::Mpp, &wanted, &tick).await;
            assert_eq!((got.status, got.header("idempotent-replayed")), (200, replayed), "{got:?}");
            assert_eq!(charged(Dialect::Mpp, &got).0, CHEAP);
        }
    }
    assert_eq!(shop.channel_view(purse.id()).await.spent, 3 * CHEAP);
    assert_eq!(shop.upstream.count(), 3);
}

#[tokio::test]
async fn a_top_up_pays_at_once_if_a_voucher_goes_with_it() {
    for dialect in BOTH {
        let shop = Shop::open().await;
        let purse = shop.opened(dialect, 1).await;
        let wanted = Wanted::get("/cheap/2");
        let alone = purse.top_up(DEPOSIT + 1, None);
        let got = shop.pay_from_channel(dialect, &wanted, &alone).await;
        assert_eq!(got.status, 200, "{got:?}");
        assert_eq!(charged(dialect, &got).1.deposit, DEPOSIT + 1);
        assert_eq!(shop.upstream.count(), 1, "a top-up alone buys nothing");
        let with = purse.top_up(2 * DEPOSIT, Some(purse.pay(DEPOSIT)));
        let paid = shop.with_channel(dialect, &wanted, &with).await;
        for _ in 0..2 {
            let got = shop.send(&paid).await;
            assert_eq!(got.status, 200, "{got:?}");
            let (cost, state) = charged(dialect, &got);
            assert_eq!(
                (cost, state.deposit, state.accepted),
                (CHEAP, 2 * DEPOSIT, DEPOSIT + CHEAP)
            );
        }
        assert_eq!(shop.books.held().await, 2 * DEPOSIT);
        assert_eq!(shop.upstream.count(), 2);
    }
}

#[tokio::test]
async fn a_head_changes_the_channel_and_buys_nothing() {
    for dialect in BOTH {
        let shop = Shop::open().await;
        let head = |path: &str| Wanted::new(Method::HEAD, path);
        let wanted = Wanted::get("/cheap/1");
        let asked = shop.send(&wanted).await;
        let purse = Purse::new(&shop.books, 1);
        let send = |instrument: Instrument| {
            let wanted = head("/cheap/1").paid(&header(dialect, &asked, &instrument));
            let shop = &shop;
            async move { shop.send(&wanted).await }
        };
        let open = send(purse.open(purse.pay(CHEAP))).await;
        assert_eq!((open.status, open.body.len()), (200, 0), "{open:?}");
        let raised = send(Instrument::Voucher(purse.pay(CHEAP))).await;
        let (cost, state) = charged(dialect, &raised);
        assert_eq!((raised.status, cost, state.accepted, state.spent), (200, 0, 2 * CHEAP, 0));
        let topped = send(purse.top_up(DEPOSIT + 5, None)).await;
        assert_eq!(charged(dialect, &topped).1.deposit, DEPOSIT + 5);
        assert_eq!(shop.upstream.count(), 0);
        // What was accepted is spent by the next request.
        let next = Instrument::Voucher(purse.pay(0));
        let got = shop.pay_from_channel(dialect, &wanted, &next).await;
        assert_eq!((got.status, charged(dialect, &got).1.spent), (200, CHEAP));
        let closed = send(purse.close(CHEAP)).await;
        assert_eq!(closed.status, 200, "{closed:?}");
        shop.books.assert_paid(CHEAP).await;
        // An order never pays for a HEAD.
        let order = shop.paid(&wanted).await;
        let got = shop.send(&Wanted { method: Method::HEAD, ..order }).await;
        assert_eq!(got.status, 402);
        shop.books.assert_paid(CHEAP).await;
    }
}

/// A voucher follows a POST that is being served: HEAD knows that one's challenge too.
#[tokio::test]
async fn a_head_takes_the_challenge_of_any_method() {
    for dialect in BOTH {
        let shop = Shop::open().await;
        let purse = shop.opened(dialect, 1).await;
        for path in ["/job/1", "/both/1"] {
            let asked = shop.send(&Wanted::post(path, "body")).await;
            let voucher = Instrument::Voucher(purse.pay(CHEAP));
            let paid = header(dialect, &asked, &voucher);
            let got = shop.send(&Wanted::new(Method::HEAD, path).paid(&paid)).await;
            assert_eq!(got.status, 200, "{path}: {got:?}");
            // But not that of another resource.
            let got = shop.send(&Wanted::new(Method::HEAD, "/dear/1").paid(&paid)).await;
            assert_eq!(got.status, 402, "{path}: {got:?}");
        }
        let view = shop.channel_view(purse.id()).await;
        assert_eq!((view.accepted, view.spent), (3 * CHEAP, CHEAP));
        assert_eq!(shop.send(&Wanted::new(Method::HEAD, "/job/1")).await.status, 405);
    }
}

/// What breaks off is paid for the part that came; the rest is the payer's again.
#[tokio::test]
async fn an_answer_that_breaks_off_costs_what_arrived() {
    for (wanted, price) in [(Wanted::get("/both/1"), CHEAP), (Wanted::post("/both/1", "x"), JOB)] {
        let mut part = b"HTTP/1.1 200 OK\r\ncontent-length: 400000\r\n\r\n".to_vec();
        part.extend(vec![b'x'; 300_000]);
        let shop = Shop::in_front_of(serve_bytes(part).await).await;
        let purse = Purse::new(&shop.books, 1);
        let open = purse.open(purse.pay(price));
        let paid = shop.with_channel(Dialect::X402V2, &wanted, &open).await;
        let mut live = client::open(shop.address, paid.request()).await;
        assert_eq!(live.response.status(), 200);
        let (bytes, whole) = live.drain().await;
        assert!(!whole && bytes <= 300_000, "{bytes}");
        let cost = price * 3 / 4;
        for _ in 0..400 {
            if shop.channel_view(purse.id()).await.spent == cost {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let view = shop.channel_view(purse.id()).await;
        assert_eq!((view.spent, view.reserved), (cost, 0));
        let again = shop.send(&paid).await;
        let expected =
            if price == CHEAP { (402, "payment_in_part") } else { (409, "outcome_not_kept") };
        assert_eq!((again.status, again.code().as_str()), expected, "{again:?}");
        let close = purse.close(cost);
        let got = shop.pay_from_channel(Dialect::Mpp, &Wanted::get("/cheap/1"), &close).await;
        assert_eq!(got.status, 200);
        shop.books.assert_paid(cost).await;
    }
}

#[tokio::test]
async fn what_is_not_delivered_is_not_charged() {
    for dialect in BOTH {
        let shop = Shop::open().await;
        let purse = shop.opened(dialect, 1).await;
        shop.upstream.says("/both/1", 500, &[], b"sorry");
        for wanted in [Wanted::get("/both/1"), Wanted::post("/both/1", "x")] {
            let count = shop.upstream.count();
            let price = if wanted.method == Method::GET { CHEAP } else { JOB };
            let voucher = Instrument::Voucher(purse.pay(price));
            let paid = shop.with_channel(dialect, &wanted, &voucher).await;
            for _ in 0..2 {
                let got = shop.send(&paid).await;
                assert_eq!((got.status, &got.body[..]), (500, &b"sorry"[..]));
                assert!(got.settlement().is_none());
                assert!(!got.headers.contains_key("payment-receipt"));
                let view = shop.channel_view(purse.id()).await;
                assert_eq!((view.spent, view.reserved), (CHEAP, 0));
            }
            // What can be repeated is tried again, what may have had effects is not.
            let tries = if wanted.method == Method::GET { 2 } else { 1 };
            assert_eq!(shop.upstream.count(), count + tries);
        }
        // The same voucher that failed for a GET pays when the service is well.
        shop.upstream.says("/both/1", 200, &[], b"well");
        let voucher = Instrument::Voucher(purse.pay(0));
        let got = shop.pay_from_channel(dialect, &Wanted::get("/both/1"), &voucher).await;
        assert_eq!((got.status, charged(dialect, &got).1.spent), (200, 2 * CHEAP));
    }
}

#[tokio::test]
async fn a_large_answer_is_paid_before_it_is_delivered() {
    const LENGTH: usize = 300_000;
    let shop = Shop::open().await;
    let purse = shop.opened(Dialect::X402V2, 1).await;
    shop.upstream.says("/both/1", 200, &[], &vec![b'x'; LENGTH]);
    for (wanted, price) in [(Wanted::get("/both/1"), CHEAP), (Wanted::post("/both/1", "x"), JOB)] {
        let before = shop.channel_view(purse.id()).await.spent;
        let voucher = Instrument::Voucher(purse.pay(price));
        let paid = shop.with_channel(Dialect::X402V2, &wanted, &voucher).await;
        let got = shop.send(&paid).await;
        assert_eq!((got.status, got.body.len()), (200, LENGTH));
        shop.until_idle(purse.id()).await;
        assert_eq!(shop.channel_view(purse.id()).await.spent, before + price);
        // The answer is too large to be kept, and nothing runs twice.
        let count = shop.upstream.count();
        let again = shop.send(&paid).await;
        assert_eq!((again.status, again.code().as_str()), (409, "outcome_not_kept"));
        assert_eq!(again.json()["charged"], true);
        assert_eq!(shop.upstream.count(), count);
    }
}

impl Shop {
    /// Waits until nothing is being served from a channel: then another request begins.
    pub async fn until_idle(&self, id: ChannelId) {
        for _ in 0..400 {
            if self.channel_view(id).await.reserved == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("still reserved");
    }
}

#[tokio::test]
async fn one_request_at_a_time_is_served_from_a_channel() {
    let shop = Shop::open().await;
    let purse = shop.opened(Dialect::X402V2, 1).await;
    let (started, go_on) = (
        std::sync::Arc::new(tokio::sync::Notify::new()),
        std::sync::Arc::new(tokio::sync::Notify::new()),
    );
    let (noted, wait) = (started.clone(), go_on.clone());
    shop.upstream.on("/both/1", move |_| {
        let (noted, wait) = (noted.clone(), wait.clone());
        async move {
            noted.notify_one();
            wait.notified().await;
            http::Response::new(axum::body::Body::from("slow"))
        }
    });
    let slow = Instrument::Voucher(purse.pay(CHEAP));
    let slow = shop.with_channel(Dialect::X402V2, &Wanted::get("/both/1"), &slow).await;
    let other = Instrument::Voucher(purse.pay(CHEAP));
    let other = shop.with_channel(Dialect::Mpp, &Wanted::get("/cheap/2"), &other).await;
    let close =
        shop.with_channel(Dialect::Mpp, &Wanted::get("/cheap/2"), &purse.close(CHEAP)).await;
    let first = client::send(shop.address, &slow);
    let second = async {
        started.notified().await;
        let busy = shop.send(&other).await;
        assert_eq!((busy.status, busy.code().as_str()), (503, "channel_busy"), "{busy:?}");
        assert_eq!(busy.header("retry-after"), "1");
        let closing = shop.send(&close).await;
        assert_eq!((closing.status, closing.code().as_str()), (503, "channel_busy"), "{closing:?}");
        go_on.notify_one();
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.status, 200);
    assert_eq!(shop.send(&other).await.status, 200);
    assert_eq!(shop.send(&close).await.status, 200);
    shop.books.assert_paid(3 * CHEAP).await;
}

#[tokio::test]
async fn a_split_is_paid_out_when_the_channel_closes() {
    let shop = Shop::open().await;
    let purse = Purse::new(&shop.books, 1);
    let wanted = Wanted::get("/split/1");
    let open = purse.open(purse.pay(ODD));
    assert_eq!(shop.pay_from_channel(Dialect::Mpp, &wanted, &open).await.status, 200);
    // Another offer of the same payee, without the split, is not what the channel is for.
    let voucher = Instrument::Voucher(purse.pay(CHEAP));
    let got = shop.pay_from_channel(Dialect::Mpp, &Wanted::get("/cheap/1"), &voucher).await;
    assert_eq!((got.status, got.code().as_str()), (402, "channel_wrong_payee"));
    let got = shop.pay_from_channel(Dialect::Mpp, &wanted, &purse.close(ODD)).await;
    assert_eq!(got.status, 200, "{got:?}");
    assert_eq!(shop.books.available(author()).await, 802);
    assert_eq!(shop.books.residue().await, 1);
    shop.books.assert_paid(ODD).await;
}
