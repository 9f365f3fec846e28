//! What a request costs: the offer's price, or the first rule that fits the payer, or what the payer
//! chose to give.
//!
//! Invariant: the price depends on the request alone, never on the payment in it, so the 402 of a request
//! and the charge for it name the same amount. Anybody can pretend to be in another country or of another
//! class: rules are for courtesy, not for protection.

use engine::{Country, OfferTag, PayerClass, Tags};
use http::header::{ACCEPT, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use http402::Problem;
use money::{Amount, parse_base_units};

use crate::offer::{ChannelSettings, Offer};
use crate::paywall::PaywallOptions;

/// Names the amount that a payer wants to give, in base units.
pub(crate) const FARTHING_AMOUNT: HeaderName = HeaderName::from_static("farthing-amount");
/// Most rules of one offer.
pub const PRICE_RULES_COUNT_MAX: usize = 64;
/// Most amounts that an offer suggests.
pub const SUGGESTED_COUNT_MAX: usize = 8;

/// Marks of programs that act for a person, in the `User-Agent` header.
const AGENTS: [&str; 8] = [
    "chatgpt-user",
    "claude-user",
    "perplexity-user",
    "mistralai-user",
    "duckassistbot",
    "farthing-agent",
    "mcp",
    "agent",
];

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

/// The payer says how much to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAmount {
    /// The least; with 0 nothing has to be given.
    pub min: u128,
    /// What a page suggests, base units.
    pub suggested: Vec<u128>,
}

/// Who asks, as far as the request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Buyer {
    country: Option<Country>,
    class: PayerClass,
}

impl Buyer {
    pub(crate) fn of(options: &PaywallOptions, headers: &HeaderMap) -> Self {
        let country = options.country_header.as_ref().and_then(|name| text(headers, name));
        let country = country.and_then(|code| Country::new(code).ok());
        Self { country, class: class(headers) }
    }

    /// What its payments for an offer are counted by.
    pub(crate) fn tags(self, offer: &Offer) -> Tags {
        Tags { offer: OfferTag::of(offer.id), country: self.country, class: self.class }
    }

    fn fits(self, rule: &PriceRule) -> bool {
        rule.country.is_none_or(|country| self.country == Some(country))
            && rule.class.is_none_or(|class| self.class == class)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn class(headers: &HeaderMap) -> PayerClass {
    let signed = text(headers, &HeaderName::from_static("signature-input"));
    if signed.is_some_and(|signed| signed.contains("web-bot-auth")) {
        return PayerClass::Crawler;
    }
    let agent = text(headers, &USER_AGENT).unwrap_or_default().to_ascii_lowercase();
    if AGENTS.iter().any(|mark| agent.contains(mark)) {
        return PayerClass::Agent;
    }
    if text(headers, &ACCEPT).is_some_and(|accept| accept.contains("text/html")) {
        return PayerClass::Person;
    }
    PayerClass::Program
}

/// An offer at the price of one request.
pub(crate) fn of_request(offer: Offer, buyer: Buyer, parts: &Parts) -> Result<Offer, Box<Problem>> {
    let rule = offer.prices.iter().find(|rule| buyer.fits(rule)).map(|rule| rule.price);
    let Some(own) = &offer.own_amount else {
        return Ok(rule.map_or(offer.clone(), |units| at(offer, units)));
    };
    let usual = rule.unwrap_or(offer.price.units());
    let units = match parts.headers.get(FARTHING_AMOUNT) {
        None => usual,
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| parse_base_units(text).ok())
            .filter(|units| *units >= own.min)
            .ok_or_else(|| below(own.min))?,
    };
    Ok(at(offer, units))
}

fn below(min: u128) -> Box<Problem> {
    let detail = format!("`Farthing-Amount` is a whole number of base units, {min} or more");
    let problem = Problem::new(400, "amount_below_min", "The amount is not taken", detail);
    Box::new(problem.with_param("Farthing-Amount"))
}

/// The offer at another price. Channels keep their manners and get deposits that suit it.
fn at(mut offer: Offer, units: u128) -> Offer {
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

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn the_class_is_what_the_request_shows() {
        let cases = [
            ("accept", "text/html,*/*", PayerClass::Person),
            ("accept", "application/json", PayerClass::Program),
            ("user-agent", "Mozilla/5.0 (compatible; ChatGPT-User/1.0)", PayerClass::Agent),
            ("user-agent", "curl/8", PayerClass::Program),
            ("signature-input", "sig=(\"@authority\");tag=\"web-bot-auth\"", PayerClass::Crawler),
        ];
        for (name, value, expected) in cases {
            let request = Request::get("/").header(name, value).body(()).unwrap();
            assert_eq!(class(request.headers()), expected, "{name}: {value}");
        }
    }
}
