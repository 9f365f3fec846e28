//! Admission of orders: terms first, because they cost nothing, then the signature.

use engine::{Authorize, Mode, Purchase, Terms};
use http::{HeaderMap, Method};
use http402::x402;
use http402::{Dialect, Presented, Problem};
use instrument::{SignedOrder, VerifiedOrder};

use super::Answered;
use crate::answer::{self, Refusal};
use crate::case::Case;
use crate::deliver::{Reference, Source};
use crate::idempotency;

pub(super) fn admit(
    case: &Case,
    headers: &HeaderMap,
    presented: &Presented,
    signed: &SignedOrder,
    up_to: bool,
) -> Result<Source, Answered> {
    let order = check(case, presented, signed, up_to).map_err(|refusal| {
        let named = refusal.about(Reference::Payment(signed.unverified().payment_id()));
        Box::new(answer::refused(case, &named))
    })?;
    let idempotency = idempotency::name(case, headers, presented)
        .map_err(|error| Box::new(answer::problem(&Problem::from(error))))?;
    // MPP has no member for the payer's name of a payment, but the header.
    if presented.dialect != Dialect::Mpp || idempotency.is_none() {
        x402::extensions::check_identifier(&case.challenge, presented)
            .map_err(|error| Box::new(answer::problem(&Problem::from(&error))))?;
    }
    let payer = order.get().payer;
    // What is known at the end only is held from the start, whatever the method.
    let claim = case.method == Method::GET && !up_to;
    Ok(Source::Order(Box::new(Authorize {
        order,
        purchase: Purchase {
            digest: Some(case.purchase),
            origin: Some(case.origin.clone()),
            description: case.offer.description.clone(),
        },
        terms: Terms {
            pay_to: case.offer.payees.pay_to,
            amount: case.challenge.amount,
            split: case.offer.payees.split.clone(),
            unit_price: case.offer.unit_price_max(),
            access_seconds: case.offer.access_seconds,
        },
        idempotency,
        tags: case.tags,
        counters: case.counters(payer),
        mode: if claim { Mode::Claim } else { Mode::Hold { seconds: case.offer.hold_seconds } },
    })))
}

fn check(
    case: &Case,
    presented: &Presented,
    signed: &SignedOrder,
    up_to: bool,
) -> Result<VerifiedOrder, Refusal> {
    super::check_terms(case, presented)?;
    if up_to != case.offer.meter.is_some() {
        let text = "a price by the unit is paid by an order of up to a maximum, any other by an \
                    order of exactly the price";
        return Err(Refusal::new("unsupported_scheme", text));
    }
    if case.offer.price_max().is_none() {
        let text = "the price has no end, so no order can cover it; pay from a channel";
        return Err(Refusal::new("unsupported_scheme", text));
    }
    signed.verify().map_err(|error| Refusal::new("invalid_signature", error.to_string()))
}
