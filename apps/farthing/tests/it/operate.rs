//! The tools around a node: health, top, the sandbox's clock, what it tells of itself, manual.

use std::fs::read_to_string;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::buyer::{Wanted, present};
use crate::process::{Running, run};
use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_the_exit_code() {
    let shop = Shop::new().await;
    run(&mut shop.farthing(&["health", "--data", "data"])).failed(1).says("hint:");
    let node = shop.start();
    let url = shop.node_url();
    for args in [["health", "--data", "data"], ["health", "--node", url.as_str()]] {
        assert_eq!(run(&mut shop.farthing(&args)).succeeded().out, "ready\n");
    }
    node.kill();
    run(&mut shop.farthing(&["health", "--data", "data"])).failed(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completions_and_manual_are_printed() {
    let shop = Shop::new().await;
    for (shell, opens) in
        [("bash", "_farthing()"), ("zsh", "#compdef farthing"), ("fish", "complete")]
    {
        let script = run(&mut shop.farthing(&["completions", shell])).succeeded().out;
        assert!(script.contains(opens) && script.contains("restore"), "{shell}");
    }
    run(&mut shop.farthing(&["completions", "abacus"])).failed(2);
    let page = run(&mut shop.farthing(&["man"])).succeeded().out;
    assert!(page.contains(".TH farthing 1"), "{page}");
    run(&mut shop.farthing(&["man", "--to", "man1"])).succeeded();
    assert!(shop.path("man1/farthing-serve.1").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_shows_the_node_once_where_there_is_no_terminal() {
    let shop = Shop::new().await;
    let _node = shop.start();
    let buyer = shop.buyer(1).await;
    let paid = buyer.sign(shop.site_port, &Wanted::get("/articles/1")).await.unwrap();
    present(shop.site_port, &paid).await.unwrap().assert_delivers(&paid);
    let picture = run(&mut shop.farthing(&["top", "--data", "data"])).succeeded().out;
    for words in ["ready", "1 in all", "USD", "no alarms", "leaves"] {
        assert!(picture.contains(words), "`{words}` is missing in\n{picture}");
    }
    assert!(!picture.contains('\u{1b}'), "{picture:?}");
    run(&mut shop.farthing(&["top", "--data", "elsewhere"])).failed(1).says("hint:");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_can_be_put_ahead_and_stays_so_and_takes_no_real_money() {
    let shop = Shop::new().await;
    let node = shop.start();
    let buyer = shop.buyer(1).await;
    let early = buyer.sign(shop.site_port, &Wanted::get("/articles/1")).await.unwrap();
    let before = run(&mut shop.farthing(&["clock", "show", "--data", "data"])).succeeded().json();
    assert_eq!((&before["shift_ms"], &before["sandbox"]), (&0.into(), &true.into()));
    let advance = ["clock", "advance", "30d", "--data", "data"];
    let after = run(&mut shop.farthing(&advance)).succeeded().json();
    assert_eq!(after["shift_ms"], 2_592_000_000_u64);
    let passed = after["now_ms"].as_u64().unwrap() - before["now_ms"].as_u64().unwrap();
    assert!(passed >= 2_592_000_000, "{passed}");
    present(shop.site_port, &early).await.unwrap().assert_refuses(&early, "order_expired");
    run(&mut shop.farthing(&["clock", "advance", "-1d", "--data", "data"])).failed(2);
    run(&mut shop.farthing(&["clock", "advance", "soon", "--data", "data"])).failed(2);

    node.terminate();
    assert!(node.ended().success());
    let node = shop.start();
    let again = run(&mut shop.farthing(&["clock", "show", "--data", "data"])).succeeded().json();
    assert_eq!(again["shift_ms"], 2_592_000_000_u64);
    node.terminate();
    assert!(node.ended().success());

    let settings = read_to_string(shop.path("shop.toml")).unwrap();
    shop.write("shop.toml", &settings.replace("sandbox = true", ""));
    run(&mut shop.serve_command()).failed(1).says("takes no real money").says("hint:");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_real_money_the_clock_is_the_machines() {
    let shop = Shop::new().await;
    let settings = read_to_string(shop.path("shop.toml")).unwrap();
    shop.write("shop.toml", &settings.replace("sandbox = true", ""));
    let _node = shop.start();
    let refused = run(&mut shop.farthing(&["clock", "advance", "1s", "--data", "data"]));
    refused.says("real money");
    assert!(!shop.path("data/clock.shift").exists());
    let shown = run(&mut shop.farthing(&["clock", "show", "--data", "data"])).succeeded().json();
    assert_eq!((&shown["shift_ms"], &shown["sandbox"]), (&0.into(), &false.into()));
}

/// A request with whatever a caller may write into it.
async fn ask(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_tell_of_requests_and_never_a_secret() {
    let shop = Shop::new().await;
    for format in ["text", "json"] {
        let mut serve = shop.serve_command();
        serve.args(["--log-format", format]).env("RUST_LOG", "debug");
        let node = Running::start(&mut serve, shop.path("errors"), "data");
        let token = read_to_string(shop.data().join("operator.token")).unwrap();
        let gateway = read_to_string(shop.data().join("gateway.token")).unwrap();
        let buyer = shop.buyer(1).await;
        let paid = buyer.sign(shop.site_port, &Wanted::get("/articles/1")).await.unwrap();
        present(shop.site_port, &paid).await.unwrap().assert_delivers(&paid);
        let [token, gateway] = [token.trim(), gateway.trim()];
        for (authorization, body) in [
            (format!("Bearer {token}"), "{\"secret\":\"IN-THE-BODY\"}"),
            (format!("Bearer {gateway}"), "IN-THE-BODY"),
            ("Farthing SIGNED-BY-SOMEBODY".to_owned(), ""),
            ("Bearer fk_MADE-UP-KEY".to_owned(), ""),
        ] {
            let length = body.len();
            let answer = ask(
                shop.node_port,
                &format!(
                    "POST /v1/fund?token=IN-THE-QUERY HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
                 authorization: {authorization}\r\ncookie: session=IN-A-COOKIE\r\n\
                 user-agent: a\u{1b}[2Jb\r\ncontent-type: application/json\r\n\
                 content-length: {length}\r\n\r\n{body}"
                ),
            )
            .await;
            assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
        let status = run(&mut shop.farthing(&["top", "--data", "data"])).succeeded();
        assert!(status.out.contains("ready"));
        node.terminate();
        let events = read_to_string(shop.path("errors")).unwrap();
        assert!(node.ended().success());
        assert!(events.lines().any(|line| line.contains("/v1/fund") && line.contains("req_")));
        assert!(events.lines().any(|line| line.contains("/v1/status") && line.contains("200")));
        let payment = paid.header_value();
        let marks = ["IN-THE-", "SIGNED-BY", "MADE-UP", "IN-A-COOKIE", "\u{1b}", "Bearer"];
        for secret in marks.into_iter().chain([token, gateway, payment]) {
            let found = events.lines().find(|line| line.contains(secret));
            assert_eq!(found, None, "`{secret}` is told");
        }
    }
}
