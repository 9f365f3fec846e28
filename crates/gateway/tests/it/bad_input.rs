//! Hostile requests: each gets a refusal that names the cause, never content, never a server error,
//! and nothing is charged.

use engine::Coded;
use http::Method;
use instrument::{Audience, KeyPair, Mandate, Order, Revocation, Signed, SignedOrder};
use money::{AccountId, Amount, Asset, MandateId, NodeId};
use serde_json::{Value, json};

use crate::books::{Paid, Payer, START_MS, account, encode, usd};
use crate::client::{self, Wanted};
use crate::shop::{CHEAP, ORIGIN, Shop};

/// What is done to an order before it is signed.
type Change = Box<dyn Fn(&mut Order)>;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn signature(value: impl Into<String>) -> (String, String) {
    ("payment-signature".to_owned(), value.into())
}

/// Sends requests that must all be refused.
async fn assert_refused(shop: &Shop, cases: Vec<(String, Wanted, u16, &str)>) {
    for (name, wanted, status, code) in cases {
        let got = shop.send(&wanted).await;
        assert_eq!(got.status, status, "{name}: {got:?}");
        assert_eq!(got.code(), code, "{name}");
        assert_eq!(got.json()["charged"], false, "{name}");
        assert!(got.settlement().is_none(), "{name}");
        assert_eq!(got.header("cache-control"), "no-store", "{name}");
    }
    assert_eq!(shop.upstream.count(), 0);
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn malformed_payments_are_refused_by_name() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let payment = shop.payment(&wanted).await;
    let good = payment.header().1;
    let mut cases = Vec::new();
    let mut add = |name: &str, value: String, code| {
        let wanted = wanted.clone().paid(&signature(value));
        cases.push((name.to_owned(), wanted, 400, code));
    };
    add("truncated", good[..good.len() / 8 * 4].to_owned(), "invalid_json");
    add("cut inside a group", good[..=good.len() / 8 * 4].to_owned(), "invalid_base64");
    add("base64url", good.replace('=', "") + "-_", "invalid_base64");
    add("with a space inside", good.replacen("eyJ", "ey J", 1), "invalid_base64");
    add("twice encoded", encode(&good), "invalid_json");
    add("too large", encode(vec![b' '; 20_000]), "payment_too_large");
    add("deep", encode(format!("{{\"a\":{}", "[".repeat(5000))), "invalid_json");
    add("UTF-16", encode([0xff, 0xfe, b'{', 0, b'}', 0]), "invalid_json");
    add("not UTF-8", encode(b"{\"x402Version\":2,\"a\":\"\xff\"}"), "invalid_payload");
    let member = |path: &[&str], value: Value| {
        let mut json = payment.json();
        let mut at = &mut json;
        for name in path {
            at = &mut at[*name];
        }
        *at = value;
        encode(json.to_string())
    };
    for amount in ["-1000", "+1000", "1e3", "01000", "1000.0", "0x3e8", " 1000", "", "１０００"]
    {
        let value = member(&["accepted", "amount"], amount.into());
        add(amount, value, "invalid_payment_requirements");
    }
    let huge = "9".repeat(60);
    add("overflow", member(&["accepted", "amount"], huge.into()), "invalid_payment_requirements");
    add("a number", member(&["accepted", "amount"], 1000.into()), "invalid_payload");
    for asset in ["usd", "", "TOOLONGCODE", "U$D", "1USD"] {
        let value = member(&["accepted", "asset"], asset.into());
        add(asset, value, "invalid_payment_requirements");
    }
    add("version 1 in 2", member(&["x402Version"], 1.into()), "invalid_x402_version");
    add("version 3", member(&["x402Version"], 3.into()), "invalid_x402_version");
    add("payTo", member(&["accepted", "payTo"], "me".into()), "invalid_payment_requirements");
    add("no order", member(&["payload"], json!({})), "invalid_payload");
    add("order of junk", member(&["payload", "order"], "AAAA".into()), "invalid_payload");
    add(
        "no timeout",
        member(&["accepted", "maxTimeoutSeconds"], 0.into()),
        "invalid_payment_requirements",
    );
    add(
        "negative timeout",
        member(&["accepted", "maxTimeoutSeconds"], (-1).into()),
        "invalid_payload",
    );
    let twice = String::from_utf8(crate::books::decode(&good)).unwrap();
    let twice = twice.replacen('{', "{\"x402Version\":2,", 1);
    add("a member twice", encode(twice), "invalid_payload");
    assert_refused(&shop, cases).await;
}

#[tokio::test]
async fn a_request_carries_one_payment() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let (one, other) = (shop.payment(&wanted).await, shop.payment(&wanted).await);
    let twice = wanted.clone().paid(&one.header()).paid(&one.header());
    let both = wanted.clone().paid(&one.header()).paid(&other.header_in(http402::Dialect::X402V1));
    let long = wanted.clone().paid(&one.header()).with("idempotency-key", &"k".repeat(256));
    let empty = wanted.clone().paid(&one.header()).with("idempotency-key", "");
    let keys = wanted
        .clone()
        .paid(&one.header())
        .with("idempotency-key", "a")
        .with("idempotency-key", "b");
    let key = "invalid_idempotency_key";
    let cases = vec![
        ("repeated".to_owned(), twice, 400, "payment_repeated"),
        ("two versions differ".to_owned(), both, 400, "payment_ambiguous"),
        ("key too long".to_owned(), long, 400, key),
        ("key empty".to_owned(), empty, 400, key),
        ("two keys".to_owned(), keys, 400, key),
    ];
    assert_refused(&shop, cases).await;
}

#[tokio::test]
async fn orders_that_do_not_fit_are_refused_by_name() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let required = shop.challenge(&wanted).await;
    let changes: Vec<(&str, Change, &str)> = vec![
        ("node", Box::new(|order| order.node = NodeId::new(78).unwrap()), "invalid_network"),
        ("payee", Box::new(|order| order.payee = account(1002)), "payee_mismatch"),
        ("less", Box::new(|order| order.amount = Amount::new(CHEAP - 1, usd())), "amount_mismatch"),
        ("more", Box::new(|order| order.amount = Amount::new(CHEAP + 1, usd())), "amount_mismatch"),
        ("nothing", Box::new(|order| order.amount = Amount::new(0, usd())), "amount_mismatch"),
        ("all", Box::new(|order| order.amount = Amount::new(u128::MAX, usd())), "amount_mismatch"),
        ("no purchase", Box::new(|order| order.purchase = None), "purchase_mismatch"),
        ("now", Box::new(|order| order.expires_at_ms = START_MS), "order_expired"),
        ("a day late", Box::new(|order| order.expires_at_ms -= DAY_MS), "order_expired"),
        ("a day early", Box::new(|order| order.expires_at_ms += DAY_MS), "order_expiry_too_far"),
        ("for ever", Box::new(|order| order.expires_at_ms = u64::MAX), "order_expiry_too_far"),
        ("long ago", Box::new(|order| order.expires_at_ms = 0), "order_expired"),
    ];
    let mut cases: Vec<_> = changes
        .into_iter()
        .map(|(name, change, code)| {
            let payment = shop.books.payer.pay_with(&required, change);
            (name.to_owned(), wanted.clone().paid(&payment.header()), 402, code)
        })
        .collect();
    let poor = shop.books.stranger().pay(&required);
    cases.push(("poor".into(), wanted.clone().paid(&poor.header()), 402, "insufficient_funds"));
    assert_refused(&shop, cases).await;
}

#[tokio::test]
async fn an_asset_that_the_node_does_not_carry_is_refused() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let mut required = shop.challenge(&wanted).await;
    let other = Amount::new(CHEAP, Asset::new("XTS", 9).unwrap());
    required.accepts[0].amount = other;
    let key = KeyPair::from_seed(&[1; 32]);
    let payer = instrument::payer_account(&key.public(), other.asset());
    let payment = shop.books.payer.pay_with(&required, |order| order.payer = payer);
    let scale = Amount::new(CHEAP, Asset::new("USD", 2).unwrap());
    let mut scaled = required.clone();
    scaled.accepts[0].amount = scale;
    let payer = instrument::payer_account(&key.public(), scale.asset());
    let scaled = shop.books.payer.pay_with(&scaled, |order| order.payer = payer);
    let code = "invalid_payment_requirements";
    let cases = vec![
        ("asset".to_owned(), wanted.clone().paid(&payment.header()), 402, code),
        ("scale".to_owned(), wanted.clone().paid(&scaled.header()), 402, code),
        (
            "asset in version 1".to_owned(),
            wanted.clone().paid(&payment.header_in(http402::Dialect::X402V1)),
            402,
            "asset_mismatch",
        ),
    ];
    assert_refused(&shop, cases).await;
}

/// The rejected orders of the golden vectors, put in place of a good one.
#[tokio::test]
async fn rejected_vectors_are_rejected() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let payment = shop.payment(&wanted).await;
    let vectors: Value =
        serde_json::from_str(include_str!("../../../../conformance/formats.json")).unwrap();
    let mut cases = Vec::new();
    for vector in vectors["rejected"].as_array().unwrap() {
        if vector["kind"] != "order" {
            continue;
        }
        let (bytes, signed) = (unhex(&vector["bytes"]), unhex(&vector["signature"]));
        let mut json = payment.json();
        json["payload"] = json!({"order": encode(bytes), "signature": encode(&signed)});
        let wanted = wanted.clone().paid(&signature(encode(json.to_string())));
        let why = vector["why"].as_str().unwrap();
        let (status, code) = match (vector["wantErr"].as_str().unwrap(), signed.len()) {
            ("signature", 64) => (402, "invalid_signature"),
            // Such an order is for the node of the vectors.
            _ if why.contains("not derived") => (402, "invalid_network"),
            _ => (400, "invalid_payload"),
        };
        cases.push((why.to_owned(), wanted, status, code));
    }
    assert!(cases.len() > 20);
    assert_refused(&shop, cases).await;
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// The group order of Ed25519, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[tokio::test]
async fn a_good_order_with_a_bent_signature_is_refused() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let payment = shop.payment(&wanted).await;
    let good = payment.order.signature().0;
    let mut malleable = good;
    let mut carry = 0;
    for (byte, add) in malleable[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    let mut flipped = good;
    flipped[3] ^= 1;
    let cases = [("S + L", malleable), ("flipped", flipped), ("zeros", [0; 64])]
        .into_iter()
        .map(|(name, bent)| {
            let order = SignedOrder::from_parts(&payment.order.order_bytes(), &bent).unwrap();
            let bent = Paid { order, ..payment.clone() };
            (name.to_owned(), wanted.clone().paid(&bent.header()), 402, "invalid_signature")
        })
        .collect();
    assert_refused(&shop, cases).await;
    // The order itself is good.
    assert_eq!(shop.send(&wanted.paid(&payment.header())).await.status, 200);
}

async fn granted(shop: &Shop, number: u128, change: impl FnOnce(&mut Mandate)) -> Payer {
    let (payer, node) = (&shop.books.payer, shop.books.engine.node());
    let delegate = Payer::new(50 + u8::try_from(number).unwrap(), node);
    let mut mandate = Mandate {
        node,
        id: MandateId::new(number).unwrap(),
        payer: payer.account(),
        payer_key: payer.key.public(),
        delegate: delegate.key.public(),
        asset: usd(),
        per_payment: CHEAP,
        total: CHEAP * 2,
        expires_at_ms: START_MS + 2 * DAY_MS,
        audience: Some(Audience::of_origin(ORIGIN)),
    };
    change(&mut mandate);
    let signed = Signed::sign(mandate, &payer.key).verify_with(&payer.key.public()).unwrap();
    shop.books.engine.grant(signed, "agent".to_owned()).await.unwrap();
    delegate.under(mandate)
}

#[tokio::test]
async fn mandates_bind_the_delegate() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let required = shop.challenge(&wanted).await;
    let audience = Some(Audience::of_origin("http://other.example"));
    let elsewhere = granted(&shop, 1, |mandate| mandate.audience = audience).await;
    let small = granted(&shop, 2, |mandate| mandate.per_payment = CHEAP - 1).await;
    let total = granted(&shop, 3, |mandate| mandate.total = CHEAP - 1).await;
    let brief = granted(&shop, 4, |mandate| mandate.expires_at_ms = START_MS + 1).await;
    let revoked = granted(&shop, 5, |_| ()).await;
    let good = granted(&shop, 6, |_| ()).await;
    let (node, key) = (shop.books.engine.node(), &shop.books.payer.key);
    let revocation = Revocation { node, mandate: MandateId::new(5).unwrap() };
    let revocation = Signed::sign(revocation, key).verify_with(&key.public()).unwrap();
    shop.books.engine.revoke(revocation, key.public()).await.unwrap();
    shop.books.clock.advance_ms(1);
    let unknown = |order: &mut Order| order.mandate = Some(MandateId::new(99).unwrap());
    let others = |order: &mut Order| order.mandate = Some(MandateId::new(1).unwrap());
    let cases = [
        (elsewhere.pay(&required), "mandate_audience"),
        (small.pay(&required), "mandate_per_payment"),
        (total.pay(&required), "mandate_exceeded"),
        (brief.pay(&required), "mandate_expired"),
        (revoked.pay(&required), "mandate_revoked"),
        (good.pay_with(&required, unknown), "mandate_unknown"),
        (good.pay_with(&required, others), "mandate_mismatch"),
    ];
    let cases = cases
        .into_iter()
        .map(|(paid, code)| (code.to_owned(), wanted.clone().paid(&paid.header()), 402, code))
        .collect();
    assert_refused(&shop, cases).await;
    for (time, status) in [200, 200, 402].into_iter().enumerate() {
        let got = shop.send(&wanted.clone().paid(&good.pay(&required).header())).await;
        assert_eq!(got.status, status, "{time}: {got:?}");
    }
    shop.books.assert_paid(2 * CHEAP).await;
}

#[tokio::test]
async fn a_key_cannot_pay_from_another_account() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let required = shop.challenge(&wanted).await;
    let victim: AccountId = shop.books.payer.account();
    let theft = shop.books.stranger().pay_with(&required, |order| order.payer = victim);
    let got = shop.send(&wanted.clone().paid(&theft.header())).await;
    assert!(matches!(got.status, 400 | 402), "{got:?}");
    assert!(matches!(got.code().as_str(), "invalid_payload" | "signer_is_not_payer"), "{got:?}");
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn a_person_gets_a_page_with_every_refusal_of_a_payment() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1").with("accept", "text/html,*/*;q=0.8");
    let poor = shop.books.stranger().pay(&shop.challenge(&wanted).await);
    let broken = wanted.clone().with("cookie", "a=b; farthing-payment=%%%");
    for (request, text) in [
        (wanted.clone(), "what stands at /cheap/{id}"),
        (wanted.clone().paid(&poor.header()), "balance is too low"),
        (broken, "base64"),
    ] {
        let got = shop.send(&request).await;
        assert_eq!((got.status, got.header("content-type")), (402, "text/html; charset=utf-8"));
        let page = String::from_utf8_lossy(&got.body).into_owned();
        assert!(page.contains(text), "{page}");
        assert!(got.header("content-security-policy").contains("default-src 'none'"));
        assert!(got.headers.contains_key("payment-required"));
        assert!(got.settlement().is_none());
    }
    assert_eq!(shop.upstream.count(), 0);
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn a_cookie_pays_for_its_own_page_only() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1");
    let (_, value) = shop.payment(&wanted).await.header();
    let cookie = format!("theme=dark; farthing-payment={value}");
    let elsewhere = shop.send(&Wanted::get("/cheap/2").with("cookie", &cookie)).await;
    assert_eq!((elsewhere.status, elsewhere.code().as_str()), (402, "payment_required"));
    let got = shop.send(&wanted.with("cookie", &cookie)).await;
    assert_eq!(got.status, 200);
    let seen = shop.upstream.seen();
    assert_eq!(seen[0].headers["cookie"], "theme=dark");
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn requests_that_are_no_http_do_no_harm() {
    let shop = Shop::open().await;
    let huge = format!("GET /cheap/1 HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(1_000_000));
    let many = format!("GET /cheap/1 HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(500));
    let long =
        format!("GET /cheap/{} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "a".repeat(9000));
    for request in [
        huge.as_str(),
        many.as_str(),
        long.as_str(),
        "GET /cheap/1 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\nconnection: close\r\n\r\n0\r\n\r\n",
        "POST /job/1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\nconnection: close\r\n\r\nabc",
        "POST /job/1 HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\nconnection: close\r\n\r\n",
        "POST /job/1 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\n",
        "GET /cheap/1\r\n\r\n",
        "GET  /cheap/1 HTTP/1.1\r\n\r\n",
        "CONNECT shop.example:443 HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n",
        "GET http://other.example/cheap/1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        "\r\n\r\n\0\0\0",
    ] {
        let answer = client::send_raw(shop.address, request.as_bytes()).await;
        let start: String = request.chars().take(60).collect();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{start}: {answer}");
        assert!(!answer.contains("content of"), "{start}: {answer}");
    }
    assert_eq!(shop.upstream.count(), 0);
    // The gateway is as well as before.
    assert_eq!(shop.buy(&Wanted::get("/cheap/1")).await.status, 200);
}

#[tokio::test]
async fn every_refusal_of_the_node_is_a_client_error_or_asks_to_come_again() {
    for error in engine::AuthorizeError::ALL {
        assert!(matches!(error.http_status(), 402 | 409 | 503), "{error:?}");
    }
    let shop = Shop::open().await;
    let paid = shop.paid(&Wanted::get("/cheap/1")).await;
    shop.books.engine.shutdown().await;
    let got = shop.send(&paid).await;
    assert_eq!((got.status, got.code().as_str()), (503, "node_stopped"));
    assert_eq!(got.header("retry-after"), "30");
    let unpaid = shop.send(&Wanted::new(Method::GET, "/cheap/1")).await;
    assert_eq!(unpaid.status, 402);
    assert_eq!(shop.upstream.count(), 0);
}
