//! A real client over real connections: what it sees before and after the files change.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use axum::Router;
use axum::routing::get;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client;

use super::*;
use crate::listener::Listener;

const ASK: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tls").join(name)
}

fn der(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(name)).unwrap()
}

/// A folder with a pair of files that is changed in the course of a test.
struct Files(TempDir);

impl Files {
    fn with(pair: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.take(&format!("{pair}.pem"), &format!("{pair}.key"));
        files
    }

    fn take(&self, certificate: &str, key: &str) {
        let TlsSection { certificate: to_certificate, key: to_key } = self.section();
        fs::copy(fixture(certificate), to_certificate).unwrap();
        fs::copy(fixture(key), to_key).unwrap();
    }

    fn section(&self) -> TlsSection {
        let folder = self.0.path();
        TlsSection { certificate: folder.join("pay.pem"), key: folder.join("pay.key") }
    }
}

/// Serves, and gives its address and the certificate to refresh.
async fn served(files: &Files, limit: Option<Duration>) -> (SocketAddr, Arc<Certificate>) {
    let mut certificates = Certificates::default();
    let mut tls = certificates.handshakes(Some(&files.section())).unwrap().unwrap();
    tls.limit = limit.unwrap_or(tls.limit);
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(any).await.unwrap().with_tls(Some(tls));
    let url = listener.url();
    let address = url.strip_prefix("https://").unwrap().parse().unwrap();
    let (stop, stopped) = watch::channel(false);
    let router = Router::new().route("/", get(|| async { "served" }));
    tokio::spawn(async move {
        listener.serve(router, stopped).await;
        drop(stop);
    });
    (address, Arc::clone(&certificates.0[0]))
}

async fn connect(
    address: SocketAddr,
    speak: impl FnOnce(&mut ClientConfig),
) -> io::Result<client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(der("ca.pem")).unwrap();
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    speak(&mut config);
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn shown(stream: &client::TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// One exchange; the connection stays open.
async fn ask(stream: &mut client::TlsStream<TcpStream>) {
    stream.write_all(ASK.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"served") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "it was cut off");
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn after_a_change_new_connections_see_it_and_old_ones_go_on() {
    let files = Files::with("old");
    let (address, certificate) = served(&files, None).await;
    let mut before = connect(address, |_| ()).await.unwrap();
    assert_eq!(shown(&before), der("old.pem"));
    ask(&mut before).await;
    files.take("new.pem", "new.key");
    certificate.refresh();
    assert_eq!(certificate.look().expires_at_ms, 4_733_510_400_000);
    let mut after = connect(address, |_| ()).await.unwrap();
    assert_eq!(shown(&after), der("new.pem"));
    ask(&mut after).await;
    ask(&mut before).await;
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_by_name_and_the_old_one_stays() {
    let files = Files::with("old");
    let (address, certificate) = served(&files, None).await;
    let TlsSection { certificate: pem, key } = files.section();
    let refused = || certificate.look().refused.unwrap_or_default();
    for (spoil, says) in [
        (Box::new(|| files.take("new.pem", "old.key")) as Box<dyn Fn()>, "KeyMismatch"),
        (Box::new(|| fs::write(&key, "none").unwrap()), "pay.key holds no private key in PEM"),
        (Box::new(|| fs::remove_file(&key).unwrap()), "pay.key cannot be read"),
        (Box::new(|| files.take("old.key", "old.key")), "pay.pem holds no certificate in PEM"),
        (Box::new(|| fs::write(&pem, "").unwrap()), "pay.pem holds no certificate in PEM"),
        (
            Box::new(|| {
                let empty = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
                fs::write(&pem, empty).unwrap();
            }),
            "pay.pem is damaged",
        ),
        (
            Box::new(|| {
                fs::write(&pem, vec![b'x'; usize::try_from(PEM_BYTES_MAX).unwrap() + 1]).unwrap();
            }),
            "pay.pem cannot be read: file too large",
        ),
    ] {
        spoil();
        certificate.refresh();
        assert!(refused().contains(says), "{says}: {}", refused());
        assert!(Certificate::open(&files.section()).is_err(), "nor would a start take it");
        assert_eq!(shown(&connect(address, |_| ()).await.unwrap()), der("old.pem"), "{says}");
    }
    files.take("old.pem", "old.key");
    certificate.refresh();
    assert_eq!(certificate.look().refused, None, "the old pair is back");
}

#[tokio::test]
async fn both_versions_are_spoken_and_no_other_protocol() {
    let files = Files::with("old");
    let (address, _) = served(&files, None).await;
    let offer = |protocols: &[&[u8]]| -> Vec<Vec<u8>> {
        protocols.iter().map(|name| name.to_vec()).collect()
    };
    let both = offer(&[b"h2", b"http/1.1"]);
    let stream = connect(address, |config| config.alpn_protocols = both).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(PROTOCOL));
    assert_eq!(stream.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let other = offer(&[b"h2"]);
    assert!(connect(address, |config| config.alpn_protocols = other).await.is_err());
    let mut roots = RootCertStore::empty();
    roots.add(der("ca.pem")).unwrap();
    let older = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut stream = connect(address, |config| *config = older).await.unwrap();
    assert_eq!(stream.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_2));
    ask(&mut stream).await;
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut_off() {
    let files = Files::with("old");
    let (address, _) = served(&files, Some(Duration::from_millis(50))).await;
    // The head of a record that never comes: a client hello of 512 bytes.
    for begun in [&b""[..], &[22, 3, 1, 2, 0]] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"", "nothing is said to who says nothing");
    }
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(ASK.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The connection may be reset under way.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "nothing is served without TLS");
    ask(&mut connect(address, |_| ()).await.unwrap()).await;
}

#[tokio::test]
async fn handshakes_beyond_the_limit_wait_for_their_turn() {
    let files = Files::with("old");
    let mut certificates = Certificates::default();
    let mut tls = certificates.handshakes(Some(&files.section())).unwrap().unwrap();
    (tls.slots, tls.limit) = (Arc::new(Semaphore::new(0)), Duration::from_millis(50));
    let socket = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = tokio::spawn(connect(socket.local_addr().unwrap(), |_| ()));
    let (stream, _) = socket.accept().await.unwrap();
    let kind = tls.take(stream).await.map(|_| ()).unwrap_err().kind();
    assert_eq!(kind, io::ErrorKind::TimedOut);
    assert!(client.await.unwrap().is_err());
    tls.slots.add_permits(1);
    tls.limit = Duration::from_secs(10);
    let client = tokio::spawn(connect(socket.local_addr().unwrap(), |_| ()));
    let (stream, _) = socket.accept().await.unwrap();
    assert!(tls.take(stream).await.is_ok());
    assert!(client.await.unwrap().is_ok());
}
