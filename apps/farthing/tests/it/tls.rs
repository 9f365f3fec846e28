//! A node with TLS, from outside: a certificate that is renewed, sessions, commands on the machine.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::process::{run, until};
use crate::shop::Shop;

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tls").join(name)
}

fn take(shop: &Shop, pair: &str) {
    std::fs::copy(fixture(&format!("{pair}.pem")), shop.path("pay.pem")).unwrap();
    std::fs::copy(fixture(&format!("{pair}.key")), shop.path("pay.key")).unwrap();
}

async fn connect(port: u16) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// Whether the certificate of a new connection is this one.
async fn shows(port: u16, pair: &str) -> bool {
    let stream = connect(port).await;
    let shown = &stream.get_ref().1.peer_certificates().unwrap()[0];
    *shown == CertificateDer::from_pem_file(fixture(&format!("{pair}.pem"))).unwrap()
}

/// One exchange on a connection of its own.
async fn ask(port: u16, head: &str, body: &str) -> String {
    let mut stream = connect(port).await;
    let length = body.len();
    let request = format!(
        "{head}\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_taken_on_sighup_and_a_wrong_one_is_not() {
    let shop = Shop::new().await;
    take(&shop, "old");
    let text = std::fs::read_to_string(shop.path("shop.toml")).unwrap();
    let tls = "[tls]\ncertificate = \"pay.pem\"\nkey = \"pay.key\"\n";
    let site = "[gateway.tls]\ncertificate = \"pay.pem\"\nkey = \"pay.key\"\n\n[[gateway.offer]]";
    let text = text.replacen("[[gateway.offer]]", site, 1);
    let with_api = format!("{tls}\n[api]\nlisten = \"127.0.0.1:0\"\n{text}");
    shop.write("shop.toml", &with_api);
    let node = shop.start();
    let port = shop.node_port;
    let hangup = || {
        let line = format!("kill -HUP {}", node.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    };
    assert!(shows(port, "old").await && shows(shop.site_port, "old").await);
    // The wrong key for this certificate.
    std::fs::copy(fixture("new.key"), shop.path("pay.key")).unwrap();
    hangup();
    let refused = || async { node.errors().contains("pay.key cannot be used").then_some(()) };
    until("the pair is refused by name", refused).await;
    assert!(shows(port, "old").await);
    take(&shop, "new");
    hangup();
    let renewed = || async { shows(port, "new").await.then_some(()) };
    until("the new certificate is in force", renewed).await;
    assert!(shows(shop.site_port, "new").await);
    let answer = ask(shop.site_port, "GET /articles/1 HTTP/1.1", "").await;
    assert!(answer.starts_with("HTTP/1.1 402"), "{answer}");

    // The cookie of a session goes over TLS alone, and commands find the node without a name.
    let token = std::fs::read_to_string(shop.data().join("operator.token")).unwrap();
    let bearer =
        format!("PUT /v1/session/password HTTP/1.1\r\nauthorization: Bearer {}", token.trim());
    let body = r#"{"password":"a long enough one"}"#;
    assert!(ask(port, &bearer, body).await.starts_with("HTTP/1.1 204"));
    let answer = ask(port, "POST /v1/session HTTP/1.1", body).await.to_ascii_lowercase();
    assert!(answer.contains("set-cookie: __host-farthing-session="), "{answer}");
    assert!(answer.contains("; secure"), "{answer}");
    run(&mut shop.farthing(&["accounts", "--data", "data"])).succeeded();
    node.terminate();
    assert!(node.ended().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_certificate_nothing_starts() {
    let shop = Shop::new().await;
    let text = std::fs::read_to_string(shop.path("shop.toml")).unwrap();
    shop.write("shop.toml", &format!("[tls]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n{text}"));
    run(&mut shop.serve_command()).failed(1).says("a.pem cannot be read");
}
