//! `Accept-Payment`: which methods and intents a payer takes, and which it likes best.
//!
//! `farthing/session, */charge;q=0.5, evm/*;q=0`: the most specific entry that fits an offer counts;
//! `q=0` refuses it. If nothing fits, the header counts for nothing, so that a payer still learns
//! what there is. Entries that are none are skipped.

use http::HeaderMap;

use super::{ACCEPT_PAYMENT, METHOD};

/// Bytes of the header that are read; the rest counts for nothing.
pub const ACCEPT_PAYMENT_BYTES_MAX: usize = 1024;

/// What a payer takes; takes everything if it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcceptPayment {
    entries: Vec<Entry>,
}

/// One entry whose method is ours or any.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    any_method: bool,
    /// `None` for any.
    intent: Option<String>,
    /// Thousandths.
    weight: u16,
}

impl AcceptPayment {
    /// Reads the header of a request.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut room = ACCEPT_PAYMENT_BYTES_MAX;
        let mut entries = Vec::new();
        for line in headers.get_all(ACCEPT_PAYMENT) {
            let Some(left) = room.checked_sub(line.len()) else { break };
            room = left;
            let text = line.to_str().unwrap_or_default();
            entries.extend(text.split(',').filter_map(|entry| Entry::parse(entry.trim())));
        }
        Self { entries }
    }

    /// Sorts what is offered, the favourite first, and drops what is refused; `intent` names an
    /// offer's intent. Gives all as they came if none would be left.
    pub(super) fn rank<T>(
        &self,
        mut offered: Vec<T>,
        intent: impl Fn(&T) -> &'static str,
    ) -> Vec<T> {
        let weight = |offer: &T| self.weight(intent(offer));
        if offered.iter().any(|offer| weight(offer) > 0) {
            offered.retain(|offer| weight(offer) > 0);
            offered.sort_by_key(|offer| core::cmp::Reverse(weight(offer)));
        }
        offered
    }

    fn weight(&self, intent: &str) -> u16 {
        let fitting = self
            .entries
            .iter()
            .filter(|entry| entry.intent.as_deref().is_none_or(|accepted| accepted == intent));
        let best = fitting.max_by_key(|entry| (entry.specificity(), entry.weight));
        best.map_or(0, |entry| entry.weight)
    }
}

impl Entry {
    /// `None` for what is no entry and for entries of other methods.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (method, intent) = parts.next()?.split_once('/')?;
        let any_method = method == "*";
        let is_token = |name: &str| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !(any_method || method == METHOD) || !(intent == "*" || is_token(intent)) {
            return None;
        }
        let mut weight = 1000;
        for parameter in parts {
            if let Some(("q", value)) = parameter.split_once('=').map(|(n, v)| (n.trim(), v.trim()))
            {
                weight = thousandths(value)?;
            }
        }
        let intent = (intent != "*").then(|| intent.to_owned());
        Some(Self { any_method, intent, weight })
    }

    fn specificity(&self) -> u8 {
        u8::from(!self.any_method) + u8::from(self.intent.is_some())
    }
}

/// A weight of RFC 9110, 12.4.2: `0`, `1`, or up to three digits after the point, at most 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest: u16 = format!("{digits:0<3}").parse().ok()?;
    match whole {
        "0" => Some(rest),
        "1" if rest == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &[&str]) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_PAYMENT, header.parse().unwrap());
        let accept = AcceptPayment::from_headers(&headers);
        assert_eq!(accept.rank(vec!["charge", "session"], |name| *name), expected, "{header}");
    }

    #[test]
    fn offers_are_filtered_and_sorted_by_weight() {
        check("farthing/charge", &["charge"]);
        check("farthing/session", &["session"]);
        check("farthing/session, farthing/charge;q=0.5", &["session", "charge"]);
        check("*/session;q=0.3, farthing/charge", &["charge", "session"]);
        check("farthing/*", &["charge", "session"]);
        check("*/*;q=0.1, farthing/session;q=0", &["charge"]);
        check("*/charge;q=0, farthing/*;q=0.2", &["charge", "session"]);
        check("evm/charge, farthing/session ; q=0.001", &["session"]);
    }

    #[test]
    fn the_more_specific_entry_counts_whatever_its_weight() {
        check("farthing/charge;q=0.1, */*;q=0.9", &["session", "charge"]);
        check("farthing/charge;q=0, */charge", &["charge", "session"]);
    }

    #[test]
    fn what_fits_nothing_counts_for_nothing() {
        for header in [
            "evm/charge",
            "",
            "farthing",
            "farthing/charge;q=0",
            "farthing/charge;q=2",
            "farthing/charge;q=0.1234",
            "farthing/charge;q=-1",
            "farthing/",
            "farthing/cha rge",
        ] {
            check(header, &["charge", "session"]);
        }
        let long = format!("farthing/session{}", " ".repeat(ACCEPT_PAYMENT_BYTES_MAX) + ",x/y");
        check(&long, &["charge", "session"]);
    }
}
