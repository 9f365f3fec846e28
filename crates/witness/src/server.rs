//! The witness on HTTP.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /add-checkpoint` | a cosignature, or one of the refusals of [`tlog::witness`] |
//! | `GET /<hex SHA-256 of the origin>/checkpoint` | the newest cosigned checkpoint of a log |
//! | `GET /healthz` | 200, or 503 once a write has failed |
//!
//! Invariants: bodies, their time and the number of requests under way are bounded; a request whose
//! sender went away still holds its place until its work is done. Source: C2SP tlog-witness.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use tlog::witness::{RequestError, WITNESS_REQUEST_BYTES_MAX};
use tokio::sync::Semaphore;

use crate::{AddError, Clock, Witness};

/// Most requests for a cosignature under way.
pub const REQUESTS_COUNT_MAX: usize = 256;
/// Longest time that the body of a request may take.
pub const BODY_MS_MAX: u64 = 10_000;

/// What a program asks for again soon when it is answered 503.
const RETRY_AFTER_SECONDS: &str = "1";
const PLAIN: &str = "text/plain; charset=utf-8";

/// The path is none that can stand before those of the witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a prefix of a witness is a path such as `/w1`: segments of letters, digits, `-`, `.`, `_`, `~`"
)]
pub struct PrefixError;

impl PrefixError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        "witness_prefix"
    }
}

#[derive(Clone)]
struct Shared {
    witness: Arc<Witness>,
    clock: Clock,
    slots: Arc<Semaphore>,
}

/// The routes of a witness, at the root and, if it is not empty, under `prefix` as well.
pub fn router(witness: Arc<Witness>, clock: Clock, prefix: &str) -> Result<Router, PrefixError> {
    let routes = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{log}/checkpoint", get(checkpoint))
        .route("/healthz", get(healthz));
    let routes = match prefix {
        "" => routes,
        prefix if is_prefix(prefix) => routes.clone().nest(prefix, routes),
        _ => return Err(PrefixError),
    };
    let slots = Arc::new(Semaphore::new(REQUESTS_COUNT_MAX));
    let nothing = || async { plain(StatusCode::NOT_FOUND, "not_found: nothing is here\n".into()) };
    Ok(routes.fallback(nothing).with_state(Shared { witness, clock, slots }))
}

fn is_prefix(prefix: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_segment =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
    prefix.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment))
}

async fn add_checkpoint(State(shared): State<Shared>, request: Request<Body>) -> Response {
    let Shared { witness, clock, slots } = shared;
    let Ok(slot) = slots.try_acquire_owned() else {
        return busy("witness_busy: too many requests are under way\n");
    };
    let body = match read(request.into_body(), Duration::from_millis(BODY_MS_MAX)).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    // The slot goes along: the work goes on although the sender may have gone away.
    let work = move || {
        let _slot = slot;
        witness.add_checkpoint(&body, clock())
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(cosignature)) => plain(StatusCode::OK, tlog::witness::cosigned_body(&[cosignature])),
        Ok(Err(AddError::Stopped)) => busy(&AddError::Stopped.answer().1),
        Ok(Err(error)) => refused(error.http_status(), error.answer()),
        Err(_) => plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "witness_internal: the work was cut off\n".into(),
        ),
    }
}

async fn read(body: Body, limit: Duration) -> Result<Bytes, Response> {
    let limited = Limited::new(body, WITNESS_REQUEST_BYTES_MAX).collect();
    match tokio::time::timeout(limit, limited).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let error = AddError::from(RequestError::TooLarge);
            Err(refused(error.http_status(), error.answer()))
        }
        Ok(Err(_)) => {
            let text = "witness_request_body: the body broke off\n";
            Err(plain(StatusCode::BAD_REQUEST, text.into()))
        }
        Err(_) => {
            let text = "witness_request_timeout: the body took too long\n";
            Err(plain(StatusCode::REQUEST_TIMEOUT, text.into()))
        }
    }
}

async fn checkpoint(State(shared): State<Shared>, Path(log): Path<String>) -> Response {
    let Some(note) = shared.witness.checkpoint(&log) else {
        let text = "witness_no_checkpoint: nothing is cosigned of such a log\n";
        return plain(StatusCode::NOT_FOUND, text.into());
    };
    plain(StatusCode::OK, note.to_string())
}

async fn healthz(State(shared): State<Shared>) -> Response {
    if shared.witness.is_healthy() {
        plain(StatusCode::OK, "ok\n".into())
    } else {
        busy(&AddError::Stopped.answer().1)
    }
}

fn busy(text: &str) -> Response {
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
    let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
    answer.headers_mut().insert(header::RETRY_AFTER, seconds);
    answer
}

fn plain(status: StatusCode, text: String) -> Response {
    respond(status, PLAIN, text)
}

fn refused(status: u16, (content_type, text): (&'static str, String)) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(status, content_type, text)
}

fn respond(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_that_trickles_or_breaks_off_is_refused() {
        let endless =
            Body::from_stream(futures_util::stream::pending::<Result<Bytes, axum::Error>>());
        let refused = read(endless, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
        let broken = futures_util::stream::once(async { Err::<Bytes, _>(axum::Error::new("cut")) });
        let refused = read(Body::from_stream(broken), Duration::from_mins(1)).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_prefix_is_a_plain_path() {
        for prefix in ["/w1", "/a/b-c", "/witness.1/x_y~z"] {
            assert!(is_prefix(prefix), "{prefix}");
        }
        for prefix in ["", "/", "w1", "/w1/", "//w", "/{log}", "/a b", "/a?b", "/..", "/a/./b"] {
            assert!(!is_prefix(prefix), "{prefix}");
        }
        assert_eq!(PrefixError.code(), "witness_prefix");
    }
}
