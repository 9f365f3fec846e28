//! Forwarding to an HTTP upstream.
//!
//! Invariant: a request that reports [`UpstreamFault::NotSent`] has certainly not been executed;
//! every other fault may have been.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::body::BodyError;
use crate::connect::connector;
use crate::headers;

/// What went wrong behind the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamFault {
    /// No connection: nothing was executed.
    NotSent,
    /// No answer in time.
    TimedOut,
    /// The connection broke, or the answer was not HTTP.
    Broken,
    /// The request's own body broke off on its way through: the payer is at fault.
    Request(BodyError),
}

/// A failed request to the upstream.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct UpstreamError {
    /// What it means for the payment.
    pub fault: UpstreamFault,
    /// For the log; never sent to payers.
    pub detail: String,
}

impl From<Infallible> for UpstreamError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// An extension of requests: the answer's trailers are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantTrailers;

/// Settings of a [`Forward`].
#[derive(Debug, Clone, Copy)]
pub struct ForwardOptions {
    /// Longest wait for a connection.
    pub connect_timeout_ms: u64,
    /// Longest wait for the head of the answer while no more of the request comes from the payer.
    pub head_timeout_ms: u64,
}

impl Default for ForwardOptions {
    fn default() -> Self {
        Self { connect_timeout_ms: 5_000, head_timeout_ms: 30_000 }
    }
}

/// A service that sends every request to one upstream.
#[derive(Debug, Clone)]
pub struct Forward {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    scheme: Scheme,
    authority: Authority,
    head_timeout: Duration,
}

impl Forward {
    /// An upstream such as `http://127.0.0.1:8080`; `None` if the URL has no scheme or host, or
    /// has a path.
    pub fn new(upstream: &Uri, options: ForwardOptions) -> Option<Self> {
        let scheme = upstream.scheme().cloned()?;
        let authority = upstream.authority().cloned()?;
        let known = scheme == Scheme::HTTP || scheme == Scheme::HTTPS;
        if !known || !matches!(upstream.path(), "" | "/") {
            return None;
        }
        let connect_timeout = Duration::from_millis(options.connect_timeout_ms);
        let client = Client::builder(TokioExecutor::new())
            // A retry on a reused connection could execute a request twice.
            .retry_canceled_requests(false)
            .build(connector(Some(connect_timeout)));
        let head_timeout = Duration::from_millis(options.head_timeout_ms);
        Some(Self { client, scheme, authority, head_timeout })
    }

    fn address(&self, request: &mut Request<Body>) -> Result<(), UpstreamError> {
        let path = request.uri().path_and_query().cloned();
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
            .build();
        *request.uri_mut() = uri.map_err(|error| UpstreamError {
            fault: UpstreamFault::NotSent,
            detail: error.to_string(),
        })?;
        *request.version_mut() = http::Version::HTTP_11;
        headers::strip_hop_by_hop(request.headers_mut());
        if request.extensions().get::<WantTrailers>().is_some() {
            let headers = request.headers_mut();
            headers.insert(header::TE, HeaderValue::from_static("trailers"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
        }
        if let Ok(host) = HeaderValue::from_str(self.authority.as_str()) {
            let original = request.headers_mut().insert(header::HOST, host);
            if let Some(original) = original {
                request.headers_mut().insert("x-forwarded-host", original);
            }
        }
        Ok(())
    }

    /// Sends a request; the time for the answer's head starts again with every piece of a body, so
    /// that a long upload is not taken for a slow upstream.
    async fn exchange(
        &self,
        request: Request<Body>,
    ) -> Result<Result<Response<Incoming>, legacy::Error>, Elapsed> {
        let pieces = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&pieces);
        let mut exchange = pin!(self.client.request(request.map(|body| counted(body, count))));
        let mut counted_before = 0;
        loop {
            let answer = timeout(self.head_timeout, &mut exchange).await;
            let counted_now = pieces.load(Ordering::Relaxed);
            if answer.is_ok() || counted_now == counted_before {
                return answer;
            }
            counted_before = counted_now;
        }
    }
}

/// A body that counts its pieces. One without content stays as it is, for it needs no framing.
fn counted(body: Body, pieces: Arc<AtomicU64>) -> Body {
    if http_body::Body::is_end_stream(&body) {
        return body;
    }
    Body::new(body.map_frame(move |frame| {
        pieces.fetch_add(1, Ordering::Relaxed);
        frame
    }))
}

impl tower::Service<Request<Body>> for Forward {
    type Response = Response<Body>;
    type Error = UpstreamError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, UpstreamError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            this.address(&mut request)?;
            match this.exchange(request).await {
                Err(_) => Err(UpstreamError {
                    fault: UpstreamFault::TimedOut,
                    detail: format!("no answer within {:?}", this.head_timeout),
                }),
                Ok(Err(error)) => {
                    let fault = match body_error(&error) {
                        Some(error) => UpstreamFault::Request(error),
                        None if error.is_connect() => UpstreamFault::NotSent,
                        None => UpstreamFault::Broken,
                    };
                    Err(UpstreamError { fault, detail: format!("{error:?}") })
                }
                // No protocol was offered to switch to, and other 1xx are not final.
                Ok(Ok(response)) if response.status().is_informational() => Err(UpstreamError {
                    fault: UpstreamFault::Broken,
                    detail: format!("{} is not a final answer", response.status()),
                }),
                Ok(Ok(response)) => {
                    let mut response = response.map(Body::new);
                    headers::strip_hop_by_hop(response.headers_mut());
                    Ok(response)
                }
            }
        })
    }
}

/// The request body's own fault, if that is behind an error.
fn body_error(error: &(dyn Error + 'static)) -> Option<BodyError> {
    let mut error = Some(error);
    while let Some(found) = error {
        if let Some(body) = found.downcast_ref() {
            return Some(*body);
        }
        error = found.source();
    }
    None
}
