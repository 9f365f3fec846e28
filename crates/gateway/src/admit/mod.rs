//! Admission: reads what a request presents and checks it as far as that needs no node.
//!
//! Each instrument has its own small admission. What buys ends in a [`Source`], for which the
//! delivery rules do the rest; what only changes a channel in a [`Change`]. A refusal here costs no
//! state.

mod channel;
mod order;

use axum::body::Body;
use engine::PayerClass;
use http::{HeaderMap, Response, header};
use http402::{Carrier, Challenge, DecodeError, Dialect, Instrument, Presented, Problem};
use http402::{mpp, x402};

use crate::answer::{self, Refusal};
use crate::case::Case;
use crate::change::Change;
use crate::crawl;
use crate::deliver::Source;

/// Why a request does not go on: the answer is ready.
pub(crate) type Answered = Box<Response<Body>>;

/// What a request is good for.
pub(crate) enum Admitted {
    /// It pays for a delivery.
    Delivery(Source),
    /// It changes a channel and buys nothing.
    Change(Box<Change>),
}

/// Finds out what a request presents.
pub(crate) fn admit(case: &mut Case, headers: &HeaderMap) -> Result<Admitted, Answered> {
    if let Some(admitted) = crawl::admit(case, headers) {
        return admitted.map(Admitted::Delivery);
    }
    let presented = match http402::decode_payment(headers) {
        Ok(Some(presented)) => presented,
        Ok(None) => return Err(Box::new(answer::challenge(case, None))),
        Err(error) => return Err(Box::new(malformed(case, headers, &error))),
    };
    case.heed_signed_price(&presented);
    case.cookie = presented.carrier == Carrier::Cookie;
    if case.cookie && is_for_another_page(case, &presented) {
        return Err(Box::new(answer::challenge(case, None)));
    }
    if case.cookie {
        // Only the page of the gateway makes such a cookie.
        case.tags.class = PayerClass::Person;
    }
    case.dialect = presented.dialect;
    case.challenge_id = presented.mpp.as_ref().map(|echo| echo.id.clone());
    match &presented.instrument {
        // HEAD asks for the price: it shows the challenge of GET and is never charged.
        Instrument::Order { .. } if case.is_head() => Err(Box::new(answer::challenge(case, None))),
        Instrument::Order { order, up_to } => {
            order::admit(case, headers, &presented, order, *up_to).map(Admitted::Delivery)
        }
        _ if case.code.is_some() => {
            let text =
                "a price with a code is paid by an order; leave the code out to pay from a channel";
            Err(Box::new(answer::refused(case, &Refusal::new("unsupported_scheme", text))))
        }
        _ if case.pass.is_some() => {
            let refusal = Refusal::new("unsupported_scheme", "a pass is paid by an order");
            Err(Box::new(answer::refused(case, &refusal)))
        }
        _ => channel::admit(case, &presented),
    }
}

/// Compares what the payer echoes with the offer.
fn check_terms(case: &Case, presented: &Presented) -> Result<(), Refusal> {
    if presented.network != case.options.facts.node {
        let text = "the payment names another network than the offer";
        return Err(Refusal::new("invalid_network", text));
    }
    if let Some(accepted) = &presented.accepted {
        // HEAD buys nothing, so the channel may be for any request of the offer.
        let for_any = case
            .is_head()
            .then(|| Challenge { purchase: accepted.purchase, ..case.challenge.clone() });
        x402::check_echo(accepted, for_any.as_ref().unwrap_or(&case.challenge))
            .map_err(|error| Refusal::new(error.code(), error.to_string()))?;
    }
    if presented.dialect == Dialect::Mpp {
        mpp::check_echo(presented, &case.challenge, &case.mpp_context())
            .map_err(|error| Refusal::new(error.code(), error.to_string()))?;
    }
    Ok(())
}

/// Browsers send a page's cookie to the pages below it: that is no attempt to pay there.
fn is_for_another_page(case: &Case, presented: &Presented) -> bool {
    let order = presented.instrument.order();
    order.is_none_or(|order| order.unverified().purchase != Some(case.purchase))
}

fn malformed(case: &mut Case, headers: &HeaderMap, error: &DecodeError) -> Response<Body> {
    // A page that sent a broken cookie would send it again: clear it.
    case.cookie = headers
        .get_all(header::COOKIE)
        .iter()
        .any(|line| line.to_str().is_ok_and(|line| line.contains(x402::COOKIE_NAME)));
    if case.cookie && case.html {
        let refusal = Refusal::new(error.code(), error.to_string());
        return answer::challenge(case, Some(&refusal));
    }
    if error.http_status() == 402 {
        // MPP answers a broken credential with a new challenge.
        case.dialect = Dialect::Mpp;
        let refusal = Refusal::new(error.code(), error.to_string());
        return answer::refused(case, &refusal);
    }
    answer::problem(&Problem::from(error))
}
