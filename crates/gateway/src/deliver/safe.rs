//! Safe methods: fetch first, then charge in one commit, then deliver.

use axum::body::{Body, Bytes};
use engine::OUTCOME_BYTES_MAX;
use http::{Request, Response};

use super::long::stream_and_settle;
use super::{
    NOT_CHARGED, Turn, broken_upstream, execute, is_event_stream, outcome, paid_request,
    unreachable_upstream,
};
use crate::answer::{self, Refusal};
use crate::case::Case;
use crate::crawl;
use crate::forward::UpstreamError;
use crate::stream::{Broken, Start, read_start};

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
        Ok(response) => crawl::check_content(case, response),
        Err(error) => {
            turn.release(case, None).await;
            return unreachable_upstream(&error, NOT_CHARGED);
        }
    };
    if !response.status().is_success() {
        turn.release(case, None).await;
        return response;
    }
    if is_event_stream(&response) {
        return hold_and_stream(case, turn, response, Bytes::new()).await;
    }
    let (head, body) = response.into_parts();
    let response = Response::from_parts(head, Body::empty());
    match read_start(body, OUTCOME_BYTES_MAX).await {
        Ok(Start::Whole(body)) => charge(case, turn, response, body).await,
        Ok(Start::More { read, rest }) => {
            hold_and_stream(case, turn, response.map(|_| rest), read).await
        }
        Err(Broken) => {
            turn.release(case, None).await;
            broken_upstream(NOT_CHARGED)
        }
    }
}

async fn charge(case: &Case, turn: &Turn, response: Response<Body>, body: Bytes) -> Response<Body> {
    let kept = outcome(case, &response, body.clone());
    match turn.charge(case, kept).await {
        Ok(paid) => {
            let mut response = response.map(|_| Body::from(body));
            answer::receipt(case, &mut response, &paid);
            response
        }
        Err(refusal) => refused(case, turn, &refusal).await,
    }
}

async fn hold_and_stream(
    case: &Case,
    turn: &Turn,
    response: Response<Body>,
    read: Bytes,
) -> Response<Body> {
    match turn.hold(case).await {
        Ok(turn) => stream_and_settle(case, turn, response, read),
        Err(refusal) => refused(case, turn, &refusal).await,
    }
}

async fn refused(case: &Case, turn: &Turn, refusal: &Refusal) -> Response<Body> {
    turn.release(case, None).await;
    answer::refused(case, refusal)
}
