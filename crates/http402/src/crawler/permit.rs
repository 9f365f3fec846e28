//! What a signature base permits: the price, the key, and until when.
//!
//! Invariant: a permit is read from the base and nothing else, with every component that must be
//! covered covered; so gateway and node, which both read it, agree.

use instrument::PublicKey;
use money::Amount;
use sfv::{BareItem, InnerList, ListEntry, Parser};

use super::base::{PARAMS, identifier};
use super::directory::thumbprint;
use super::error::CrawlerError;
use super::price::{Bid, header};
use super::{SIGNATURE_AGENT, TAG};

/// How far ahead of the clock a signature may have been created.
pub const CLOCK_SKEW_SECONDS_MAX: u64 = 60;
/// Longest time from the creation of a signature to its end.
pub const SIGNATURE_LIFETIME_SECONDS_MAX: u64 = 24 * 60 * 60;

/// What a crawler's signature permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// What the crawler pays.
    pub bid: Bid,
    /// JWK thumbprint of the crawler's key, as it says.
    pub keyid: String,
    /// When it was signed, Unix seconds.
    pub created_s: u64,
    /// Not valid from this moment on, Unix seconds. Whoever knows whether the request was paid
    /// before judges this: a copy of a paid request may come later.
    pub expires_s: u64,
}

impl Permit {
    /// Reads a signature base that covers `@authority` and a price header.
    pub fn of_base(base: &str) -> Result<Self, CrawlerError> {
        let malformed = || CrawlerError::Malformed {
            header: "signature-input",
            expected: "the last line of a signature base",
        };
        let (lines, params) = match base.rsplit_once('\n') {
            Some((lines, last)) => (lines, last),
            None => ("", base),
        };
        let params = params.strip_prefix(PARAMS).ok_or_else(malformed)?;
        let covered = inner_list(params).ok_or_else(malformed)?;
        let names: Vec<String> = covered.items.iter().map(identifier).collect();
        let mut values = lines.split('\n').filter(|line| !line.is_empty());
        let mut bid = None;
        for name in &names {
            let line = values.next().ok_or_else(malformed)?;
            let value = line.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix(": "));
            let value = value.ok_or_else(malformed)?;
            for exact in [true, false] {
                if *name == format!("\"{}\"", header(exact)) {
                    let read = Bid::parse(exact, value)?;
                    if bid.replace(read).is_some() {
                        return Err(CrawlerError::ConflictingPrices);
                    }
                }
            }
        }
        if values.next().is_some() {
            return Err(malformed());
        }
        check_covered(&names, "@authority")?;
        let bid = bid.ok_or(CrawlerError::Uncovered { name: "crawler-exact-price" })?;
        Self::of_params(&covered, bid)
    }

    fn of_params(covered: &InnerList, bid: Bid) -> Result<Self, CrawlerError> {
        let text = |name| covered.params.get(name).and_then(|value| value.as_string());
        let seconds = |name: &'static str| {
            let value = covered.params.get(name).and_then(BareItem::as_integer);
            let value = value.and_then(|value| u64::try_from(i64::from(value)).ok());
            value.ok_or(CrawlerError::Parameter { name, expected: "Unix seconds" })
        };
        if text("tag").is_none_or(|tag| tag.as_str() != TAG) {
            return Err(CrawlerError::Tag);
        }
        let alg = covered.params.get("alg");
        if alg.is_some_and(|alg| alg.as_string().is_none_or(|alg| alg.as_str() != "ed25519")) {
            return Err(CrawlerError::Parameter { name: "alg", expected: "`ed25519`" });
        }
        let expected = "the JWK thumbprint of the key (RFC 7638), as a string";
        let keyid = text("keyid").ok_or(CrawlerError::Parameter { name: "keyid", expected })?;
        let (created_s, expires_s) = (seconds("created")?, seconds("expires")?);
        if expires_s <= created_s {
            return Err(CrawlerError::Time("the signature expires before it is created"));
        }
        if expires_s.saturating_sub(created_s) > SIGNATURE_LIFETIME_SECONDS_MAX {
            return Err(CrawlerError::Time("the signature is valid for more than a day"));
        }
        Ok(Self { bid, keyid: keyid.as_str().to_owned(), created_s, expires_s })
    }

    /// Whether the signature was created by now, with some room for clocks that differ.
    pub fn check_created(&self, now_ms: u64) -> Result<(), CrawlerError> {
        if self.created_s > (now_ms / 1000).saturating_add(CLOCK_SKEW_SECONDS_MAX) {
            let text = "the signature was created in the future; check the clock";
            return Err(CrawlerError::Time(text));
        }
        Ok(())
    }

    /// Whether this key may charge its owner this price.
    pub fn check(&self, key: &PublicKey, price: Amount) -> Result<(), CrawlerError> {
        if thumbprint(key) != self.keyid {
            return Err(CrawlerError::Unknown);
        }
        self.bid.check(price)
    }

    /// The end of the permit, Unix milliseconds.
    pub fn expires_at_ms(&self) -> u64 {
        self.expires_s.saturating_mul(1000)
    }
}

/// Whether a component without parameters is covered.
pub(super) fn check_covered(names: &[String], name: &'static str) -> Result<(), CrawlerError> {
    let quoted = format!("\"{name}\"");
    if names.contains(&quoted) { Ok(()) } else { Err(CrawlerError::Uncovered { name }) }
}

/// Whether the header that names the agent is covered, as a whole or one member of it.
pub(super) fn covers_agent(covered: &InnerList) -> bool {
    let name = |item: &sfv::Item| {
        item.bare_item.as_string().is_some_and(|name| name.as_str() == SIGNATURE_AGENT.as_str())
    };
    covered.items.iter().any(name)
}

fn inner_list(text: &str) -> Option<InnerList> {
    let list: sfv::List = Parser::new(text).parse().ok()?;
    match <[ListEntry; 1]>::try_from(list) {
        Ok([ListEntry::InnerList(list)]) => Some(list),
        _ => None,
    }
}
