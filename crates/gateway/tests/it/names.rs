//! Payments with a name: `payment-identifier` and `Idempotency-Key`; R12 and R20a of the checklist.

use http::Method;
use http402::Dialect;
use http402::x402::SettleResponse;

use crate::client::Wanted;
use crate::shop::{CHEAP, JOB, Shop};

const NAME: &str = "a-name-of-the-payer";

fn both() -> [Wanted; 2] {
    [Wanted::get("/both/1"), Wanted::post("/both/1", "x")]
}

fn price(wanted: &Wanted) -> u128 {
    if wanted.method == Method::GET { CHEAP } else { JOB }
}

#[tokio::test]
async fn r12_eight_fresh_orders_under_one_name_are_charged_once() {
    for wanted in both() {
        let shop = Shop::open().await;
        let required = shop.challenge(&wanted).await;
        let payments: Vec<_> =
            (0..8).map(|_| shop.books.payer.pay(&required).named(NAME)).collect();
        let requests: Vec<_> =
            payments.iter().map(|payment| wanted.clone().paid(&payment.header())).collect();
        let answers =
            futures_util::future::join_all(requests.iter().map(|paid| shop.send(paid))).await;
        let settlement = answers[0].settlement().unwrap();
        assert!(payments.iter().any(|payment| payment.id() == settlement.payment));
        for got in &answers {
            assert_eq!((got.status, &got.body), (200, &answers[0].body));
            assert_eq!(got.settlement().as_ref(), Some(&settlement));
        }
        assert_eq!(shop.upstream.count(), 1);
        assert_eq!(shop.books.payments().await.len(), 1);
        shop.books.assert_paid(price(&wanted)).await;
    }
}

#[tokio::test]
async fn r20a_a_fresh_payment_under_the_same_name_gets_the_earlier_answer() {
    for wanted in both() {
        let shop = Shop::open().await;
        let first = shop.payment(&wanted).await.named(NAME);
        let second = shop.payment(&wanted).await.named(NAME);
        let first = shop.send(&wanted.clone().paid(&first.header())).await;
        let second = shop.send(&wanted.clone().paid(&second.header())).await;
        assert_eq!((first.status, second.status), (200, 200));
        assert_eq!(first.settlement(), second.settlement());
        assert_eq!(second.header("idempotent-replayed"), "true");
        assert_eq!(shop.upstream.count(), 1);
        shop.books.assert_paid(price(&wanted)).await;
    }
}

#[tokio::test]
async fn the_idempotency_key_header_names_a_payment_too() {
    for wanted in both() {
        let shop = Shop::open().await;
        let required = shop.challenge(&wanted).await;
        let keyed = |key: &str| {
            let payment = shop.books.payer.pay(&required);
            wanted.clone().paid(&payment.header()).with("idempotency-key", key)
        };
        for _ in 0..3 {
            assert_eq!(shop.send(&keyed("k1")).await.status, 200);
        }
        assert_eq!(shop.upstream.count(), 1);
        shop.books.assert_paid(price(&wanted)).await;
        assert_eq!(shop.send(&keyed("k2")).await.status, 200);
        shop.books.assert_paid(2 * price(&wanted)).await;
    }
}

#[tokio::test]
async fn a_name_for_another_purchase_is_a_conflict() {
    let shop = Shop::open().await;
    let (cheap, dear) = (Wanted::get("/cheap/1"), Wanted::get("/dear/1"));
    let bought = shop.payment(&cheap).await.named(NAME);
    assert_eq!(shop.send(&cheap.paid(&bought.header())).await.status, 200);
    let other = shop.payment(&dear).await.named(NAME);
    let got = shop.send(&dear.clone().paid(&other.header())).await;
    assert_eq!((got.status, got.code().as_str()), (409, "idempotency_conflict"));
    assert_eq!(got.header("farthing-payment"), other.id().to_string());
    let Some(SettleResponse::Failure(_)) = got.settle_response() else {
        panic!("{got:?}");
    };
    shop.books.assert_paid(CHEAP).await;
    assert_eq!(shop.upstream.count(), 1);
}

#[tokio::test]
async fn a_name_is_the_payers_own() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let required = shop.challenge(&wanted).await;
    let other = crate::books::Payer::new(2, shop.books.engine.node());
    shop.books.fund(&other, 10 * CHEAP).await;
    for payer in [&shop.books.payer, &other] {
        let payment = payer.pay(&required).named(NAME);
        let got = shop.send(&wanted.clone().paid(&payment.header())).await;
        assert_eq!(got.settlement().unwrap().payment, payment.id());
    }
    // Somebody without the payer's key learns nothing from the name.
    let thief = shop.books.stranger();
    let theft =
        thief.pay_with(&required, |order| order.payer = shop.books.payer.account()).named(NAME);
    let got = shop.send(&wanted.clone().paid(&theft.header())).await;
    assert!(matches!(got.status, 400 | 402), "{got:?}");
    assert!(got.settlement().is_none());
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn a_required_name_that_is_missing_is_refused() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/named/1");
    let required = shop.challenge(&wanted).await;
    assert_eq!(required.extensions["payment-identifier"]["info"]["required"], true);
    let payment = shop.books.payer.pay(&required);
    for header in [payment.header(), payment.header_in(Dialect::X402V1)] {
        let got = shop.send(&wanted.clone().paid(&header)).await;
        assert_eq!((got.status, got.code().as_str()), (400, "payment_identifier_required"));
    }
    for name in ["short", "has spaces in the name", &"x".repeat(129)] {
        let got = shop.send(&wanted.clone().paid(&payment.clone().named(name).header())).await;
        assert_eq!((got.status, got.code().as_str()), (400, "invalid_payment_identifier"));
    }
    assert_eq!(shop.upstream.count(), 0);
    let got = shop.send(&wanted.clone().paid(&payment.named(NAME).header())).await;
    assert_eq!(got.status, 200);
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn a_payer_of_version_1_gets_its_answer_in_version_1() {
    let shop = Shop::open().await;
    for wanted in both() {
        let payment = shop.payment(&wanted).await;
        let got = shop.send(&wanted.clone().paid(&payment.header_in(Dialect::X402V1))).await;
        assert_eq!(got.status, 200);
        assert!(got.headers.get("payment-response").is_none());
        let settled = SettleResponse::decode_header(&got.headers["x-payment-response"]).unwrap();
        let SettleResponse::Success(settlement) = settled else { panic!("{settled:?}") };
        assert_eq!(settlement.payment, payment.id());
    }
    shop.books.assert_paid(CHEAP + JOB).await;
}
