//! The challenge on the wire: the header of version 2 and the body members of version 1.
//!
//! Invariant: both say the same. The payer's reading keeps the terms that it can pay and counts
//! the others, so an offer on several networks stays payable.

use http::HeaderValue;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::requirements::{
    AmountField, PaymentRequirements, RequirementsV1, accepts, read_foreign_or_own, requirements,
};
use super::{HEADER_BYTES_MAX, extensions};
use crate::challenge::{Challenge, Resource};
use crate::error::{DecodeError, EncodeError, Part, Place};
use crate::json;

/// What the 402 answer says. Serializes in the form of version 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRequired {
    /// Why a presented payment was not taken; for programs and people.
    pub error: Option<String>,
    /// What is for sale.
    pub resource: Resource,
    /// Terms, each of which is enough; only those of this network when read from the wire.
    pub accepts: Vec<PaymentRequirements>,
    /// How many other terms were offered and are not kept.
    pub foreign: usize,
    /// Extensions by name; a payer echoes them.
    pub extensions: Map<String, Value>,
}

/// The 402 answer to a challenge; `error` says why a presented payment was not taken.
pub fn payment_required(challenge: &Challenge, error: Option<&str>) -> PaymentRequired {
    PaymentRequired {
        error: error.map(str::to_owned),
        resource: challenge.resource.clone(),
        accepts: accepts(challenge),
        foreign: 0,
        extensions: extensions::declare(challenge),
    }
}

/// The members of version 1, `x402Version`, `error` and `accepts`, for the body of the answer; none
/// if the price is by the unit, which version 1 has no words for.
pub fn v1_members(challenge: &Challenge, error: &str) -> Result<Map<String, Value>, EncodeError> {
    if challenge.metered.is_some() {
        return Ok(Map::new());
    }
    let terms = RequirementsV1 { terms: &requirements(challenge), resource: &challenge.resource };
    let terms = serde_json::to_value(terms).map_err(|_| EncodeError)?;
    Ok(Map::from_iter([
        ("x402Version".to_owned(), Value::from(1)),
        ("error".to_owned(), Value::from(error)),
        ("accepts".to_owned(), Value::Array(vec![terms])),
    ]))
}

impl Serialize for PaymentRequired {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("PaymentRequired", 5)?;
        object.serialize_field("x402Version", &2)?;
        if let Some(error) = &self.error {
            object.serialize_field("error", error)?;
        }
        object.serialize_field("resource", &self.resource)?;
        object.serialize_field("accepts", &self.accepts)?;
        if !self.extensions.is_empty() {
            object.serialize_field("extensions", &self.extensions)?;
        }
        object.end()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "x402Version")]
    version: Option<u64>,
    error: Option<String>,
    resource: Option<json::Object<Resource>>,
    accepts: Option<Vec<Value>>,
    extensions: Option<Map<String, Value>>,
}

impl PaymentRequired {
    /// Writes the value of the header `PAYMENT-REQUIRED`.
    pub fn encode_header(&self) -> Result<HeaderValue, EncodeError> {
        json::write_header(self)
    }

    /// Reads the value of the header `PAYMENT-REQUIRED`, as a payer does.
    pub fn decode_header(value: &HeaderValue) -> Result<Self, DecodeError> {
        let place = Place::of(Part::PaymentRequired);
        if value.len() > HEADER_BYTES_MAX {
            return Err(DecodeError::TooLarge { place, limit_bytes: HEADER_BYTES_MAX });
        }
        let bytes = json::from_base64(value.as_bytes(), place)?;
        let wire: Wire = json::read(&bytes, place)?;
        if wire.version != Some(2) {
            return Err(DecodeError::Version { place: place.field("x402Version"), expected: "2" });
        }
        let json::Object(resource) =
            wire.resource.ok_or(DecodeError::Missing { place: place.field("resource") })?;
        let offered = wire.accepts.ok_or(DecodeError::Missing { place: place.field("accepts") })?;
        let mut accepts = Vec::new();
        for value in &offered {
            let terms = read_foreign_or_own(value, AmountField::Amount, place.object("accepts"))?;
            accepts.extend(terms);
        }
        Ok(Self {
            error: wire.error,
            resource,
            foreign: offered.len() - accepts.len(),
            accepts,
            extensions: wire.extensions.unwrap_or_default(),
        })
    }
}
