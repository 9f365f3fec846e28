//! A request that a sponsor pays for.
//!
//! Behind the admission it is a payment like any other: the site signs an order under the sponsor's mandate,
//! and node and delivery rules see nothing special in it. Invariants: who presents a payment pays itself; a
//! visitor is told who has paid by title alone, and of a sponsor that cannot pay nothing at all.

use std::sync::Arc;

use axum::body::Body;
use engine::{Authorize, AuthorizeError, Coded, Idempotency, Mode, Purchase, Terms};
use http::request::Parts;
use http::{HeaderValue, Method, Response};
use http402::crawler::is_signed;
use instrument::Order;
use money::OrderId;

use super::{FARTHING_SPONSOR, Sponsor};
use crate::answer;
use crate::case::Case;
use crate::deliver::{Paid, Source};
use crate::free::{self, Courtesies, FARTHING_FREE_LEFT, Giver, Use, Visitor};
use crate::headers::{FARTHING_PAYMENT, IDEMPOTENT_REPLAYED};
use crate::idempotency;

/// Who pays for a request instead of its visitor.
#[derive(Debug, Clone)]
pub(crate) struct Sponsored {
    sponsor: Arc<Sponsor>,
    used: Use,
}

/// What pays for the request if a sponsor does; the case says so then.
pub(crate) async fn source(
    case: &mut Case,
    courtesies: &Courtesies,
    parts: &Parts,
) -> Option<Source> {
    if !asks_for_price_alone(case, parts) {
        return None;
    }
    // A key that is malformed is refused when the request pays.
    let key = idempotency::key(&parts.headers).ok()?;
    let now_ms = case.options.node.now_ms();
    for sponsor in case.options.shelf.sponsors().for_offer(&case.offer, now_ms) {
        let giver = Giver::Sponsor(sponsor.mandate);
        let Some(used) = free::take(case, courtesies, parts, giver, sponsor.uses).await else {
            continue;
        };
        let named = key.map(|key| idempotency::of_visitor(case, used.by, key));
        let command = command(case, &sponsor, named, now_ms)?;
        case.sponsored = Some(Sponsored { sponsor, used });
        return Some(Source::Order(Box::new(command)));
    }
    None
}

/// Whether the request names nothing that it would pay with or pay for besides itself.
fn asks_for_price_alone(case: &Case, parts: &Parts) -> bool {
    let names_code = case.code.is_some() || case.code_refused.is_some();
    !case.is_head()
        && !names_code
        && case.pass.is_none()
        && !is_signed(&parts.headers)
        && matches!(http402::decode_payment(&parts.headers), Ok(None))
}

/// The payment, by an order that the site signs.
fn command(
    case: &Case,
    sponsor: &Sponsor,
    idempotency: Option<Idempotency>,
    now_ms: u64,
) -> Option<Authorize> {
    let site = &case.options.site_key;
    let lasts_ms = u64::from(case.offer.order_seconds) * 1000;
    let order = site.sign(Order {
        node: case.options.facts.node,
        id: OrderId::from_be_bytes(free::unique()).ok()?,
        payer: sponsor.payer,
        signer: site.public(),
        payee: case.offer.payees.pay_to,
        amount: case.offer.price,
        purchase: Some(case.purchase),
        expires_at_ms: now_ms.saturating_add(lasts_ms),
        mandate: Some(sponsor.mandate),
    })?;
    let hold = Mode::Hold { seconds: case.offer.hold_seconds };
    Some(Authorize {
        order,
        purchase: Purchase {
            digest: Some(case.purchase),
            origin: Some(case.origin.clone()),
            description: case.offer.description.clone(),
        },
        terms: Terms {
            pay_to: case.offer.payees.pay_to,
            amount: case.offer.price,
            split: case.offer.payees.split.clone(),
            unit_price: None,
            access_seconds: case.offer.access_seconds,
        },
        idempotency,
        tags: case.tags,
        counters: Vec::new(),
        mode: if case.method == Method::GET { Mode::Claim } else { hold },
    })
}

impl Case {
    /// The request as its visitor sees it when no sponsor pays.
    pub(crate) fn without_sponsor(&self) -> Option<Self> {
        self.sponsored.as_ref()?;
        Some(Self { sponsored: None, ..self.clone() })
    }

    /// Remembers that the node refused the sponsor, if that is who pays.
    pub(crate) fn heed_sponsor_refused(&self, error: AuthorizeError) {
        let about_sponsor =
            error.http_status() == 402 && !matches!(error, AuthorizeError::AlreadyUsed);
        if let Some(sponsored) = self.sponsored.as_ref().filter(|_| about_sponsor) {
            let now_ms = self.options.node.now_ms();
            let sponsors = self.options.shelf.sponsors();
            sponsors.set_aside(&sponsored.sponsor, self.offer.id, now_ms);
        }
    }
}

/// Says in an answer who has paid for it, and keeps it out of shared caches.
pub(crate) fn tell(sponsored: &Sponsored, response: &mut Response<Body>, paid: &Paid) {
    let headers = response.headers_mut();
    headers.insert(FARTHING_SPONSOR, sponsored.sponsor.title.clone());
    headers.insert(FARTHING_FREE_LEFT, HeaderValue::from(sponsored.used.left));
    if let Ok(payment) = HeaderValue::from_str(&paid.reference.to_string()) {
        headers.insert(FARTHING_PAYMENT, payment);
    }
    answer::keep_private(response);
}

/// Gives an address its use back if nothing was delivered for it. The node keeps what it has counted.
pub(crate) fn give_back(courtesies: &Courtesies, sponsored: &Sponsored, response: &Response<Body>) {
    let is_copy = response.headers().contains_key(IDEMPOTENT_REPLAYED);
    if let Visitor::Address(address) = sponsored.used.by
        && (is_copy || !response.status().is_success())
    {
        courtesies.give_back(Giver::Sponsor(sponsored.sponsor.mandate), address);
    }
}
