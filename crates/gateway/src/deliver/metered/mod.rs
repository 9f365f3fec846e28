//! Metered delivery: a body is paid by the unit while it is passed on.
//!
//! | unit | counted | paid |
//! | --- | --- | --- |
//! | byte, event | as they are handed over | step by step, before they are |
//! | second | from the first byte on | before it begins |
//! | reported in a header | before the first byte | at once |
//! | reported in a trailer | at the end | at the end; the most is reserved before |
//!
//! A channel is spent from as the body goes; of an order the most is held, and the cost is settled at
//! the end. Either way the payer is charged for what was delivered and no more.
//!
//! Invariants: nothing is handed over before it is paid or reserved durably; an answer that cannot
//! be counted is not delivered; the end of a body is clean unless the upstream broke off.

mod carry;
mod channel;
mod clock;
mod events;
mod flow;
mod funds;
mod order;
mod outlet;
mod pieces;
#[cfg(test)]
mod tests;

use axum::body::{Body, Bytes};
use engine::OUTCOME_BYTES_MAX;
use http::{HeaderMap, HeaderName, Method, Request, Response, header};
use http402::Problem;
use money::Amount;
use tracing::warn;

use super::{
    NOT_CHARGED, NOT_CHARGED_ONCE, Paid, Standing, Turn, broken_upstream, execute, is_event_stream,
    once, outcome, paid_request, unreachable_upstream,
};
use crate::answer::{self, Refusal};
use crate::case::Case;
use crate::forward::{UpstreamError, WantTrailers};
use crate::meter::{Meter, Unit};
use crate::stream::{Broken, Start, content_length, read_start};

/// From where on a reader wants an event stream (WHATWG HTML, 9.2.4).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Carries out one metered request.
pub(super) async fn deliver<S>(
    case: &Case,
    turn: &Turn,
    meter: &Meter,
    request: Request<Body>,
    inner: S,
) -> Response<Body>
where
    S: tower::Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<UpstreamError>,
{
    let is_repeatable = is_repeatable(case, turn);
    let mut request = paid_request(request, turn.reference());
    if matches!(meter.unit(), Unit::Reported { .. }) {
        request.extensions_mut().insert(WantTrailers);
    }
    if meter.terms().free_units > 0 {
        from_the_start(request.headers_mut());
    }
    let standing = if is_repeatable { NOT_CHARGED } else { NOT_CHARGED_ONCE };
    let response = match execute(request, inner).await {
        Ok(response) => response,
        Err(error) => return fail(case, turn, unreachable_upstream(&error, standing)).await,
    };
    if !response.status().is_success() {
        if is_repeatable {
            turn.release(case, None).await;
            return response;
        }
        return once::pass_failure(case, turn, response).await;
    }
    if *meter.unit() == Unit::Event && !is_event_stream(&response) {
        return fail(case, turn, not_countable(standing)).await;
    }
    let known_units = reported(meter, response.headers());
    let is_short =
        content_length(&response).is_some_and(|length| length <= OUTCOME_BYTES_MAX as u64);
    if !is_short || is_event_stream(&response) {
        return carry::start(case, turn, meter, response, Bytes::new(), known_units);
    }
    let (head, body) = response.into_parts();
    let response = Response::from_parts(head, Body::empty());
    match read_start(body, OUTCOME_BYTES_MAX).await {
        Ok(Start::Whole(body)) => whole(case, turn, meter, response, body, known_units).await,
        Ok(Start::More { read, rest }) => {
            carry::start(case, turn, meter, response.map(|_| rest), read, known_units)
        }
        Err(Broken) => fail(case, turn, broken_upstream(standing)).await,
    }
}

/// A short answer that is there as a whole: charged in one commit, kept for copies, delivered.
async fn whole(
    case: &Case,
    turn: &Turn,
    meter: &Meter,
    response: Response<Body>,
    body: Bytes,
    known_units: Option<u64>,
) -> Response<Body> {
    let units = match meter.unit() {
        Unit::Byte => Some(body.len() as u64),
        Unit::Second => Some(u64::from(!body.is_empty())),
        Unit::Event => None,
        Unit::Reported { .. } => known_units,
    };
    let cost = units.map(|units| meter.cost(units));
    let Some((units, cost)) = units
        .zip(cost)
        .filter(|(units, cost)| *units <= meter.units_max() && *cost <= allowed(case, turn))
    else {
        return carry::start(case, turn, meter, response, body, known_units);
    };
    let kept = outcome(case, &response, body.clone());
    let durable = case.method != Method::GET;
    let Some(paid) = turn.settle(case, Some(cost), Some(kept), durable).await else {
        let refusal = Refusal::of(&engine::Unavailable::Unreachable);
        return answer::refused(case, &refusal.about(turn.reference()));
    };
    let mut response = response.map(|_| Body::from(body));
    answer::receipt(case, &mut response, &Paid { units: Some(units), ..paid });
    response
}

/// Takes out what asks for a later part: units that are free at the start of each request would
/// give all of it away, part by part.
fn from_the_start(headers: &mut HeaderMap) {
    for name in [header::RANGE, header::IF_RANGE, LAST_EVENT_ID] {
        headers.remove(name);
    }
}

/// Most base units that the request may cost, as far as is known without asking.
fn allowed(case: &Case, turn: &Turn) -> u128 {
    match turn.lease() {
        Some((view, _)) => view.accepted.saturating_sub(view.spent),
        None => case.offer.price_max().map_or(0, Amount::units),
    }
}

/// Units that the upstream reports, never more than a request may have.
fn reported(meter: &Meter, fields: &HeaderMap) -> Option<u64> {
    let Unit::Reported { header, .. } = meter.unit() else { return None };
    let text = fields.get(header)?.to_str().ok()?.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // What does not fit is more than any request may have.
    digits.then(|| text.parse().unwrap_or(u64::MAX).min(meter.units_max()))
}

/// Whether the payment is as new after a failure: a lease is given up, but what was held or reserved
/// durably is released for good, and its outcome is kept for copies.
fn is_repeatable(case: &Case, turn: &Turn) -> bool {
    let is_leased = turn.lease().is_some() && !case.offer.reserves_start();
    case.method == Method::GET && is_leased
}

/// Nothing of the answer counts.
async fn fail(case: &Case, turn: &Turn, response: Response<Body>) -> Response<Body> {
    if !is_repeatable(case, turn) {
        return once::fail(case, turn, response).await;
    }
    turn.release(case, None).await;
    response
}

/// The offer is sold by the event, and the service answers something else.
fn not_countable(standing: Standing) -> Response<Body> {
    warn!("an offer by the event has an answer that is no event stream");
    let title = "The resource could not be delivered";
    let text = format!("the service's answer has no events to count; {}", standing.text);
    let problem = Problem::new(502, "upstream_not_metered", title, text);
    answer::problem(&problem.with_retry(standing.retry))
}
