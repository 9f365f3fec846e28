//! The pages at the node's own origin: front page, wallet, its pop-up, the live page, the page that
//! verifies receipts, and the scripts and styles that they share, as embedded by the gateway, which
//! serves them at its sites too.
//!
//! Invariants: no page runs or loads anything from elsewhere, and none can be framed; the pop-up
//! keeps its opener, because it answers the site that opened it.

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use instrument::hex::Hex;
use sha2::{Digest, Sha256};

use crate::app;
use crate::envelope;
use crate::refused::Refused;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Routes of the pages and their files.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page = |name| get(async move |headers: HeaderMap| page(&headers, name));
    let popup = get(async move |headers: HeaderMap| popup(&headers, "grant"));
    Router::new()
        .route("/", page("index"))
        .route("/wallet", page("wallet"))
        .route("/wallet/grant", popup)
        .route("/live", page("live"))
        .route("/verify-offline.js", get(offline))
        .route("/.well-known/farthing/{name}", get(asset))
        .merge(app::routes())
        .method_not_allowed_fallback(envelope::method_not_allowed)
}

/// A script, style or picture of the pages.
async fn asset(
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let found = path.ok().and_then(|Path(name)| gateway::asset(&name));
    match found {
        Some((media_type, bytes)) => Ok(file(&headers, media_type, bytes)),
        None => Err(envelope::not_found().await),
    }
}

/// The page that verifies receipts. Its route stands with that of the facilitator's call of the
/// same name.
pub(crate) async fn verify(headers: HeaderMap) -> Response {
    page(&headers, "verify")
}

/// The script that lets `/verify` be opened without a network. A browser gives it no page above its
/// own folder, so it does not stand among the other files. It runs under the pages' policy too.
async fn offline(headers: HeaderMap) -> Response {
    let (media_type, bytes) = gateway::asset("offline.js").unwrap_or_default();
    confined(file(&headers, media_type, bytes))
}

/// A page that no other window may hold on to.
pub(crate) fn page(headers: &HeaderMap, name: &str) -> Response {
    let mut response = popup(headers, name);
    let alone = HeaderValue::from_static("same-origin");
    response.headers_mut().insert(OPENER_POLICY, alone);
    response
}

/// A page that may speak with the window that opened it.
fn popup(headers: &HeaderMap, name: &str) -> Response {
    let content = gateway::page(name).unwrap_or_default().as_bytes();
    confined(file(headers, "text/html; charset=utf-8", content))
}

fn confined(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// A file with a tag, so that it is sent again only after a change.
pub(crate) fn file(
    headers: &HeaderMap,
    content_type: &'static str,
    bytes: &'static [u8],
) -> Response {
    let digest = Sha256::digest(bytes);
    let tag = format!("\"{}\"", Hex(&digest[..16]));
    let known = headers.get(IF_NONE_MATCH);
    let mut response = if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, content_type)], bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    response
}
