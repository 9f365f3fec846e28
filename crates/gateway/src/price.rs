//! What a request costs: the offer's price, or the first rule that fits the payer, or what the payer
//! chose to give.
//!
//! Invariant: the price depends on the request alone, never on the payment in it, so the 402 of a request
//! and the charge for it name the same amount. Anybody can pretend to be in another country or of another
//! class: rules are for courtesy, not for protection.

use engine::{Country, PayerClass, Tags};
use http::request::Parts;
use http402::Problem;
use money::{Amount, parse_base_units};

use crate::offer::{ChannelSettings, Offer};
use crate::pass::{self, FARTHING_PASS, Pass};
use crate::paywall::PaywallOptions;
use crate::tags;
use crate::wish::{self, FARTHING_AMOUNT, Wish};

/// Most rules of one offer.
pub const PRICE_RULES_COUNT_MAX: usize = 64;
/// Most amounts that an offer suggests.
pub const SUGGESTED_COUNT_MAX: usize = 8;

/// A price for some payers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceRule {
    /// Only for payers from there.
    pub country: Option<Country>,
    /// Only for payers of this class.
    pub class: Option<PayerClass>,
    /// Base units.
    pub price: u128,
}

impl PriceRule {
    fn fits(&self, payer: &Tags) -> bool {
        self.country.is_none_or(|country| payer.country == Some(country))
            && self.class.is_none_or(|class| payer.class == class)
    }
}

/// The payer says how much to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAmount {
    /// The least; with 0 nothing has to be given.
    pub min: u128,
    /// What a page suggests, base units.
    pub suggested: Vec<u128>,
}

/// An offer at the price of one request, and the pass that it is for.
pub(crate) struct Priced {
    pub offer: Offer,
    pub pass: Option<Pass>,
}

/// What a request costs: its pass, if it names one, or itself.
pub(crate) fn of_request(
    options: &PaywallOptions,
    offer: &Offer,
    parts: &Parts,
) -> Result<Priced, Box<Problem>> {
    let Some(name) = parts.headers.get(FARTHING_PASS) else {
        return Ok(Priced { offer: of_one(options, offer, parts)?, pass: None });
    };
    let pass = pass::named(offer, name.as_bytes())?;
    let mut offer = at(offer, pass.price);
    offer.description = format!("{}: {}", pass.title, offer.description);
    offer.access_seconds = pass.access_seconds();
    offer.free = None;
    Ok(Priced { offer, pass: Some(pass) })
}

fn of_one(options: &PaywallOptions, offer: &Offer, parts: &Parts) -> Result<Offer, Box<Problem>> {
    let rule = if offer.prices.is_empty() {
        None
    } else {
        let payer = tags::of(&parts.headers, offer, options.country_header.as_ref());
        offer.prices.iter().find(|rule| rule.fits(&payer))
    };
    let usual = rule.map_or(offer.price.units(), |rule| rule.price);
    let Some(own) = &offer.own_amount else { return Ok(at(offer, usual)) };
    let read = |wish: Wish<'_>| parse_base_units(wish.text).ok().filter(|units| *units >= own.min);
    let units = match wish::of(&parts.headers, &FARTHING_AMOUNT) {
        None => usual,
        // The least may have risen since the page set its cookie; its reader is asked again.
        Some(wish) if wish.by_page => read(wish).unwrap_or(usual),
        Some(wish) => read(wish).ok_or_else(|| below(own.min))?,
    };
    Ok(at(offer, units))
}

fn below(min: u128) -> Box<Problem> {
    let detail = format!("`Farthing-Amount` is a whole number of base units, {min} or more");
    let problem = Problem::new(400, "amount_below_min", "The amount is not taken", detail);
    Box::new(problem.with_param("Farthing-Amount"))
}

/// The offer at another price. Channels keep their manners and get deposits that suit it.
pub(crate) fn at(offer: &Offer, units: u128) -> Offer {
    let mut offer = offer.clone();
    if units == offer.price.units() {
        return offer;
    }
    offer.price = Amount::new(units, offer.price.asset());
    let usual = ChannelSettings::usual(offer.price, None);
    offer.channel = ChannelSettings {
        deposit_min: usual.deposit_min,
        deposit_suggested: usual.deposit_suggested,
        ..offer.channel
    };
    offer
}
