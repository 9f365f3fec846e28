//! The caller's name for a request, under which two orders are one payment.
//!
//! Invariant: a name counts for one payer, at one origin, for one purchase at one price.

use http::HeaderMap;
use http402::{Presented, Problem};
use sha2::{Digest, Sha256};

use crate::case::Case;
use crate::free::Visitor;

/// Longest `Idempotency-Key`.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

/// The header `Idempotency-Key` is not one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "`Idempotency-Key` must stand once and have 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters of \
     printable ASCII"
)]
pub struct IdempotencyKeyError;

impl From<IdempotencyKeyError> for Problem {
    fn from(error: IdempotencyKeyError) -> Self {
        let title = "The idempotency key is malformed";
        Self::new(400, error.code(), title, error.to_string()).with_param("Idempotency-Key")
    }
}

impl IdempotencyKeyError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        "invalid_idempotency_key"
    }
}

/// The key of the header `Idempotency-Key`, if there is one.
pub fn key(headers: &HeaderMap) -> Result<Option<&str>, IdempotencyKeyError> {
    let mut values = headers.get_all("idempotency-key").iter();
    match (values.next().map(|value| (value.to_str(), value.len())), values.next()) {
        (Some((Ok(key), 1..=IDEMPOTENCY_KEY_CHARS_MAX)), None) => Ok(Some(key)),
        (None, _) => Ok(None),
        (Some(_), _) => Err(IdempotencyKeyError),
    }
}

/// The name of a priced request; an identifier in the payment goes before the header.
pub(crate) fn name(
    case: &Case,
    headers: &HeaderMap,
    presented: &Presented,
) -> Result<Option<engine::Idempotency>, IdempotencyKeyError> {
    let (kind, key) = match (&presented.payment_identifier, key(headers)?) {
        (Some(key), _) => ("payment-identifier", key.as_str()),
        (None, Some(key)) => ("idempotency-key", key),
        (None, None) => return Ok(None),
    };
    Ok(Some(named(case, kind, key)))
}

/// The name of a request that a sponsor pays for: a visitor's own, for all of them have one payer.
pub(crate) fn of_visitor(case: &Case, visitor: Visitor, key: &str) -> engine::Idempotency {
    named(case, "sponsored-visitor", &format!("{visitor}/{key}"))
}

fn named(case: &Case, kind: &str, key: &str) -> engine::Idempotency {
    let key = Sha256::new()
        .chain_update(kind.as_bytes())
        .chain_update([0])
        .chain_update(case.origin.as_bytes())
        .chain_update([0])
        .chain_update(key.as_bytes())
        .finalize();
    let fingerprint = Sha256::new()
        .chain_update(case.purchase.0)
        .chain_update(case.offer.price.units().to_be_bytes())
        .chain_update(case.offer.price.asset().code.to_bytes())
        .chain_update(case.offer.payees.pay_to.to_be_bytes())
        .finalize();
    engine::Idempotency { key: key.into(), fingerprint: fingerprint.into() }
}
