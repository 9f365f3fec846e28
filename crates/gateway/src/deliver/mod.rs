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
//! | copy | first answer, or fetch again uncharged | first answer, or say that it is not kept |
//!
//! A status other than 2xx is a failure: it is passed on and not charged.

mod once;
mod safe;

use std::time::Duration;

use axum::body::Body;
use engine::{Authorize, AuthorizeError, Authorized, ClaimToken, OUTCOME_BYTES_MAX, Outcome};
use engine::{PaymentState, PaymentView, Unavailable};
use http::{HeaderValue, Method, Request, Response, header};
use http402::Problem;
use money::PaymentId;
use tower::ServiceExt;
use tracing::warn;

use crate::answer;
use crate::forward::{UpstreamError, UpstreamFault};
use crate::headers::{self, FARTHING_PAYMENT};
use crate::paywall::Case;
use crate::stream;

/// Longest wait of a copy for the first presentation of its payment.
const COPY_WAIT_MS_MAX: u64 = 60_000;

/// A payment that the caller alone may go on with.
#[derive(Debug, Clone, Copy)]
struct Turn {
    payment: PaymentId,
    claim: ClaimToken,
}

/// Forwards a request that needs no payment.
pub(crate) async fn pass_through<S>(request: Request<Body>, inner: S) -> Response<Body>
where
    S: tower::Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<UpstreamError>,
{
    match inner.oneshot(request).await {
        Ok(mut response) => {
            headers::from_upstream(response.headers_mut());
            response
        }
        Err(error) => unreachable_upstream(&error.into()),
    }
}

/// Carries out one paid request.
pub(crate) async fn deliver<S>(
    case: Case,
    command: Authorize,
    request: Request<Body>,
    inner: S,
) -> Response<Body>
where
    S: tower::Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Error: Into<UpstreamError> + Send,
    S::Future: Send,
{
    let payment = command.order.get().payment_id();
    let node = &case.options.node;
    let wait = Duration::from_millis(COPY_WAIT_MS_MAX);
    let authorized = tokio::time::timeout(wait, node.authorize(command)).await;
    match authorized.unwrap_or(Err(AuthorizeError::TooManyCopies)) {
        Err(error) => answer::refused(&case, error, payment),
        Ok(Authorized::Charged(_)) => answer::internal(),
        Ok(Authorized::Replay { payment, outcome }) => {
            replay(&case, payment, outcome, request, inner).await
        }
        Ok(Authorized::Proceed { payment, claim }) => {
            let turn = Turn { payment, claim };
            if case.method == Method::GET {
                safe::deliver(case, turn, request, inner).await
            } else {
                once::deliver(case, turn, request, inner).await
            }
        }
    }
}

/// A copy of a known payment: the first answer, or, for a safe method, the resource again.
async fn replay<S>(
    case: &Case,
    payment: PaymentView,
    outcome: Option<Outcome>,
    request: Request<Body>,
    inner: S,
) -> Response<Body>
where
    S: tower::Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<UpstreamError>,
{
    let settled = payment.state == PaymentState::Settled;
    let outcome = outcome.filter(|outcome| outcome.range == case.range);
    let mut response = match outcome {
        Some(outcome) => answer::replayed(&outcome),
        None if !settled => return answer::released(case, &payment),
        None if case.method != Method::GET => return answer::not_kept(case, &payment),
        None => {
            let mut response = pass_through(paid_request(request, payment.payment), inner).await;
            answer::mark_replayed(&mut response);
            response
        }
    };
    if settled {
        answer::receipt(case, &mut response, &payment);
    }
    response
}

/// The request as the upstream sees it.
fn paid_request(mut request: Request<Body>, payment: PaymentId) -> Request<Body> {
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

/// Bad gateway or gateway timeout, without a word about what is behind.
fn unreachable_upstream(error: &UpstreamError) -> Response<Body> {
    warn!(fault = ?error.fault, detail = %error.detail, "the upstream failed");
    let (status, code, text) = match error.fault {
        UpstreamFault::NotSent => (502, "upstream_unreachable", "the service could not be reached"),
        UpstreamFault::TimedOut => (504, "upstream_timeout", "the service did not answer in time"),
        UpstreamFault::Broken => (502, "upstream_broken", "the service broke off its answer"),
    };
    let text = format!("{text}; nothing was charged");
    answer::problem(&Problem::new(status, code, "The resource could not be delivered", text))
}

fn broken_upstream() -> Response<Body> {
    unreachable_upstream(&UpstreamError {
        fault: UpstreamFault::Broken,
        detail: "the body broke off".to_owned(),
    })
}

/// Streams a large answer under a durable hold and settles what arrived.
fn stream_and_settle(
    case: &Case,
    turn: Turn,
    response: Response<Body>,
    read: bytes::Bytes,
    rest: Body,
) -> Response<Body> {
    let announced = stream::content_length(&response);
    let (head, _) = response.into_parts();
    let (body, mut pump) = stream::pump();
    let mut delivery = Response::from_parts(head, body);
    let unsafe_method = case.method != Method::GET;
    let kept = Response::from_parts(delivery_head(&delivery), Body::empty());
    answer::receipt(case, &mut delivery, &held_view(case, turn.payment));
    let case = case.clone();
    tokio::spawn(async move {
        let hold_back = announced.is_some();
        let capture = if unsafe_method { OUTCOME_BYTES_MAX } else { 0 };
        let (ended, held) = pump.run(read, rest, capture, hold_back, unsafe_method).await;
        let whole = ended.whole && announced.is_none_or(|all| all == ended.bytes || !unsafe_method);
        let units = if whole { None } else { Some(share(&case, ended.bytes, announced)) };
        let outcome = ended.captured.map(|body| outcome(&case, &kept, body));
        settle(&case, turn, units, outcome, unsafe_method).await;
        pump.finish(held, whole).await;
    });
    delivery
}

fn delivery_head(response: &Response<Body>) -> http::response::Parts {
    let mut copy = Response::new(());
    *copy.status_mut() = response.status();
    *copy.headers_mut() = response.headers().clone();
    copy.into_parts().0
}

/// What is said of a payment while its answer is still on the way.
fn held_view(case: &Case, payment: PaymentId) -> PaymentView {
    let price = case.offer.price;
    PaymentView {
        payment,
        payer: case.payer,
        payee: case.offer.payees.pay_to,
        authorized: price,
        settled: price,
        state: PaymentState::Held,
        reason: None,
        description: String::new(),
        order_digest: String::new(),
        at_ns: 0,
    }
}

/// Base units for the part that arrived, rounded down: the payer gains. Nothing if the length is
/// not known.
fn share(case: &Case, arrived: u64, announced: Option<u64>) -> u128 {
    let price = case.offer.price.units();
    let Some(all) = announced.filter(|all| *all > 0) else { return 0 };
    money::Ratio::new(arrived.min(all), all)
        .and_then(|ratio| ratio.apply(price, money::Rounding::Down))
        .unwrap_or(0)
}

/// Settles, insisting for a while: the answer is on its way, so the money must follow. If the node
/// stays away the hold runs out and the payer is not charged.
async fn settle(
    case: &Case,
    turn: Turn,
    units: Option<u128>,
    outcome: Option<Outcome>,
    durable: bool,
) -> Option<PaymentView> {
    const TRIES: u32 = 5;
    for attempt in 0..TRIES {
        let node = &case.options.node;
        match node.settle(turn.payment, units, outcome.clone(), durable).await {
            Ok(view) => return Some(view),
            Err(engine::SettleError::Unavailable(Unavailable::Busy | Unavailable::Unreachable)) => {
                tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
            }
            Err(error) => {
                warn!(payment = %turn.payment, %error, "a delivered payment could not be settled");
                return None;
            }
        }
    }
    warn!(payment = %turn.payment, "a delivered payment could not be settled in time");
    None
}

fn is_event_stream(response: &Response<Body>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}
