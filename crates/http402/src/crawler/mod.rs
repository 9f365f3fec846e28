//! Pay-per-crawl: prices in `crawler-*` headers, paid by whoever signed the request.
//!
//! A crawler names the price that it pays in `crawler-exact-price` or `crawler-max-price` and signs
//! the request as Web Bot Auth does: HTTP Message Signatures (RFC 9421) with Ed25519, the tag
//! `web-bot-auth` and the JWK thumbprint of its key (RFC 7638) as `keyid`. Headers and error names
//! are those of Cloudflare's pay per crawl.
//!
//! Invariant: what a request allows is read from its signature base alone ([`Permit::of_base`]), so
//! whoever checks the signature over the base knows that the crawler has signed the price.
//!
//! This module must not check the signature itself, nor whose key it is, and must not look anything
//! up: an address that a request names is a claim.

mod base;
mod directory;
mod error;
mod permit;
mod price;
mod request;

use http::HeaderName;

pub use base::{BASE_BYTES_MAX, COMPONENTS_COUNT_MAX, Request};
pub use directory::{
    DIRECTORY_BYTES_MAX, DIRECTORY_KEYS_MAX, DirectoryError, directory, thumbprint,
};
pub use error::{CrawlerError, ErrorName};
pub use permit::{CLOCK_SKEW_SECONDS_MAX, Permit, SIGNATURE_LIFETIME_SECONDS_MAX};
pub use price::{Bid, price_value};
pub use request::{SIGNATURE_HEADER_BYTES_MAX, SignedRequest, is_signed, read};

/// Answer: what the resource costs.
pub const CRAWLER_PRICE: HeaderName = HeaderName::from_static("crawler-price");
/// Answer: what was charged.
pub const CRAWLER_CHARGED: HeaderName = HeaderName::from_static("crawler-charged");
/// Answer: why the crawler's payment was not taken, one of [`ErrorName`].
pub const CRAWLER_ERROR: HeaderName = HeaderName::from_static("crawler-error");
/// Request: the crawler pays this price and no other.
pub const CRAWLER_EXACT_PRICE: HeaderName = HeaderName::from_static("crawler-exact-price");
/// Request: the crawler pays any price up to this one.
pub const CRAWLER_MAX_PRICE: HeaderName = HeaderName::from_static("crawler-max-price");
/// Request: where the crawler says that its keys are.
pub const SIGNATURE_AGENT: HeaderName = HeaderName::from_static("signature-agent");
/// Request: what was signed.
pub const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
/// Request: the signature.
pub const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// Tag of signatures by which crawlers say who they are.
const TAG: &str = "web-bot-auth";
