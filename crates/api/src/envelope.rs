//! What surrounds every answer: request id, problem documents, caching, cross-origin rules.
//!
//! Invariants: every answer carries `Request-Id`, and a problem the same id inside; nothing is
//! cached or sniffed unless its handler says so.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::Request;
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

use crate::refused::Refused;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The outermost layer.
pub(crate) async fn envelope(request: Request, next: Next) -> Response {
    let id = request_id();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Box<Problem>>() {
        write_problem(&mut response, &problem.with_request_id(id.as_str()));
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
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
            HeaderValue::from_static("Content-Type, Idempotency-Key, If-None-Match"),
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
        HeaderValue::from_static("Request-Id, ETag, Retry-After"),
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
