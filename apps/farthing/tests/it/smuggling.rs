//! Raw bytes at node and gateway: requests that two servers could read differently, and slow ones.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::shop::Shop;

/// Sends bytes and reads until the server hangs up or says nothing for a while.
async fn send(port: u16, text: String) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // The server may hang up before it has read all.
    let _ = stream.write_all(text.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const SECOND: &str = "GET /smuggled HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// A request's headers after the host, and its body; behind it stands a second request.
const CASES: [(&str, &str, &str); 13] = [
    ("both", "content-length: 4\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"),
    ("both, otherwise", "transfer-encoding: chunked\r\ncontent-length: 5\r\n", "0\r\n\r\n"),
    ("two lengths", "content-length: 0\r\ncontent-length: 53\r\n", ""),
    ("a list of lengths", "content-length: 1, 1\r\n", "x"),
    ("a signed length", "content-length: +1\r\n", "x"),
    ("a length in hexadecimal", "content-length: 0x1\r\n", "x"),
    ("another coding last", "transfer-encoding: chunked, identity\r\n", "0\r\n\r\n"),
    ("two codings", "transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n"),
    ("a coding twice", "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"),
    ("an unknown coding", "transfer-encoding: xchunked\r\n", "0\r\n\r\n"),
    ("a space before the colon", "transfer-encoding : chunked\r\n", "0\r\n\r\n"),
    ("a folded line", "x: a\r\n transfer-encoding: chunked\r\n", "0\r\n\r\n"),
    ("a zero byte", "x: a\0b\r\ncontent-length: 1\r\n", "x"),
];

#[tokio::test]
async fn what_two_servers_could_read_differently_reaches_the_upstream_once_or_never() {
    let shop = Shop::new().await;
    let running = shop.start();
    let mut executions = 0;
    for (name, headers, body) in CASES {
        for (port, path) in [(shop.site_port, "/free"), (shop.node_port, "/v1/faucet")] {
            let first = format!("POST {path} HTTP/1.1\r\nhost: a\r\n{headers}\r\n{body}");
            let answer = send(port, format!("{first}{SECOND}")).await;
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{name}: {answer}");
            // Of a coding and a length the coding counts, and the connection ends behind it (RFC 9112, 6.1).
            let by_coding = name.starts_with("both") && answer.contains("connection: close");
            assert!(answer.starts_with("HTTP/1.1 400") || by_coding, "{name}: {answer}");
            executions += usize::from(answer.starts_with("HTTP/1.1 200"));
        }
    }
    assert_eq!(shop.upstream.executions(None), executions);
    // One framing is enough: this is how any client pipelines.
    let first = "POST /free HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx";
    let answer = send(shop.site_port, format!("{first}{SECOND}")).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    drop(running);
}

#[tokio::test]
async fn a_head_with_too_many_headers_or_too_long_is_refused() {
    let shop = Shop::new().await;
    let running = shop.start();
    for port in [shop.site_port, shop.node_port] {
        let many = format!("GET /free HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(200));
        assert!(send(port, many).await.starts_with("HTTP/1.1 431"));
        let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(70_000));
        let answer = send(port, long).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(shop.upstream.executions(None), 0);
    drop(running);
}
