//! What a payer wishes beside the request itself: an amount to give, a discount code.
//!
//! Programs say it in headers. The page of the gateway, whose next request is the browser's, says it in
//! cookies of the same names. Invariant: a wish never reaches the upstream.

use http::header::COOKIE;
use http::{HeaderMap, HeaderName};

/// Names the amount that a payer wants to give, in base units.
pub(crate) const FARTHING_AMOUNT: HeaderName = HeaderName::from_static("farthing-amount");
/// Names a discount code.
pub(crate) const FARTHING_CODE: HeaderName = HeaderName::from_static("farthing-code");

/// Something that a request wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish<'r> {
    /// What it says; empty if it is no text.
    pub text: &'r str,
    /// It comes from a page, whose cookie may have been set for an earlier price.
    pub by_page: bool,
}

/// What a request wishes under a name; a header goes before a cookie.
pub(crate) fn of<'r>(headers: &'r HeaderMap, name: &HeaderName) -> Option<Wish<'r>> {
    if let Some(value) = headers.get(name) {
        return Some(Wish { text: value.to_str().unwrap_or_default().trim(), by_page: false });
    }
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let (_, text) = pairs.find(|(key, _)| key.trim() == name.as_str())?;
    Some(Wish { text: text.trim(), by_page: true })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn programs_use_headers_and_pages_cookies() {
        for (header, cookie, expected) in [
            (None, None, None),
            (None, Some("a=b"), None),
            (Some("7"), None, Some(("7", false))),
            (Some("7"), Some("farthing-amount=9"), Some(("7", false))),
            (None, Some("a=b; farthing-amount=9; c=d"), Some(("9", true))),
            (None, Some("farthing-amount="), Some(("", true))),
            (Some("\u{e9}"), None, Some(("", false))),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(FARTHING_AMOUNT, header), (COOKIE, cookie)] {
                let value = value.map(|text| HeaderValue::from_bytes(text.as_bytes()).unwrap());
                headers.extend(value.map(|value| (name, value)));
            }
            let wish = of(&headers, &FARTHING_AMOUNT).map(|wish| (wish.text, wish.by_page));
            assert_eq!(wish, expected, "{header:?} {cookie:?}");
        }
    }
}
