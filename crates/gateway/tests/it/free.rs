//! The first few uses are free: by the payer's account, or by address.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::Clock as _;
use gateway::{FreeUses, Node, Offer, Routes};
use http::Method;
use instrument::{Access, Signed, Statement};
use money::NodeId;

use crate::books::{Books, Payer};
use crate::client::{Got, Wanted, send};
use crate::far_node::FarNode;
use crate::shop::{self, CHEAP, FROM, offer, paywall_of};
use crate::upstream::Upstream;

const WINDOW_SECONDS: u32 = 3_600;

struct Site {
    books: Books,
    upstream: Upstream,
    at: std::net::SocketAddr,
}

async fn site(is_far: bool) -> Site {
    let (books, upstream) = (Books::open().await, Upstream::default());
    let behind = upstream.serve().await;
    let node = if is_far {
        FarNode::new(books.engine.clone()).remote().await
    } else {
        Node::Local(books.engine.clone())
    };
    let free = Some(FreeUses { count: 2, seconds: WINDOW_SECONDS });
    let offers = vec![
        Offer { free, ..offer("/page/{id}", &[Method::GET, Method::POST], CHEAP) },
        Offer { free, ..offer("/other/{id}", &[Method::GET], CHEAP) },
    ];
    let at = shop::serve(paywall_of(node, &books, Routes::new(offers).unwrap()), behind).await;
    Site { books, upstream, at }
}

impl Site {
    /// What proves the key of a payer.
    fn shown(&self, payer: &Payer) -> String {
        self.shown_at(payer, self.books.engine.clock().now_ms())
    }

    fn shown_at(&self, payer: &Payer, issued_at_ms: u64) -> String {
        shown(payer, self.books.engine.node(), issued_at_ms)
    }

    async fn send(&self, wanted: &Wanted) -> Got {
        send(self.at, wanted).await
    }
}

/// What proves a payer's key.
pub fn shown(payer: &Payer, node: NodeId, issued_at_ms: u64) -> String {
    let access = Access { node, key: payer.key.public(), issued_at_ms };
    let signed = Signed::sign(access, &payer.key);
    let bytes = [&access.to_bytes()[..], &signed.signature().0].concat();
    format!("Farthing {}", URL_SAFE_NO_PAD.encode(bytes))
}

/// How many are left after an answer that was free.
fn left(got: &Got) -> Option<&str> {
    (got.status == 200).then(|| got.header("farthing-free-left"))
}

fn page() -> Wanted {
    Wanted::get("/page/1")
}

#[tokio::test]
async fn a_payer_that_shows_its_key_has_so_many_uses_in_each_window() {
    let site = site(false).await;
    let shown = site.shown(&site.books.payer);
    let mine = |path: &str| Wanted::get(path).with("authorization", &shown);
    assert_eq!(left(&site.send(&mine("/page/1")).await), Some("1"));
    assert_eq!(left(&site.send(&mine("/page/2")).await), Some("0"), "any path of the offer");
    let over = site.send(&mine("/page/1")).await;
    assert_eq!((over.status, over.required().accepts[0].amount.units()), (402, CHEAP));
    assert_eq!(left(&site.send(&mine("/other/1")).await), Some("1"), "another offer");
    site.books.assert_paid(0).await;
    // The statement, which would show what the payer has, goes no further.
    assert!(site.upstream.seen().iter().all(|seen| !seen.headers.contains_key("authorization")));
    site.books.clock.advance_ms(u64::from(WINDOW_SECONDS) * 1000);
    let shown = site.shown(&site.books.payer);
    let again = site.send(&page().with("authorization", &shown)).await;
    assert_eq!(left(&again), Some("1"));
    assert!(again.header("cache-control").contains("private"));
}

/// A gateway apart has its own clock, and the node counts.
#[tokio::test]
async fn a_node_apart_counts_for_its_gateways() {
    let site = site(true).await;
    let shown = site.shown_at(&site.books.payer, engine::SystemClock.now_ms());
    let mine = page().with("authorization", &shown).with("idempotency-key", "a");
    for _ in 0..2 {
        assert_eq!(left(&site.send(&mine).await), Some("1"));
    }
}

#[tokio::test]
async fn a_copy_under_the_same_key_is_no_second_use() {
    let site = site(false).await;
    let shown = site.shown(&site.books.payer);
    let named = |key: &str| page().with("authorization", &shown).with("idempotency-key", key);
    for _ in 0..3 {
        assert_eq!(left(&site.send(&named("a")).await), Some("1"));
    }
    assert_eq!(left(&site.send(&named("b")).await), Some("0"));
    assert_eq!(site.send(&named("c")).await.status, 402);
}

#[tokio::test]
async fn who_has_no_account_is_counted_by_address() {
    let site = site(false).await;
    let stranger = site.shown(&site.books.stranger());
    let from = |address: &str| page().with(FROM, address);
    assert_eq!(site.send(&page()).await.status, 402, "no address, no key");
    let keyed = page().with("authorization", &stranger);
    assert_eq!(site.send(&keyed).await.status, 402, "a key without an account costs nothing");
    assert_eq!(left(&site.send(&keyed.clone().with(FROM, "192.0.2.1")).await), Some("1"));
    assert_eq!(left(&site.send(&from("192.0.2.1")).await), Some("0"));
    assert_eq!(site.send(&from("192.0.2.1")).await.status, 402);
    assert_eq!(left(&site.send(&from("192.0.2.2")).await), Some("1"));
}

#[tokio::test]
async fn head_asks_and_a_payment_pays_without_a_free_use() {
    let site = site(false).await;
    let shown = site.shown(&site.books.payer);
    let head = Wanted::new(Method::HEAD, "/page/1").with("authorization", &shown);
    assert_eq!(site.send(&head).await.status, 402);
    let required = shop::challenge(site.at, &page()).await;
    let payment = site.books.payer.pay(&required).header();
    let paid = site.send(&page().paid(&payment).with("authorization", &shown)).await;
    assert_eq!((paid.status, paid.header("farthing-free-left")), (200, ""));
    site.books.assert_paid(CHEAP).await;
    assert_eq!(left(&site.send(&page().with("authorization", &shown)).await), Some("1"));
}

#[tokio::test]
async fn a_statement_that_proves_nothing_counts_for_nothing() {
    let site = site(false).await;
    let good = site.shown(&site.books.payer);
    for bad in [good[..good.len() - 4].to_owned(), good.replace("Farthing", "Bearer")] {
        let got = site.send(&page().with("authorization", &bad)).await;
        assert_eq!(got.status, 402, "{bad}");
    }
    site.books.clock.advance_ms(5 * 60 * 1000 + 1);
    assert_eq!(site.send(&page().with("authorization", &good)).await.status, 402, "too old");
}
