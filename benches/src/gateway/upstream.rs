//! The service behind the gateway: one short text for every path, as cheap as a service can be, so
//! that the figures are the gateway's.

use std::net::SocketAddr;

use anyhow::Result;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;

use super::sale::ARTICLE_BYTES;

/// Serves at the address in `words` until killed.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [address] = words else {
        anyhow::bail!("usage: upstream ADDRESS");
    };
    let address: SocketAddr = address.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let article = Bytes::from(vec![b'a'; ARTICLE_BYTES]);
        let kind = [(CONTENT_TYPE, HeaderValue::from_static("text/plain"))];
        let answer = move || async move { (kind, article) };
        super::listen(address, axum::Router::new().fallback(answer)).await
    })
}
