//! Offers from the terminal: made, priced, changed and taken back while the shop is open.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use http402::x402::{PAYMENT_REQUIRED, PaymentRequired};
use serde_json::Value;

use crate::buyer::{Wanted, ask};
use crate::process::{Ran, Running, run, until};
use crate::shop::Shop;

struct Desk {
    shop: Shop,
    _node: Running,
    author: String,
}

fn author(accounts: &Value) -> &str {
    let mut accounts = accounts["accounts"].as_array().unwrap().iter();
    let author = accounts.find(|account| account["label"] == "author").unwrap();
    author["account"].as_str().unwrap()
}

impl Desk {
    async fn open() -> Self {
        let shop = Shop::new().await;
        let node = shop.start();
        run(&mut shop.farthing(&["wallet", "new", "--node", &shop.node_url()])).succeeded();
        let accounts = run(&mut shop.farthing(&["accounts", "--json", "--data", "data"])).json();
        let author = author(&accounts).to_owned();
        Self { shop, _node: node, author }
    }

    fn offer(&self, args: &[&str]) -> Ran {
        let args = [&["offer"], args, &["--data", "data"]].concat();
        run(&mut self.shop.farthing(&args))
    }

    fn made(&self, args: &[&str]) -> Value {
        self.offer(&[args, &["--json"]].concat()).succeeded().json()
    }

    /// What the site asks for a path.
    fn price(&self, path: &str) -> String {
        let url = format!("{}{path}", self.shop.site_url());
        let asked = run(&mut self.shop.farthing(&["pay", &url, "--dry-run"])).succeeded();
        asked.out.trim().to_owned()
    }

    async fn until_priced(&self, path: &str, price: &str) {
        until(price, || async { (self.price(path) == price).then_some(()) }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_made_shown_changed_and_taken_back() {
    let desk = Desk::open().await;
    assert_eq!(desk.price("/songs/1"), "free");
    let args = ["new", "/songs/{id}", "0.01", "--payee", &desk.author];
    let made = desk.made(&[&args[..], &["--description", "A song", "--min", "0"]].concat());
    let id = made["offer"].as_str().unwrap();
    assert_eq!((&made["price"], &made["source"]), (&"10000000".into(), &"registry".into()));
    desk.until_priced("/songs/1", "0.01 USD").await;

    let share = format!("{}=100", desk.author);
    let change = ["change", id, "--price", "0.003", "--split", &share, "--price-for", "KR=0.002"];
    let changed = desk.offer(&change).succeeded().out;
    for words in ["0.003 USD", "100 % to acc_", "KR: 0.002 USD", "GET /songs/{id} at site default"]
    {
        assert!(changed.contains(words), "`{words}` is missing in {changed}");
    }
    desk.until_priced("/songs/1", "0.003 USD").await;
    let change = ["change", id, "--split", "none", "--price-for", "none", "--min", "none"];
    let changed = desk.made(&change);
    for empty in ["split", "prices"] {
        assert_eq!(changed[empty], serde_json::json!([]), "{empty}");
    }
    assert_eq!((&changed["pay_what_you_want"], &changed["revision"]), (&Value::Null, &3.into()));
    assert_eq!(desk.made(&["show", id]), changed);

    let listed = desk.offer(&["list"]).succeeded().out;
    let line = |word: &str| listed.lines().find(|line| line.contains(word)).unwrap_or_default();
    assert!(line("/songs/{id}").starts_with(id) && line("/songs/{id}").ends_with("0.003 USD"));
    assert!(line("/articles/{id}").contains("in the file"), "{listed}");
    assert_eq!(desk.made(&["list", "--site", "elsewhere"])["offers"], serde_json::json!([]));

    desk.offer(&["change", id, "--active", "false"]).succeeded();
    desk.until_priced("/songs/1", "free").await;
    desk.offer(&["delete", id]).succeeded().says("taken back");
    desk.offer(&["show", id]).failed(1).says("offer_unknown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catalogue_and_reports_follow() {
    let desk = Desk::open().await;
    let url = format!("{}/songs/{{id}}", desk.shop.site_url());
    let find = || async {
        let found = desk.shop.node().search("lullaby", None).await.unwrap();
        found.listings.into_iter().next()
    };
    assert!(find().await.is_none());
    let args =
        ["new", "/songs/{id}", "0.01", "--payee", &desk.author, "--description", "A lullaby"];
    let made = desk.made(&args);
    let id = made["offer"].as_str().unwrap();
    let listing = until("it is in the catalogue", find).await;
    assert_eq!((listing.url, listing.price.unwrap().to_string()), (url, "0.01 USD".to_owned()));
    desk.offer(&["change", id, "--price", "0.02"]).succeeded();
    let repriced = || async { find().await.filter(|it| it.price.unwrap().units() == 20_000_000) };
    until("its price follows", repriced).await;

    run(&mut desk.shop.farthing(&["wallet", "top-up"])).succeeded();
    for path in ["/songs/1", "/articles/1"] {
        let url = format!("{}{path}", desk.shop.site_url());
        run(&mut desk.shop.farthing(&["pay", &url, "--max", "1"])).succeeded();
    }
    let token = std::fs::read_to_string(desk.shop.data().join("operator.token")).unwrap();
    let titles = || async {
        let path = "/v1/reports/income?by=offer";
        let report: Value = desk.shop.node().ask(token.trim(), path).await.unwrap();
        let rows = report["rows"].as_array().unwrap().clone();
        (rows.len() == 2).then(|| rows.into_iter().map(|row| row["title"].clone()))
    };
    let titles: Vec<Value> = until("both are in the report", titles).await.collect();
    assert_eq!(titles, ["A lullaby", "An article"]);

    desk.offer(&["change", id, "--listed", "false"]).succeeded();
    until("it leaves the catalogue", || async { find().await.is_none().then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_apart_follows_and_keeps_what_it_has_while_the_node_is_away() {
    let shop = Shop::new().await;
    shop.split();
    let node = shop.start_node();
    let accounts = run(&mut shop.farthing(&["accounts", "--json", "--data", "data"])).json();
    let author = author(&accounts);
    let offer = |args: &[&str]| {
        let args = [&["offer"], args, &["--data", "data", "--json"]].concat();
        run(&mut shop.farthing(&args)).succeeded().json()
    };
    let made = offer(&["new", "/songs/{id}", "0.01", "--payee", author]);
    let gateway = shop.start_gateway(shop.site_port);
    let price = async |header: Option<&(HeaderName, HeaderValue)>| {
        let asked = ask(shop.site_port, &Wanted::get("/songs/1"), header).await.unwrap();
        let required = asked.headers.get(PAYMENT_REQUIRED)?;
        Some(PaymentRequired::decode_header(required).unwrap().accepts[0].amount.units())
    };
    let asked = || price(None);
    assert_eq!(asked().await, Some(10_000_000), "it is in force from the first request on");

    let id = made["offer"].as_str().unwrap();
    offer(&["change", id, "--price", "0.02"]);
    let is_asked = |units| async move { (asked().await == Some(units)).then_some(()) };
    until("the price follows", || is_asked(20_000_000)).await;
    let args = ["code", "new", "FAR-AWAY", "--percent", "50", "--data", "data"];
    assert_eq!(run(&mut shop.farthing(&args)).succeeded().out, "FAR-AWAY\n");
    let code = (HeaderName::from_static("farthing-code"), HeaderValue::from_static("far-away"));
    until("the code counts there, too", || async {
        // Who names unknown codes too fast is told nothing more.
        tokio::time::sleep(Duration::from_secs(2)).await;
        (price(Some(&code)).await == Some(10_000_000)).then_some(())
    })
    .await;
    let ran = |args: &[&str]| run(&mut shop.farthing(args)).succeeded().out.trim().to_owned();
    ran(&["wallet", "new", "--node", &shop.node_url()]);
    ran(&["wallet", "top-up"]);
    let key = ran(&["sponsor", "key", "--data", "data"]);
    let mandate = ["mandate", "new", "--delegate", &key, "--total", "1", "-o", "sponsor.json"];
    let mandate = ran(&mandate);
    let terms = ["--title", "Library", "--uses", "1", "--every", "30d", "--data", "data"];
    ran(&[&["sponsor", "new", &mandate], &terms[..]].concat());
    until("its sponsor pays there, too", || async {
        let got = ask(shop.site_port, &Wanted::get("/songs/1"), None).await.unwrap();
        got.headers.get("farthing-sponsor").filter(|title| *title == "Library").map(drop)
    })
    .await;
    assert_eq!(ran(&["wallet", "balance"]), "0.98 USD");
    node.kill();
    until("it hears that the node is away", || async {
        gateway.errors().contains("the offers stay as they were").then_some(())
    })
    .await;
    assert_eq!(asked().await, Some(20_000_000), "what is sold is not free while the node is away");
    let _node = shop.start_node();
    offer(&["change", id, "--price", "0.03"]);
    until("it follows again", || is_asked(30_000_000)).await;
    run(&mut shop.farthing(&["offer", "delete", id, "--data", "data"])).succeeded();
    until("it is free again", || async { asked().await.is_none().then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_made_counts_and_is_taken_back() {
    let desk = Desk::open().await;
    let code = |args: &[&str]| {
        let args = [&["code"], args, &["--data", "data"]].concat();
        run(&mut desk.shop.farthing(&args))
    };
    let url = format!("{}/articles/1", desk.shop.site_url());
    let asked = |text: &str| {
        let header = format!("Farthing-Code: {text}");
        let args = ["pay", &url, "--dry-run", "-H", &header];
        run(&mut desk.shop.farthing(&args)).succeeded().out.trim().to_owned()
    };
    let is_asked = async |text: &str, price: &str| {
        until(price, || async { (asked(text) == price).then_some(()) }).await;
    };
    let made = code(&["new", "SPRING", "--percent", "25", "--max-uses", "1"]).succeeded();
    assert_eq!(made.out, "SPRING\n");
    is_asked("spring", "0.0015 USD").await;
    let file_offer = desk.made(&["list"])["offers"][0]["offer"].clone();
    let args = ["new", "CHEAP", "--price", "0.001", "--offer", file_offer.as_str().unwrap()];
    let set = code(&[&args[..], &["--days", "3", "--json"]].concat()).succeeded().json();
    assert_eq!((&set["price"], &set["offers"]), (&"1000000".into(), &vec![file_offer].into()));
    assert_eq!(code(&["new", "--percent", "1"]).succeeded().out.trim().len(), 12);
    let listed = code(&["list"]).succeeded().out;
    assert!(listed.contains("SPRING") && listed.contains("25 %"), "{listed}");

    run(&mut desk.shop.farthing(&["wallet", "top-up"])).succeeded();
    let pay = ["pay", &url, "-H", "Farthing-Code: SPRING"];
    run(&mut desk.shop.farthing(&pay)).succeeded();
    let balance = run(&mut desk.shop.farthing(&["wallet", "balance"])).succeeded().out;
    assert_eq!(balance, "0.9985 USD\n");
    run(&mut desk.shop.farthing(&pay)).failed(3).says("code_used_up");
    assert_eq!(run(&mut desk.shop.farthing(&["wallet", "balance"])).out, balance);

    let codes = code(&["list", "--json"]).succeeded().json();
    let spring = codes["codes"].as_array().unwrap().iter().find(|it| it["code"] == "SPRING");
    let id = spring.unwrap()["code_id"].as_str().unwrap();
    code(&["delete", id]).succeeded().says("counts no longer");
    is_asked("SPRING", "0.002 USD").await;

    for (args, words) in [
        (&["new", "abc", "--percent", "5"][..], "correct CODE"),
        (&["new", "--percent", "100"], "correct --percent"),
        (&["new", "--percent", "half"], "--percent: `half`"),
        (&["new", "--percent", "5", "--days", "9999"], "correct --days"),
        (&["new", "CHEAP", "--percent", "5"], "code_taken"),
        (&["new", "--price", "1"], "--offer"),
        (&["new"], "--percent"),
    ] {
        code(args).failed(2).says(words);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_by_its_flag() {
    let desk = Desk::open().await;
    let author = desk.author.as_str();
    let file_offers = desk.made(&["list"])["offers"].as_array().unwrap().len();
    let (half, stranger) = (format!("{author}=50"), "acc_0000000000000000000000002d");
    for (args, words) in [
        (&["new", "/a", "1e3", "--payee", author][..], "PRICE: `1e3` is not an amount"),
        (&["new", "a", "0.01", "--payee", author], "hint: correct PATH"),
        (&["new", "/a", "0", "--payee", author], "hint: correct the price"),
        (&["new", "/a", "0.01", "--payee", stranger], "hint: correct --payee"),
        (&["new", "/a", "0.01", "--payee", "author"], "--payee"),
        (&["new", "/a", "0.01", "--payee", author, "--asset", "EUR"], "carries no EUR"),
        (&["new", "/a", "0.01", "--payee", author, "--method", "get"], "correct --method"),
        (&["new", "/a", "0.01", "--payee", author, "--split", &half], "correct --split"),
        (&["new", "/a", "0.01", "--payee", author, "--split", "half"], "--split: `half`"),
        (&["new", "/a", "0.01", "--payee", author, "--price-for", "IN"], "--price-for: `IN`"),
        (&["new", "/a", "0.01", "--payee", author, "--price-for", "india=1"], "--price-for"),
        (&["new", "/a", "0.01", "--payee", author, "--min", "x"], "--min: `x`"),
        (&["new", "/a", "0.01", "--payee", author, "--suggest", "1"], "--min"),
        (&["change", "off_0000000000000000000000002d", "--price", "1"], "offer_unknown"),
        (&["change", "song", "--price", "1"], "OFFER"),
    ] {
        let ran = desk.offer(args);
        let code = if words == "offer_unknown" { 1 } else { 2 };
        ran.failed(code).says(words);
    }
    let offers = desk.made(&["list"])["offers"].as_array().unwrap().clone();
    assert_eq!(offers.len(), file_offers, "nothing was kept");
    let fixed = offers[0]["offer"].as_str().unwrap();
    desk.offer(&["change", fixed, "--price", "1"]).failed(1).says("offer_in_file");
    desk.offer(&["change", fixed]).failed(2).says("nothing is named");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sponsor_pays_for_visitors_by_a_mandate_to_the_sites() {
    let desk = Desk::open().await;
    let ran = |args: &[&str]| run(&mut desk.shop.farthing(args));
    let sponsor = |args: &[&str]| ran(&[&["sponsor"], args, &["--data", "data"]].concat());
    ran(&["wallet", "top-up"]).succeeded();
    let key = sponsor(&["key"]).succeeded().out.trim().to_owned();
    let own = |delegate: &str| {
        let args =
            ["mandate", "new", "--delegate", delegate, "--total", "0.003", "-o", &delegate[..8]];
        ran(&args).succeeded().out.trim().to_owned()
    };
    let mandate = own(&key);
    let terms = ["--title", "Town library", "--uses", "5", "--every", "1d"];
    let made = sponsor(&[&["new", &mandate], &terms[..]].concat()).succeeded();
    assert_eq!(made.out.trim(), mandate);

    let (port, wanted) = (desk.shop.site_port, Wanted::get("/articles/1"));
    until("the sponsor pays", || async {
        let got = ask(port, &wanted, None).await?;
        let title = got.headers.get("farthing-sponsor")?;
        (got.status == 200 && title == "Town library").then_some(())
    })
    .await;
    let balance = || ran(&["wallet", "balance"]).succeeded().out;
    assert_eq!(balance(), "0.998 USD\n");
    let asked = ask(port, &wanted, None).await.unwrap();
    assert_eq!(asked.status, 402, "the mandate has less left than the price");
    assert_eq!(balance(), "0.998 USD\n");

    let listed = sponsor(&["list"]).succeeded().out;
    assert!(listed.contains("Town library") && listed.contains("86400 s"), "{listed}");
    let elsewhere = own(&"5".repeat(64));
    for (args, words) in
        [(&["new", &mandate][..], "sponsor_taken"), (&["new", &elsewhere], "mandate_not_for_sites")]
    {
        sponsor(&[args, &terms[..]].concat()).failed(2).says(words);
    }
    sponsor(&["delete", &mandate]).succeeded().says("pays no longer");
    assert_eq!(sponsor(&["list", "--json"]).succeeded().json()["sponsors"], Value::Array(vec![]));
}
