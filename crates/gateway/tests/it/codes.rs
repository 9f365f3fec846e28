//! Discount codes: what the challenge says, what is charged, and how often a code counts.

use gateway::{Code, Meter, MeterTerms, Offer, OwnAmount, PublishedCode, Unit, code_id};
use http::Method;
use http402::Dialect;
use money::OfferId;

use crate::books::START_MS;
use crate::client::{Got, Wanted, send};
use crate::prices::{Site, page, site};
use crate::purse::{self, Purse};
use crate::shop::{self, offer};

const PRICE: u128 = 1_000;
const LOWER: u128 = 750;

fn published(code: &str) -> PublishedCode {
    PublishedCode {
        code_id: code_id(code),
        code: code.to_owned(),
        offers: None,
        percent_ppm: Some(250_000),
        price: None,
        max_uses: None,
        per_payer: None,
        expires_at_ms: START_MS + 1_000,
        active: true,
        created_at_ms: START_MS,
    }
}

/// A site with one offer and these codes.
async fn with(codes: impl IntoIterator<Item = PublishedCode>) -> Site {
    let site = site(vec![offer("/page/{id}", &[Method::GET], PRICE)]).await;
    site.paywall.shelf().codes().replace(codes.into_iter().map(|code| made(&code)));
    site
}

fn made(code: &PublishedCode) -> Code {
    code.to_code().unwrap()
}

fn coded(code: &str) -> Wanted {
    page().with("farthing-code", code)
}

async fn ask(site: &Site, wanted: &Wanted) -> (u128, String) {
    let got = send(site.at, wanted).await;
    (got.required().accepts[0].amount.units(), got.code())
}

#[tokio::test]
async fn the_challenge_names_the_lower_price_and_that_is_charged() {
    let site = with([published("SPRING")]).await;
    for wanted in [coded("SPRING"), coded("Spring"), page().with("cookie", "farthing-code=spring")]
    {
        assert_eq!(ask(&site, &wanted).await, (LOWER, "payment_required".to_owned()));
    }
    assert_eq!(site.buy(&coded("SPRING")).await.status, 200);
    site.books.assert_paid(LOWER).await;
    assert_eq!(ask(&site, &page()).await.0, PRICE);
    site.paywall.shelf().codes().replace([]);
    assert_eq!(ask(&site, &coded("SPRING")).await, (PRICE, "code_unknown".to_owned()));
}

#[tokio::test]
async fn a_code_that_does_not_count_is_named_and_the_usual_price_asked() {
    let other = Some(vec![OfferId::new(7).unwrap()]);
    let over = PublishedCode { expires_at_ms: START_MS, ..published("OVER") };
    let elsewhere = PublishedCode { offers: other, ..published("ELSEWHERE") };
    let site = with([over, elsewhere]).await;
    for (code, why) in
        [("NONE", "code_unknown"), ("OVER", "code_expired"), ("ELSEWHERE", "code_not_for_offer")]
    {
        assert_eq!(ask(&site, &coded(code)).await, (PRICE, why.to_owned()), "{code}");
    }
    let got = send(site.at, &coded("NONE")).await;
    assert!(got.settle_response().is_none(), "nothing was presented that could have failed");
    // Who pays in spite of it pays what the challenge said.
    assert_eq!(site.buy(&coded("NONE")).await.status, 200);
    assert_eq!(site.buy(&coded("OVER")).await.status, 200);
    site.books.assert_paid(2 * PRICE).await;
    assert_eq!(send(site.at, &coded("")).await.code(), "payment_required", "none was named");
}

#[tokio::test]
async fn what_has_no_single_price_takes_no_code() {
    let terms = MeterTerms {
        unit: Unit::Event,
        price: offer("/a", &[Method::GET], PRICE).price,
        per: 1,
        free_units: 0,
        units_max: None,
        tiers: Vec::new(),
    };
    let metered = Meter::new(terms).unwrap();
    let own = Some(OwnAmount { min: 1, suggested: Vec::new() });
    let get = |path| offer(path, &[Method::GET], PRICE);
    let site = site(vec![
        Offer { meter: Some(metered), ..get("/metered") },
        Offer { own_amount: own, ..get("/own") },
        Offer { crawl: true, ..get("/crawled") },
    ])
    .await;
    site.paywall.shelf().codes().replace([made(&published("SPRING"))]);
    for path in ["/metered", "/own", "/crawled"] {
        let got = send(site.at, &Wanted::get(path).with("farthing-code", "SPRING")).await;
        assert_eq!(got.code(), "code_not_for_offer", "{path}");
    }
}

#[tokio::test]
async fn uses_are_counted_with_payments_and_the_last_is_the_last() {
    let twice = PublishedCode { max_uses: Some(2), ..published("TWICE") };
    let site = with([twice]).await;
    let late = site.books.payer.pay(&shop::challenge(site.at, &coded("TWICE")).await);
    let first = site.books.payer.pay(&shop::challenge(site.at, &coded("TWICE")).await);
    let first = coded("TWICE").paid(&first.header());
    assert_eq!(send(site.at, &first).await.status, 200);
    assert_eq!(site.buy(&coded("TWICE")).await.status, 200);
    assert_eq!(send(site.at, &first).await.status, 200, "a copy is no use");
    site.books.assert_paid(2 * LOWER).await;

    let refused: Got = send(site.at, &coded("TWICE").paid(&late.header())).await;
    assert_eq!((refused.status, refused.code().as_str()), (402, "code_used_up"));
    let required = refused.required();
    assert_eq!(required.accepts[0].amount.units(), PRICE, "the usual price is what is left");
    site.books.assert_paid(2 * LOWER).await;
    assert_eq!(ask(&site, &coded("TWICE")).await, (PRICE, "code_used_up".to_owned()));
    assert_eq!(send(site.at, &first).await.status, 200, "what was bought stays bought");
    // A stock client follows the challenge and repeats its headers.
    let usual = site.books.payer.pay(&required).header();
    assert_eq!(send(site.at, &coded("TWICE").paid(&usual)).await.status, 200);
    site.books.assert_paid(2 * LOWER + PRICE).await;
}

#[tokio::test]
async fn a_use_comes_back_when_nothing_was_delivered() {
    let once = PublishedCode { max_uses: Some(1), ..published("ONCE") };
    let site = with([once]).await;
    site.upstream.says("/page/1", 500, &[], b"broken");
    assert_eq!(site.buy(&coded("ONCE")).await.status, 500);
    site.books.assert_paid(0).await;
    site.upstream.says("/page/1", 200, &[], b"mended");
    assert_eq!(site.buy(&coded("ONCE")).await.status, 200);
    site.books.assert_paid(LOWER).await;
}

#[tokio::test]
async fn one_payer_counts_apart_from_another() {
    let own = PublishedCode { per_payer: Some(1), ..published("MINE") };
    let site = with([own]).await;
    let other = site.books.stranger();
    site.books.fund(&other, 10_000).await;
    assert_eq!(site.buy(&coded("MINE")).await.status, 200);
    let again = site.buy(&coded("MINE")).await;
    assert_eq!((again.status, again.code().as_str()), (402, "code_used_up"));
    let required = shop::challenge(site.at, &coded("MINE")).await;
    assert_eq!(required.accepts[0].amount.units(), LOWER, "for others it still counts");
    let paid = other.pay(&required).header();
    assert_eq!(send(site.at, &coded("MINE").paid(&paid)).await.status, 200);
    site.books.assert_paid(LOWER).await;
}

#[tokio::test]
async fn a_channel_cannot_use_a_code_uncounted() {
    let site = with([published("SPRING")]).await;
    let asked = send(site.at, &page()).await;
    let purse = Purse::new(&site.books, 1);
    let (name, value) = purse::header(Dialect::X402V2, &asked, &purse.open(purse.pay(LOWER)));
    let got = send(site.at, &coded("SPRING").with(&name, &value)).await;
    assert_eq!((got.status, got.code().as_str()), (402, "unsupported_scheme"));
    site.books.assert_paid(0).await;
}

#[tokio::test]
async fn who_guesses_is_told_nothing_for_a_minute() {
    let site = with([published("SPRING")]).await;
    for number in 0..20 {
        assert_eq!(ask(&site, &coded(&format!("GUESS{number}"))).await.1, "code_unknown");
    }
    for code in ["SPRING", "GUESS"] {
        assert_eq!(ask(&site, &coded(code)).await, (PRICE, "too_many_codes".to_owned()));
    }
    site.books.clock.advance_ms(60_000);
    let again = PublishedCode { expires_at_ms: START_MS + 1_000_000, ..published("SPRING") };
    site.paywall.shelf().codes().replace([made(&again)]);
    assert_eq!(ask(&site, &coded("SPRING")).await.0, LOWER);
}
