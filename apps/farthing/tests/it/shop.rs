//! A node with a site, its folder, its places, and the operator's view of it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use client::{Account, Enters, NodeClient, PayerAccount, ReceiptDocument, Receiver, Timeouts};
use money::{Amount, Asset, PaymentId};

use crate::buyer::Buyer;
use crate::process::{Running, farthing, free_port, until};
use crate::upstream::Upstream;

pub const ARTICLE_UNITS: u128 = 2_000_000;
pub const JOB_UNITS: u128 = 3_000_000;
/// The time of a hold.
pub const HOLD_SECONDS: u32 = 2;
/// What each payer starts with: 10 USD.
pub const START_UNITS: u128 = 10_000_000_000;

/// The parts of a configuration: who is paid, and what is sold where.
const BOOKS: &str = r#"
[[asset]]
code = "USD"
sandbox = true

[[payee]]
name = "author"
"#;
const OFFERS: &str = r#"
[[gateway.offer]]
path = "/articles/{id}"
price = "0.002"
pay_to = "author"
description = "An article"

[[gateway.offer]]
path = "/jobs/{*rest}"
methods = ["POST"]
price = "0.003"
pay_to = "author"
description = "A job"
"#;

/// A shop that is not running yet.
pub struct Shop {
    pub folder: tempfile::TempDir,
    pub upstream: Upstream,
    pub node_port: u16,
    pub site_port: u16,
    upstream_url: String,
}

impl Shop {
    pub async fn new() -> Self {
        let (upstream, address) = Upstream::serve().await;
        let shop = Self {
            folder: tempfile::tempdir().unwrap(),
            upstream,
            node_port: free_port(),
            site_port: free_port(),
            upstream_url: format!("http://{address}"),
        };
        let node = shop.node_section();
        let site = shop.site_section(shop.site_port, "");
        shop.write("shop.toml", &format!("{node}{BOOKS}{site}"));
        shop
    }

    /// The files of a node alone and of a site alone, which payers reach under one origin.
    pub fn split(&self) {
        self.write("node.toml", &format!("{}{BOOKS}", self.node_section()));
        let public_url = "public_url = \"http://shop.example\"";
        let site = self.site_section(self.site_port, public_url);
        self.write("site.toml", &format!("{BOOKS}{site}"));
    }

    fn node_section(&self) -> String {
        format!("[node]\nlisten = \"127.0.0.1:{}\"\ndata = \"data\"\n", self.node_port)
    }

    fn site_section(&self, port: u16, more: &str) -> String {
        let upstream = &self.upstream_url;
        let mut text = format!(
            "\n[[gateway]]\nlisten = \"127.0.0.1:{port}\"\nupstream = \"{upstream}\"\n{more}\n"
        );
        writeln!(text, "{OFFERS}hold_seconds = {HOLD_SECONDS}").unwrap();
        text
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// `farthing` in the shop's folder.
    pub fn farthing(&self, args: &[&str]) -> Command {
        let mut command = farthing(self.folder.path());
        command.args(args);
        command
    }

    pub fn serve_command(&self) -> Command {
        self.farthing(&["serve", "--config", "shop.toml"])
    }

    /// Starts node and site in one process.
    pub fn start(&self) -> Running {
        self.start_with(&[])
    }

    /// As [`Shop::start`], with further arguments.
    pub fn start_with(&self, args: &[&str]) -> Running {
        Running::start(self.serve_command().args(args), self.path("errors"), "data")
    }

    /// Starts the node alone; needs [`Shop::split`].
    pub fn start_node(&self) -> Running {
        let mut command = self.farthing(&["serve", "--config", "node.toml"]);
        Running::start(&mut command, self.path("errors"), "data")
    }

    /// Starts a gateway apart at a port of its own.
    pub fn start_gateway(&self, port: u16) -> Running {
        let (node, listen) = (self.node_url(), format!("127.0.0.1:{port}"));
        let mut command = self.farthing(&["gateway", "--config", "site.toml", "--node", &node]);
        command.args(["--listen", &listen, "--token-file", "data/gateway.token"]);
        Running::start(&mut command, self.path(&format!("errors-{port}")), "site")
    }

    pub fn node_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.node_port)
    }

    pub fn site_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.site_port)
    }

    pub fn node(&self) -> NodeClient {
        NodeClient::new(&self.node_url(), Timeouts::default()).unwrap()
    }

    fn operator(&self) -> String {
        let token = std::fs::read_to_string(self.data().join("operator.token")).unwrap();
        token.trim().to_owned()
    }

    /// Gives a buyer the start money.
    pub async fn fund(&self, buyer: &Buyer) {
        let usd = Asset::new("USD", 9).unwrap();
        let key = buyer.key.public();
        let enters = Enters {
            receiver: Receiver::Key(key),
            amount: Amount::new(START_UNITS, usd),
            reference: "start",
            idempotency_key: &key.to_string(),
        };
        self.node().fund(&self.operator(), &enters).await.unwrap();
    }

    /// A buyer with money.
    pub async fn buyer(&self, seed: u8) -> Buyer {
        let buyer = Buyer::new(seed);
        self.fund(&buyer).await;
        buyer
    }

    /// The buyer's own view of the account.
    pub async fn account(&self, buyer: &Buyer) -> PayerAccount {
        let node = self.node();
        let id = node.facts().await.unwrap().node;
        node.payer(&buyer.key, id).await.unwrap().unwrap()
    }

    /// What became of a payment; `None` if the node does not know it.
    pub async fn receipt(&self, payment: PaymentId) -> Option<ReceiptDocument> {
        self.node().receipt(payment).await.unwrap()
    }

    pub async fn assert_books_balance(&self) {
        let books = self.node().books(&self.operator()).await.unwrap();
        assert!(books.balanced, "{books:?}");
        assert!(books.books.iter().all(|sums| sums.balanced && sums.debits == sums.credits));
    }

    /// What the author received.
    pub async fn income(&self) -> u128 {
        let accounts = self.accounts().await;
        let author = accounts.iter().find(|account| account.label == "author").unwrap();
        author.available().unwrap().units()
    }

    async fn accounts(&self) -> Vec<Account> {
        self.node().accounts(&self.operator()).await.unwrap()
    }

    /// Waits until no account holds anything.
    pub async fn until_nothing_is_held(&self) {
        until("nothing is held", || async {
            let accounts = self.accounts().await;
            accounts.iter().all(|account| account.held().unwrap().units() == 0).then_some(())
        })
        .await;
    }

    /// The buyer spent exactly this, nothing is held, the author has it, and the books balance.
    pub async fn assert_spent(&self, buyer: &Buyer, units: u128) {
        let account = self.account(buyer).await;
        let (available, held) = (account.available().unwrap(), account.held().unwrap());
        assert_eq!((START_UNITS - available.units(), held.units()), (units, 0), "{account:#?}");
        assert_eq!(self.income().await, units);
        self.assert_books_balance().await;
    }
}
