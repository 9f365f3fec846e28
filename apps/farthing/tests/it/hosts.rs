//! Sites and node at one port, told apart by the host that a request names.

use crate::buyer::{Wanted, present};
use crate::process::{Running, run};
use crate::shop::{ARTICLE_UNITS, Shop};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a node answers with a site beside it that has these names, and these lines for the node.
async fn shared(names: &str, node: &str) -> (Shop, Running) {
    let shop = Shop::new().await;
    let text = std::fs::read_to_string(shop.path("shop.toml")).unwrap();
    let own = format!("listen = \"127.0.0.1:{}\"\nupstream", shop.site_port);
    assert!(text.contains(&own));
    let text = text.replacen(&own, &format!("host = {names}\nupstream"), 1);
    shop.write("shop.toml", &text.replacen("[node]\n", &format!("[node]\n{node}\n"), 1));
    let running = shop.start();
    (shop, running)
}

/// Status and code of the answer to these bytes.
async fn answer(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let code = answer.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
    format!("{status} {}", code.unwrap_or_default()).trim_end().to_owned()
}

/// A request for what the site sells and the node does not have.
fn asks(target: &str, headers: &[&str]) -> String {
    let headers = headers.join("\r\n");
    format!("GET {target} HTTP/1.1\r\n{headers}\r\nconnection: close\r\n\r\n")
}

const PAID: &str = "402 payment_required";
const NODE: &str = "404 not_found";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_and_site_share_a_port_by_their_names() {
    let (shop, _running) = shared("[\"shop\", \"news.example\"]", "").await;
    let port = shop.node_port;
    let node_itself = format!("host: 127.0.0.1:{port}");
    for (target, headers, expected) in [
        ("/articles/1", &["host: news.example"][..], PAID),
        ("/articles/1", &["host: NEWS.Example.:80"], PAID),
        ("/articles/1", &[&node_itself], NODE),
        ("/articles/1", &["host: other.example"], NODE),
        ("/articles/1", &["host: news.example.other.example"], NODE),
        ("http://news.example/articles/1", &["host: news.example"], PAID),
        ("http://news.example:80/articles/1", &["host: NEWS.example"], PAID),
        ("http://news.example/articles/1", &["host: other.example"], "400 host_ambiguous"),
        ("http://other.example/articles/1", &["host: news.example"], "400 host_ambiguous"),
        ("/articles/1", &["host: news.example", "host: other.example"], "400 host_ambiguous"),
        ("/articles/1", &["host: news.example", "Host: news.example"], "400 host_ambiguous"),
        ("/articles/1", &["host: news.example, other.example"], "400 host_invalid"),
        ("/articles/1", &["host: other@news.example"], "400 host_invalid"),
        ("/articles/1", &["host:"], "400 host_invalid"),
        ("/articles/1", &["x: no host"], "400 host_invalid"),
        ("/articles/1", &["host: other.example", "x-forwarded-host: news.example"], NODE),
        ("/articles/1", &["host: other.example", "forwarded: host=news.example"], NODE),
    ] {
        assert_eq!(answer(port, &asks(target, headers)).await, expected, "{target} {headers:?}");
    }
    // A line that is folded, or has a space before its colon, is no head of a request at all.
    for line in ["host : news.example", "host: other.example\r\n news.example"] {
        let head = asks("/articles/1", &[line]);
        assert!(answer(port, &head).await.starts_with("400"), "{line}");
    }
    let buyer = shop.buyer(1).await;
    let paid = buyer.sign(port, &Wanted::get("/articles/1")).await.unwrap();
    present(port, &paid).await.unwrap().assert_delivers(&paid);
    shop.assert_spent(&buyer, ARTICLE_UNITS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_names_answers_to_no_other() {
    let node = "hosts = [\"pay.example\"]\npublic_url = \"https://www.pay.example\"";
    let (shop, _running) = shared("\"news.example\"", node).await;
    for (host, expected) in [
        ("pay.example", NODE),
        ("www.pay.example", NODE),
        ("127.0.0.1", NODE),
        ("localhost", NODE),
        ("news.example", PAID),
        ("other.example", "421 host_unknown"),
    ] {
        let head = asks("/articles/1", &[&format!("host: {host}")]);
        assert_eq!(answer(shop.node_port, &head).await, expected, "{host}");
    }
    // The commands on this machine ask by address.
    run(&mut shop.farthing(&["accounts", "--data", "data"])).succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_apart_needs_an_address() {
    let (shop, _running) = shared("\"news.example\"", "").await;
    let args = ["gateway", "--config", "shop.toml", "--token-file", "data/gateway.token"];
    let mut command = shop.farthing(&args);
    run(command.args(["--node", &shop.node_url()])).failed(1).says("served by its node alone");
}
