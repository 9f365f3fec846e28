//! The payer's and the operator's commands: exit codes, streams, files, repetition.

use std::fs::{Permissions, read, read_to_string, set_permissions};
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use instrument::{PublicKey, Receipt, Signed};

use crate::process::{Ran, Running, farthing, run};
use crate::shop::Shop;

/// A running shop and commands in its folder, where the wallet is the default one.
struct Terminal {
    shop: Shop,
    node: Running,
}

impl Terminal {
    async fn open() -> Self {
        let shop = Shop::new().await;
        let node = shop.start();
        Self { shop, node }
    }

    async fn with_wallet() -> Self {
        let terminal = Self::open().await;
        terminal.run(&["wallet", "new", "--node", &terminal.shop.node_url()]).succeeded();
        terminal.run(&["wallet", "top-up"]).succeeded();
        terminal
    }

    fn run(&self, args: &[&str]) -> Ran {
        run(&mut self.shop.farthing(args))
    }

    fn balance(&self) -> String {
        self.run(&["wallet", "balance"]).succeeded().out.trim().to_owned()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shop.site_url())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_is_made_once_filled_and_tells_what_was_paid() {
    let terminal = Terminal::open().await;
    let node = terminal.shop.node_url();
    let made = terminal.run(&["wallet", "new", "--node", &node]).succeeded();
    let path = terminal.shop.path(".config/farthing/wallet.json");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let content = read_to_string(&path).unwrap();
    let file: serde_json::Value = serde_json::from_str(&content).unwrap();
    let shown = terminal.run(&["wallet", "show"]).succeeded();
    for out in [&made.out, &shown.out] {
        assert!(out.contains(file["public_key"].as_str().unwrap()), "{out}");
        assert!(!out.contains(file["seed"].as_str().unwrap()), "the seed is shown");
    }
    terminal.run(&["wallet", "new", "--node", &node]).failed(1).says("exists already");
    assert_eq!(read_to_string(&path).unwrap(), content);

    let empty = terminal.run(&["wallet", "balance"]).succeeded();
    assert_eq!(empty.out, "0\n");
    assert!(empty.err.contains("hint:"), "{empty:?}");
    assert_eq!(terminal.run(&["wallet", "top-up"]).succeeded().out, "1 USD\n");
    assert_eq!(terminal.balance(), "1 USD");
    terminal.run(&["pay", &terminal.url("/articles/1")]).succeeded();
    terminal.run(&["pay", &terminal.url("/jobs/1"), "-X", "POST"]).succeeded();
    assert_eq!(terminal.balance(), "0.995 USD");
    let history = terminal.run(&["wallet", "history"]).succeeded().out;
    let lines: Vec<&str> = history.lines().collect();
    assert_eq!(lines.len(), 3, "{history}");
    assert!(lines[1].contains("settled  A job") && lines[1].ends_with("0.003 USD"), "{history}");
    assert!(lines[2].contains("settled  An article") && lines[2].ends_with("0.002 USD"));

    for open in [0o644, 0o640, 0o604] {
        set_permissions(&path, Permissions::from_mode(open)).unwrap();
        terminal.run(&["wallet", "balance"]).failed(1).says("hint: close it with `chmod 600");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_and_a_price_above_the_limit_cost_nothing() {
    let terminal = Terminal::with_wallet().await;
    let url = terminal.url("/articles/1");
    let quoted = terminal.run(&["pay", &url, "--dry-run"]).succeeded();
    assert_eq!(quoted.out, "0.002 USD\n");
    assert!(quoted.err.contains("An article"), "{quoted:?}");
    assert_eq!(
        terminal.run(&["pay", &terminal.url("/free"), "--dry-run"]).succeeded().out,
        "free\n"
    );

    for limit in [&["--max", "0.001999999"][..], &["--asset", "EUR"]] {
        let mut args = vec!["pay", &url, "-o", "article"];
        args.extend(limit);
        terminal.run(&args).failed(3).says("above the limit").says("hint:");
    }
    assert!(!terminal.shop.path("article").exists());
    assert!(!terminal.shop.path("article.part").exists());
    assert_eq!(terminal.balance(), "1 USD");
    let shop = &terminal.shop;
    assert_eq!(shop.upstream.executions(None), 1, "only the free page is asked for");
    terminal.run(&["pay", &url, "--max", "0.002"]).succeeded();
    assert_eq!(terminal.balance(), "0.998 USD");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_money_or_with_wrong_words_nothing_is_paid() {
    let terminal = Terminal::open().await;
    let (url, node) = (terminal.url("/articles/1"), terminal.shop.node_url());
    terminal.run(&["pay", &url]).failed(1).says("hint: make one with `farthing wallet new");
    terminal.run(&["wallet", "new", "--node", &node]).succeeded();
    terminal.run(&["pay", &url, "-o", "article"]).failed(4).says("insufficient_funds");
    assert!(!terminal.shop.path("article").exists());
    assert!(!terminal.shop.path("article.part").exists());

    terminal.run(&["wallet", "top-up"]).succeeded();
    for (args, code) in [
        (&["--max", "1e-3"][..], 2),
        (&["--asset", "usd"], 2),
        (&["-H", "no colon"], 2),
        (&["-X", "G ET"], 2),
        (&["-d", "@missing"], 2),
        (&["-o", "."], 2),
        (&["-o", "missing/file"], 1),
    ] {
        let mut all = vec!["pay", &url];
        all.extend(args);
        terminal.run(&all).failed(code);
    }
    terminal.run(&["pay", "ftp://shop/"]).failed(2);
    terminal.run(&["pay", "http://127.0.0.1:9/"]).failed(1).says("hint:");
    assert_eq!(terminal.balance(), "1 USD");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_and_signed_receipt_never_share_a_stream() {
    let terminal = Terminal::with_wallet().await;
    let url = terminal.url("/articles/1");
    let to_file = terminal.run(&["pay", &url, "-o", "article"]).succeeded();
    assert_eq!(read(terminal.shop.path("article")).unwrap(), b"article /articles/1");
    assert!(!terminal.shop.path("article.part").exists());
    assert_signed(&to_file.json(), 2_000_000);

    let to_stream = terminal.run(&["pay", &terminal.url("/jobs/7"), "-d", "{}"]).succeeded();
    assert!(to_stream.out.starts_with("execution "), "{to_stream:?}");
    assert_signed(&serde_json::from_str(&to_stream.err).unwrap(), 3_000_000);

    let free = terminal.run(&["pay", &terminal.url("/free")]).succeeded();
    assert_eq!((free.out.as_str(), free.err.as_str()), ("article /free", ""));
    assert_eq!(terminal.balance(), "0.995 USD");
}

/// The receipt says what was paid, and the node's signature is over just that.
fn assert_signed(receipt: &serde_json::Value, units: u128) {
    let text = |name: &str| receipt[name].as_str().unwrap();
    let bytes = |name: &str| STANDARD.decode(text(name)).unwrap();
    let key: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(&text("public_key")[at..at + 2], 16).unwrap())
        .collect();
    let signed = Signed::<Receipt>::from_parts(&bytes("receipt"), &bytes("signature")).unwrap();
    let verified = signed.verify_with(&PublicKey(key.try_into().unwrap())).unwrap();
    let statement = verified.get();
    assert_eq!(statement.payment.to_string(), text("payment"));
    assert_eq!(statement.payee.to_string(), text("payee"));
    assert_eq!((statement.amount.units(), text("amount")), (units, units.to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_enters_once_however_often_the_command_is_given() {
    let terminal = Terminal::with_wallet().await;
    let wallet = read_to_string(terminal.shop.path(".config/farthing/wallet.json")).unwrap();
    let wallet: serde_json::Value = serde_json::from_str(&wallet).unwrap();
    let key = wallet["public_key"].as_str().unwrap();
    let fund = |amount: &str, more: &[&str]| {
        let mut args = vec!["fund", key, amount, "--reference", "slip 12", "--data", "data"];
        args.extend(more);
        terminal.run(&args)
    };
    let first = fund("0.50", &[]).succeeded();
    assert_eq!(
        (&first.json()["replayed"], terminal.balance().as_str()),
        (&false.into(), "1.5 USD")
    );
    let second = fund("0.50", &[]).succeeded().says("has entered before");
    assert_eq!(second.json()["replayed"], true);
    assert_eq!(second.json()["transfer"], first.json()["transfer"]);
    assert_eq!(terminal.balance(), "1.5 USD");

    fund("0.50", &["--idempotency-key", "other"]).succeeded();
    fund("0.50", &["--idempotency-key", "other"]).succeeded().says("has entered before");
    fund("0.75", &["--idempotency-key", "other"]).failed(1).says("idempotency_conflict");
    assert_eq!(terminal.balance(), "2 USD");
    for amount in ["-1", "1e3", "", "0.0000000001", "five"] {
        let args = ["fund", key, "--reference", "r", "--data", "data", "--", amount];
        terminal.run(&args).failed(2).says("is not an amount");
    }
    fund("0", &[]).failed(1);
    let args = ["fund", "nobody", "1", "--reference", "r", "--data", "data"];
    terminal.run(&args).failed(2).says("hint:");
    fund("1", &["--asset", "EUR"]).failed(2).says("the node carries no EUR");

    let listed = terminal.run(&["accounts", "--data", "data"]).succeeded().out;
    assert!(listed.contains("payee     author"), "{listed}");
    assert!(listed.ends_with("books: debits 2 USD, credits 2 USD: balanced\n"), "{listed}");
    let json = terminal.run(&["accounts", "--data", "data", "--json"]).succeeded().json();
    assert_eq!(json["books"]["balanced"], true);
    let accounts = json["accounts"].as_array().unwrap();
    let payer = accounts.iter().find(|account| account["role"] == "payer").unwrap();
    assert_eq!(payer["available"], "2000000000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_commands_need_the_token_and_a_running_node() {
    let terminal = Terminal::open().await;
    let node = terminal.shop.node_url();
    terminal.run(&["accounts", "--node", &node]).failed(1).says("token is missing").says("hint:");
    let mut stranger = terminal.shop.farthing(&["accounts", "--node", &node]);
    run(stranger.env("FARTHING_OPERATOR_TOKEN", "guessed")).failed(1).says("401");
    let gateway = read_to_string(terminal.shop.path("data/gateway.token")).unwrap();
    let mut gateway_token = terminal.shop.farthing(&["accounts", "--node", &node]);
    run(gateway_token.env("FARTHING_OPERATOR_TOKEN", gateway.trim())).failed(1).says("401");
    terminal.node.terminate();
    assert!(terminal.node.ended().success());
    run(&mut terminal.shop.farthing(&["accounts", "--data", "data"]))
        .failed(1)
        .says("no running node is found in data");
}

#[test]
fn every_command_explains_itself_with_examples() {
    let folder = tempfile::tempdir().unwrap();
    let help = |args: &[&str]| run(farthing(folder.path()).args(args)).succeeded().out;
    let all = help(&["--help"]);
    for command in ["serve", "gateway", "pay", "wallet", "accounts", "fund", "demo"] {
        assert!(all.contains(command), "{all}");
        let text = help(&[command, "--help"]);
        assert!(text.contains("Examples:") && text.contains("farthing "), "{text}");
    }
    for command in ["new", "show", "balance", "history", "top-up"] {
        assert!(help(&["wallet", command, "--help"]).contains("--wallet"));
    }
    assert!(help(&["--version"]).starts_with("farthing "));
    run(farthing(folder.path()).arg("serf")).failed(2);
}
