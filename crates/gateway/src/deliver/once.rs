//! Unsafe methods: hold, forward exactly once, then settle.
//!
//! Whatever the upstream answers is kept with the payment: a copy gets it again, even a failure,
//! because the request may have had effects. A payer who wants another try signs another order.

use axum::body::{Body, Bytes};
use engine::OUTCOME_BYTES_MAX;
use http::{Request, Response};
use http_body_util::BodyExt;

use super::long::stream_and_settle;
use super::{
    NOT_CHARGED_ONCE, Turn, broken_upstream, execute, outcome, paid_request, unreachable_upstream,
};
use crate::answer::{self, Refusal};
use crate::case::Case;
use crate::forward::UpstreamError;
use crate::stream::{self, Broken, Start, read_start};

pub(super) async fn deliver<S>(
    case: &Case,
    turn: &Turn,
    request: Request<Body>,
    inner: S,
) -> Response<Body>
where
    S: tower::Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<UpstreamError>,
{
    let response = match execute(paid_request(request, turn.reference()), inner).await {
        Ok(response) => response,
        Err(error) => {
            return fail(case, turn, unreachable_upstream(&error, NOT_CHARGED_ONCE)).await;
        }
    };
    let length = stream::content_length(&response);
    let success = response.status().is_success();
    if success && length.is_none_or(|length| length > OUTCOME_BYTES_MAX as u64) {
        // An answer of unknown length may be a live stream: it must not wait for its end.
        return stream_and_settle(case, turn.clone(), response, Bytes::new());
    }
    let (head, body) = response.into_parts();
    let response = Response::from_parts(head, Body::empty());
    match read_start(body, OUTCOME_BYTES_MAX).await {
        Err(Broken) => fail(case, turn, broken_upstream(NOT_CHARGED_ONCE)).await,
        Ok(Start::Whole(body)) if success => charge(case, turn, response, body).await,
        Ok(start) => pass_failure_on(case, turn, response, start).await,
    }
}

/// Passes on an answer that is not a success; nothing is charged.
pub(super) async fn pass_failure(
    case: &Case,
    turn: &Turn,
    response: Response<Body>,
) -> Response<Body> {
    let (head, body) = response.into_parts();
    let response = Response::from_parts(head, Body::empty());
    match read_start(body, OUTCOME_BYTES_MAX).await {
        Err(Broken) => fail(case, turn, broken_upstream(NOT_CHARGED_ONCE)).await,
        Ok(start) => pass_failure_on(case, turn, response, start).await,
    }
}

async fn pass_failure_on(
    case: &Case,
    turn: &Turn,
    response: Response<Body>,
    start: Start,
) -> Response<Body> {
    match start {
        Start::Whole(body) => {
            turn.release(case, Some(outcome(case, &response, body.clone()))).await;
            response.map(|_| Body::from(body))
        }
        Start::More { read, rest } => {
            turn.release(case, None).await;
            let start = futures_util::stream::once(async move { Ok::<_, axum::Error>(read) });
            let whole = futures_util::StreamExt::chain(start, rest.into_data_stream());
            response.map(|_| Body::from_stream(whole))
        }
    }
}

async fn charge(case: &Case, turn: &Turn, response: Response<Body>, body: Bytes) -> Response<Body> {
    let kept = outcome(case, &response, body.clone());
    let Some(paid) = turn.settle(case, None, Some(kept), true).await else {
        // Not durable, so not delivered; the payer presents the same payment again.
        let refusal = Refusal::of(&engine::Unavailable::Unreachable);
        return answer::refused(case, &refusal.about(turn.reference()));
    };
    let mut response = response.map(|_| Body::from(body));
    answer::receipt(case, &mut response, &paid);
    response
}

/// Answers with our own problem and keeps it as the outcome.
pub(super) async fn fail(case: &Case, turn: &Turn, response: Response<Body>) -> Response<Body> {
    let (head, body) = response.into_parts();
    // Our own problems are in memory already.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let response = Response::from_parts(head, Body::empty());
    turn.release(case, Some(outcome(case, &response, body.clone()))).await;
    response.map(|_| Body::from(body))
}
