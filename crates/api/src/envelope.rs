//! What surrounds every answer: request id, version, problem documents, caching, cross-origin rules.
//!
//! Invariants: every answer carries `Request-Id`, and a problem the same id inside; nothing is
//! cached or sniffed unless its handler says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_LENGTH,
    CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http402::{Problem, problem};
use instrument::hex::Hex;

use crate::node::Shared;
use crate::refused::Refused;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const API_VERSION_HEADER: HeaderName = HeaderName::from_static("api-version");
/// The version of the calls below `/v1`: the day on which something last changed that a client could
/// not be expected to bear.
pub(crate) const API_VERSION: &str = "2026-11-01";

/// The outermost layer.
pub(crate) async fn envelope(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let id = request_id();
    let has_version = request.uri().path().starts_with("/v1/");
    let mut response = match check_version(&request) {
        Err(refused) if has_version => refused.into_response(),
        _ => next.run(request).await,
    };
    if let Some(problem) = response.extensions_mut().remove::<Box<Problem>>() {
        let doc_url = shared.node.doc_url(problem.code);
        let problem = problem.with_request_id(id.as_str()).with_doc_url(doc_url);
        write_problem(&mut response, &problem);
    }
    if has_version {
        let version = HeaderValue::from_static(API_VERSION);
        response.headers_mut().insert(API_VERSION_HEADER, version);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A client that names a version wants that one or none.
fn check_version(request: &Request) -> Result<(), Refused> {
    if request.headers().get_all(API_VERSION_HEADER).iter().all(|asked| asked == API_VERSION) {
        return Ok(());
    }
    let detail = format!("this node speaks the version {API_VERSION}; send that, or no header");
    Err(Refused::bad_request("unknown_api_version", detail).with_param("Api-Version"))
}

fn write_problem(response: &mut Response, problem: &Problem) {
    let Ok(json) = problem.to_json() else { return };
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, json.len().into());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
    *response.body_mut() = Body::from(json);
}

/// `req_` and 32 hex digits: random, or counted if the machine gives no randomness.
fn request_id() -> String {
    static COUNTED: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        let number = COUNTED.fetch_add(1, Ordering::Relaxed);
        bytes[8..].copy_from_slice(&number.to_be_bytes());
    }
    format!("req_{}", Hex(&bytes))
}

/// For what any page may ask: no cookie and no secret is involved, so any origin is allowed.
pub(crate) async fn any_origin(request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST"));
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Api-Version, Content-Type, Idempotency-Key, If-None-Match"),
        );
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        response
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "Request-Id, Api-Version, ETag, RateLimit, RateLimit-Policy, Retry-After",
        ),
    );
    response
}

/// Answer to a path that does not exist.
pub(crate) async fn not_found() -> Refused {
    Refused::not_found("not_found", "this node has nothing at this path")
}

/// Answer to a method that the path does not have; the router adds `Allow`.
pub(crate) async fn method_not_allowed() -> Refused {
    let title = "The method is not allowed";
    let detail = "this path does not take this method; see the Allow header";
    Refused::new(Problem::new(405, "method_not_allowed", title, detail))
}
