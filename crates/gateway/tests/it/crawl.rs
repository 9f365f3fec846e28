//! Pay-per-crawl: a signed request is a payment, once, of the price that it names.

use std::fmt::Write as _;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http402::crawler::thumbprint;
use instrument::KeyPair;

use crate::books::{Books, START_MS, author};
use crate::client::{self, Got, Wanted};
use crate::far_node::FarNode;
use crate::shop::{AGENT, CHEAP, ORIGIN, Shop, paywall, serve};
use crate::upstream::{Upstream, broken_body, response};

/// The price of the offers here, as crawlers read it.
const PRICE: &str = "USD 0.000001";

/// A request of a crawler: right in every part until a test changes one.
#[derive(Clone)]
pub struct Crawl {
    pub key: KeyPair,
    pub agent: Option<&'static str>,
    pub path: &'static str,
    pub header: &'static str,
    pub price: &'static str,
    pub created: u64,
    pub expires: u64,
    pub nonce: &'static str,
    pub covers_path: bool,
}

impl Crawl {
    pub fn by(key: &KeyPair, path: &'static str) -> Self {
        let created = START_MS / 1000;
        Self {
            key: key.clone(),
            agent: Some(AGENT),
            path,
            header: "crawler-exact-price",
            price: PRICE,
            created,
            expires: created + 30,
            nonce: "1",
            covers_path: true,
        }
    }

    pub fn signed(&self) -> Wanted {
        let authority = ORIGIN.strip_prefix("http://").unwrap();
        let agent = self.agent.map(|agent| format!("\"{agent}\""));
        let mut lines = vec![("\"@authority\"".to_owned(), authority)];
        if self.covers_path {
            lines.push(("\"@path\"".to_owned(), self.path));
        }
        lines.push((format!("\"{}\"", self.header), self.price));
        lines.extend(agent.as_deref().map(|agent| ("\"signature-agent\"".to_owned(), agent)));
        let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
        let input = format!(
            "({});created={};expires={};keyid=\"{}\";alg=\"ed25519\";nonce=\"{}\";\
             tag=\"web-bot-auth\"",
            names.join(" "),
            self.created,
            self.expires,
            thumbprint(&self.key.public()),
            self.nonce
        );
        let mut base = String::new();
        for (name, value) in &lines {
            writeln!(base, "{name}: {value}").unwrap();
        }
        write!(base, "\"@signature-params\": {input}").unwrap();
        let signature = STANDARD.encode(self.key.sign(base.as_bytes()).0);
        let wanted = Wanted::get(self.path)
            .with(self.header, self.price)
            .with("signature-input", &format!("sig1={input}"))
            .with("signature", &format!("sig1=:{signature}:"));
        match agent {
            Some(agent) => wanted.with("signature-agent", &agent),
            None => wanted,
        }
    }
}

fn crawl(shop: &Shop, path: &'static str) -> Crawl {
    Crawl::by(&shop.books.payer.key, path)
}

fn error(got: &Got) -> (u16, String) {
    assert_eq!(got.header("crawler-charged"), "", "{got:?}");
    (got.status, got.header("crawler-error").to_owned())
}

fn named(status: u16, name: &str) -> (u16, String) {
    (status, name.to_owned())
}

#[tokio::test]
async fn prices_are_named_beside_the_other_dialects() {
    let shop = Shop::open().await;
    let got = shop.send(&Wanted::get("/crawl/1")).await;
    assert_eq!(got.header("crawler-price"), PRICE);
    assert_eq!(error(&got), named(402, ""));
    assert_eq!(got.required().accepts[0].amount.units(), CHEAP);
    let head = shop.send(&Wanted::new(http::Method::HEAD, "/crawl/1")).await;
    assert_eq!((head.status, head.header("crawler-price")), (402, PRICE));
    for wanted in [Wanted::get("/cheap/1"), Wanted::post("/crawl/1", "x")] {
        let got = shop.send(&wanted).await;
        assert_eq!((got.status, got.header("crawler-price")), (402, ""), "{wanted:?}");
    }
}

#[tokio::test]
async fn a_signed_request_pays_once_however_often_it_comes() {
    let shop = Shop::open().await;
    let wanted = crawl(&shop, "/crawl/1").signed();
    let first = shop.send(&wanted).await;
    assert_eq!((first.status, first.header("crawler-charged")), (200, PRICE), "{first:?}");
    assert_eq!(first.header("cache-control"), "private");
    assert_eq!(first.settlement().unwrap().payer, shop.books.payer.account());
    // Also after the signature has expired: what was paid stays open for the offer's time.
    shop.books.clock.advance_ms(59_000);
    for _ in 0..3 {
        let again = shop.send(&wanted).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
        assert_eq!(again.header("crawler-charged"), PRICE);
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    assert_eq!(shop.upstream.count(), 1);
    assert_eq!(shop.books.payments().await.len(), 1);
    assert_eq!(shop.books.available(author()).await, CHEAP);
    shop.books.assert_paid(CHEAP).await;
    let seen = shop.upstream.seen().remove(0);
    assert!(!seen.headers.contains_key("crawler-exact-price"), "payments stay here");
}

#[tokio::test]
async fn a_signed_head_asks_for_the_price() {
    let shop = Shop::open().await;
    for covers_path in [true, false] {
        let signed = Crawl { covers_path, ..crawl(&shop, "/crawl/1") }.signed();
        let head = shop.send(&Wanted { method: http::Method::HEAD, ..signed }).await;
        assert_eq!((head.status, head.header("crawler-price")), (402, PRICE), "{head:?}");
    }
    assert_eq!(shop.upstream.count(), 0);
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn copies_in_flight_are_one_charge() {
    let shop = Shop::open().await;
    let wanted = crawl(&shop, "/crawl/1").signed();
    let copies = (0..5).map(|_| {
        let (address, wanted) = (shop.address, wanted.clone());
        tokio::spawn(async move { client::send(address, &wanted).await })
    });
    for copy in copies.collect::<Vec<_>>() {
        let got = copy.await.unwrap();
        assert_eq!((got.status, got.header("crawler-charged")), (200, PRICE));
    }
    assert_eq!(shop.upstream.count(), 1);
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn each_new_signature_is_a_new_payment() {
    let shop = Shop::open().await;
    for nonce in ["1", "2", "3"] {
        let wanted = Crawl { nonce, ..crawl(&shop, "/crawl/1") }.signed();
        assert_eq!(shop.send(&wanted).await.status, 200);
    }
    shop.books.assert_paid(3 * CHEAP).await;
}

#[tokio::test]
async fn a_highest_price_pays_the_price_and_no_more() {
    let shop = Shop::open().await;
    let max = Crawl { header: "crawler-max-price", price: "USD 1", ..crawl(&shop, "/crawl/1") };
    let got = shop.send(&max.signed()).await;
    assert_eq!((got.status, got.header("crawler-charged")), (200, PRICE));
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn other_prices_are_refused_with_the_price() {
    let shop = Shop::open().await;
    let table = [
        ("crawler-exact-price", "USD 1", "InvalidCrawlerExactPrice"),
        ("crawler-exact-price", "EUR 0.000001", "InvalidCrawlerExactPrice"),
        ("crawler-max-price", "USD 0.0000009", "InvalidCrawlerMaxPrice"),
    ];
    for (header, price, name) in table {
        let got = shop.send(&Crawl { header, price, ..crawl(&shop, "/crawl/1") }.signed()).await;
        assert_eq!(error(&got), named(402, name));
        assert_eq!(got.header("crawler-price"), PRICE);
    }
    let malformed = Crawl { price: "0.000001", ..crawl(&shop, "/crawl/1") }.signed();
    let got = shop.send(&malformed).await;
    assert_eq!(error(&got), named(400, "InvalidCrawlerPriceValue"));
    let both = crawl(&shop, "/crawl/1").signed().with("crawler-max-price", "USD 1");
    assert_eq!(error(&shop.send(&both).await), named(400, "ConflictingPriceHeaders"));
    let twice = shop.paid(&Wanted::get("/crawl/1")).await;
    let mut twice = Wanted { path: "/crawl/1".to_owned(), ..twice };
    twice.headers.extend(crawl(&shop, "/crawl/1").signed().headers);
    assert_eq!(error(&shop.send(&twice).await), named(400, "ConflictingPriceHeaders"));
    let mut priceless = crawl(&shop, "/crawl/1").signed();
    priceless.headers.retain(|(name, _)| name != "crawler-exact-price");
    let got = shop.send(&priceless.with("accept", "text/html")).await;
    assert_eq!(error(&got), named(402, "MissingCrawlerPrice"));
    assert_eq!(got.code(), "payment_required");
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn what_was_not_signed_is_refused() {
    let shop = Shop::open().await;
    let good = crawl(&shop, "/crawl/1").signed();
    let other_path = Wanted { path: "/crawl/2".to_owned(), ..good.clone() };
    let mut other_price = good.clone();
    other_price.headers[0].1 = "USD 0.0000010".to_owned();
    let unsigned = Wanted::get("/crawl/1").with("crawler-exact-price", PRICE);
    let mut early = crawl(&shop, "/crawl/1");
    early.created += 3600;
    early.expires += 3600;
    let mut late = crawl(&shop, "/crawl/1");
    late.created -= 3600;
    late.expires -= 3600;
    let mut long = crawl(&shop, "/crawl/1");
    long.expires += 86_400;
    let table = [
        (other_path, "crawler_signature_mismatch"),
        (other_price, "crawler_signature_mismatch"),
        (unsigned, "crawler_signature_missing"),
        (early.signed(), "crawler_signature_time"),
        (late.signed(), "order_expired"),
        (long.signed(), "crawler_signature_time"),
    ];
    for (wanted, code) in table {
        let got = shop.send(&wanted).await;
        assert_eq!(error(&got), named(400, "InvalidSignature"), "{code}");
        assert_eq!(got.code(), code);
        assert_eq!(got.json()["charged"], false);
    }
    assert_eq!(shop.upstream.count(), 0);
    shop.books.assert_paid(0).await;
}

#[tokio::test]
async fn only_known_crawlers_with_money_pay() {
    let shop = Shop::open().await;
    let stranger = Crawl::by(&KeyPair::from_seed(&[99; 32]), "/crawl/1");
    let impostor = Crawl { agent: Some("https://poor.example"), ..crawl(&shop, "/crawl/1") };
    let table = [(stranger, "crawler_unknown"), (impostor, "crawler_agent_mismatch")];
    for (crawl, code) in table {
        let got = shop.send(&crawl.signed()).await;
        assert_eq!(error(&got), named(403, "CrawlerForbidden"));
        assert_eq!(got.code(), code);
    }
    let poor = Crawl::by(&KeyPair::from_seed(&[8; 32]), "/crawl/1");
    let poor = Crawl { agent: Some("https://poor.example/"), ..poor };
    let got = shop.send(&poor.signed()).await;
    assert_eq!(error(&got), named(403, "PaymentFailed"));
    assert_eq!(got.code(), "insufficient_funds");
    assert_eq!(shop.upstream.count(), 0);
    let nameless = Crawl { agent: None, ..crawl(&shop, "/crawl/1") };
    assert_eq!(shop.send(&nameless.signed()).await.status, 200);
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn a_signature_that_leaves_out_the_path_still_pays_for_one_page() {
    let shop = Shop::open().await;
    let first = Crawl { covers_path: false, ..crawl(&shop, "/crawl/1") };
    assert_eq!(shop.send(&first.signed()).await.status, 200);
    let replayed = Crawl { path: "/crawl/2", ..first };
    let got = shop.send(&replayed.signed()).await;
    assert_eq!(error(&got), named(403, "PaymentFailed"));
    assert_eq!(got.code(), "order_id_taken");
    let fresh = Crawl { nonce: "2", ..replayed };
    assert_eq!(shop.send(&fresh.signed()).await.status, 200);
    shop.books.assert_paid(2 * CHEAP).await;
}

#[tokio::test]
async fn what_is_not_delivered_is_not_charged() {
    let shop = Shop::open().await;
    shop.upstream.says("/crawl/gone", 404, &[("crawler-charged", "USD 9")], b"gone");
    let got = shop.send(&crawl(&shop, "/crawl/gone").signed()).await;
    assert_eq!(error(&got), named(404, ""));
    shop.upstream.on("/crawl/broken", |_| async { response(200, &[], broken_body(2, 10)) });
    let wanted = crawl(&shop, "/crawl/broken").signed();
    assert_eq!(error(&shop.send(&wanted).await), named(502, ""));
    shop.books.assert_paid(0).await;
    // The same request may be sent again once the service is well.
    shop.upstream.says("/crawl/broken", 200, &[], b"whole");
    assert_eq!(shop.send(&wanted).await.body, "whole");
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn a_large_page_is_held_and_settled() {
    let shop = Shop::open().await;
    shop.upstream
        .on("/crawl/large", |_| async { response(200, &[], Body::from(vec![b'x'; 400_000])) });
    let got = shop.send(&crawl(&shop, "/crawl/large").signed()).await;
    assert_eq!((got.status, got.body.len()), (200, 400_000));
    assert_eq!(got.header("crawler-charged"), PRICE);
    shop.books.until_nothing_is_held().await;
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn a_service_that_names_another_price_charges_nothing() {
    let shop = Shop::open().await;
    shop.upstream.says("/crawl/1", 200, &[("crawler-price", "USD 5")], b"page");
    let wanted = crawl(&shop, "/crawl/1").signed();
    let got = shop.send(&wanted).await;
    assert_eq!(error(&got), named(502, "InvalidContentPrice"));
    assert_eq!(got.code(), "content_price_mismatch");
    shop.books.assert_paid(0).await;
    shop.upstream.says("/crawl/1", 200, &[("crawler-price", PRICE)], b"page");
    let got = shop.send(&wanted).await;
    assert_eq!((got.status, got.header("crawler-price")), (200, ""));
    shop.books.assert_paid(CHEAP).await;
}

#[tokio::test]
async fn two_gateways_apart_from_their_node_charge_once() {
    let (books, upstream) = (Books::open().await, Upstream::default());
    let node = FarNode::new(books.engine.clone());
    let behind = upstream.serve().await;
    let wanted = Crawl::by(&books.payer.key, "/crawl/1").signed();
    for _ in 0..2 {
        let gateway = serve(paywall(node.remote().await, &books), behind).await;
        let got = client::send(gateway, &wanted).await;
        assert_eq!((got.status, got.header("crawler-charged")), (200, PRICE), "{got:?}");
    }
    assert_eq!(books.payments().await.len(), 1);
    books.assert_paid(CHEAP).await;
}
