//! Recovery of sessions of MPP: a payer that names its channel is told where it stands and goes on;
//! of a channel that does not pay here nobody is told anything.

use http::Method;
use http402::mpp::{Intent, Terms};
use http402::{ChannelState, Dialect, Instrument};
use money::ChannelId;
use serde_json::Value;

use crate::books::{START_MS, decode, editor, encode};
use crate::client::{Got, Wanted};
use crate::dialects::{credential, offered};
use crate::purse::{DEPOSIT, Purse, header};
use crate::shop::{CHEAP, Shop};

const SESSION: &str = "payment-session";
const SNAPSHOT: &str = "payment-session-snapshot";

fn naming(wanted: &Wanted, channel: ChannelId) -> Wanted {
    wanted.clone().with(SESSION, &channel.to_string())
}

fn snapshot(got: &Got) -> Value {
    serde_json::from_slice(&decode(got.header(SNAPSHOT))).unwrap()
}

fn told(got: &Got) -> Option<ChannelState> {
    match offered(got, Intent::Session).terms {
        Terms::Session(terms) => terms.channel,
        Terms::Charge(_) => panic!("no session"),
    }
}

fn assert_told_nothing(got: &Got, name: &str) {
    assert_eq!((got.status, told(got)), (402, None), "{name}: {got:?}");
    assert!(!got.headers.contains_key(SESSION), "{name}");
    assert!(!got.headers.contains_key(SNAPSHOT), "{name}");
}

#[tokio::test]
async fn a_payer_with_its_key_and_the_channels_id_goes_on() {
    for method in [Method::GET, Method::HEAD] {
        let shop = Shop::open().await;
        let purse = shop.opened(Dialect::Mpp, 1).await;
        let wanted = Wanted::get("/cheap/2");
        assert!(told(&shop.send(&wanted).await).is_none(), "nobody asked");
        let asked = shop.send(&naming(&Wanted { method, ..wanted.clone() }, purse.id())).await;
        assert_eq!((asked.status, asked.header("cache-control")), (402, "no-store"));
        let state = told(&asked).unwrap();
        assert_eq!(
            (state.channel, state.deposit, state.accepted, state.spent, state.sequence),
            (purse.id(), DEPOSIT, CHEAP, CHEAP, 1),
        );
        assert_eq!(state.voucher, Some(purse.voucher(1, CHEAP)));
        // What has been told is all it takes to pay on: without it the number would be wrong.
        let next = purse.voucher(state.sequence + 1, state.accepted + CHEAP);
        let paid = naming(&wanted, purse.id());
        let fresh = shop.send(&paid).await;
        let paid = paid.paid(&header(Dialect::Mpp, &fresh, &Instrument::Voucher(next)));
        let got = shop.send(&paid).await;
        assert_eq!(got.status, 200, "{got:?}");
        assert_eq!(shop.books.held().await, DEPOSIT, "one channel");
    }
}

#[tokio::test]
async fn the_snapshot_goes_with_the_challenge_and_with_what_was_paid() {
    let shop = Shop::open().await;
    let purse = shop.opened(Dialect::Mpp, 1).await;
    let wanted = Wanted::get("/cheap/2");
    let naming = naming(&wanted, purse.id());
    let asked = shop.send(&naming).await;
    assert_eq!(asked.header(SESSION), purse.id().to_string());
    let view = shop.channel_view(purse.id()).await;
    let signature = encode(purse.voucher(1, CHEAP).signature().0);
    let expected = serde_json::json!({
        "acceptedCumulative": CHEAP.to_string(),
        "channelId": purse.id().to_string(),
        "deposit": DEPOSIT.to_string(),
        "expiresAtMs": view.expires_at_ms,
        "highestVoucher": {
            "channelId": purse.id().to_string(),
            "cumulativeAmount": CHEAP.to_string(),
            "sequence": 1,
            "signature": signature,
        },
        "requiredCumulative": (2 * CHEAP).to_string(),
        "settled": view.settled.to_string(),
        "spent": CHEAP.to_string(),
        "tickIndex": 0,
    });
    assert_eq!(snapshot(&asked), expected);
    let head = shop.send(&Wanted { method: Method::HEAD, ..naming.clone() }).await;
    assert_eq!(head.header(SNAPSHOT), asked.header(SNAPSHOT));

    let paid = naming.clone().paid(&header(
        Dialect::Mpp,
        &asked,
        &Instrument::Voucher(purse.voucher(2, 2 * CHEAP)),
    ));
    let got = shop.send(&paid).await;
    assert_eq!((got.status, got.header(SESSION)), (200, &*purse.id().to_string()));
    let snapshot = snapshot(&got);
    assert_eq!(snapshot["spent"], (2 * CHEAP).to_string());
    assert_eq!(snapshot["highestVoucher"]["sequence"], 2);
    // Who does not ask is spared the bytes.
    let voucher = Instrument::Voucher(purse.voucher(3, 3 * CHEAP));
    let got = shop.pay_from_channel(Dialect::Mpp, &wanted, &voucher).await;
    assert_eq!((got.status, got.headers.contains_key(SNAPSHOT)), (200, false));
    // The upstream sees none of it.
    let seen = shop.upstream.seen();
    assert!(seen.iter().all(|request| !request.headers.contains_key(SESSION)));
}

#[tokio::test]
async fn of_a_channel_that_does_not_pay_here_nothing_is_told() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/2");
    let unknown = Purse::new(&shop.books, 9);
    assert_told_nothing(&shop.send(&naming(&wanted, unknown.id())).await, "unknown");
    for text in ["", "ch_", "pay_0", "\u{7f}", "0x00", "ch_ch_ch"] {
        let Ok(value) = http::HeaderValue::from_str(text) else { continue };
        let got = shop.send(&wanted.clone().with(SESSION, value.to_str().unwrap())).await;
        assert_told_nothing(&got, text);
    }

    let foreign = Purse::with(&shop.books, 3, |terms| terms.payee = editor());
    open_at_node(&shop, &foreign).await;
    assert_told_nothing(&shop.send(&naming(&wanted, foreign.id())).await, "another payee's");

    let brief = Purse::with(&shop.books, 4, |terms| terms.expires_at_ms = START_MS + 120_000);
    open_at_node(&shop, &brief).await;
    assert!(told(&shop.send(&naming(&wanted, brief.id())).await).is_some(), "still open");

    let closed = shop.opened(Dialect::Mpp, 1).await;
    let asked = shop.send(&wanted).await;
    let close = closed.close(CHEAP);
    let head = Wanted { method: Method::HEAD, ..naming(&wanted, closed.id()) };
    let got = shop.send(&head.paid(&credential(&offered(&asked, Intent::Session), &close))).await;
    assert_eq!((got.status, got.headers.contains_key(SNAPSHOT)), (200, false), "{got:?}");
    assert_told_nothing(&shop.send(&naming(&wanted, closed.id())).await, "closed");
}

#[tokio::test]
async fn a_presented_payment_comes_before_the_named_channel() {
    let shop = Shop::open().await;
    let purse = shop.opened(Dialect::Mpp, 1).await;
    let other = Purse::new(&shop.books, 2);
    open_at_node(&shop, &other).await;
    let wanted = naming(&Wanted::get("/cheap/2"), other.id());
    // A refusal speaks of the channel that was presented.
    let asked = shop.send(&Wanted::get("/cheap/2")).await;
    let stale = Instrument::Voucher(purse.voucher(1, CHEAP));
    let got = shop.send(&wanted.clone().paid(&header(Dialect::Mpp, &asked, &stale))).await;
    assert_eq!(told(&got).map(|state| state.channel), Some(purse.id()), "{got:?}");
    assert!(!got.headers.contains_key(SNAPSHOT));
    let good = Instrument::Voucher(purse.voucher(2, 2 * CHEAP));
    let got = shop.send(&wanted.paid(&header(Dialect::Mpp, &asked, &good))).await;
    assert_eq!((got.status, got.headers.contains_key(SNAPSHOT)), (200, false), "{got:?}");
}

async fn open_at_node(shop: &Shop, purse: &Purse) {
    let Instrument::Open { terms, .. } = purse.open(purse.voucher(1, CHEAP)) else {
        panic!("not an opening")
    };
    let open = engine::OpenChannel {
        terms: terms.verify().unwrap(),
        split: None,
        description: String::new(),
        origin: None,
        tags: engine::Tags::default(),
    };
    shop.books.engine.open_channel(open).await.unwrap();
}
