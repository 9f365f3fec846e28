//! The pages at the node's own origin: front page, wallet, its pop-up, the live page, and the
//! scripts and styles that they share. Embedded, so the program needs no other file.
//!
//! Invariants: no page runs or loads anything from elsewhere, and none can be framed; the pop-up
//! keeps its opener, because it answers the site that opened it.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use crate::envelope;
use crate::hex;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Names every file of the built pages that is served under the well-known path.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        const FILES: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../../../web/dist/", $name)))),*];
    };
}

files![
    "bytes.js",
    "dom.js",
    "farthing.css",
    "farthing.svg",
    "grant.js",
    "index.js",
    "keys.js",
    "live.js",
    "messages.js",
    "money.js",
    "node.js",
    "order.js",
    "payment.js",
    "paywall.js",
    "wallet.js",
];

/// Routes of the pages and their files.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let index = include_bytes!("../../../web/dist/index.html");
    let wallet = include_bytes!("../../../web/dist/wallet.html");
    let grant = include_bytes!("../../../web/dist/grant.html");
    let live = include_bytes!("../../../web/dist/live.html");
    let page = |bytes: &'static [u8]| get(async move |request: Request| page(&request, bytes));
    let popup = get(async move |request: Request| popup(&request, grant));
    let mut routes = Router::new()
        .route("/", page(index))
        .route("/wallet", page(wallet))
        .route("/wallet/grant", popup)
        .route("/live", page(live));
    for &(name, bytes) in FILES {
        let path = format!("/.well-known/farthing/{name}");
        let file = get(async move |request: Request| file(&request, content_type(name), bytes));
        routes = routes.route(&path, file);
    }
    routes.method_not_allowed_fallback(envelope::method_not_allowed)
}

/// A page that no other window may hold on to.
fn page(request: &Request, bytes: &'static [u8]) -> Response {
    let mut response = popup(request, bytes);
    let alone = HeaderValue::from_static("same-origin");
    response.headers_mut().insert(OPENER_POLICY, alone);
    response
}

/// A page that may speak with the window that opened it.
fn popup(request: &Request, bytes: &'static [u8]) -> Response {
    let mut response = file(request, "text/html; charset=utf-8", bytes);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn file(request: &Request, content_type: &'static str, bytes: &'static [u8]) -> Response {
    let digest = Sha256::digest(bytes);
    let tag = format!("\"{}\"", hex::text(&digest[..16]));
    let known = request.headers().get(IF_NONE_MATCH);
    let mut response = if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, content_type)], bytes).into_response()
    };
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    response
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
