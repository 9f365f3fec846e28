//! Somebody else pays: for whom, how much at most, and what the visitor is told.

use engine::Clock as _;
use gateway::{Offer, PublishedFree, PublishedSponsor, SiteKey, Sponsor};
use http::Method;
use instrument::{Limits, Payees, Revocation, Signed, TreeMandate, UNLIMITED};
use money::{AssetCode, MandateId};

use crate::books::{START_MS, author, usd};
use crate::client::{Got, Wanted, send};
use crate::far_node::FarNode;
use crate::free::shown;
use crate::prices::{Site, site};
use crate::shop::{self, FROM, offer};

const PRICE: u128 = 1_000;
const USES: u32 = 2;

fn wide() -> Limits {
    Limits {
        per_payment: UNLIMITED,
        per_day: UNLIMITED,
        per_month: UNLIMITED,
        total: UNLIMITED,
        unit_price: None,
        expires_at_ms: START_MS + 100_000_000_000,
        depth: 0,
        payees: Payees::ANY,
        audience: None,
    }
}

fn site_key() -> SiteKey {
    SiteKey::of_gateway("token")
}

/// What the payer of the books grants to the sites.
fn mandate(site: &Site, limits: &Limits) -> TreeMandate {
    let payer = &site.books.payer;
    TreeMandate {
        node: site.books.engine.node(),
        salt: [1; 16],
        parent: None,
        payer: payer.account(),
        granter: payer.key.public(),
        delegate: site_key().public(),
        asset: usd(),
        limits: *limits,
    }
}

/// The sponsor that it is then.
async fn granted(site: &Site, limits: &Limits) -> Sponsor {
    let (mandate, payer) = (mandate(site, limits), &site.books.payer);
    let signed = Signed::sign(mandate, &payer.key).verify_with(&payer.key.public()).unwrap();
    site.books.engine.grant_chain(vec![signed], "readers".to_owned()).await.unwrap();
    published(site, mandate.id()).to_sponsor().unwrap()
}

fn published(site: &Site, mandate: MandateId) -> PublishedSponsor {
    PublishedSponsor {
        mandate,
        payer: site.books.payer.account(),
        asset: AssetCode::new("USD").unwrap(),
        scale: 9,
        title: "Café".to_owned(),
        offers: None,
        uses: PublishedFree { count: USES, seconds: 3_600 },
        active: true,
        created_at_ms: START_MS,
    }
}

/// A site whose offer a sponsor pays within these limits.
async fn with(limits: &Limits) -> Site {
    let both = [Method::GET, Method::POST];
    let site = site(vec![offer("/page/{id}", &both, PRICE)]).await;
    let sponsor = granted(&site, limits).await;
    site.paywall.shelf().sponsors().replace([sponsor]);
    site
}

fn from(address: &str) -> Wanted {
    Wanted::get("/page/1").with(FROM, address)
}

/// The usual challenge, without a word about a sponsor.
fn assert_asked(got: &Got) {
    assert_eq!((got.status, got.code().as_str()), (402, "payment_required"));
    assert_eq!(got.required().accepts[0].amount.units(), PRICE);
    for name in ["farthing-sponsor", "farthing-free-left", "farthing-payment", "payment-response"] {
        assert_eq!(got.header(name), "", "{name}");
    }
}

#[tokio::test]
async fn a_sponsor_pays_the_first_uses_of_each_visitor() {
    let site = with(&wide()).await;
    let payer = site.books.payer.account().to_string();
    for left in ["1", "0"] {
        let got = send(site.at, &from("192.0.2.1")).await;
        assert_eq!((got.status, got.header("farthing-free-left")), (200, left));
        assert_eq!(got.header("farthing-sponsor"), "Caf%C3%A9");
        assert!(got.header("farthing-payment").starts_with("pay_"));
        assert!(got.header("cache-control").contains("private"));
        assert_eq!(got.header("payment-response"), "");
        let told = |value: &http::HeaderValue| value.to_str().unwrap().contains(&payer);
        assert!(!got.headers.values().any(told), "{:?}", got.headers);
    }
    assert_asked(&send(site.at, &from("192.0.2.1")).await);
    assert_eq!(send(site.at, &from("192.0.2.2")).await.status, 200);
    assert_asked(&send(site.at, &Wanted::get("/page/1")).await);
    let head = Wanted::new(Method::HEAD, "/page/1").with(FROM, "192.0.2.9");
    assert_eq!(send(site.at, &head).await.status, 402);
    site.books.assert_paid(3 * PRICE).await;
    assert_eq!(site.books.available(author()).await, 3 * PRICE);
}

#[tokio::test]
async fn who_pays_pays_itself() {
    let site = with(&wide()).await;
    let reader = site.books.stranger();
    site.books.fund(&reader, PRICE).await;
    let required = shop::challenge(site.at, &Wanted::get("/page/1")).await;
    let got = send(site.at, &from("192.0.2.1").paid(&reader.pay(&required).header())).await;
    assert_eq!((got.status, got.header("farthing-sponsor")), (200, ""));
    assert_eq!(site.books.available(reader.account()).await, 0);
    site.books.assert_paid(0).await;
}

#[tokio::test]
async fn a_mandate_that_ends_leaves_visitors_with_the_price() {
    let site = with(&wide()).await;
    assert_eq!(send(site.at, &from("192.0.2.1")).await.status, 200);
    let mandate = mandate(&site, &wide()).id();
    let revocation = Revocation { node: site.books.engine.node(), mandate };
    let key = &site.books.payer.key;
    let revocation = Signed::sign(revocation, key).verify_with(&key.public()).unwrap();
    site.books.engine.revoke(revocation, key.public()).await.unwrap();
    assert_asked(&send(site.at, &from("192.0.2.2")).await);
    assert_asked(&send(site.at, &from("192.0.2.3")).await);
    site.books.assert_paid(PRICE).await;
    assert_eq!(site.upstream.count(), 1, "what nobody pays is not fetched");
}

#[tokio::test]
async fn a_use_that_the_node_refused_is_not_lost() {
    let site = with(&Limits { per_day: 3 * PRICE, ..wide() }).await;
    let ask = async |address| send(site.at, &from(address)).await.status;
    for (address, status) in
        [("192.0.2.1", 200), ("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.2", 402)]
    {
        assert_eq!(ask(address).await, status, "{address}");
    }
    site.books.clock.advance_ms(24 * 60 * 60 * 1000);
    for status in [200, 200, 402] {
        assert_eq!(ask("192.0.2.2").await, status);
    }
    site.books.assert_paid(5 * PRICE).await;
}

#[tokio::test]
async fn a_sponsor_that_was_refused_takes_no_uses_for_a_while() {
    let site = site(vec![offer("/page/{id}", &[Method::GET], PRICE)]).await;
    let limits = Limits { per_day: 2 * PRICE, ..wide() };
    granted(&site, &limits).await;
    let uses = PublishedFree { count: USES, seconds: 10 * 24 * 60 * 60 };
    let sponsor = PublishedSponsor { uses, ..published(&site, mandate(&site, &limits).id()) };
    site.paywall.shelf().sponsors().replace([sponsor.to_sponsor().unwrap()]);
    let reader = site.books.stranger();
    site.books.fund(&reader, 1).await;
    let ask = async |at_ms| {
        let key = shown(&reader, site.books.engine.node(), at_ms);
        send(site.at, &Wanted::get("/page/1").with("authorization", &key)).await
    };
    for _ in 0..2 {
        assert_eq!(send(site.at, &from("192.0.2.1")).await.status, 200);
    }
    for _ in 0..5 {
        assert_asked(&ask(START_MS).await);
    }
    let day_ms = 24 * 60 * 60 * 1000;
    site.books.clock.advance_ms(day_ms);
    let got = ask(START_MS + day_ms).await;
    assert_eq!((got.status, got.header("farthing-free-left")), (200, "0"), "one use was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_limit_holds_against_twenty_at_once() {
    let site = with(&Limits { per_day: 5 * PRICE + PRICE / 2, ..wide() }).await;
    let asks = (0..20).map(|number| {
        let at = site.at;
        tokio::spawn(async move { send(at, &from(&format!("192.0.2.{number}"))).await.status })
    });
    let mut served = 0;
    for ask in asks.collect::<Vec<_>>() {
        match ask.await.unwrap() {
            200 => served += 1,
            status => assert_eq!(status, 402),
        }
    }
    assert!((1..=5).contains(&served), "{served}");
    site.books.assert_paid(served * PRICE).await;
}

#[tokio::test]
async fn nothing_is_charged_or_used_that_was_not_delivered() {
    let site = with(&wide()).await;
    site.upstream.says("/page/1", 500, &[], b"broken");
    let post = Wanted::post("/page/1", "{}").with(FROM, "192.0.2.1");
    for _ in 0..3 {
        let got = send(site.at, &from("192.0.2.1")).await;
        assert_eq!((got.status, got.header("payment-response")), (500, ""));
        assert_eq!(send(site.at, &post).await.status, 500);
    }
    site.books.assert_paid(0).await;
    site.upstream.says("/page/1", 200, &[("farthing-sponsor", "me")], b"mended");
    let got = send(site.at, &from("192.0.2.1")).await;
    assert_eq!((got.status, got.header("farthing-sponsor")), (200, "Caf%C3%A9"));
    assert_eq!(got.header("farthing-free-left"), "1");
    site.books.assert_paid(PRICE).await;
}

#[tokio::test]
async fn copies_of_a_post_are_executed_and_paid_once() {
    let site = with(&wide()).await;
    let key = shown(&site.books.stranger(), site.books.engine.node(), START_MS);
    let post = |address, name| {
        let post = Wanted::post("/page/1", "{}").with(FROM, address);
        post.with("idempotency-key", name).with("authorization", &key)
    };
    let first = send(site.at, &post("192.0.2.1", "a")).await;
    for _ in 0..3 {
        let again = send(site.at, &post("192.0.2.1", "a")).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    assert_eq!(site.upstream.count(), 1);
    site.books.assert_paid(PRICE).await;
    // The same name of somebody else is another request.
    assert_eq!(send(site.at, &post("192.0.2.2", "a")).await.status, 200);
    assert_eq!(send(site.at, &post("192.0.2.1", "b")).await.status, 200);
    assert_eq!(site.upstream.count(), 3);
    site.books.assert_paid(3 * PRICE).await;
}

#[tokio::test]
async fn a_visitor_with_an_account_is_counted_by_it_wherever_it_is() {
    let site = with(&wide()).await;
    let reader = site.books.stranger();
    site.books.fund(&reader, 1).await;
    let key = shown(&reader, site.books.engine.node(), START_MS);
    let ask = async |address, name| {
        let wanted = from(address).with("authorization", &key).with("idempotency-key", name);
        send(site.at, &wanted).await.status
    };
    for (address, name, status) in [
        ("192.0.2.1", "a", 200),
        ("192.0.2.2", "b", 200),
        ("192.0.2.3", "b", 200),
        ("192.0.2.4", "c", 402),
    ] {
        assert_eq!(ask(address, name).await, status, "{address}");
    }
    site.books.assert_paid(2 * PRICE).await;
}

#[tokio::test]
async fn a_sponsor_pays_for_what_it_names_and_what_has_a_price() {
    let get = |path| offer(path, &[Method::GET], PRICE);
    let own = Some(gateway::OwnAmount { min: 1, suggested: Vec::new() });
    let offers = vec![get("/named"), get("/other"), Offer { own_amount: own, ..get("/own") }];
    let named = offers[0].id;
    let site = site(offers).await;
    let sponsor = granted(&site, &wide()).await;
    let sponsors = site.paywall.shelf().sponsors();
    let ask = async |path: &str, name: &str, value: &str| {
        send(site.at, &Wanted::get(path).with(FROM, "192.0.2.1").with(name, value)).await.status
    };
    sponsors.replace([sponsor]);
    assert_eq!(ask("/own", "x-none", "").await, 402);
    assert_eq!(ask("/other", "farthing-code", "SPRING").await, 402, "who has a code pays");
    assert_eq!(ask("/other", "x-none", "").await, 200);
    let mandate = mandate(&site, &wide()).id();
    let offers = Some(vec![named]);
    let sponsor = PublishedSponsor { offers, ..published(&site, mandate) };
    sponsors.replace([sponsor.to_sponsor().unwrap()]);
    assert_eq!(ask("/other", "x-none", "").await, 402);
    assert_eq!(ask("/named", "x-none", "").await, 200);
    sponsors.replace([]);
    assert_eq!(ask("/named", "x-none", "").await, 402);
}

#[tokio::test]
async fn a_gateway_apart_signs_with_the_same_key() {
    let mut site = with(&wide()).await;
    let remote = FarNode::new(site.books.engine.clone()).remote().await;
    let routes = (*site.paywall.routes()).clone();
    let paywall = shop::paywall_of(remote, &site.books, routes);
    // A gateway apart goes by its machine's clock.
    site.books.clock.advance_ms(engine::SystemClock.now_ms().saturating_sub(START_MS));
    paywall.shelf().sponsors().replace([granted(&site, &wide()).await]);
    site.at = shop::serve(paywall, site.upstream.serve().await).await;
    assert_eq!(send(site.at, &from("192.0.2.1")).await.status, 200);
    site.books.assert_paid(PRICE).await;
}
