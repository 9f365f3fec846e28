//! Fetching a key directory from the address that the configuration names.
//!
//! Invariants: one request, no redirects, bounded in time and bytes; the address is https, or this
//! machine's own.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use http402::crawler::{DIRECTORY_BYTES_MAX, directory};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instrument::PublicKey;

use crate::connect::connector;

/// Longest wait for a directory, connection and body included.
const DIRECTORY_TIMEOUT_MS: u64 = 10_000;

/// Media type of a directory.
const MEDIA_TYPE: &str = "application/http-message-signatures-directory+json";

/// Address of a key directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryUrl(Uri);

/// Not an address from which keys are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key directory has an https URL, such as \
     `https://bot.example/.well-known/http-message-signatures-directory`; http only on this machine"
)]
pub struct DirectoryUrlError;

impl DirectoryUrl {
    /// Checks an address.
    pub fn parse(text: &str) -> Result<Self, DirectoryUrlError> {
        let url: Uri = text.parse().map_err(|_| DirectoryUrlError)?;
        let local = matches!(url.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
        match url.scheme_str() {
            Some("https") if url.host().is_some() => Ok(Self(url)),
            Some("http") if local => Ok(Self(url)),
            _ => Err(DirectoryUrlError),
        }
    }
}

impl fmt::Display for DirectoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub(super) struct Fetcher(Client<HttpsConnector<HttpConnector>, Body>);

impl Fetcher {
    pub(super) fn new() -> Self {
        let timeout = Duration::from_millis(DIRECTORY_TIMEOUT_MS);
        Self(Client::builder(TokioExecutor::new()).build(connector(Some(timeout))))
    }

    /// The keys of a directory, or why there are none.
    pub(super) async fn keys(
        &self,
        url: &DirectoryUrl,
        now_ms: u64,
    ) -> Result<Vec<PublicKey>, String> {
        let timeout = Duration::from_millis(DIRECTORY_TIMEOUT_MS);
        let fetched = tokio::time::timeout(timeout, self.fetch(url));
        let bytes = fetched.await.map_err(|_| "no answer in time".to_owned())??;
        directory(&bytes, now_ms).map_err(|error| error.to_string())
    }

    async fn fetch(&self, url: &DirectoryUrl) -> Result<bytes::Bytes, String> {
        let request = Request::get(url.0.clone())
            .header(header::ACCEPT, MEDIA_TYPE)
            .body(Body::empty())
            .map_err(|error| error.to_string())?;
        let response = self.0.request(request).await.map_err(|error| error.to_string())?;
        if response.status() != StatusCode::OK {
            return Err(format!("the answer has the status {}", response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), DIRECTORY_BYTES_MAX).collect().await;
        body.map(http_body_util::Collected::to_bytes).map_err(|error| error.to_string())
    }
}
