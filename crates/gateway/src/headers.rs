//! Header hygiene: what must not cross the gateway.
//!
//! Invariants: hop-by-hop fields end here in both directions; payments never reach the upstream;
//! no field makes the upstream see another method or path than the one that was priced; the
//! upstream can neither speak for the gateway (payment headers) nor leak internal ones.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http402::crawler::{
    CRAWLER_CHARGED, CRAWLER_ERROR, CRAWLER_EXACT_PRICE, CRAWLER_MAX_PRICE, CRAWLER_PRICE,
};
use http402::{mpp, x402};

use crate::access;
use crate::free::FARTHING_FREE_LEFT;
use crate::pass::FARTHING_PASS;
use crate::proof::{PAYMENT_PROOF, WANT_PROOF};
use crate::sponsor::FARTHING_SPONSOR;
use crate::wish::{FARTHING_AMOUNT, FARTHING_CODE};

/// Tells the upstream which payment pays for the request.
pub(crate) const FARTHING_PAYMENT: HeaderName = HeaderName::from_static("farthing-payment");

/// A replayed answer says so.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

const PAYMENT_REQUEST: [HeaderName; 9] = [
    FARTHING_PASS,
    x402::PAYMENT_SIGNATURE,
    x402::X_PAYMENT,
    mpp::ACCEPT_PAYMENT,
    mpp::PAYMENT_SESSION,
    FARTHING_PAYMENT,
    WANT_PROOF,
    FARTHING_AMOUNT,
    FARTHING_CODE,
];

/// Without its price a crawler's signed request pays nothing.
const CRAWLER_REQUEST: [HeaderName; 2] = [CRAWLER_EXACT_PRICE, CRAWLER_MAX_PRICE];

const CRAWLER_ANSWER: [HeaderName; 3] = [CRAWLER_PRICE, CRAWLER_CHARGED, CRAWLER_ERROR];

/// Fields by which frameworks let a client replace method or path after routing.
const OVERRIDES: [HeaderName; 5] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

const ANSWER_ONLY_OURS: [HeaderName; 12] = [
    FARTHING_FREE_LEFT,
    FARTHING_SPONSOR,
    mpp::PAYMENT_RECEIPT,
    mpp::PAYMENT_SESSION,
    mpp::PAYMENT_SESSION_SNAPSHOT,
    FARTHING_PAYMENT,
    PAYMENT_PROOF,
    x402::PAYMENT_REQUIRED,
    x402::PAYMENT_RESPONSE,
    x402::X_PAYMENT_RESPONSE,
    HeaderName::from_static("settlement-overrides"),
    IDEMPOTENT_REPLAYED,
];

/// Removes what concerns one connection only, named fields included (RFC 9110, 7.6.1).
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // The transfer coding has framed the body; a length beside it means nothing (RFC 9112, 6.3).
        headers.remove(header::CONTENT_LENGTH);
    }
    named.iter().chain(&HOP_BY_HOP).for_each(|name| {
        headers.remove(name);
    });
}

/// Makes request headers fit for the upstream.
pub(crate) fn to_upstream(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    for name in PAYMENT_REQUEST.iter().chain(&CRAWLER_REQUEST).chain(&OVERRIDES) {
        headers.remove(name);
    }
    // This side has said "100 Continue" by the time the request goes on.
    headers.remove(header::EXPECT);
    strip_cookies(headers);
    mpp::strip_credential(headers);
    access::strip(headers);
}

/// Makes response headers fit for the payer.
pub(crate) fn from_upstream(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    for name in ANSWER_ONLY_OURS.iter().chain(&CRAWLER_ANSWER) {
        headers.remove(name);
    }
    strip_challenges(headers);
}

/// Only the gateway asks for payment; other authentication is the upstream's own.
fn strip_challenges(headers: &mut HeaderMap) {
    let is_challenge = |line: &HeaderValue| {
        let scheme = line.as_bytes().get(..mpp::SCHEME.len()).unwrap_or_default();
        scheme.eq_ignore_ascii_case(mpp::SCHEME.as_bytes())
    };
    let lines = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let kept: Vec<HeaderValue> = lines.filter(|line| !is_challenge(line)).cloned().collect();
    headers.remove(header::WWW_AUTHENTICATE);
    for line in kept {
        headers.append(header::WWW_AUTHENTICATE, line);
    }
}

/// Removes the payment and the wishes of the gateway's page.
fn strip_cookies(headers: &mut HeaderMap) {
    let (amount, code) = (FARTHING_AMOUNT, FARTHING_CODE);
    let ours = [x402::COOKIE_NAME, amount.as_str(), code.as_str()];
    let is_payment =
        |pair: &&str| pair.split('=').next().is_some_and(|name| ours.contains(&name.trim()));
    let lines: Vec<HeaderValue> = headers.get_all(header::COOKIE).iter().cloned().collect();
    if lines.is_empty() {
        return;
    }
    headers.remove(header::COOKIE);
    for line in lines {
        let Ok(text) = line.to_str() else {
            headers.append(header::COOKIE, line);
            continue;
        };
        let kept: Vec<&str> =
            text.split(';').filter(|pair| !is_payment(pair)).map(str::trim).collect();
        if let Ok(value) = HeaderValue::from_str(&kept.join("; "))
            && !value.is_empty()
        {
            headers.append(header::COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payments_do_not_reach_the_upstream() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("payment-signature", "x"),
            ("x-payment", "x"),
            ("farthing-payment", "pay_forged"),
            ("want-proof", "1"),
            ("payment-session", "ch_x"),
            ("crawler-exact-price", "USD 1"),
            ("crawler-max-price", "USD 1"),
            ("connection", "close, x-secret"),
            ("x-secret", "1"),
            ("upgrade", "websocket"),
            ("expect", "100-continue"),
            ("x-http-method-override", "GET"),
            ("x-original-url", "/articles/1"),
            ("farthing-amount", "1"),
            ("farthing-code", "SPRING"),
            ("cookie", "theme=dark; farthing-payment=abc; lang=en; farthing-code=SPRING"),
            ("accept", "*/*"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        to_upstream(&mut headers);
        let mut left: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        left.sort_unstable();
        assert_eq!(left, [("accept", "*/*"), ("cookie", "theme=dark; lang=en")]);
    }

    #[test]
    fn the_upstream_cannot_speak_for_the_gateway() {
        let mut headers = HeaderMap::new();
        for name in [
            "payment-response",
            "payment-proof",
            "payment-required",
            "settlement-overrides",
            "payment-session",
            "payment-session-snapshot",
            "crawler-price",
            "crawler-charged",
            "crawler-error",
            "farthing-sponsor",
            "etag",
        ] {
            headers.append(name, "x".parse().unwrap());
        }
        from_upstream(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["etag"]);
    }
}
