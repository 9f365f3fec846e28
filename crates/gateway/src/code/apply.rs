//! A code in a request: what it makes of the price, and what its payment takes.
//!
//! Invariants: nobody is charged more than the challenge of the request said; who signs the usual price
//! in spite of a code pays that, and uses nothing up. A price with a code is paid by an order, because
//! the node counts its uses with the payment.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use engine::{AuthorizeError, Counter};
use http::request::Parts;
use http402::Presented;
use money::AccountId;

use super::book::Asker;
use super::{Code, CodeRefusal};
use crate::answer::Refusal;
use crate::case::{self, Case};
use crate::offer::Offer;
use crate::price;
use crate::visitor::ClientAddress;
use crate::wish::{self, FARTHING_CODE};

/// A code that sets the price of a request.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    code: Arc<Code>,
    /// The offer at the usual price.
    usual: Box<Offer>,
}

/// Reads the code that a request names, and lowers the price if it counts.
pub(crate) fn apply(case: &mut Case, parts: &Parts) {
    let Some(wish) = wish::of(&parts.headers, &FARTHING_CODE).filter(|wish| !wish.text.is_empty())
    else {
        return;
    };
    if case.pass.is_some() {
        // What a pass costs is the offer's to say.
        case.code_refused = Some(CodeRefusal::OtherOffer);
        return;
    }
    // Requests whose address is not known count as one address.
    let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let asker = Asker {
        from: parts.extensions.get::<ClientAddress>().map_or(unspecified, |address| address.0),
        now_ms: case.options.node.now_ms(),
        pays: matches!(http402::decode_payment(&parts.headers), Ok(Some(_))),
    };
    let found = case.options.shelf.codes().find(wish.text, &case.offer, asker);
    match found {
        Ok(code) => {
            let lower = code.price_of(case.offer.price.units());
            let usual = Box::new(case.offer.clone());
            set_offer(case, price::at(&usual, lower));
            // Payments from channels take nothing that could be counted.
            case.challenge.channel = None;
            case.code = Some(Applied { code, usual });
        }
        Err(why) => case.code_refused = Some(why),
    }
}

fn set_offer(case: &mut Case, offer: Offer) {
    let url = case.challenge.resource.url.clone();
    case.challenge = case::challenge(&case.options, &offer, url, Some(case.purchase));
    case.offer = offer;
}

impl Case {
    /// Goes back to the usual price if that is what the payment is for.
    pub(crate) fn heed_signed_price(&mut self, presented: &Presented) {
        let signed = presented.instrument.order().map(|order| order.unverified().amount);
        let is_usual = |applied: &Applied| {
            applied.usual.price != self.offer.price && Some(applied.usual.price) == signed
        };
        if self.code.as_ref().is_some_and(is_usual)
            && let Some(applied) = self.code.take()
        {
            set_offer(self, *applied.usual);
        }
    }

    /// What the payment takes besides money.
    pub(crate) fn counters(&self, payer: AccountId) -> Vec<Counter> {
        self.code.as_ref().map(|applied| applied.code.counters(payer)).unwrap_or_default()
    }

    /// The node's refusal, in the words of the code if it is about that.
    pub(crate) fn refusal_of(&self, error: AuthorizeError) -> Refusal {
        self.heed_sponsor_refused(error);
        match &self.code {
            Some(applied) if matches!(error, AuthorizeError::CounterExhausted) => {
                let now_ms = self.options.node.now_ms();
                self.options.shelf.codes().was_used_up(&applied.code, now_ms);
                Refusal::new(CodeRefusal::UsedUp.code(), CodeRefusal::UsedUp.to_string())
            }
            _ => Refusal::of(&error),
        }
    }

    /// The request at the usual price, if a refusal says that its code counts no longer.
    pub(crate) fn without_code(&self, refusal: &Refusal) -> Option<Self> {
        let applied = self.code.as_ref().filter(|_| refusal.code == CodeRefusal::UsedUp.code())?;
        let mut case = self.clone();
        set_offer(&mut case, (*applied.usual).clone());
        case.code = None;
        Some(case)
    }
}
