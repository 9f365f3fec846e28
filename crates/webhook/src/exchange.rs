//! The HTTP client of deliveries: one POST, one short answer.
//!
//! Invariants: a connection is made only to an address that [`is_public`], decided on the very address
//! that is connected to, so that a name cannot point elsewhere between the check and the call; no
//! redirect is followed; no more of an answer is read than its limit; TLS is checked against the web's
//! roots.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpStream, lookup_host};
use tower::Service;

use crate::address::is_public;

/// Longest time to a connection.
const CONNECT_MS_MAX: u64 = 5_000;
/// Longest time of a whole delivery.
pub const DELIVERY_MS_MAX: u64 = 15_000;
/// Most that is read of an answer; nothing in it counts but its status and `Retry-After`.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// An idle connection is kept for so long.
const IDLE_MS: u64 = 30_000;

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An answer.
    Status {
        status: u16,
        /// Pause that the receiver asked for.
        retry_after_ms: Option<u64>,
    },
    /// None.
    None(NoAnswer),
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The receiver's address is not public.
    #[error("the address is not public")]
    PrivateAddress,
    /// It took too long.
    #[error("no answer in time")]
    Late,
    /// No connection, or it broke.
    #[error("{0}")]
    Broken(String),
}

impl NoAnswer {
    /// Stable code for programs.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::PrivateAddress => "private_address",
            Self::Late => "late",
            Self::Broken(_) => "broken",
        }
    }
}

/// An address was refused; found again among the causes of a failed request.
#[derive(Debug, thiserror::Error)]
#[error("the address is not public")]
struct Refused;

/// Opens connections, to public addresses alone unless told otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    allow_private: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Http(Client<HttpsConnector<Connector>, Full<Bytes>>);

impl Http {
    pub(crate) fn new(allow_private: bool, idle_count_max: usize) -> Self {
        let tls = HttpsConnectorBuilder::new().with_webpki_roots();
        Self::with_tls(tls, allow_private, idle_count_max)
    }

    fn with_tls(
        tls: HttpsConnectorBuilder<WantsSchemes>,
        allow_private: bool,
        idle_count_max: usize,
    ) -> Self {
        let connector =
            tls.https_or_http().enable_http1().wrap_connector(Connector { allow_private });
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_millis(IDLE_MS))
            .pool_max_idle_per_host(idle_count_max)
            .build(connector);
        Self(client)
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let limit = Duration::from_millis(DELIVERY_MS_MAX);
        let answered = tokio::time::timeout(limit, self.exchange(request)).await;
        answered.unwrap_or(Err(NoAnswer::Late)).unwrap_or_else(Answer::None)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        let answer = self.0.request(request).await.map_err(|error| no_answer(&error))?;
        let (head, body) = answer.into_parts();
        // Read to its end, so that the connection can be used again; one that is too long is closed.
        let _ = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        Ok(Answer::Status {
            status: head.status.as_u16(),
            retry_after_ms: retry_after_ms(&head.headers),
        })
    }
}

/// Seconds alone; a date would bind us to the receiver's clock.
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    seconds.checked_mul(1000)
}

/// The innermost cause says what happened; the outer ones only that something did.
fn no_answer(error: &(dyn Error + 'static)) -> NoAnswer {
    let mut innermost = error;
    for cause in std::iter::successors(Some(error), |error| causes(*error)) {
        if cause.is::<Refused>() {
            return NoAnswer::PrivateAddress;
        }
        innermost = cause;
    }
    NoAnswer::Broken(innermost.to_string())
}

/// The cause of an error, also of one that an `io::Error` carries.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    carried.map(|error| error as &(dyn Error + 'static)).or_else(|| error.source())
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let limit = Duration::from_millis(CONNECT_MS_MAX);
            let connected = tokio::time::timeout(limit, connect(&url, allow_private)).await;
            connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }
}

async fn connect(url: &Uri, allow_private: bool) -> io::Result<TokioIo<TcpStream>> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let usual = if url.scheme_str() == Some("https") { 443 } else { 80 };
    let found: Vec<SocketAddr> =
        lookup_host((host, url.port_u16().unwrap_or(usual))).await?.collect();
    let mut failure = io::Error::other(Refused);
    for address in found {
        if !allow_private && !is_public(address.ip()) {
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(TokioIo::new(stream));
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn post(url: &str) -> Request<Full<Bytes>> {
        Request::post(url).body(Full::default()).unwrap()
    }

    /// A listener that counts who connects.
    async fn listener() -> (SocketAddr, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (address, tokio::spawn(async move { drop(listener.accept().await) }))
    }

    #[tokio::test]
    async fn nobody_is_called_at_a_private_address_by_number_or_by_name() {
        let (address, called) = listener().await;
        let http = Http::new(false, 1);
        let port = address.port();
        for url in [
            format!("http://127.0.0.1:{port}/"),
            format!("http://localhost:{port}/"),
            format!("http://[::ffff:127.0.0.1]:{port}/"),
            format!("http://0.0.0.0:{port}/"),
            format!("http://2130706433:{port}/"),
            format!("https://127.0.0.1:{port}/"),
        ] {
            assert_eq!(
                http.send(post(&url)).await,
                Answer::None(NoAnswer::PrivateAddress),
                "{url}"
            );
        }
        assert!(!called.is_finished());
    }

    #[tokio::test]
    async fn in_development_it_may_be_called() {
        let (address, called) = listener().await;
        let answer = Http::new(true, 1).send(post(&format!("http://{address}/"))).await;
        assert!(matches!(answer, Answer::None(NoAnswer::Broken(_))), "{answer:?}");
        called.await.unwrap();
    }

    fn test_file(name: &str) -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tls").join(name)
    }

    /// Answers 204 over TLS, with a certificate for `localhost` of an authority of the tests.
    async fn receiver() -> u16 {
        let provider = Arc::new(default_provider());
        let chain = vec![CertificateDer::from_pem_file(test_file("old.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(test_file("old.key")).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap() > 0
                {
                }
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                // The other side may be gone already.
                let _ = stream.shutdown().await;
            }
        });
        port
    }

    #[tokio::test]
    async fn a_receiver_over_tls_is_called_if_its_certificate_is_trusted_and_for_its_name() {
        let port = receiver().await;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(test_file("ca.pem")).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let trusting = || HttpsConnectorBuilder::new().with_tls_config(config.clone());
        let url = format!("https://localhost:{port}/");
        let answer = Http::with_tls(trusting(), true, 1).send(post(&url)).await;
        assert_eq!(answer, Answer::Status { status: 204, retry_after_ms: None });
        for (http, host, why) in [
            (Http::with_tls(trusting(), true, 1), "127.0.0.2", "not valid for name"),
            (Http::new(true, 1), "localhost", "UnknownIssuer"),
        ] {
            let answer = http.send(post(&format!("https://{host}:{port}/"))).await;
            let Answer::None(NoAnswer::Broken(said)) = &answer else { panic!("{answer:?}") };
            assert!(said.contains(why), "{said}");
        }
        let refused = Http::with_tls(trusting(), false, 1).send(post(&url)).await;
        assert_eq!(refused, Answer::None(NoAnswer::PrivateAddress));
    }

    #[test]
    fn a_pause_is_read_in_seconds() {
        let read = |text: &'static str| {
            retry_after_ms(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]))
        };
        assert_eq!(read("120"), Some(120_000));
        for text in ["", "-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "18446744073709551615"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
