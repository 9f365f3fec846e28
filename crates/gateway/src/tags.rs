//! Tags of a payment: offer, country and class of the payer, as the request shows them.
//!
//! They are for the payee's reports and decide nothing, so anybody may pretend; the country comes from
//! a header that the operator's own proxy sets, and from no other.

use engine::{Country, OfferTag, PayerClass, Tags};
use http::{HeaderMap, HeaderName, header};

use crate::offer::Offer;

/// Where software agents that act for somebody name themselves in `User-Agent`, in lower case.
const AGENT_NAMES: [&str; 8] = [
    "chatgpt-user",
    "claude-user",
    "duckassistbot",
    "google-agent",
    "meta-externalfetcher",
    "mistralai-user",
    "perplexity-user",
    "x402-agent",
];

/// Header by which a signed request names its agent (Web Bot Auth).
const SIGNATURE_AGENT: &str = "signature-agent";

/// Header that browsers alone set on what pages fetch (W3C Fetch Metadata).
const FETCH_SITE: &str = "sec-fetch-site";

/// What a request for an offer is counted by, before it is known how it pays.
pub(crate) fn of(headers: &HeaderMap, offer: &Offer, country: Option<&HeaderName>) -> Tags {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    Tags {
        offer: OfferTag::of(offer.id),
        country: country.and_then(text).and_then(|country| Country::new(country).ok()),
        class: class(headers),
    }
}

fn class(headers: &HeaderMap) -> PayerClass {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let agent = text(header::USER_AGENT).unwrap_or_default().to_ascii_lowercase();
    if headers.contains_key(SIGNATURE_AGENT) || AGENT_NAMES.iter().any(|name| agent.contains(name))
    {
        return PayerClass::Agent;
    }
    let wants_page = text(header::ACCEPT).is_some_and(|accept| accept.contains("text/html"));
    if wants_page || headers.contains_key(FETCH_SITE) {
        PayerClass::Person
    } else {
        PayerClass::Program
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_class_follows_from_what_the_request_says() {
        for (name, value, expected) in [
            ("accept", "*/*", PayerClass::Program),
            ("accept", "text/html,*/*;q=0.8", PayerClass::Person),
            ("sec-fetch-site", "same-origin", PayerClass::Person),
            ("user-agent", "Mozilla/5.0 (compatible; ChatGPT-User/1.0)", PayerClass::Agent),
            ("signature-agent", "\"https://agent.example\"", PayerClass::Agent),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(class(&headers), expected, "{name}: {value}");
        }
    }
}
