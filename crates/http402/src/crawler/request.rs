//! Reading a crawler's request: which price, which signature, over which base.

use http::{HeaderMap, HeaderName};
use instrument::Signature;
use sfv::{Dictionary, InnerList, Item, ListEntry, Parser, StringRef};

use super::base::{Request, base, field, identifier};
use super::error::CrawlerError;
use super::permit::{Permit, check_covered, covers_agent};
use super::price::{Bid, header, kind};
use super::{
    CRAWLER_EXACT_PRICE, CRAWLER_MAX_PRICE, SIGNATURE, SIGNATURE_AGENT, SIGNATURE_INPUT, TAG,
};

/// Longest `Signature-Input`, `Signature` and `Signature-Agent`, each.
pub const SIGNATURE_HEADER_BYTES_MAX: usize = 4 * 1024;

/// A request that offers to pay, its signature unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// What the base permits.
    pub permit: Permit,
    /// Address that the crawler names as its own; a claim.
    pub agent: Option<String>,
    /// What must have been signed.
    pub base: String,
    /// The signature.
    pub signature: Signature,
}

/// Whether a request carries a crawler's signature, whatever it is worth.
pub fn is_signed(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(SIGNATURE_INPUT).iter();
    lines.any(|line| line.to_str().is_ok_and(|text| text.contains(TAG)))
}

/// Reads a request that names a price; `None` if it names none.
///
/// Checked is all that can be without the key: price, components, parameters, times.
pub fn read(request: &Request<'_>, now_ms: u64) -> Result<Option<SignedRequest>, CrawlerError> {
    let Some(exact) = kind(request.headers)? else { return Ok(None) };
    let name = if exact { CRAWLER_EXACT_PRICE } else { CRAWLER_MAX_PRICE };
    let wrong = CrawlerError::PriceValue { header: header(exact) };
    let price = field(request.headers, &name).ok_or(wrong)?;
    Bid::parse(exact, &price)?;
    let inputs = dictionary(request.headers, &SIGNATURE_INPUT)?;
    let signatures = dictionary(request.headers, &SIGNATURE)?;
    let (label, covered) = tagged(inputs)?;
    let signature = signature(signatures.get(label.as_str()))?;
    let names: Vec<String> = covered.items.iter().map(identifier).collect();
    check_covered(&names, "@authority")?;
    check_covered(&names, header(exact))?;
    let agent = agent(request.headers, &covered)?;
    let base = base(request, covered)?;
    let permit = Permit::of_base(&base)?;
    permit.check_created(now_ms)?;
    Ok(Some(SignedRequest { permit, agent, base, signature }))
}

fn dictionary(headers: &HeaderMap, name: &HeaderName) -> Result<Dictionary, CrawlerError> {
    let header = if *name == SIGNATURE { "signature" } else { "signature-input" };
    if !headers.contains_key(name) {
        return Err(CrawlerError::NoSignature { header });
    }
    let malformed = CrawlerError::Malformed { header, expected: "a dictionary (RFC 9651)" };
    let text = field(headers, name).ok_or_else(|| malformed.clone())?;
    check_length(header, &text)?;
    Parser::new(&text).parse().map_err(|_| malformed)
}

fn check_length(what: &'static str, text: &str) -> Result<(), CrawlerError> {
    let limit_bytes = SIGNATURE_HEADER_BYTES_MAX;
    if text.len() > limit_bytes {
        return Err(CrawlerError::TooLarge { what, limit_bytes });
    }
    Ok(())
}

/// The one signature by which the crawler says who it is.
fn tagged(inputs: Dictionary) -> Result<(String, InnerList), CrawlerError> {
    let is_tagged = |list: &InnerList| {
        let tag = list.params.get("tag").and_then(|tag| tag.as_string());
        tag.is_some_and(|tag| tag.as_str() == TAG)
    };
    let mut found = inputs.into_iter().filter_map(|(label, entry)| match entry {
        ListEntry::InnerList(list) if is_tagged(&list) => Some((label.as_str().to_owned(), list)),
        _ => None,
    });
    match (found.next(), found.next()) {
        (Some(found), None) => Ok(found),
        _ => Err(CrawlerError::Tag),
    }
}

fn signature(entry: Option<&ListEntry>) -> Result<Signature, CrawlerError> {
    let bytes = match entry {
        Some(ListEntry::Item(item)) => item.bare_item.as_byte_sequence(),
        _ => None,
    };
    let signature = bytes.and_then(|bytes| Signature::from_slice(bytes).ok());
    signature.ok_or(CrawlerError::Malformed {
        header: "signature",
        expected: "64 bytes under the label of the tagged `signature-input`",
    })
}

/// The address in `Signature-Agent`: a string, or a dictionary whose covered member is one.
fn agent(headers: &HeaderMap, covered: &InnerList) -> Result<Option<String>, CrawlerError> {
    const HEADER: &str = "signature-agent";
    if !headers.contains_key(SIGNATURE_AGENT) {
        return Ok(None);
    }
    if !covers_agent(covered) {
        return Err(CrawlerError::Uncovered { name: HEADER });
    }
    let expected = "a string, or a dictionary of strings of which the signature covers one";
    let malformed = CrawlerError::Malformed { header: HEADER, expected };
    let text = field(headers, &SIGNATURE_AGENT).ok_or_else(|| malformed.clone())?;
    check_length(HEADER, &text)?;
    let string = |item: &Item| item.bare_item.as_string().map(|text| text.as_str().to_owned());
    let parser = Parser::new(&text);
    if let Ok(item) = parser.parse::<Item>() {
        return string(&item).map(Some).ok_or(malformed);
    }
    let dictionary: Dictionary = Parser::new(&text).parse().map_err(|_| malformed.clone())?;
    let entry = match covered_member(covered) {
        Some(key) => dictionary.get(key),
        None => dictionary.values().next().filter(|_| dictionary.len() == 1),
    };
    match entry {
        Some(ListEntry::Item(item)) => string(item).map(Some).ok_or(malformed),
        _ => Err(malformed),
    }
}

fn covered_member(covered: &InnerList) -> Option<&str> {
    let mut items = covered.items.iter();
    let item = items.find(|item| {
        item.bare_item.as_string().is_some_and(|name| name.as_str() == SIGNATURE_AGENT.as_str())
    })?;
    item.params.get("key").and_then(|key| key.as_string()).map(StringRef::as_str)
}
