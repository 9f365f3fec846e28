//! Where a request ends: only those that no two servers read differently are taken.
//!
//! A proxy in front that believes one header, and this server another, would disagree on where the next
//! request begins (RFC 9112, 11.2). Whatever is left on such a connection is not read.

use axum::body::Body;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http402::{Problem, problem};

/// Whether the headers of a request name one length in one way.
pub(crate) fn is_single(headers: &HeaderMap) -> bool {
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => lengths <= 1,
        (Some(coding), None) => lengths == 0 && coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// The answer to all others, after which the connection ends.
pub(crate) fn refused() -> Response<Body> {
    let detail = "name the length of the body once: by `Content-Length`, or by \
                  `Transfer-Encoding: chunked`";
    let text = Problem::new(400, "ambiguous_length", "The request is not valid", detail);
    let mut response = Response::new(text.to_json().map_or_else(|_| Body::empty(), Body::from));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
