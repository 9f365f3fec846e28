//! One challenge in every dialect at once, and one payment behind them: what is paid in one dialect
//! is known in the others.

use http::Method;
use http402::mpp::{self, Intent, Offered, OfferedList, ReadReceipt};
use http402::{Dialect, Instrument};
use serde_json::Value;

use crate::books::{Paid, encode};
use crate::client::{Got, Wanted};
use crate::shop::{CHEAP, JOB, Shop};

/// The challenge of one intent.
pub fn offered(got: &Got, intent: Intent) -> Offered {
    let list = OfferedList::from_headers(&got.headers).unwrap();
    let mut found = list.offered.into_iter().filter(|offered| offered.terms.intent() == intent);
    found.next().unwrap_or_else(|| panic!("no challenge to {intent:?}: {:?}", got.headers))
}

/// The credential that pays a challenge.
pub fn credential(offered: &Offered, instrument: &Instrument) -> (String, String) {
    let (name, value) = mpp::credential_header(offered, instrument).unwrap();
    (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
}

/// The same order as a credential.
fn charge(offered: &Offered, paid: &Paid) -> (String, String) {
    credential(offered, &Instrument::Order { order: paid.order, up_to: false })
}

pub fn receipt(got: &Got) -> ReadReceipt {
    let value = got.headers.get(mpp::PAYMENT_RECEIPT).unwrap_or_else(|| panic!("{got:?}"));
    ReadReceipt::decode_header(value).unwrap()
}

struct Quote {
    offered: Offered,
    paid: Paid,
}

/// A challenge to charge and an order for it.
async fn quote(shop: &Shop, wanted: &Wanted) -> Quote {
    let got = shop.send(wanted).await;
    Quote { offered: offered(&got, Intent::Charge), paid: shop.books.payer.pay(&got.required()) }
}

#[tokio::test]
async fn an_unpaid_request_is_answered_in_every_dialect() {
    let shop = Shop::open().await;
    for wanted in [Wanted::get("/cheap/1"), Wanted::post("/job/1", "body")] {
        let got = shop.send(&wanted).await;
        assert_eq!((got.status, got.header("cache-control")), (402, "no-store"));
        let required = got.required();
        let list = OfferedList::from_headers(&got.headers).unwrap();
        let intents: Vec<_> = list.offered.iter().map(|offered| offered.terms.intent()).collect();
        assert_eq!(intents, [Intent::Charge, Intent::Session]);
        let json = got.json();
        assert_eq!(json["x402Version"], 1);
        assert_eq!(json["accepts"][0]["scheme"], "exact");
        assert_eq!(json["challengeId"], list.offered[0].echo.id.as_str());
        let schemes: Vec<_> = required.accepts.iter().map(|terms| terms.scheme).collect();
        assert_eq!(schemes, [http402::x402::Scheme::Exact, http402::x402::Scheme::BatchSettlement]);
        for offered in list.offered {
            assert_eq!(offered.echo.realm, "shop.example");
            assert_eq!(offered.echo.digest.is_some(), wanted.method == Method::POST);
        }
        assert!(got.header("vary").contains("accept-payment"), "{got:?}");
        let head: usize =
            got.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        assert!(head < 8 * 1024, "{head} bytes of headers");
    }
    assert_eq!(shop.upstream.count(), 0);
}

#[tokio::test]
async fn a_payer_says_what_it_takes() {
    let shop = Shop::open().await;
    for (accept, expected) in [
        ("farthing/session, farthing/charge;q=0.5", vec![Intent::Session, Intent::Charge]),
        ("*/charge", vec![Intent::Charge]),
        ("farthing/charge;q=0, */*;q=0.1", vec![Intent::Session]),
        ("tempo/charge", vec![Intent::Charge, Intent::Session]),
    ] {
        let got = shop.send(&Wanted::get("/cheap/1").with("accept-payment", accept)).await;
        let list = OfferedList::from_headers(&got.headers).unwrap();
        let intents: Vec<_> = list.offered.iter().map(|offered| offered.terms.intent()).collect();
        assert_eq!(intents, expected, "{accept}");
    }
}

#[tokio::test]
async fn a_credential_pays_and_gets_its_receipt() {
    let shop = Shop::open().await;
    for wanted in [Wanted::get("/cheap/1"), Wanted::post("/job/1", "make it so")] {
        let price = if wanted.method == Method::GET { CHEAP } else { JOB };
        let spent = shop.books.spent().await;
        let Quote { offered, paid } = quote(&shop, &wanted).await;
        let got = shop.send(&wanted.clone().paid(&charge(&offered, &paid))).await;
        assert_eq!(got.status, 200, "{got:?}");
        assert_eq!(got.body, format!("content of {} {}", wanted.method, wanted.path));
        assert_eq!(got.header("cache-control"), "private");
        assert!(!got.headers.contains_key("payment-response"), "one dialect, one answer");
        let receipt = receipt(&got);
        assert_eq!(receipt.reference, paid.id().to_string());
        assert_eq!((receipt.charged, receipt.session), (Some(price), None));
        shop.books.assert_paid(spent + price).await;
    }
    for seen in shop.upstream.seen() {
        assert!(!seen.headers.contains_key("authorization"), "{seen:?}");
        assert!(seen.headers.contains_key("farthing-payment"), "{seen:?}");
    }
}

/// One order in every dialect, one after the other and all at once, is one payment.
#[tokio::test]
async fn one_order_is_one_payment_in_all_dialects() {
    let shop = Shop::open().await;
    for (wanted, price) in [(Wanted::get("/both/1"), CHEAP), (Wanted::post("/both/1", "b"), JOB)] {
        let (spent, count) = (shop.books.spent().await, shop.upstream.count());
        let Quote { offered, paid } = quote(&shop, &wanted).await;
        let dialects = [
            paid.header_in(Dialect::X402V2),
            paid.header_in(Dialect::X402V1),
            charge(&offered, &paid),
        ];
        let copies = dialects.iter().cycle().take(9).map(|header| {
            let wanted = wanted.clone().paid(header);
            let shop = &shop;
            async move { shop.send(&wanted).await }
        });
        for got in futures_util::future::join_all(copies).await {
            assert_eq!(got.status, 200, "{got:?}");
            assert_eq!(got.body, format!("content of {} /both/1", wanted.method));
        }
        assert_eq!(shop.upstream.count(), count + 1);
        shop.books.assert_paid(spent + price).await;
        // And once more, when it is long over, in the dialect that was not first.
        let again = shop.send(&wanted.clone().paid(&dialects[2])).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
        assert_eq!(receipt(&again).reference, paid.id().to_string());
        shop.books.assert_paid(spent + price).await;
    }
}

#[tokio::test]
async fn the_same_payment_may_stand_in_two_dialects_and_different_ones_may_not() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let one = quote(&shop, &wanted).await;
    let other = quote(&shop, &wanted).await;
    let header = charge(&one.offered, &one.paid);
    let both = wanted.clone().paid(&header).paid(&other.paid.header());
    let got = shop.send(&both).await;
    assert_eq!((got.status, got.code().as_str()), (402, "payment_ambiguous"), "{got:?}");
    shop.books.assert_paid(0).await;
    let same = wanted.clone().paid(&header).paid(&one.paid.header());
    assert_eq!(shop.send(&same).await.status, 200);
    shop.books.assert_paid(CHEAP).await;
}

/// What a credential is refused for, each by its name and kind, with new challenges, for nothing.
#[tokio::test]
async fn credentials_that_do_not_fit_are_refused_by_name() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let good = quote(&shop, &wanted).await;
    let elsewhere = quote(&shop, &Wanted::get("/cheap/2")).await;
    let dear = quote(&shop, &Wanted::get("/dear/1")).await;
    let posted = quote(&shop, &Wanted::post("/job/1", "small")).await;
    let with = |change: &dyn Fn(&mut Offered)| {
        let mut offered = good.offered.clone();
        change(&mut offered);
        charge(&offered, &good.paid)
    };
    let long = shop.books.payer.pay_with(&good.paid.required, |order| order.expires_at_ms += 1000);
    let poor = shop.books.stranger().pay(&good.paid.required);
    let text = |text: &str| ("authorization".to_owned(), text.to_owned());
    let foreign = text(&charge(&good.offered, &good.paid).1).1;
    let cases = [
        ("id", with(&|o| o.echo.id = "AAAA".into()), "challenge_unknown", "invalid-challenge"),
        ("realm", with(&|o| o.echo.realm = "x".into()), "challenge_unknown", "invalid-challenge"),
        ("end", with(&|o| o.echo.expires = None), "challenge_unknown", "invalid-challenge"),
        ("path", charge(&elsewhere.offered, &good.paid), "challenge_scope", "invalid-challenge"),
        ("price", charge(&dear.offered, &good.paid), "challenge_scope", "invalid-challenge"),
        ("method", charge(&posted.offered, &good.paid), "challenge_scope", "invalid-challenge"),
        ("too long", charge(&good.offered, &long), "order_outlives_challenge", "invalid-challenge"),
        (
            "other order",
            charge(&good.offered, &elsewhere.paid),
            "purchase_mismatch",
            "verification-failed",
        ),
        ("poor", charge(&good.offered, &poor), "insufficient_funds", "payment-insufficient"),
        ("junk", text("Payment !!!"), "invalid_base64", "malformed-credential"),
        ("no JSON", text("Payment AAAA"), "invalid_json", "malformed-credential"),
        (
            "half",
            text(&foreign[..foreign.len() / 2 - foreign.len() / 2 % 4]),
            "invalid_json",
            "malformed-credential",
        ),
    ];
    for (name, header, code, kind) in cases {
        let got = shop.send(&wanted.clone().paid(&header)).await;
        assert_eq!((got.status, got.code().as_str()), (402, code), "{name}: {got:?}");
        assert_eq!(
            got.json()["type"],
            format!("https://paymentauth.org/problems/{kind}"),
            "{name}"
        );
        assert_eq!(got.json()["charged"], false, "{name}");
        assert!(!got.headers.contains_key("payment-receipt"), "{name}");
        assert!(!OfferedList::from_headers(&got.headers).unwrap().offered.is_empty(), "{name}");
    }
    // A body that is not the one of the challenge.
    let large = Wanted::post("/job/1", "large").paid(&charge(&posted.offered, &posted.paid));
    let got = shop.send(&large).await;
    assert_eq!((got.status, got.code().as_str()), (402, "challenge_digest"));
    assert_eq!(shop.upstream.count(), 0);
    shop.books.assert_paid(0).await;
    assert_eq!(shop.send(&wanted.paid(&charge(&good.offered, &good.paid))).await.status, 200);
}

#[tokio::test]
async fn a_credential_for_another_method_is_told_so() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let good = quote(&shop, &wanted).await;
    let (_, value) = charge(&good.offered, &good.paid);
    let json = value.strip_prefix("Payment ").unwrap();
    let json = json.replace('-', "+").replace('_', "/");
    let padded = json.clone() + &"=".repeat((4 - json.len() % 4) % 4);
    let mut json: Value = serde_json::from_slice(&crate::books::decode(&padded)).unwrap();
    json["challenge"]["method"] = "tempo".into();
    let text = encode(json.to_string()).replace('+', "-").replace('/', "_");
    let header = ("authorization".to_owned(), format!("Payment {}", text.trim_end_matches('=')));
    let got = shop.send(&wanted.paid(&header)).await;
    assert_eq!((got.status, got.code().as_str()), (400, "method_unsupported"));
    shop.books.assert_paid(0).await;
}

/// A site with its own login keeps it: the credential goes into the other header.
#[tokio::test]
async fn other_authentication_passes_through() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1").with("authorization", "Bearer secret");
    let Quote { offered, paid } = quote(&shop, &wanted).await;
    let (name, value) = charge(&offered, &paid);
    assert_eq!(name, "payment-authorization");
    let got = shop.send(&wanted.with(&name, &value)).await;
    assert_eq!(got.status, 200, "{got:?}");
    let seen = shop.upstream.seen();
    assert_eq!(seen[0].headers["authorization"], "Bearer secret");
    assert!(!seen[0].headers.contains_key("payment-authorization"));
}

#[tokio::test]
async fn the_upstream_can_neither_ask_for_payments_nor_give_receipts() {
    let shop = Shop::open().await;
    let headers = [
        ("www-authenticate", "Payment id=\"x\", realm=\"evil\""),
        ("www-authenticate", "Basic realm=\"own\""),
        ("payment-receipt", "forged"),
    ];
    let headers = headers.map(|(name, value)| (name, value));
    shop.upstream.says("/cheap/1", 401, &headers, b"who are you?");
    let wanted = Wanted::get("/cheap/1");
    let Quote { offered, paid } = quote(&shop, &wanted).await;
    let got = shop.send(&wanted.paid(&charge(&offered, &paid))).await;
    assert_eq!(got.status, 401);
    let kept: Vec<_> = got.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(kept, ["Basic realm=\"own\""]);
    assert!(!got.headers.contains_key("payment-receipt"));
    shop.books.assert_paid(0).await;
}
