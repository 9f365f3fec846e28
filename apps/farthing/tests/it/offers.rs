//! Offers from the terminal: made, priced, changed and taken back while the shop is open.

use serde_json::Value;

use crate::process::{Ran, Running, run, until};
use crate::shop::Shop;

struct Desk {
    shop: Shop,
    _node: Running,
    author: String,
}

impl Desk {
    async fn open() -> Self {
        let shop = Shop::new().await;
        let node = shop.start();
        run(&mut shop.farthing(&["wallet", "new", "--node", &shop.node_url()])).succeeded();
        let accounts = run(&mut shop.farthing(&["accounts", "--json", "--data", "data"])).json();
        let accounts = accounts["accounts"].as_array().unwrap();
        let author = accounts.iter().find(|account| account["label"] == "author").unwrap();
        let author = author["account"].as_str().unwrap().to_owned();
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
    assert_eq!((&made["price"], &made["methods"][0]), (&"10000000".into(), &"GET".into()));
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
