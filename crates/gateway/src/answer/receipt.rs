//! What goes with a delivery: the receipt in the payer's dialect, and what keeps a paid answer out
//! of shared caches.

use axum::body::Body;
use engine::Outcome;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http402::x402::{self, ChannelSettlement, SettleResponse, Settlement};
use http402::{Dialect, mpp};

use super::{expose, put_settlement};
use crate::case::Case;
use crate::channel_state;
use crate::crawl;
use crate::deliver::{Paid, Reference};
use crate::headers::IDEMPOTENT_REPLAYED;
use crate::proof;
use crate::session;
use crate::sponsor;

/// Adds the receipt, in the payer's dialect, and keeps the answer out of shared caches.
pub(crate) fn receipt(case: &Case, response: &mut Response<Body>, paid: &Paid) {
    if let Some(sponsored) = &case.sponsored {
        return sponsor::tell(sponsored, response, paid);
    }
    // MPP has receipts of success only, however well the money went.
    if case.dialect == Dialect::Mpp && response.status().is_success() {
        if let Ok(value) = mpp_receipt(case, paid).encode_header() {
            response.headers_mut().insert(mpp::PAYMENT_RECEIPT, value);
        }
        if let Some(view) = &paid.channel {
            session::tell(case, response, view);
        }
    } else if let Some(settlement) = settlement(case, paid) {
        put_settlement(case, response, &settlement);
    }
    crawl::charged(case, response, paid);
    proof::mark(case, response, paid);
    keep_private(response);
    expose(response);
}

/// The receipt as MPP words it, for a header, an event or a trailer.
pub(crate) fn mpp_receipt(case: &Case, paid: &Paid) -> mpp::Receipt {
    let session = paid.channel.as_ref().map(|view| mpp::SessionReceipt {
        channel: view.channel,
        deposit: view.deposit,
        accepted: view.accepted,
        spent: view.spent,
        sequence: view.sequence,
        units: paid.units,
    });
    let reference = match &paid.channel {
        Some(view) => view.channel.to_string(),
        None => paid.reference.to_string(),
    };
    mpp::Receipt {
        reference,
        challenge: case.challenge_id.clone().unwrap_or_default(),
        at_ms: case.options.node.now_ms(),
        charged: paid.amount,
        session,
    }
}

fn settlement(case: &Case, paid: &Paid) -> Option<SettleResponse> {
    let state = if paid.held { x402::PaymentState::Held } else { x402::PaymentState::Settled };
    let network = case.options.facts.node;
    if let Some(view) = &paid.channel {
        return Some(SettleResponse::Channel(Box::new(ChannelSettlement {
            payer: paid.payer,
            network,
            charged: paid.amount,
            state,
            channel: channel_state::of_view(view),
            refunded: paid.refunded,
        })));
    }
    let Reference::Payment(payment) = paid.reference else { return None };
    Some(SettleResponse::Success(Settlement {
        payer: paid.payer,
        payment,
        network,
        amount: paid.amount,
        state,
        receipt: case.receipt_url(payment),
    }))
}

/// A paid answer belongs to one payer, whatever the upstream says about caching.
pub(crate) fn keep_private(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    let no_store = headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.contains("no-store")));
    let value = if no_store { "private, no-store" } else { "private" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    headers.remove(header::EXPIRES);
    headers.remove("surrogate-control");
    headers.remove("cdn-cache-control");
}

/// The first answer again.
pub(crate) fn replayed(outcome: &Outcome) -> Response<Body> {
    let mut response = Response::new(Body::from(outcome.body.clone()));
    *response.status_mut() =
        StatusCode::from_u16(outcome.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &outcome.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value))
        {
            response.headers_mut().append(name, value);
        }
    }
    mark_replayed(&mut response);
    response
}

pub(crate) fn mark_replayed(response: &mut Response<Body>) {
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
}
