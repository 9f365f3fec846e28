//! The log of a running node through the command line: mirrors, receipts, statements, forgetting.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use client::{LogClient, Timeouts};
use serde_json::Value;

use crate::process::{Ran, Running, farthing, run, until};
use crate::shop::Shop;

const READ_BYTES: usize = 1 << 20;

/// A running shop, a wallet with money, and the log's key.
struct Reader {
    shop: Shop,
    node: Running,
    key: String,
}

impl Reader {
    async fn open() -> Self {
        let shop = Shop::new().await;
        let node = shop.start();
        let mut reader = Self { shop, node, key: String::new() };
        let policy = reader.get("log/policy").await;
        policy.split_whitespace().nth(1).unwrap().clone_into(&mut reader.key);
        let url = reader.shop.node_url();
        reader.run(&["wallet", "new", "--node", &url]).succeeded();
        reader.run(&["wallet", "top-up"]).succeeded();
        reader
    }

    fn run(&self, args: &[&str]) -> Ran {
        run(&mut self.shop.farthing(args))
    }

    async fn get(&self, path: &str) -> String {
        let client = LogClient::new(&self.shop.node_url(), Timeouts::default()).unwrap();
        let bytes = client.read(path, READ_BYTES).await.unwrap();
        String::from_utf8(bytes.unwrap_or_else(|| panic!("{path} is not there")).into()).unwrap()
    }

    /// Buys an article and gives the payment's id.
    fn buy(&self) -> String {
        let url = format!("{}/articles/1", self.shop.site_url());
        let paid = self.run(&["pay", &url, "-o", "article"]).succeeded().json();
        paid["payment"].as_str().unwrap().to_owned()
    }

    fn export(&self) -> Ran {
        let url = self.shop.node_url();
        self.run(&["log", "export", "--node", &url, "--to", "mirror", "--log", &self.key])
    }

    /// Exports until the mirror has more than so many leaves.
    async fn export_beyond(&self, size: u64) -> u64 {
        until("the mirror grows", || async {
            let answer = self.export().succeeded().json();
            let found: u64 = answer["size"].as_str().unwrap().parse().unwrap();
            (found > size).then_some(found)
        })
        .await
    }

    fn account(&self) -> String {
        let shown = self.run(&["wallet", "show"]).succeeded().out;
        let line = shown.lines().find(|line| line.starts_with("account")).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_follows_a_running_node_and_outlives_it() {
    let reader = Reader::open().await;
    let first = reader.export_beyond(0).await;
    let payment = reader.buy();
    let size = reader.export_beyond(first).await;
    let checked = reader.run(&["log", "verify", "mirror", "--log", &reader.key]).succeeded();
    assert_eq!(checked.json()["size"], size.to_string());
    let receipt = reader.get(&format!("v1/receipts/{payment}/proof")).await;

    let url = reader.shop.node_url();
    let asked = ["log", "export", "--node", &url, "--to", "other"];
    let warned = reader.run(&asked).succeeded();
    assert!(warned.err.contains("warning: the key"), "{warned:#?}");
    assert!(warned.err.contains(&reader.key), "{warned:#?}");
    let other = reader.key.replace("/log+", "/other+");
    reader.run(&[&asked[..], &["--log", &other]].concat()).failed(2);
    reader.run(&asked[..4]).failed(2);
    reader.run(&["log", "verify", "mirror"]).failed(2).says("--log VKEY");

    // The node goes away; what it signed stays.
    let Reader { shop, node, key } = reader;
    node.terminate();
    assert!(node.ended().success());
    let before = files(&shop.path("mirror"));
    let export = ["log", "export", "--node", &url, "--to", "mirror", "--log", &key];
    run(&mut shop.farthing(&export)).failed(1).says("hint:");
    assert!(files(&shop.path("mirror")) == before);
    shop.write("receipt", &receipt);
    let said = run(&mut shop.farthing(&["verify", "receipt", "receipt", "--log", &key]));
    assert!(said.succeeded().out.contains(&payment));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_gets_a_statement_that_holds_until_the_account_is_forgotten() {
    let reader = Reader::open().await;
    reader.buy();
    reader.buy();
    let (account, key) = (reader.account(), reader.key.clone());
    let verify = |file: &str| {
        reader.run(&["verify", "statement", file, "--log", &key, "--json"]).succeeded().json()
    };
    reader.run(&["wallet", "statement", "-o", "statement"]).succeeded();
    let said = verify("statement");
    assert_eq!(said["facts"]["account"], account);
    // Its creation, the play money, two articles.
    assert_eq!(said["facts"]["entries"].as_array().unwrap().len(), 4, "{said:#}");
    assert_eq!(said["facts"]["balances"]["debits_posted"], "4000000");
    let printed = reader.run(&["wallet", "statement", "--asset", "USD"]).succeeded();
    assert_eq!(printed.json()["account"], account);
    reader.run(&["wallet", "statement", "--asset", "EUR"]).failed(2);

    reader.run(&["forget", &account]).failed(2).says("--yes");
    reader.run(&["forget", "nobody", "--yes"]).failed(2);
    let forget = ["forget", &account, "--yes", "--data", "data"];
    let forgotten = reader.run(&forget).succeeded().json();
    assert_eq!(forgotten["leaves"], Value::from(4), "{forgotten}");
    assert_eq!(reader.run(&forget).succeeded().json()["leaves"], Value::from(0));
    // What somebody kept stays good; another one cannot be had.
    assert_eq!(verify("statement"), said);
    let again = reader.run(&["wallet", "statement", "-o", "again"]);
    assert_ne!(again.code, 0, "{again:#?}");
    assert!(!reader.shop.path("again").exists());
}

#[test]
fn a_guard_is_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let make = || run(farthing(dir.path()).args(["log", "guard", "--create", "guard"])).succeeded();
    assert_eq!(make().out, "made guard\n");
    fs::write(dir.path().join("guard"), "kept").unwrap();
    assert!(make().out.contains("stays as it is"));
    assert_eq!(fs::read(dir.path().join("guard")).unwrap(), b"kept");
}
