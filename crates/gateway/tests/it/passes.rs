//! Passes: one payment opens every path of an offer, for a time or so many times.

use gateway::{Node, Offer, Pass, Routes};
use http::Method;

use crate::books::{Books, Paid};
use crate::client::{Got, Wanted, send};
use crate::shop::{self, CHEAP, offer, paywall_of};
use crate::upstream::Upstream;

const DAY: u128 = 20_000;
const TEN: u128 = 15_000;
const DAY_SECONDS: u32 = 86_400;

struct Site {
    books: Books,
    upstream: Upstream,
    at: std::net::SocketAddr,
}

fn passes() -> Vec<Pass> {
    let pass = |name: &str, price, seconds, uses| Pass {
        name: name.to_owned(),
        title: name.to_owned(),
        price,
        seconds,
        uses,
    };
    vec![pass("day", DAY, Some(DAY_SECONDS), None), pass("two", TEN, None, Some(2))]
}

async fn site() -> Site {
    let (books, upstream) = (Books::open().await, Upstream::default());
    let behind = upstream.serve().await;
    let get = &[Method::GET];
    let offers = vec![
        Offer { passes: passes(), ..offer("/page/{id}", get, CHEAP) },
        Offer { passes: passes(), ..offer("/other/{id}", get, CHEAP) },
        offer("/plain/{id}", get, CHEAP),
    ];
    let node = Node::Local(books.engine.clone());
    let at = shop::serve(paywall_of(node, &books, Routes::new(offers).unwrap()), behind).await;
    Site { books, upstream, at }
}

impl Site {
    async fn send(&self, wanted: &Wanted) -> Got {
        send(self.at, wanted).await
    }

    /// A payment for a pass, as it is asked for at a path.
    async fn bought(&self, path: &str, pass: &str) -> Paid {
        self.books.payer.pay(&shop::challenge(self.at, &asked(path, pass)).await)
    }
}

fn asked(path: &str, pass: &str) -> Wanted {
    Wanted::get(path).with("farthing-pass", pass)
}

fn shown(path: &str, pass: &str, paid: &Paid) -> Wanted {
    asked(path, pass).paid(&paid.header())
}

#[tokio::test]
async fn the_402_names_the_passes_and_asks_for_the_one_that_is_named() {
    let site = site().await;
    let usual = site.send(&Wanted::get("/page/1")).await;
    assert_eq!(usual.required().accepts[0].amount.units(), CHEAP);
    let named = &usual.json()["passes"];
    assert_eq!(usual.required().accepts[0].extra["passes"], *named);
    assert_eq!(named[0]["pass"], "day");
    assert_eq!((&named[0]["price"], &named[0]["seconds"]), (&"20000".into(), &DAY_SECONDS.into()));
    assert_eq!((&named[1]["uses"], &named[1]["seconds"]), (&2.into(), &serde_json::Value::Null));
    let day = site.send(&asked("/page/1", "day")).await.required();
    assert_eq!(day.accepts[0].amount.units(), DAY);
    let elsewhere = site.send(&asked("/page/2", "day")).await.required();
    assert_eq!(day.accepts[0].purchase, elsewhere.accepts[0].purchase);
    let other = site.send(&asked("/other/2", "day")).await.required();
    assert_ne!(day.accepts[0].purchase, other.accepts[0].purchase);
    for (path, pass) in [("/page/1", "week"), ("/plain/1", "day"), ("/page/1", "")] {
        let got = site.send(&asked(path, pass)).await;
        assert_eq!((got.status, got.code().as_str()), (400, "unknown_pass"), "{path} {pass}");
    }
}

#[tokio::test]
async fn a_day_opens_every_path_of_its_offer_and_no_other() {
    let site = site().await;
    let paid = site.bought("/page/1", "day").await;
    for path in ["/page/1", "/page/2", "/page/1", "/page/3?q=1"] {
        let before = site.upstream.count();
        assert_eq!(site.send(&shown(path, "day", &paid)).await.status, 200, "{path}");
        assert_eq!(site.upstream.count(), before + 1, "each is fetched, none is a kept answer");
    }
    site.books.assert_paid(DAY).await;
    assert_eq!(site.send(&shown("/other/1", "day", &paid)).await.status, 402);
    assert_eq!(site.send(&shown("/page/1", "two", &paid)).await.status, 402);
    assert_eq!(site.send(&Wanted::get("/page/2").paid(&paid.header())).await.status, 402);
    // Neither pass nor payment goes further.
    let kept = |name| site.upstream.seen().iter().any(|seen| seen.headers.contains_key(name));
    assert!(!kept("farthing-pass") && !kept("payment-signature"));
    site.books.clock.advance_ms(u64::from(DAY_SECONDS) * 1000 + 1);
    let over = site.send(&shown("/page/1", "day", &paid)).await;
    assert_eq!((over.status, over.code().as_str()), (402, "payment_already_used"));
    site.books.assert_paid(DAY).await;
}

#[tokio::test]
async fn two_uses_are_two_also_after_a_restart_and_a_copy_is_none() {
    let site = site().await;
    let paid = site.bought("/page/1", "two").await;
    let named = |path: &str, key: &str| shown(path, "two", &paid).with("idempotency-key", key);
    for _ in 0..3 {
        assert_eq!(site.send(&named("/page/1", "a")).await.status, 200, "copies of one request");
    }
    assert_eq!(site.send(&named("/page/2", "a")).await.status, 200, "another path is another use");
    let over = site.send(&shown("/page/3", "two", &paid)).await;
    assert_eq!((over.status, over.code().as_str()), (402, "pass_used_up"));
    assert_eq!(site.send(&named("/page/1", "a")).await.status, 200, "still a copy");
    site.books.assert_paid(TEN).await;
}

#[tokio::test]
async fn a_pass_whose_first_delivery_failed_has_all_its_uses() {
    let site = site().await;
    site.upstream.says("/page/1", 500, &[], b"");
    let paid = site.bought("/page/1", "two").await;
    assert_eq!(site.send(&shown("/page/1", "two", &paid)).await.status, 500);
    site.books.assert_paid(0).await;
    for path in ["/page/2", "/page/3"] {
        assert_eq!(site.send(&shown(path, "two", &paid)).await.status, 200);
    }
    assert_eq!(site.send(&shown("/page/4", "two", &paid)).await.code(), "pass_used_up");
    site.books.assert_paid(TEN).await;
}

#[tokio::test]
async fn copies_at_the_same_time_pay_once() {
    let site = site().await;
    let paid = site.bought("/page/1", "day").await;
    let wanted = shown("/page/1", "day", &paid);
    let all = futures_util::future::join_all((0..5).map(|_| site.send(&wanted))).await;
    assert!(all.iter().all(|got| got.status == 200));
    site.books.assert_paid(DAY).await;
}

#[test]
fn offers_with_passes_that_cannot_be_sold_are_refused() {
    let with = |methods: &[Method], passes| Offer { passes, ..offer("/a", methods, CHEAP) };
    let changed = |change: fn(&mut Pass)| {
        let mut passes = passes();
        change(&mut passes[0]);
        passes
    };
    assert!(with(&[Method::GET], passes()).check().is_ok());
    let wrong = [
        with(&[Method::GET, Method::POST], passes()),
        with(&[Method::GET], changed(|pass| pass.name = "two".to_owned())),
        with(&[Method::GET], changed(|pass| pass.name = "Day".to_owned())),
        with(&[Method::GET], changed(|pass| pass.price = 0)),
        with(&[Method::GET], changed(|pass| pass.seconds = None)),
        with(&[Method::GET], changed(|pass| pass.seconds = Some(0))),
        with(&[Method::GET], changed(|pass| pass.uses = Some(0))),
    ];
    for offer in wrong {
        assert_eq!(offer.check(), Err(gateway::OfferError::Passes), "{:?}", offer.passes);
    }
}
