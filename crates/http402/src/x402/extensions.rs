//! Extensions of x402: `payment-identifier` and `bazaar`.
//!
//! Invariant: schemas stay as small as their checkers allow, because they travel in a header.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::challenge::{Challenge, Identifier};
use crate::error::{DecodeError, Part, Place};
use crate::json::{Object, Text};
use crate::presented::{Carrier, Dialect, Presented};

/// Name of the extension under which a payer names its payment.
pub const PAYMENT_IDENTIFIER: &str = "payment-identifier";
/// Name of the extension under which an offer is listed in catalogues.
pub const BAZAAR: &str = "bazaar";
/// Shortest identifier of a payment.
pub const PAYMENT_IDENTIFIER_CHARS_MIN: usize = 16;
/// Longest identifier of a payment.
pub const PAYMENT_IDENTIFIER_CHARS_MAX: usize = 128;

/// The extensions that a challenge declares.
pub fn declare(challenge: &Challenge) -> Map<String, Value> {
    let mut extensions = Map::new();
    if challenge.identifier != Identifier::Off {
        let required = challenge.identifier == Identifier::Required;
        extensions.insert(PAYMENT_IDENTIFIER.to_owned(), payment_identifier(required));
    }
    if let Some(method) = &challenge.listed {
        extensions.insert(BAZAAR.to_owned(), bazaar(method.as_str()));
    }
    extensions
}

fn payment_identifier(required: bool) -> Value {
    json!({
        "info": {"required": required},
        "schema": {
            "type": "object",
            "properties": {
                "required": {"type": "boolean"},
                "id": {
                    "type": "string",
                    "minLength": PAYMENT_IDENTIFIER_CHARS_MIN,
                    "maxLength": PAYMENT_IDENTIFIER_CHARS_MAX,
                    "pattern": "^[a-zA-Z0-9_-]+$",
                },
            },
            "required": ["required"],
        },
    })
}

/// The catalogue entry of an offer that is bought with an HTTP request of `method`.
pub fn bazaar(method: &str) -> Value {
    json!({
        "info": {"input": {"type": "http", "method": method}},
        "schema": {
            "type": "object",
            "properties": {"input": {"type": "object", "required": ["type", "method"]}},
            "required": ["input"],
        },
    })
}

/// Refuses a payment without identifier if the offer asks for one. Version 1 has no identifiers.
pub fn check_identifier(challenge: &Challenge, presented: &Presented) -> Result<(), DecodeError> {
    if challenge.identifier != Identifier::Required || presented.payment_identifier.is_some() {
        return Ok(());
    }
    let part = match (presented.carrier, presented.dialect) {
        (Carrier::Cookie, _) => Part::Cookie,
        (Carrier::Body, _) => Part::Body,
        (Carrier::Header, dialect) => Dialect::part(dialect),
    };
    Err(DecodeError::PaymentIdentifierRequired { place: identifier_place(part) })
}

/// The extensions that are read from a payment; others are skipped.
#[derive(Deserialize)]
pub(super) struct WireExtensions<'a> {
    #[serde(rename = "payment-identifier", borrow)]
    payment_identifier: Option<Object<WireIdentifier<'a>>>,
}

#[derive(Deserialize)]
struct WireIdentifier<'a> {
    #[serde(borrow)]
    info: Option<Object<WireInfo<'a>>>,
}

#[derive(Deserialize)]
struct WireInfo<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
}

impl WireExtensions<'_> {
    /// The payer's identifier, if it gave one.
    pub(super) fn identifier(self, part: Part) -> Result<Option<String>, DecodeError> {
        let info = self.payment_identifier.and_then(|Object(extension)| extension.info);
        let Some(Text(id)) = info.and_then(|Object(info)| info.id) else {
            return Ok(None);
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let lengths = PAYMENT_IDENTIFIER_CHARS_MIN..=PAYMENT_IDENTIFIER_CHARS_MAX;
        if lengths.contains(&id.len()) && id.bytes().all(allowed) {
            Ok(Some(id.into_owned()))
        } else {
            Err(DecodeError::PaymentIdentifier { place: identifier_place(part) })
        }
    }
}

fn identifier_place(part: Part) -> Place {
    Place::of(part).object("extensions").field("payment-identifier.info.id")
}
