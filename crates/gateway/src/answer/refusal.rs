//! Why a presented payment was not taken, and the answers that say so.
//!
//! Invariants: a refusal keeps the code, status and retry rule of whoever refused; every refusal of
//! a presented payment names it; a refusal never says `success`.

use axum::body::Body;
use engine::{ChannelError, Coded};
use http::header::{self, HeaderValue};
use http::{Method, Response};
use http402::ChannelState;
use http402::Problem;
use http402::problem::Retry;
use http402::x402::{self, SettleResponse};
use money::PaymentId;

use super::{challenge, problem, put_settlement, receipt, retry_of};
use crate::case::Case;
use crate::channel_state;
use crate::deliver::{Paid, Reference};
use crate::headers::FARTHING_PAYMENT;

/// Why a presented payment was not taken.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// Stable code.
    pub code: &'static str,
    /// For people.
    pub detail: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// What the payer may do next.
    pub retry: Retry,
    /// Another payment can mend it, so the answer carries the challenge.
    pub payable: bool,
    /// The payment, once it is known which.
    pub reference: Option<Reference>,
    /// Where the channel stands, for a payer that has lost count.
    pub channel: Option<Box<ChannelState>>,
}

impl Refusal {
    /// A refusal that another payment can mend.
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            status: 402,
            retry: Retry::Never,
            payable: true,
            reference: None,
            channel: None,
        }
    }

    /// The node's refusal.
    pub(crate) fn of(error: &dyn Coded) -> Self {
        let (status, retry) = (error.http_status(), retry_of(error));
        let payable = status == 402;
        Self { status, retry, payable, ..Self::new(error.code(), error.to_string()) }
    }

    /// The node's refusal of a payment from a channel.
    pub(crate) fn of_channel(error: ChannelError) -> Self {
        use ChannelError::{Closed, Closing, Unknown, VoucherReused};
        let payable = error.http_status() == 402;
        // What is gone does not come back: the payer opens another channel and pays with that.
        let payable = payable || matches!(error, Unknown | Closed | Closing | VoucherReused);
        Self { payable, ..Self::of(&error) }
    }

    /// Names the payment.
    pub(crate) fn about(self, reference: Reference) -> Self {
        Self { reference: Some(reference), ..self }
    }

    /// Adds where the channel stands, if that is what the payer needs: it has lost count, or too
    /// little is left. A refused signature proves nothing, so it is told nothing.
    pub(crate) async fn with_channel_state(self, case: &Case) -> Self {
        let channel = self.reference.and_then(Reference::channel);
        let Some(channel) = channel.filter(|_| tells_state(self.code)) else { return self };
        // A node that cannot be asked now leaves the payer with the code alone.
        let view = case.options.node.channel(channel).await.unwrap_or_default();
        let view = view.filter(|view| view.payee == case.offer.payees.pay_to);
        Self { channel: view.map(|view| Box::new(channel_state::of_view(&view))), ..self }
    }
}

/// Refusals that the channel's state explains.
fn tells_state(code: &str) -> bool {
    [
        ChannelError::VoucherStale,
        ChannelError::VoucherLower,
        ChannelError::VoucherReused,
        ChannelError::VoucherAboveDeposit,
        ChannelError::TickAboveDeposit,
        ChannelError::TickStale,
        ChannelError::TickJump,
        ChannelError::TickBeyondEnd,
        ChannelError::Exhausted,
        ChannelError::TopUpLower,
        ChannelError::Closing,
        ChannelError::Closed,
    ]
    .iter()
    .any(|error| error.code() == code)
}

/// The answer to a payment that was refused.
pub(crate) fn refused(case: &Case, refusal: &Refusal) -> Response<Body> {
    if refusal.payable || case.crawler.is_some() {
        return challenge(case, Some(refusal));
    }
    let title = "The payment was not taken";
    let text = Problem::new(refusal.status, refusal.code, title, refusal.detail.clone());
    let mut response = problem(&text.with_retry(refusal.retry));
    // A node that cannot answer now may have taken the payment, or may take a copy of it. A voucher
    // is no payment of its own that could be asked for.
    let pending = refusal.reference.and_then(payment_of).filter(|_| refusal.status == 503);
    add(case, &mut response, refusal, pending);
    response
}

/// Adds the failed settlement to an answer, and clears a cookie that would be sent again. `pending`
/// is a payment whose outcome is not known.
pub(super) fn add(
    case: &Case,
    response: &mut Response<Body>,
    refusal: &Refusal,
    pending: Option<PaymentId>,
) {
    let reason = pending.map_or(refusal.code, |_| "settlement_pending");
    let failure = SettleResponse::Failure(x402::Refusal {
        reason: reason.to_owned(),
        message: Some(refusal.detail.clone()),
        payer: None,
        pending,
        network: case.options.facts.node,
    });
    // Payers' software looks into the challenge, where the channel's state stands, only if no
    // settlement is told.
    if pending.is_some() || refusal.channel.is_none() {
        put_settlement(case, response, &failure);
    }
    name(response, refusal.reference);
    let path = case.path();
    // A path with parameters would speak as attributes of the cookie.
    if case.cookie && pending.is_none() && !path.contains(';') {
        let cookie = format!("{}=; Path={path}; Max-Age=0; SameSite=Strict", x402::COOKIE_NAME);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
}

fn payment_of(reference: Reference) -> Option<PaymentId> {
    match reference {
        Reference::Payment(payment) => Some(payment),
        _ => None,
    }
}

fn name(response: &mut Response<Body>, reference: Option<Reference>) {
    let value = reference.and_then(|named| HeaderValue::from_str(&named.to_string()).ok());
    if let Some(value) = value {
        response.headers_mut().insert(FARTHING_PAYMENT, value);
    }
}

/// Says of an answer that was passed on uncharged that its payment took nothing.
pub(crate) fn not_delivered(case: &Case, payment: Reference, response: &mut Response<Body>) {
    if case.sponsored.is_some() || response.headers().contains_key(case.dialect.response_header()) {
        return;
    }
    let failure = SettleResponse::Failure(x402::Refusal {
        reason: "not_delivered".to_owned(),
        message: Some("the resource was not delivered and nothing was charged".to_owned()),
        payer: None,
        pending: None,
        network: case.options.facts.node,
    });
    put_settlement(case, response, &failure);
    name(response, Some(payment));
}

/// A payment whose hold was released: nothing was charged, and the request must not run again.
pub(crate) fn released(case: &Case, paid: &Paid) -> Response<Body> {
    let text = "the request of this payment was not delivered and nothing was charged; its answer \
                is not known any more. Sign a new order or voucher to try again";
    let refusal = Refusal::new("payment_released", text).about(paid.reference);
    challenge(case, Some(&refusal))
}

/// A payment whose answer broke off, so that only a part was charged.
pub(crate) fn paid_in_part(case: &Case, paid: &Paid) -> Response<Body> {
    let text = format!(
        "the answer of this payment broke off and {} was charged for the part that arrived; sign a \
         new order or voucher to get it again",
        paid.amount
    );
    let refusal = Refusal::new("payment_in_part", text).about(paid.reference);
    challenge(case, Some(&refusal))
}

/// A payment that is settled but whose answer is not kept.
pub(crate) fn not_kept(case: &Case, paid: &Paid) -> Response<Body> {
    let title = "The answer is not kept";
    let text = "this payment was settled and the request executed once; its answer was too large to \
                keep or is no longer kept";
    let mut text = Problem::new(409, "outcome_not_kept", title, text);
    text.charged = case.sponsored.is_none();
    let mut response = problem(&text);
    receipt(case, &mut response, paid);
    response
}

/// As many deliveries are under way as may be.
pub(crate) fn busy() -> Response<Body> {
    let title = "The gateway is busy";
    let text = "too many paid requests are under way; present the same payment again";
    let text = Problem::new(503, "gateway_busy", title, text);
    problem(&text.with_retry(Retry::AfterSeconds(1)))
}

/// The path is sold, but not with this method.
pub(crate) fn method_not_allowed(
    method: &Method,
    offers: &[&crate::offer::Offer],
) -> Response<Body> {
    let title = "The method is not served";
    let text = format!("this path is sold, and {method} is neither priced nor free there");
    let mut response = problem(&Problem::new(405, "method_not_allowed", title, text));
    let known = offers.iter().flat_map(|offer| offer.methods.iter().chain(&offer.free_methods));
    let allowed: Vec<&str> = known.map(Method::as_str).chain(["OPTIONS"]).collect();
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
