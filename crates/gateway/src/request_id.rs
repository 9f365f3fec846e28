//! Request ids: every answer that the gateway words itself can be found again in a log.
//!
//! Invariant: an id says nothing about the payer, the payment or the number of requests.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http::header::{HeaderName, HeaderValue};
use http::{Response, header};
use http402::Problem;

use crate::answer;

/// The header that carries it.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A new id.
fn next() -> String {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("req_{:016x}", KEY.hash_one(number))
}

/// A problem that is answered in front of any paywall.
pub fn problem_answer(problem: &Problem) -> Response<Body> {
    name(answer::problem(problem))
}

/// Names the request in an answer that is a problem of our own; others are left as they are.
pub(crate) fn name(mut response: Response<Body>) -> Response<Body> {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let id = next();
    let Ok(value) = HeaderValue::from_str(&id) else { return response };
    response.headers_mut().insert(REQUEST_ID, value);
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_document = kind.is_some_and(|kind| kind == http402::problem::CONTENT_TYPE);
    // The answer to HEAD has the headers of a document and no body.
    let is_empty = http_body::Body::is_end_stream(response.body());
    match problem.with_request_id(id).to_json() {
        Ok(json) if is_document && !is_empty => response.map(|_| Body::from(json)),
        Ok(_) | Err(_) => response,
    }
}
