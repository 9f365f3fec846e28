//! What is asked for: one HTTP request that can be sent several times, byte for byte the same.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use instrument::{PurchaseDigest, PurchaseHasher};

use crate::error::Error;
use crate::transport;

/// A request, unpaid. Its body is kept in memory, because it may have to be sent again.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// A GET of an absolute `http` or `https` URL.
    pub fn get(url: &str) -> Result<Self, Error> {
        Self::new(Method::GET, url, HeaderMap::new(), Bytes::new())
    }

    /// Any request. The headers of x402 are set by the payer.
    pub fn new(
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Self, Error> {
        // The part after `#` is never sent, so it is no part of the purchase.
        let url = url.split('#').next().unwrap_or_default();
        let url = transport::parse_url(url)?;
        let body = body.into();
        Ok(Self { method, url, headers, body })
    }

    /// The URL.
    pub fn url(&self) -> String {
        self.url.to_string()
    }

    /// The digest that an order for exactly this request names.
    pub fn purchase(&self) -> PurchaseDigest {
        let scheme = self.url.scheme_str().unwrap_or_default();
        let authority = self.url.authority().map_or("", http::uri::Authority::as_str);
        let query = self.url.query().map_or(String::new(), |query| format!("?{query}"));
        PurchaseHasher {
            method: self.method.as_str(),
            origin: &format!("{scheme}://{}", authority.to_ascii_lowercase()),
            path: self.url.path(),
            query: &query,
            body: transport::digest(&self.body),
        }
        .digest()
    }
}
