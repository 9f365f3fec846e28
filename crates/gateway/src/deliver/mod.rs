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
//! A status other than 2xx is a failure: it is passed on and not charged.

mod long;
mod once;
mod safe;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::body::Body;
use engine::{Authorize, AuthorizeError, Authorized, ClaimToken, Outcome};
use engine::{PaymentState, PaymentView, Unavailable};
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, header};
use http402::Problem;
use http402::problem::Retry;
use money::{Amount, PaymentId};
use tokio::time::Instant;
use tower::ServiceExt;
use tracing::warn;

use crate::answer;
use crate::forward::{UpstreamError, UpstreamFault};
use crate::headers::{self, FARTHING_PAYMENT};
use crate::paywall::Case;

/// Longest wait of a copy for the first presentation of its payment.
const COPY_WAIT_MS_MAX: u64 = 60_000;

/// A payment that the caller alone may go on with.
#[derive(Debug, Clone, Copy)]
struct Turn {
    payment: PaymentId,
    claim: ClaimToken,
    /// Before the claim or hold was made: a hold runs out no earlier than its time after this.
    since: Instant,
}

impl Turn {
    /// When the hold runs out at the earliest.
    fn held_until(self, case: &Case) -> Instant {
        self.since + Duration::from_secs(case.offer.hold_seconds.into())
    }
}

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
    headers::from_upstream(response.headers_mut());
    Ok(response)
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
    let payment = command.order.payment_id();
    let node = &case.options.node;
    let wait = Duration::from_millis(COPY_WAIT_MS_MAX);
    let since = Instant::now();
    let authorized = tokio::time::timeout(wait, node.authorize(command)).await;
    match authorized.unwrap_or(Err(AuthorizeError::TooManyCopies)) {
        Err(error) => answer::refused(&case, error, payment),
        Ok(Authorized::Charged(_)) => answer::internal(),
        Ok(Authorized::Replay { payment, outcome }) => {
            replay(&case, payment, outcome, request, inner).await
        }
        Ok(Authorized::Proceed { payment, claim }) => {
            let turn = Turn { payment, claim, since };
            let (v1, node) = (case.v1, case.options.facts.node);
            let mut response = if case.method == Method::GET {
                safe::deliver(case, turn, request, inner).await
            } else {
                once::deliver(case, turn, request, inner).await
            };
            if !response.status().is_success() {
                answer::not_delivered(v1, (node, payment), &mut response);
            }
            response
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
    let in_part = payment.settled.units() < payment.authorized.units();
    let outcome = outcome.filter(|outcome| outcome.range == case.range);
    let mut response = match outcome {
        Some(outcome) => answer::replayed(&outcome),
        None if !settled => return answer::released(case, &payment),
        None if case.method != Method::GET => return answer::not_kept(case, &payment),
        None if in_part => return answer::paid_in_part(case, &payment),
        None => {
            let request = paid_request(request, payment.payment);
            let mut response = match execute(request, inner).await {
                Ok(response) => response,
                Err(error) => return unreachable_upstream(&error, CHARGED_BEFORE),
            };
            answer::mark_replayed(&mut response);
            response
        }
    };
    if settled {
        answer::receipt(case, &mut response, &payment);
    } else {
        let named = (case.options.facts.node, payment.payment);
        answer::not_delivered(case.v1, named, &mut response);
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
const NOT_CHARGED_ONCE: Standing =
    Standing { text: "nothing was charged; sign a new order to try again", retry: Retry::Never };
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
    let mut unsure = false;
    for attempt in 0..TRIES {
        let node = &case.options.node;
        match node.settle(turn.payment, units, outcome.clone(), durable).await {
            Ok(view) => return Some(view),
            Err(engine::SettleError::Unavailable(Unavailable::Busy | Unavailable::Unreachable)) => {
                unsure = true;
                tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
            }
            // Nobody else settles this hold and it has not run out: an earlier try got through.
            Err(engine::SettleError::NotHeld)
                if unsure && Instant::now() < turn.held_until(case) =>
            {
                return Some(settled_view(case, turn.payment, units));
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

/// What is known of a payment without asking for it: it is settled, for `units` or all of it.
fn settled_view(case: &Case, payment: PaymentId, units: Option<u128>) -> PaymentView {
    let price = case.offer.price;
    PaymentView {
        payment,
        payer: case.payer,
        payee: case.offer.payees.pay_to,
        authorized: price,
        settled: units.map_or(price, |units| Amount::new(units, price.asset())),
        state: PaymentState::Settled,
        reason: None,
        description: String::new(),
        order_digest: String::new(),
        at_ns: 0,
    }
}

/// Gives up a claim, so that a copy that waits need not wait for its end, or a hold, with what is to
/// be answered to copies.
async fn release(case: &Case, turn: Turn, outcome: Option<Outcome>) {
    if let Err(error) = case.options.node.release(turn.payment, turn.claim, outcome).await {
        warn!(payment = %turn.payment, %error, "a payment could not be released; it will run out");
    }
}

fn is_event_stream(response: &Response<Body>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}
