//! Prices that depend on the payer, amounts of the payer's own, and offers that come and go.

use engine::{Country, PayerClass};
use gateway::{Node, Offer, OwnAmount, Paywall, PriceRule, Routes};
use http::{HeaderName, Method};

use crate::books::Books;
use crate::client::{Got, Wanted, send};
use crate::shop::{self, CHEAP, Shop, offer, paywall_at};
use crate::upstream::Upstream;

const COUNTRY: &str = "x-country";

pub struct Site {
    pub books: Books,
    pub upstream: Upstream,
    pub paywall: Paywall,
    pub at: std::net::SocketAddr,
}

pub async fn site(offers: Vec<Offer>) -> Site {
    let (books, upstream) = (Books::open().await, Upstream::default());
    let behind = upstream.serve().await;
    let node = Node::Local(books.engine.clone());
    let country = HeaderName::from_static(COUNTRY);
    let paywall = paywall_at(node, &books, Routes::new(offers).unwrap(), Some(country));
    let at = shop::serve(paywall.clone(), behind).await;
    Site { books, upstream, paywall, at }
}

impl Site {
    /// What a request costs; `None` if it was answered.
    pub async fn price(&self, wanted: &Wanted) -> Option<u128> {
        let got = send(self.at, wanted).await;
        (got.status == 402).then(|| got.required().accepts[0].amount.units())
    }

    pub async fn buy(&self, wanted: &Wanted) -> Got {
        let required = shop::challenge(self.at, wanted).await;
        send(self.at, &wanted.clone().paid(&self.books.payer.pay(&required).header())).await
    }
}

pub fn page() -> Wanted {
    Wanted::get("/page/1")
}

#[tokio::test]
async fn the_first_rule_that_fits_is_what_is_asked_and_charged() {
    let rule = |country: Option<&str>, class, price| PriceRule {
        country: country.map(|code| Country::new(code).unwrap()),
        class,
        price,
    };
    let rules = vec![
        rule(Some("IN"), Some(PayerClass::Agent), 7),
        rule(Some("IN"), None, 5),
        rule(None, Some(PayerClass::Agent), 9),
    ];
    let site = site(vec![Offer { prices: rules, ..offer("/page/{id}", &[Method::GET], 20) }]).await;
    let agent = page().with("user-agent", "ChatGPT-User");
    let cases = [
        (page(), 20),
        (page().with(COUNTRY, "KR"), 20),
        (page().with(COUNTRY, "IN"), 5),
        (page().with(COUNTRY, "in"), 20),
        (agent.clone(), 9),
        (agent.with(COUNTRY, "IN"), 7),
    ];
    let mut paid = 0;
    for (wanted, price) in cases {
        assert_eq!(site.price(&wanted).await, Some(price), "{wanted:?}");
        assert_eq!(site.buy(&wanted).await.status, 200);
        paid += price;
        site.books.assert_paid(paid).await;
    }
}

#[tokio::test]
async fn a_payment_at_the_price_of_another_country_is_refused() {
    let country = Some(Country::new("IN").unwrap());
    let rules = vec![PriceRule { country, class: None, price: 5 }];
    let site = site(vec![Offer { prices: rules, ..offer("/page/{id}", &[Method::GET], 20) }]).await;
    let required = shop::challenge(site.at, &page().with(COUNTRY, "IN")).await;
    let payment = site.books.payer.pay(&required).header();
    assert_eq!(send(site.at, &page().paid(&payment)).await.status, 402);
    site.books.assert_paid(0).await;
}

#[tokio::test]
async fn the_payer_gives_what_it_wants_from_the_least_on() {
    let own = |min| Some(OwnAmount { min, suggested: vec![50, 100] });
    let tip = |path, min| Offer { own_amount: own(min), ..offer(path, &[Method::GET], 50) };
    let site = site(vec![tip("/page/{id}", 10), tip("/free/{id}", 0)]).await;
    let with = |path: &str, amount: &str| Wanted::get(path).with("farthing-amount", amount);
    assert_eq!(site.price(&page()).await, Some(50));
    assert_eq!(site.price(&with("/page/1", "10")).await, Some(10));
    assert_eq!(site.buy(&with("/page/1", "77")).await.status, 200);
    site.books.assert_paid(77).await;
    for wrong in ["9", "-1", "1.5", "", "ten"] {
        let got = send(site.at, &with("/page/1", wrong)).await;
        assert_eq!((got.status, got.code().as_str()), (400, "amount_below_min"), "{wrong}");
    }
    let before = site.upstream.count();
    let free = send(site.at, &with("/free/1", "0")).await;
    assert_eq!((free.status, site.upstream.count()), (200, before + 1));
    site.books.assert_paid(77).await;
}

#[tokio::test]
async fn a_page_says_its_amount_in_a_cookie() {
    let own = Some(OwnAmount { min: 10, suggested: vec![50] });
    let site =
        site(vec![Offer { own_amount: own, ..offer("/page/{id}", &[Method::GET], 50) }]).await;
    let with = |cookie: &str| page().with("cookie", cookie);
    for (cookie, price) in [
        ("farthing-amount=77", 77),
        ("theme=dark; farthing-amount=10; a=b", 10),
        ("farthing-amount=9", 50),
        ("farthing-amount=ten", 50),
        ("farthing-amount=", 50),
    ] {
        assert_eq!(site.price(&with(cookie)).await, Some(price), "{cookie}");
    }
    let both = with("farthing-amount=77").with("farthing-amount", "12");
    assert_eq!(site.price(&both).await, Some(12), "a header goes first");
    assert_eq!(site.buy(&with("farthing-amount=77")).await.status, 200);
    site.books.assert_paid(77).await;
    let html = page().with("accept", "text/html");
    let got = send(site.at, &html).await;
    let body = String::from_utf8(got.body.to_vec()).unwrap();
    let told = "&quot;own_amount&quot;:{&quot;min&quot;:&quot;10&quot;,&quot;suggested&quot;:[&quot;50&quot;]}";
    assert!(body.contains(told), "{body}");
}

#[tokio::test]
async fn an_offer_comes_changes_and_goes_between_two_requests() {
    let site = site(vec![offer("/other/{id}", &[Method::GET], CHEAP)]).await;
    let shelf = site.paywall.shelf();
    assert_eq!(site.price(&page()).await, None, "free as long as nobody prices it");
    shelf.replace(vec![offer("/page/{id}", &[Method::GET], 20)]).unwrap();
    assert_eq!(site.price(&page()).await, Some(20));
    let required = shop::challenge(site.at, &page()).await;
    let old = site.books.payer.pay(&required).header();
    shelf.replace(vec![offer("/page/{id}", &[Method::GET], 30)]).unwrap();
    assert_eq!(send(site.at, &page().paid(&old)).await.status, 402, "the old price is over");
    assert_eq!(site.buy(&page()).await.status, 200);
    site.books.assert_paid(30).await;
    shelf.replace(Vec::new()).unwrap();
    assert_eq!(site.price(&page()).await, None);
    assert_eq!(site.price(&Wanted::get("/other/1")).await, Some(CHEAP), "that of the file stays");
}

#[tokio::test]
async fn a_usual_shop_has_no_such_prices() {
    let shop = Shop::open().await;
    let wanted = Wanted::get("/cheap/1").with("farthing-amount", "1").with(COUNTRY, "IN");
    assert_eq!(shop.challenge(&wanted).await.accepts[0].amount.units(), CHEAP);
}
