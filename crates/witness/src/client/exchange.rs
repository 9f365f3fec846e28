//! HTTP as the client needs it: one request, one short answer.
//!
//! Connections are kept alive; redirects are not followed; TLS is checked against the web's roots.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// Longest answer that is read.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

const AGENT: &str = concat!("farthing/", env!("CARGO_PKG_VERSION"));
/// An idle connection lives longer than the pause between two rounds.
const IDLE_MS: u64 = 90_000;

#[derive(Debug)]
pub(super) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// Without parameters.
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// In words.
    Broken(String),
    TooLong,
}

impl Http {
    pub(super) fn new(connect: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(connect));
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_millis(IDLE_MS))
            .pool_max_idle_per_host(1)
            .build(connector);
        Self(client)
    }

    pub(super) async fn post(&self, url: &Uri, body: String) -> Result<Answered, NoAnswer> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        request.headers_mut().insert(CONTENT_TYPE, plain);
        self.send(url, request).await
    }

    pub(super) async fn get(&self, url: &Uri) -> Result<Answered, NoAnswer> {
        self.send(url, Request::new(Full::new(Bytes::new()))).await
    }

    async fn send(
        &self,
        url: &Uri,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answered, NoAnswer> {
        *request.uri_mut() = url.clone();
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let answer = self.0.request(request).await.map_err(|error| broken(&error))?;
        let (head, body) = answer.into_parts();
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.and_then(|value| value.split(';').next());
        let content_type = content_type.unwrap_or_default().trim().to_owned();
        let body = match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(NoAnswer::TooLong);
            }
            Err(error) => return Err(broken(&*error)),
        };
        Ok(Answered { status: head.status.as_u16(), content_type, body })
    }
}

/// The innermost cause says what happened; the outer ones only that something did.
fn broken(error: &(dyn std::error::Error + 'static)) -> NoAnswer {
    let innermost = std::iter::successors(Some(error), |error| error.source()).last();
    NoAnswer::Broken(innermost.map_or_else(String::new, ToString::to_string))
}
