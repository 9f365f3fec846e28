//! The signature base of a request (RFC 9421, 2.5): the text that a crawler's signature is over.
//!
//! Supported components: `@method`, `@target-uri`, `@authority`, `@scheme`, `@request-target`,
//! `@path`, `@query`, headers, and one member of a header that is a dictionary (`key`). Others are
//! refused by name rather than left out. Invariant: every value comes from the request as it was
//! routed and priced, origin included, never from a header that could say something else.

use http::HeaderMap;
use http::header::HeaderName;
use sfv::{
    Dictionary, InnerList, Item, ItemSerializer, ListEntry, ListSerializer, Parameters, Parser,
    StringRef,
};

use super::error::CrawlerError;

/// Most components that one signature covers.
pub const COMPONENTS_COUNT_MAX: usize = 16;
/// Longest signature base.
pub const BASE_BYTES_MAX: usize = 16 * 1024;

/// Longest piece of a component's name in an error.
const NAME_CHARS_MAX: usize = 40;

/// A request as it was routed and priced.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Method in upper case.
    pub method: &'a str,
    /// `scheme://host[:port]` as the crawler sees it.
    pub origin: &'a str,
    /// Path as sent; `/` if it was empty.
    pub path: &'a str,
    /// Query without its question mark.
    pub query: Option<&'a str>,
    /// Headers as sent.
    pub headers: &'a HeaderMap,
}

/// Writes the base for what a member of `Signature-Input` covers.
pub(super) fn base(request: &Request<'_>, covered: InnerList) -> Result<String, CrawlerError> {
    if covered.items.len() > COMPONENTS_COUNT_MAX {
        return Err(CrawlerError::ManyComponents { limit: COMPONENTS_COUNT_MAX });
    }
    let mut base = String::new();
    for (index, item) in covered.items.iter().enumerate() {
        let name = identifier(item);
        if covered.items.iter().take(index).any(|earlier| identifier(earlier) == name) {
            return Err(component(&name));
        }
        base.push_str(&name);
        base.push_str(": ");
        base.push_str(&value(request, item)?);
        base.push('\n');
        if base.len() > BASE_BYTES_MAX {
            return Err(too_large());
        }
    }
    base.push_str(PARAMS);
    base.push_str(&inner_list(covered));
    if base.len() > BASE_BYTES_MAX { Err(too_large()) } else { Ok(base) }
}

/// Opening of the last line.
pub(super) const PARAMS: &str = "\"@signature-params\": ";

fn too_large() -> CrawlerError {
    CrawlerError::TooLarge { what: "signature-input", limit_bytes: BASE_BYTES_MAX }
}

/// A component's name and parameters in the one form of structured fields.
pub(super) fn identifier(item: &Item) -> String {
    ItemSerializer::new().bare_item(&item.bare_item).parameters(&item.params).finish()
}

fn inner_list(list: InnerList) -> String {
    let mut serializer = ListSerializer::new();
    serializer.members([&ListEntry::InnerList(list)]);
    serializer.finish().unwrap_or_default()
}

fn component(name: &str) -> CrawlerError {
    CrawlerError::Component { name: short(name) }
}

fn short(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

fn value(request: &Request<'_>, item: &Item) -> Result<String, CrawlerError> {
    let unsupported = || component(&identifier(item));
    let name = item.bare_item.as_string().ok_or_else(unsupported)?.as_str();
    if let Some(derived) = name.strip_prefix('@') {
        let value = derive(request, derived).filter(|_| item.params.is_empty());
        return value.ok_or_else(unsupported);
    }
    // Components name headers in lower case; other letters would be a second name of the same.
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(unsupported());
    }
    let header = HeaderName::try_from(name).map_err(|_| unsupported())?;
    let text = field(request.headers, &header)
        .ok_or_else(|| CrawlerError::Absent { name: short(&identifier(item)) })?;
    if item.params.is_empty() {
        return Ok(text);
    }
    let key = only_key(&item.params).ok_or_else(unsupported)?;
    member(&text, key).ok_or_else(|| CrawlerError::Absent { name: short(&identifier(item)) })
}

/// The parameter `key`, if there is no other.
fn only_key(params: &Parameters) -> Option<&str> {
    let key = params.get("key").filter(|_| params.len() == 1)?;
    key.as_string().map(StringRef::as_str)
}

fn derive(request: &Request<'_>, name: &str) -> Option<String> {
    let query = request.query.map(|query| format!("?{query}"));
    let target = || format!("{}{}", request.path, query.clone().unwrap_or_default());
    Some(match name {
        "method" => request.method.to_owned(),
        "authority" => authority(request.origin)?,
        "scheme" => scheme(request.origin)?,
        "target-uri" => {
            format!("{}://{}{}", scheme(request.origin)?, authority(request.origin)?, target())
        }
        "request-target" => target(),
        "path" => request.path.to_owned(),
        "query" => query.unwrap_or_else(|| "?".to_owned()),
        _ => return None,
    })
}

fn scheme(origin: &str) -> Option<String> {
    origin.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase())
}

/// Host and port, in lower case and without the port that the scheme has anyway.
fn authority(origin: &str) -> Option<String> {
    let authority = origin.split_once("://")?.1.to_ascii_lowercase();
    let usual = if scheme(origin)? == "https" { ":443" } else { ":80" };
    Some(authority.strip_suffix(usual).unwrap_or(&authority).to_owned())
}

/// The value of a header: its lines without space around them, with commas between (2.1).
pub(super) fn field(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let text: Result<Vec<&str>, _> =
        lines.map(|line| line.to_str().map(|text| text.trim_matches([' ', '\t']))).collect();
    text.ok().map(|lines| lines.join(", "))
}

fn member(text: &str, key: &str) -> Option<String> {
    let dictionary: Dictionary = Parser::new(text).parse().ok()?;
    let mut serializer = ListSerializer::new();
    serializer.members([dictionary.get(key)?]);
    serializer.finish()
}

#[cfg(test)]
mod tests;
