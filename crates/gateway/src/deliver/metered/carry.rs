//! A metered body from its head to its receipt.

use axum::body::{Body, Bytes};
use engine::{OUTCOME_BYTES_MAX, Outcome};
use http::{HeaderMap, HeaderValue, Response, header};
use http402::{mpp, x402};
use money::Amount;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::channel::ChannelFunds;
use super::flow::{End, Flow, Rules};
use super::funds::Funds;
use super::order::OrderFunds;
use super::outlet::{Outlet, outlet};
use super::pieces::{Next, Pieces};
use super::{allowed, events, reported};
use crate::answer;
use crate::case::{Case, Trailers};
use crate::deliver::long::settle_by;
use crate::deliver::{Paid, Turn, is_event_stream, outcome};
use crate::meter::{Meter, Unit};

/// What has to be known of a delivery at its end.
struct Delivery {
    case: Case,
    turn: Turn,
    meter: Meter,
    /// The answer as it is kept for copies, without its body.
    head: Outcome,
    is_event_stream: bool,
    known_units: Option<u64>,
    settle_by: Instant,
}

/// Passes an answer on whose first part was `read`.
pub(super) fn start(
    case: &Case,
    turn: &Turn,
    meter: &Meter,
    response: Response<Body>,
    read: Bytes,
    known_units: Option<u64>,
) -> Response<Body> {
    let is_event_stream = is_event_stream(&response);
    let (mut parts, rest) = response.into_parts();
    // How long it gets is known when it is paid.
    parts.headers.remove(header::CONTENT_LENGTH);
    let pieces = Pieces::new(read, rest, meter.unit(), is_event_stream);
    let (body, outlet) = outlet();
    let mut response = Response::from_parts(parts, body);
    let head = outcome(case, &response, Bytes::new());
    if case.trailers == Trailers::Read {
        response.headers_mut().insert(header::TRAILER, HeaderValue::from_static(TRAILERS));
    }
    answer::receipt(case, &mut response, &begun(case, turn));
    let channel = &case.offer.channel;
    let is_reported = matches!(meter.unit(), Unit::Reported { .. });
    let rules = Rules {
        meter: meter.clone(),
        // All of a reported unit is paid at once.
        step_units: if is_reported { 0 } else { channel.step_units },
        known_units,
        voucher_wait_ms: channel.voucher_wait_seconds.saturating_mul(1000),
        is_event_stream,
        capture_limit: OUTCOME_BYTES_MAX,
    };
    let delivery = Delivery {
        case: case.clone(),
        turn: turn.clone(),
        meter: meter.clone(),
        head,
        is_event_stream,
        known_units,
        settle_by: settle_by(case, turn),
    };
    if let Some((began, lease)) = turn.lease() {
        let deadline = is_reported.then_some(delivery.settle_by);
        let (node, time) = (case.options.node.clone(), turn.time());
        let funds = ChannelFunds::new(node, lease, began, time, deadline);
        tokio::spawn(delivery.carry_out(Flow::new(rules, funds, pieces, outlet)));
    } else {
        let (maximum, settle_by) = (allowed(case, turn), delivery.settle_by);
        let funds = OrderFunds { maximum, settle_by };
        tokio::spawn(delivery.carry_out(Flow::new(rules, funds, pieces, outlet)));
    }
    response
}

/// What the head of the answer says: nothing is charged yet.
fn begun(case: &Case, turn: &Turn) -> Paid {
    let start = match turn.lease() {
        Some(_) => case.offer.start().units(),
        None => allowed(case, turn),
    };
    let amount = Amount::new(start, case.offer.price.asset());
    let paid = turn.expected(case, Some(0));
    Paid { held: true, amount, ..paid }
}

impl Delivery {
    async fn carry_out<F: Funds>(self, mut flow: Flow<F>) {
        let end = flow.run().await;
        let units = self.units(end, &mut flow).await;
        let complete = matches!(end, End::Whole | End::UnitsMax);
        let body = flow.captured().filter(|_| complete);
        let kept = body.map(|body| Outcome { body, ..self.head.clone() });
        let durable = self.case.method != http::Method::GET;
        let cost = self.meter.cost(units);
        let paid = self.turn.settle(&self.case, Some(cost), kept, durable).await;
        // What a channel pays step by step is paid; only the end of the lease is not known.
        let is_paid = paid.is_some() || self.turn.lease().is_some() && !self.is_reported();
        let paid = paid.map(|paid| Paid { units: Some(units), ..paid });
        match end {
            End::PayerGone => {}
            End::Whole | End::UnitsMax | End::Unpaid if is_paid => {
                self.finish(flow.outlet, paid).await;
            }
            _ => flow.outlet.break_off().await,
        }
    }

    fn is_reported(&self) -> bool {
        matches!(self.meter.unit(), Unit::Reported { .. })
    }

    /// Units to be charged.
    async fn units<F: Funds>(&self, end: End, flow: &mut Flow<F>) -> u64 {
        if !self.is_reported() {
            return flow.delivered(end);
        }
        let end = match (end, self.known_units) {
            (End::PayerGone, None) => read_alone(&mut flow.pieces, self.settle_by).await,
            (end, _) => end,
        };
        if end == End::Broken {
            return 0;
        }
        let units = self.known_units.or_else(|| reported(&self.meter, &flow.pieces.trailers));
        units.unwrap_or_else(|| {
            warn!(url = self.case.challenge.resource.url, "the upstream reports no units");
            0
        })
    }

    /// Ends the body with its receipt.
    async fn finish(self, outlet: Outlet, paid: Option<Paid>) {
        let Some(paid) = paid else { return outlet.finish(None).await };
        let mut empty = Response::new(Body::empty());
        answer::receipt(&self.case, &mut empty, &paid);
        let names = [mpp::PAYMENT_RECEIPT, x402::PAYMENT_RESPONSE, x402::X_PAYMENT_RESPONSE];
        let mut trailers = HeaderMap::new();
        for name in names {
            if let Some(value) = empty.headers_mut().remove(&name) {
                trailers.insert(name, value);
            }
        }
        if self.is_event_stream
            && let Ok(json) = answer::mpp_receipt(&self.case, &paid).to_json()
        {
            // A payer that is gone needs no receipt.
            let _ = outlet.hand_over(events::receipt(&json), 0).await;
        }
        let wanted = self.case.trailers == Trailers::Read;
        outlet.finish(wanted.then_some(trailers)).await;
    }
}

/// The names of all that can come at the end.
const TRAILERS: &str = "payment-receipt, payment-response, x-payment-response";

/// Reads on without the payer: what it has used is reported at the end.
async fn read_alone(pieces: &mut Pieces, until: Instant) -> End {
    loop {
        match timeout_at(until, pieces.next()).await {
            Ok(Next::Piece(_)) => {}
            Ok(Next::Whole) => return End::Whole,
            Ok(Next::Broken) | Err(_) => return End::Broken,
        }
    }
}
