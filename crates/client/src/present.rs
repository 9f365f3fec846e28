//! Presenting one signed order until its outcome is known.
//!
//! | what came back | what the node says | next |
//! | --- | --- | --- |
//! | 2xx | not asked | delivered |
//! | refusal (a failed settlement that is final, 4xx other than 402, 3xx) | not charged | refused |
//! | anything | released | refused: nothing was charged |
//! | anything else | anything | the same bytes again, a bounded number of times |
//!
//! Invariant: there is one order. This module cannot sign, so an unknown outcome can never turn
//! into a second payment.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http402::x402::{PAYMENT_REQUIRED, PaymentRequired, SettleResponse};
use http402::{Dialect, x402};
use money::PaymentId;

use crate::error::{Error, Kind};
use crate::node::{NodeClient, problem};
use crate::request::Request;
use crate::transport::{Answer, Transport};

/// Waits after each presentation that did not deliver; as many presentations as waits.
const WAITS_MS: [u64; 4] = [200, 500, 1_000, 100];
/// Longest wait that a seller's `Retry-After` can ask for.
const RETRY_AFTER_MS_MAX: u64 = 5_000;
/// Largest body of a refusal that is read.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// One order on its way.
pub(crate) struct Presentation<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) node: &'a NodeClient,
    pub(crate) request: &'a Request,
    pub(crate) dialect: Dialect,
    pub(crate) header: (HeaderName, HeaderValue),
    pub(crate) payment: PaymentId,
}

/// What one presentation led to.
enum Verdict {
    Delivered(Answer),
    /// The seller says no and means it.
    Refused(Error),
    /// It may have been charged.
    Unknown {
        why: Error,
        wait_ms: Option<u64>,
    },
}

/// What the node says about the payment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Landed {
    Paid,
    Released,
    No,
    NotKnown,
}

impl Presentation<'_> {
    /// Presents the order until it delivers, is refused, or the tries are used up.
    pub(crate) async fn run(&self) -> Result<Answer, Error> {
        let mut left = None;
        for usual_ms in WAITS_MS {
            let verdict = self.once().await;
            let wait_ms = match &verdict {
                Verdict::Delivered(_) | Verdict::Refused(_) => None,
                Verdict::Unknown { wait_ms, .. } => *wait_ms,
            };
            let (why, refused) = match verdict {
                Verdict::Delivered(answer) => return Ok(answer),
                Verdict::Refused(why) => (why, true),
                Verdict::Unknown { why, .. } => (why, false),
            };
            tokio::time::sleep(Duration::from_millis(wait_ms.unwrap_or(usual_ms))).await;
            let landed = self.landed().await;
            if landed == Landed::Released || (refused && landed == Landed::No) {
                let why = why.with_payment(self.payment);
                return Err(why.with_hint_if_none("nothing was charged"));
            }
            left = Some((why, landed));
        }
        Err(self.conclude(left))
    }

    async fn once(&self) -> Verdict {
        let (name, value) = self.header.clone();
        let more = HeaderMap::from_iter([(name, value)]);
        let answer = match self.transport.send(self.request, &more).await {
            Ok(answer) => answer,
            Err(why) => return Verdict::Unknown { why, wait_ms: None },
        };
        let status = answer.status();
        if status.is_success() {
            return Verdict::Delivered(answer);
        }
        let wait_ms = retry_after_ms(&answer);
        if let Some(verdict) = self.failed_settlement(&answer, wait_ms) {
            return verdict;
        }
        let transient = matches!(status.as_u16(), 408 | 425 | 429) || status.is_server_error();
        if status == StatusCode::PAYMENT_REQUIRED {
            return asked_again(&answer, wait_ms);
        }
        let body = answer.into_bytes(REFUSAL_BYTES_MAX).await.unwrap_or_default();
        let why = problem(status.as_u16(), &body);
        if transient || wait_ms.is_some() {
            Verdict::Unknown { why, wait_ms }
        } else {
            Verdict::Refused(why)
        }
    }

    /// A failed settlement is the seller's word that nothing was charged; if it is final, a refusal.
    fn failed_settlement(&self, answer: &Answer, wait_ms: Option<u64>) -> Option<Verdict> {
        let header = answer.headers().get(self.dialect.response_header())?;
        let SettleResponse::Failure(failure) = SettleResponse::decode_header(header).ok()? else {
            return None;
        };
        let code = failure.reason;
        let is_final = failure.pending.is_none() && code != "settlement_pending";
        let detail = failure.message.unwrap_or_else(|| code.clone());
        let why = Error::new(Kind::Refused { code, detail });
        Some(if is_final { Verdict::Refused(why) } else { Verdict::Unknown { why, wait_ms } })
    }

    async fn landed(&self) -> Landed {
        match self.node.receipt(self.payment).await {
            Err(_) => Landed::NotKnown,
            Ok(None) => Landed::No,
            Ok(Some(document)) if document.is_paid() => Landed::Paid,
            Ok(Some(_)) => Landed::Released,
        }
    }

    fn conclude(&self, left: Option<(Error, Landed)>) -> Error {
        let error = match left {
            Some((why, Landed::Paid)) => Error::new(Kind::NotDelivered(why.to_string())),
            Some((why, Landed::No)) if why.is_refused() => why,
            Some((why, _)) => Error::new(Kind::Unknown(why.to_string())),
            None => Error::new(Kind::Unknown("it was not presented".to_owned())),
        };
        error.with_payment(self.payment)
    }
}

/// A seller that merely asks for payment again may have charged.
fn asked_again(answer: &Answer, wait_ms: Option<u64>) -> Verdict {
    let required = answer.headers().get(PAYMENT_REQUIRED);
    let error = required
        .and_then(|value| PaymentRequired::decode_header(value).ok())
        .and_then(|required| required.error);
    let code = error.unwrap_or_else(|| "payment_required".to_owned());
    let detail = "the seller asks for payment again".to_owned();
    Verdict::Unknown { why: Error::new(Kind::Refused { code, detail }), wait_ms }
}

/// What the seller asks to wait, within the limit; `None` if it does not ask.
fn retry_after_ms(answer: &Answer) -> Option<u64> {
    let seconds: u64 = answer.header(RETRY_AFTER).parse().ok()?;
    Some(seconds.saturating_mul(1_000).min(RETRY_AFTER_MS_MAX))
}

/// The settlement in a delivered answer, if it is one of this payment.
pub(crate) fn settlement(
    answer: &Answer,
    dialect: Dialect,
    payment: PaymentId,
) -> Option<x402::Settlement> {
    let header = answer.headers().get(dialect.response_header())?;
    match SettleResponse::decode_header(header).ok()? {
        SettleResponse::Success(settlement) if settlement.payment == payment => Some(settlement),
        _ => None,
    }
}
