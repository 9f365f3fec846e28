//! Safe methods: fetch first, then charge in one commit, then deliver.

use axum::body::{Body, Bytes};
use engine::{AuthorizeError, OUTCOME_BYTES_MAX};
use http::{Request, Response};
use tower::ServiceExt;
use tracing::warn;

use super::{
    Turn, broken_upstream, is_event_stream, outcome, paid_request, stream_and_settle,
    unreachable_upstream,
};
use crate::answer;
use crate::forward::UpstreamError;
use crate::headers;
use crate::paywall::Case;
use crate::stream::{Broken, Start, read_start};

pub(super) async fn deliver<S>(
    case: Case,
    turn: Turn,
    request: Request<Body>,
    inner: S,
) -> Response<Body>
where
    S: tower::Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<UpstreamError>,
{
    let mut response = match inner.oneshot(paid_request(request, turn.payment)).await {
        Ok(response) => response,
        Err(error) => {
            release(&case, turn).await;
            return unreachable_upstream(&error.into());
        }
    };
    headers::from_upstream(response.headers_mut());
    if !response.status().is_success() {
        release(&case, turn).await;
        return response;
    }
    let (head, body) = response.into_parts();
    let response = Response::from_parts(head, Body::empty());
    if is_event_stream(&response) {
        return hold_and_stream(&case, turn, response, Bytes::new(), body).await;
    }
    match read_start(body, OUTCOME_BYTES_MAX).await {
        Ok(Start::Whole(body)) => charge(&case, turn, response, body).await,
        Ok(Start::More { read, rest }) => hold_and_stream(&case, turn, response, read, rest).await,
        Err(Broken) => {
            release(&case, turn).await;
            broken_upstream()
        }
    }
}

async fn charge(case: &Case, turn: Turn, response: Response<Body>, body: Bytes) -> Response<Body> {
    let kept = outcome(case, &response, body.clone());
    match case.options.node.charge(turn.payment, turn.claim, Some(kept)).await {
        Ok(view) => {
            let mut response = response.map(|_| Body::from(body));
            answer::receipt(case, &mut response, &view);
            response
        }
        Err(error) => refused(case, turn, error).await,
    }
}

async fn hold_and_stream(
    case: &Case,
    turn: Turn,
    response: Response<Body>,
    read: Bytes,
    rest: Body,
) -> Response<Body> {
    let seconds = case.offer.hold_seconds;
    match case.options.node.hold(turn.payment, turn.claim, seconds).await {
        Ok(()) => stream_and_settle(case, turn, response, read, rest),
        Err(error) => refused(case, turn, error).await,
    }
}

async fn refused(case: &Case, turn: Turn, error: AuthorizeError) -> Response<Body> {
    release(case, turn).await;
    answer::refused(case, error, turn.payment)
}

/// Gives up the claim, so that a copy that waits need not wait for its end.
async fn release(case: &Case, turn: Turn) {
    if let Err(error) = case.options.node.release(turn.payment, turn.claim, None).await {
        warn!(payment = %turn.payment, %error, "a claim could not be released; it will run out");
    }
}
