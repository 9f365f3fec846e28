//! HTTP as the client needs it: one request, one answer whose head came in time.
//!
//! Invariants: nothing is sent twice behind the caller's back, redirects are not followed, and
//! every wait and every buffered answer has a limit. TLS is checked against the web's roots.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::error::{Error, Kind};
use crate::request::Request;

const AGENT: &str = concat!("farthing/", env!("CARGO_PKG_VERSION"));

/// Longest waits.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection.
    pub connect_ms: u64,
    /// For the head of an answer, connecting included; longer than any gateway waits for its
    /// upstream, so that it is the gateway that says what happened.
    pub head_ms: u64,
    /// For the next piece of a body.
    pub piece_ms: u64,
    /// For an answer of the node, head and body.
    pub node_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_ms: 5_000, head_ms: 60_000, piece_ms: 60_000, node_ms: 3_000 }
    }
}

/// Sends requests.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeouts: Timeouts,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Transport {
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(Duration::from_millis(timeouts.connect_ms)));
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client =
            Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector);
        Self { client, timeouts }
    }

    /// Sends a request with further headers and waits for the head of the answer.
    pub(crate) async fn send(&self, request: &Request, more: &HeaderMap) -> Result<Answer, Error> {
        let mut sent = http::Request::new(Full::new(request.body.clone()));
        *sent.method_mut() = request.method.clone();
        *sent.uri_mut() = request.url.clone();
        let headers = sent.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        for (name, value) in request.headers.iter().chain(more) {
            // The connection's own headers are its own business.
            if name != HOST && name != CONTENT_LENGTH {
                headers.insert(name, value.clone());
            }
        }
        let unreachable = |why: String| Error::new(Kind::Unreachable(why));
        let url = request.url();
        let limit = Duration::from_millis(self.timeouts.head_ms);
        match tokio::time::timeout(limit, self.client.request(sent)).await {
            Err(_) => Err(unreachable(format!("{url} did not answer in time"))),
            Ok(Err(error)) => Err(unreachable(format!("{url}: {}", innermost(&error)))),
            Ok(Ok(response)) => {
                let (head, body) = response.into_parts();
                Ok(Answer {
                    status: head.status,
                    headers: head.headers,
                    body,
                    piece_limit: Duration::from_millis(self.timeouts.piece_ms),
                })
            }
        }
    }
}

/// The innermost cause says what happened; the outer ones only that something did.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// An answer whose body is still on its way.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Incoming,
    piece_limit: Duration,
}

impl Answer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header as text; empty if it is not there.
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Length of the body, if the answer says.
    pub fn length_bytes(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH).parse().ok()
    }

    /// Reads the whole body into memory, at most `limit_bytes` of it.
    pub async fn into_bytes(self, limit_bytes: usize) -> Result<Bytes, Error> {
        let limited = Limited::new(self.body, limit_bytes).collect();
        match tokio::time::timeout(self.piece_limit, limited).await {
            Err(_) => Err(Error::answer("the answer broke off: nothing more came in time")),
            Ok(Err(error)) => Err(Error::answer(format!("the answer broke off: {error}"))),
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
        }
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = match tokio::time::timeout(self.piece_limit, self.body.frame()).await {
                Err(_) => return Err(Error::answer("the content broke off: no more came in time")),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => {
                    let why = innermost(&error);
                    return Err(Error::answer(format!("the content broke off: {why}")));
                }
                Ok(Some(Ok(frame))) => frame,
            };
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// Writes the body as it comes; `progress` hears the sum of bytes after every piece. Returns
    /// the length of the body.
    pub async fn write_to<W: AsyncWrite + Unpin>(
        mut self,
        target: &mut W,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Error> {
        let mut written = 0_u64;
        while let Some(data) = self.piece().await? {
            target.write_all(&data).await.map_err(write_failed)?;
            written = written.saturating_add(data.len() as u64);
            progress(written);
        }
        target.flush().await.map_err(write_failed)?;
        Ok(written)
    }
}

fn write_failed(error: std::io::Error) -> Error {
    Error::new(Kind::Write(error))
}

/// Reads an absolute `http` or `https` URL.
pub(crate) fn parse_url(text: &str) -> Result<Uri, Error> {
    let wrong = |why: &str| {
        Error::argument(format!("`{text}` is not a URL that can be asked: {why}"))
            .with_hint("write it in full, for example https://example.org/articles/1")
    };
    let url: Uri = text.parse().map_err(|_| wrong("it is malformed"))?;
    let authority = url.authority().ok_or_else(|| wrong("it names no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("a user name does not belong into it"));
    }
    match url.scheme_str() {
        Some("http" | "https") => Ok(url),
        _ => Err(wrong("it must start with http:// or https://")),
    }
}

pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
