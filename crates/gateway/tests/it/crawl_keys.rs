//! Crawlers' keys from a directory, and what the node asks of a gateway that brings their requests.

use engine::{Authorize, Mode, Purchase, Terms};
use gateway::node::wire::{AuthorizeWire, WireError};
use gateway::{Crawler, CrawlerKeys, Crawlers, DirectoryUrl, Paywall, PaywallOptions};
use gateway::{Node, NodeFacts, Offer, Origin, Routes, Shelf, SiteKey};
use http::Method;
use http402::crawler::thumbprint;
use http402::mpp::ChallengeSecret;
use instrument::{KeyPair, Order, RequestDigest, VerifiedOrder, payer_account};
use money::{Amount, NodeId};

use crate::books::{Books, START_MS, author, usd};
use crate::client::send;
use crate::crawl::Crawl;
use crate::shop::{AGENT, CHEAP, ORIGIN, offer, serve};
use crate::upstream::Upstream;

const DIRECTORY: &str = "/.well-known/http-message-signatures-directory";

fn set(keys: &[&KeyPair]) -> Vec<u8> {
    use base64::Engine as _;
    let x = |key: &&KeyPair| {
        let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(key.public().0);
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)
    };
    let keys: Vec<String> = keys.iter().map(x).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(",")).into_bytes()
}

fn gateway(books: &Books, crawlers: Crawlers) -> Paywall {
    let offer = Offer { crawl: true, ..offer("/crawl/{id}", &[Method::GET], CHEAP) };
    Paywall::new(PaywallOptions {
        node: Node::Local(books.engine.clone()),
        facts: NodeFacts { node: books.engine.node(), url: "http://node.example".to_owned() },
        origin: Origin::Fixed(ORIGIN.to_owned()),
        shelf: Shelf::new(Routes::new(vec![offer]).unwrap()),
        service_name: None,
        crawlers,
        challenge_secret: ChallengeSecret::of_gateway("token"),
        site_key: SiteKey::of_gateway("token"),
        country_header: None,
    })
}

#[tokio::test]
async fn keys_of_a_directory_come_go_and_stay_when_it_is_broken() {
    let (books, upstream) = (Books::open().await, Upstream::default());
    let behind = upstream.serve().await;
    let url = DirectoryUrl::parse(&format!("http://{behind}{DIRECTORY}")).unwrap();
    let keys = CrawlerKeys::Directory(url);
    let crawlers = Crawlers::new(vec![Crawler { agent: AGENT.to_owned(), keys }]);
    let shop = serve(gateway(&books, crawlers.clone()), behind).await;
    let (first, second) = (books.payer.key.clone(), KeyPair::from_seed(&[8; 32]));
    let status = async |key: &KeyPair, nonce| {
        let wanted = Crawl { nonce, ..Crawl::by(key, "/crawl/1") }.signed();
        send(shop, &wanted).await.status
    };
    assert_eq!(status(&first, "1").await, 403, "not read yet");
    upstream.says(DIRECTORY, 200, &[], &set(&[&first]));
    assert!(crawlers.refresh(START_MS).await);
    assert_eq!(status(&first, "1").await, 200);
    for (status_code, body) in [(500, set(&[&second])), (200, b"{}".to_vec()), (302, vec![])] {
        upstream.says(DIRECTORY, status_code, &[("location", "/elsewhere")], &body);
        assert!(!crawlers.refresh(START_MS).await);
        assert_eq!(status(&first, "1").await, 200, "the keys stay");
    }
    upstream.says(DIRECTORY, 200, &[], &vec![b' '; 65 * 1024]);
    assert!(!crawlers.refresh(START_MS).await);
    upstream.says(DIRECTORY, 200, &[], &set(&[&second]));
    assert!(crawlers.refresh(START_MS).await);
    assert_eq!(status(&first, "2").await, 403, "the key is gone");
    assert!(!upstream.seen().iter().any(|seen| seen.path == "/elsewhere"));
    books.assert_paid(CHEAP).await;
}

#[test]
fn directories_have_https_addresses() {
    for good in ["https://bot.example/keys", "http://127.0.0.1:9/keys", "http://localhost/keys"] {
        assert_eq!(DirectoryUrl::parse(good).unwrap().to_string(), good);
    }
    for bad in
        ["http://bot.example/keys", "ftp://bot.example", "/keys", "bot.example", "", "https://"]
    {
        assert!(DirectoryUrl::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn offers_for_crawlers_are_got_at_one_price() {
    let offer = Offer { crawl: true, ..offer("/a", &[Method::POST], CHEAP) };
    assert_eq!(offer.check(), Err(gateway::OfferError::Crawl));
}

fn key() -> KeyPair {
    KeyPair::from_seed(&[1; 32])
}

/// What a crawler has signed, for at most this price.
fn base(price: &str) -> String {
    format!(
        "\"@authority\": shop.example\n\"crawler-max-price\": {price}\n\"@signature-params\": \
         (\"@authority\" \"crawler-max-price\");created=1;expires=2;keyid=\"{}\";\
         tag=\"web-bot-auth\"",
        thumbprint(&key().public())
    )
}

fn wire(base: &str, change: impl FnOnce(&mut Order)) -> AuthorizeWire {
    let mut order = Order {
        node: NodeId::new(77).unwrap(),
        id: RequestDigest::of(base.as_bytes()).order_id(),
        payer: payer_account(&key().public(), usd()),
        signer: key().public(),
        payee: author(),
        amount: Amount::new(CHEAP, usd()),
        purchase: None,
        expires_at_ms: 2000,
        mandate: None,
    };
    change(&mut order);
    let signature = key().sign(base.as_bytes());
    let terms = Terms {
        pay_to: author(),
        amount: order.amount,
        split: None,
        unit_price: None,
        access_seconds: 1,
    };
    let order = VerifiedOrder::by_request(order, base.as_bytes(), &signature).unwrap();
    let purchase = Purchase { digest: None, origin: None, description: String::new() };
    let tags = engine::Tags::default();
    let command = Authorize {
        order,
        purchase,
        terms,
        idempotency: None,
        tags,
        counters: Vec::new(),
        mode: Mode::Claim,
    };
    AuthorizeWire::new(&command).with_base(Some(base.to_owned()))
}

#[test]
fn a_gateway_cannot_make_a_crawler_pay_more_than_it_signed() {
    let good = base("USD 0.000001");
    let opened = wire(&good, |_| ()).open().unwrap();
    assert_eq!(opened.order.request(), Some(RequestDigest::of(good.as_bytes())));
    assert_eq!(AuthorizeWire::new(&opened).open().unwrap_err(), WireError::Signature);
    let dearer = wire(&good, |order| order.amount = Amount::new(CHEAP + 1, usd()));
    assert_eq!(dearer.open().unwrap_err(), WireError::Field("base"));
    let longer = wire(&good, |order| order.expires_at_ms += 1);
    assert_eq!(longer.open().unwrap_err(), WireError::Field("base"));
    for other in [base("EUR 1"), base("1"), good.replace("web-bot-auth", "another")] {
        assert_eq!(wire(&other, |_| ()).open().unwrap_err(), WireError::Field("base"), "{other}");
    }
    let swapped = wire(&good, |_| ()).with_base(Some(base("USD 5")));
    assert_eq!(swapped.open().unwrap_err(), WireError::Signature);
}
