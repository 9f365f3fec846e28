//! Who visits a site: how often it may, and what the upstream is told of it.

use admission::{Admission, Peer, Rate, Rates};
use axum::body::Body;
use gateway::{Forward, ForwardOptions, Node, Paywall};
use http::Response;
use http_body_util::BodyExt as _;
use instrument::SignedOrder;

use crate::books::Paid;
use crate::client::Wanted;
use crate::shop::{CHEAP, Shop, paywall};

const NONE: Rate = Rate { requests: 0, seconds: 60 };
const THREE: Rate = Rate { requests: 3, seconds: 60 };

/// A shop that counts; requests are put to it with the address that they come from.
struct Counting {
    shop: Shop,
    paywall: Paywall,
    forward: Forward,
}

impl Counting {
    async fn open(address: Rate, payer: Rate) -> Self {
        let shop = Shop::open().await;
        let rates = Rates { address, payer, ..Rates::default() };
        let proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let paywall = paywall(Node::Local(shop.books.engine.clone()), &shop.books)
            .guarded(Admission { rates, proxies });
        let behind = shop.upstream.serve().await;
        let upstream = format!("http://{behind}").parse().unwrap();
        let forward = Forward::new(&upstream, ForwardOptions::default()).unwrap();
        Self { shop, paywall, forward }
    }

    async fn ask(&self, from: &str, wanted: &Wanted) -> Response<Body> {
        let mut request = wanted.request();
        request.extensions_mut().insert(Peer(from.parse().unwrap()));
        self.paywall.handle(request, self.forward.clone()).await
    }

    async fn statuses(&self, from: &str, wanted: &Wanted, count: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(self.ask(from, wanted).await.status().as_u16());
        }
        statuses
    }
}

#[tokio::test]
async fn who_asks_a_site_too_often_waits() {
    let site = Counting::open(THREE, NONE).await;
    let page = Wanted::get("/cheap/1");
    assert_eq!(site.statuses("192.0.2.1", &page, 4).await, [402, 402, 402, 429]);
    let refused = site.ask("192.0.2.1", &Wanted::get("/free")).await;
    assert_eq!(refused.headers()["retry-after"], "20");
    assert_eq!(refused.headers()["ratelimit-policy"], "\"address\";q=3;w=60");
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&problem["code"], &problem["status"]), (&"rate_limited".into(), &429.into()));
    // Others are not concerned: another address, who comes through the proxy, this machine.
    assert_eq!(site.statuses("192.0.2.2", &page, 1).await, [402]);
    let behind = page.clone().with("x-forwarded-for", "192.0.2.3");
    assert_eq!(site.statuses("10.1.1.1", &behind, 3).await, [402; 3]);
    assert_eq!(site.statuses("10.1.1.2", &behind, 1).await, [429]);
    assert_eq!(site.statuses("127.0.0.1", &page, 10).await, [402; 10]);
    // Nobody escapes by naming another address.
    let lies = page.clone().with("x-forwarded-for", "198.51.100.1");
    assert_eq!(site.statuses("192.0.2.1", &lies, 1).await, [429]);
    assert_eq!(site.shop.upstream.count(), 0);
}

#[tokio::test]
async fn a_payer_is_counted_once_its_signature_holds() {
    let site = Counting::open(NONE, THREE).await;
    let page = Wanted::get("/cheap/1");
    let paid = site.shop.paid(&page).await;
    assert_eq!(site.statuses("192.0.2.1", &paid, 4).await, [200, 200, 200, 429]);
    // The same payer from elsewhere is the same payer.
    assert_eq!(site.statuses("192.0.2.9", &paid, 1).await, [429]);
    site.shop.books.assert_paid(CHEAP).await;

    // Who forges a payment uses up nobody's quota.
    let site = Counting::open(NONE, THREE).await;
    let good = site.shop.payment(&page).await;
    let mut signature = good.order.signature().0;
    signature[3] ^= 1;
    let order = SignedOrder::from_parts(&good.order.order_bytes(), &signature).unwrap();
    let forged = page.clone().paid(&Paid { order, ..good.clone() }.header());
    assert!(!site.statuses("192.0.2.1", &forged, 5).await.contains(&429));
    assert_eq!(site.statuses("192.0.2.1", &page.clone().paid(&good.header()), 1).await, [200]);
}

#[tokio::test]
async fn the_upstream_learns_the_address_from_the_gateway_and_not_from_the_client() {
    let site = Counting::open(NONE, NONE).await;
    let forged = [
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=198.51.100.1"),
        ("x-real-ip", "198.51.100.1"),
        ("true-client-ip", "198.51.100.1"),
    ];
    let wanted =
        forged.iter().fold(Wanted::get("/free"), |wanted, (name, value)| wanted.with(name, value));
    assert_eq!(site.ask("::ffff:192.0.2.1", &wanted).await.status(), 200);
    let seen = site.shop.upstream.seen().pop().unwrap();
    assert_eq!(seen.headers["x-forwarded-for"], "192.0.2.1");
    assert_eq!(seen.headers["x-forwarded-proto"], "http");
    assert_eq!(seen.headers["x-forwarded-host"], "shop.example");
    for name in ["forwarded", "x-real-ip", "true-client-ip"] {
        assert!(!seen.headers.contains_key(name), "{name}");
    }
    // A proxy that the operator has named is believed, and named itself.
    assert_eq!(site.ask("10.1.1.1", &wanted).await.status(), 200);
    let seen = site.shop.upstream.seen().pop().unwrap();
    assert_eq!(seen.headers["x-forwarded-for"], "198.51.100.1, 10.1.1.1");
    assert_eq!(seen.headers["x-forwarded-proto"], "gopher");
    assert_eq!(seen.headers["x-real-ip"], "198.51.100.1");
}
