//! Large and live answers: streamed under a durable hold, settled at the end.
//!
//! Invariants: the payer sees the end of a body only after the payment is settled; what broke off
//! is charged for the share that arrived, and never opens the resource again; a delivery that would
//! outlive its hold, because the payer reads slowly or the stream is live, is settled before the
//! hold runs out and then goes on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use engine::{OUTCOME_BYTES_MAX, Outcome};
use http::{Method, Response};
use tokio::time::Instant;

use super::{Paid, Turn, outcome};
use crate::answer;
use crate::case::Case;
use crate::stream::{self, Pump, PumpRules, Stop};

/// A hold that is about to run out is settled this much earlier, or a quarter of its time.
const SETTLE_EARLY_MS: u64 = 5_000;

/// A body on its way to the payer.
struct Delivery {
    case: Case,
    turn: Turn,
    /// The answer's head, as it is kept for copies.
    head: Response<Body>,
    /// Length that the upstream announced.
    announced: Option<u64>,
    pump: Pump,
}

/// Streams an answer whose first part was `read`, under the hold of `turn`.
pub(super) fn stream_and_settle(
    case: &Case,
    turn: Turn,
    response: Response<Body>,
    read: Bytes,
) -> Response<Body> {
    let announced = announced(&response);
    let unsafe_method = case.method != Method::GET;
    let rules = PumpRules {
        hold_back: announced.is_some(),
        finish_alone: unsafe_method,
        capture_limit: if unsafe_method { OUTCOME_BYTES_MAX } else { 0 },
    };
    let (parts, rest) = response.into_parts();
    let (body, pump) = stream::pump(read, rest, rules);
    let head = Response::from_parts(parts.clone(), Body::empty());
    let mut response = Response::from_parts(parts, body);
    let held = Paid { held: true, ..turn.expected(case, None) };
    answer::receipt(case, &mut response, &held);
    let settle_by = settle_by(case, &turn);
    let delivery = Delivery { case: case.clone(), turn, head, announced, pump };
    tokio::spawn(delivery.carry_out(settle_by));
    response
}

/// The body's length as the payer sees it.
fn announced(response: &Response<Body>) -> Option<u64> {
    response.headers().get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// When the hold is about to run out.
pub(super) fn settle_by(case: &Case, turn: &Turn) -> Instant {
    let hold_ms = u64::from(case.offer.hold_seconds) * 1000;
    turn.held_until() - Duration::from_millis(SETTLE_EARLY_MS.min(hold_ms / 4))
}

impl Delivery {
    async fn carry_out(mut self, settle_by: Instant) {
        match self.pump.run(Some(settle_by)).await {
            Stop::Whole => self.end_whole().await,
            Stop::PayerGone => {
                self.turn.settle(&self.case, None, None, false).await;
            }
            // The payer broke its own request off, which ends the answer as hanging up does.
            Stop::Broken if self.case.request_failed.load(Ordering::Acquire) => {
                self.turn.settle(&self.case, None, None, false).await;
                self.pump.break_off().await;
            }
            Stop::Broken => self.end_broken().await,
            // The upstream is too slow, not the payer.
            Stop::TimeOver if self.announced.is_some() && self.pump.waits_for_upstream() => {
                self.end_broken().await;
            }
            Stop::TimeOver => self.settle_and_go_on().await,
        }
    }

    async fn end_whole(mut self) {
        let body = self.pump.captured();
        let kept: Option<Outcome> = body.map(|body| outcome(&self.case, &self.head, body));
        let durable = self.case.method != Method::GET;
        match self.turn.settle(&self.case, None, kept, durable).await {
            Some(_) => self.pump.finish().await,
            None => self.pump.break_off().await,
        }
    }

    async fn end_broken(self) {
        match share(&self.case, self.pump.bytes(), self.announced) {
            0 => self.turn.release(&self.case, None).await,
            units => {
                self.turn.settle(&self.case, Some(units), None, false).await;
            }
        }
        self.pump.break_off().await;
    }

    async fn settle_and_go_on(mut self) {
        if self.turn.settle(&self.case, None, None, false).await.is_none() {
            return self.pump.break_off().await;
        }
        self.pump.rules.finish_alone = false;
        match self.pump.run(None).await {
            Stop::Whole => self.pump.finish().await,
            Stop::Broken | Stop::PayerGone | Stop::TimeOver => self.pump.break_off().await,
        }
    }
}

/// Base units for the part that arrived, rounded down: the payer gains. Nothing if the length is
/// not known.
fn share(case: &Case, arrived: u64, announced: Option<u64>) -> u128 {
    let price = case.offer.price.units();
    let Some(all) = announced.filter(|all| *all > 0) else { return 0 };
    if case.pass.is_some() && arrived > 0 {
        // The pass stays good, and opens this again.
        return price;
    }
    money::Ratio::new(arrived.min(all), all)
        .and_then(|ratio| ratio.apply(price, money::Rounding::Down))
        .unwrap_or(0)
}
