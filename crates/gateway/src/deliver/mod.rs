//! The delivery rules.
//!
//! | | safe method (GET) | unsafe method |
//! | --- | --- | --- |
//! | before | claim in memory | hold, durable |
//! | then | fetch | forward once |
//! | small answer | charge in one commit, then deliver | settle with the answer, then deliver |
//! | large answer | hold, stream, settle at the end | stream, settle at the end |
//! | failure | release the claim, answer uncharged | release the hold with the answer |
//! | broken off | settle the share that arrived | the same |
//! | slower than its hold | settle in full, go on | the same |
//! | copy | first answer, or fetch again uncharged | first answer, or say that it is not kept |
//!
//! A status other than 2xx is a failure: it is passed on and not charged. What is sold by the unit
//! is delivered by `metered`; of an order for it the most is held from the start, whatever the method.

mod long;
mod metered;
mod once;
mod safe;
mod source;
mod turn;

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use engine::Outcome;
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, header};
use http402::Problem;
use http402::problem::Retry;
use tower::ServiceExt;
use tracing::warn;

use crate::answer;
use crate::case::Case;
use crate::crawl;
use crate::forward::{UpstreamError, UpstreamFault};
use crate::headers::{self, FARTHING_PAYMENT};
use crate::proof;

pub(crate) use source::{Begun, Fate, FromChannel, Known, Paid, Reference, Source};
pub(crate) use turn::Turn;

/// Forwards a request that needs no payment.
pub(crate) async fn pass_through<S>(request: Request<Body>, inner: S) -> Response<Body>
where
    S: tower::Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<UpstreamError>,
{
    match execute(request, inner).await {
        Ok(response) => response,
        Err(error) => unreachable_upstream(&error, FREE),
    }
}

/// Lets the service answer, once. A service that panics has broken off.
async fn execute<S>(request: Request<Body>, inner: S) -> Result<Response<Body>, UpstreamError>
where
    S: tower::Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<UpstreamError>,
{
    let answered = AssertUnwindSafe(inner.oneshot(request)).catch_unwind().await;
    let Ok(answered) = answered else {
        let detail = "the service panicked".to_owned();
        return Err(UpstreamError { fault: UpstreamFault::Broken, detail });
    };
    let mut response = answered.map_err(Into::into)?;
    crawl::keep_price(&mut response);
    headers::from_upstream(response.headers_mut());
    Ok(response)
}

/// Carries out one paid request.
pub(crate) async fn deliver<S>(
    case: Case,
    source: Source,
    request: Request<Body>,
    inner: S,
) -> Response<Body>
where
    S: tower::Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Error: Into<UpstreamError> + Send,
    S::Future: Send,
{
    let turn = match source.begin(&case).await {
        Err(refusal) => return answer::refused(&case, &refusal),
        Ok(Begun::Known(known)) => {
            let mut response = replay(&case, *known, request, inner).await;
            proof::add(&case, &mut response).await;
            return response;
        }
        Ok(Begun::Proceed(turn)) => turn,
    };
    let mut response = if let Some(meter) = &case.offer.meter {
        metered::deliver(&case, &turn, meter, request, inner).await
    } else if case.method == Method::GET {
        safe::deliver(&case, &turn, request, inner).await
    } else {
        once::deliver(&case, &turn, request, inner).await
    };
    if !response.status().is_success() {
        answer::not_delivered(&case, turn.reference(), &mut response);
    }
    proof::add(&case, &mut response).await;
    response
}

/// A copy of a known payment: the first answer, or, for a safe method, the resource again.
async fn replay<S>(case: &Case, known: Known, request: Request<Body>, inner: S) -> Response<Body>
where
    S: tower::Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<UpstreamError>,
{
    let Known { paid, fate, open, outcome } = known;
    let outcome = outcome.filter(|outcome| outcome.range == case.range);
    let mut response = match outcome {
        Some(outcome) => answer::replayed(&outcome),
        None if fate == Fate::Nothing => return answer::released(case, &paid),
        None if case.method != Method::GET => return answer::not_kept(case, &paid),
        None if fate == Fate::InPart => return answer::paid_in_part(case, &paid),
        None if !open => return answer::not_kept(case, &paid),
        None => {
            let request = paid_request(request, paid.reference);
            let mut response = match execute(request, inner).await {
                Ok(response) => response,
                Err(error) => return unreachable_upstream(&error, CHARGED_BEFORE),
            };
            if case.pass.is_none() {
                answer::mark_replayed(&mut response);
            }
            response
        }
    };
    if fate == Fate::Nothing {
        answer::not_delivered(case, paid.reference, &mut response);
    } else {
        answer::receipt(case, &mut response, &paid);
    }
    response
}

/// The request as the upstream sees it.
fn paid_request(mut request: Request<Body>, payment: Reference) -> Request<Body> {
    if let Ok(value) = HeaderValue::from_str(&payment.to_string()) {
        request.headers_mut().insert(FARTHING_PAYMENT, value);
    }
    request
}

/// The answer as it is kept for copies of the payment.
fn outcome(case: &Case, response: &Response<Body>, body: bytes::Bytes) -> Outcome {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers = response.headers().iter();
    Outcome {
        status: response.status().as_u16(),
        headers: headers
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
            .collect(),
        body,
        range: case.range.clone(),
    }
}

/// What an undelivered answer says about the payment.
#[derive(Clone, Copy)]
struct Standing {
    text: &'static str,
    retry: Retry,
}

/// A request that needs no payment.
const FREE: Standing = Standing { text: "try again later", retry: Retry::Never };
const NOT_CHARGED: Standing = Standing {
    text: "nothing was charged, and the same payment can be presented again",
    retry: Retry::SameKey,
};
/// The request may have had effects, so the payment must not execute it again.
const NOT_CHARGED_ONCE: Standing = Standing {
    text: "nothing was charged; sign a new order or voucher to try again",
    retry: Retry::Never,
};
const CHARGED_BEFORE: Standing =
    Standing { text: "the payment was settled before; present it again", retry: Retry::SameKey };

/// Bad gateway or gateway timeout, without a word about what is behind.
fn unreachable_upstream(error: &UpstreamError, standing: Standing) -> Response<Body> {
    let title = "The resource could not be delivered";
    if let UpstreamFault::Request(body) = error.fault {
        let text = format!("{body}; {}", standing.text);
        let problem = Problem::new(400, body.code(), title, text);
        return answer::problem(&problem.with_param("body"));
    }
    warn!(fault = ?error.fault, detail = %error.detail, "the upstream failed");
    let (status, code, text) = match error.fault {
        UpstreamFault::NotSent => (502, "upstream_unreachable", "the service could not be reached"),
        UpstreamFault::TimedOut => (504, "upstream_timeout", "the service did not answer in time"),
        UpstreamFault::Broken | UpstreamFault::Request(_) => {
            (502, "upstream_broken", "the service broke off its answer")
        }
    };
    let problem = Problem::new(status, code, title, format!("{text}; {}", standing.text));
    answer::problem(&problem.with_retry(standing.retry))
}

fn broken_upstream(standing: Standing) -> Response<Body> {
    let detail = "the body broke off".to_owned();
    unreachable_upstream(&UpstreamError { fault: UpstreamFault::Broken, detail }, standing)
}

fn is_event_stream(response: &Response<Body>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}
