//! Messages of the facilitator: `/verify`, `/settle` and `/supported`.
//!
//! Invariant: a request is read in either version, and the version of its envelope, payment and
//! terms must agree. Comparing the echoed terms with the given ones is left to the caller, because
//! a mismatch is an answer of `/verify`, not a malformed request.

use std::collections::BTreeMap;

use money::{AccountId, NodeId};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::payload::WirePayment;
use super::requirements::{AmountField, PaymentRequirements, WireRequirements};
use super::{FACILITATOR_BODY_BYTES_MAX, Scheme, extensions, network_name};
use crate::error::{DecodeError, Part, Place};
use crate::json::{self, Object};
use crate::presented::{Carrier, Dialect, Presented};

/// Body of `POST /verify` and `POST /settle`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacilitatorRequest {
    /// The payment.
    pub payment: Presented,
    /// The terms that the payee asks for.
    pub requirements: PaymentRequirements,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRequest<'a> {
    #[serde(rename = "x402Version")]
    version: Option<u64>,
    #[serde(borrow)]
    payment_payload: Option<Object<WirePayment<'a>>>,
    #[serde(borrow)]
    payment_requirements: Option<Object<WireRequirements<'a>>>,
}

/// Reads the body of `/verify` or `/settle`.
pub fn decode_facilitator_request(body: &[u8]) -> Result<FacilitatorRequest, DecodeError> {
    let at = Place::of(Part::Body);
    if body.len() > FACILITATOR_BODY_BYTES_MAX {
        let limit_bytes = FACILITATOR_BODY_BYTES_MAX;
        return Err(DecodeError::TooLarge { place: at, limit_bytes });
    }
    let wire: WireRequest<'_> = json::read(body, at)?;
    let place = at.object("paymentPayload");
    let Object(payment) = wire.payment_payload.ok_or(DecodeError::Missing { place })?;
    // Early clients leave the version out of the envelope.
    let version = wire.version.or(payment.version());
    let (dialect, amount_field) = match version {
        Some(2) => (Dialect::X402V2, AmountField::Amount),
        Some(1) => (Dialect::X402V1, AmountField::MaxAmountRequired),
        _ => {
            let place = at.field("x402Version");
            return Err(DecodeError::Version { place, expected: "1 or 2" });
        }
    };
    let payment = payment.check(dialect, Carrier::Body, Part::Body)?;
    let place = at.object("paymentRequirements");
    let Object(terms) = wire.payment_requirements.ok_or(DecodeError::Missing { place })?;
    Ok(FacilitatorRequest { payment, requirements: terms.check(amount_field, place)? })
}

/// Answer of `/verify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyResponse {
    /// The payment would be taken now.
    Valid {
        /// The payer account.
        payer: AccountId,
    },
    /// The payment would be refused.
    Invalid {
        /// Stable code.
        reason: String,
        /// One sentence for people.
        message: Option<String>,
        /// The payer account, if known.
        payer: Option<AccountId>,
    },
}

impl Serialize for VerifyResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("VerifyResponse", 4)?;
        match self {
            Self::Valid { payer } => {
                object.serialize_field("isValid", &true)?;
                object.serialize_field("payer", payer)?;
            }
            Self::Invalid { reason, message, payer } => {
                object.serialize_field("isValid", &false)?;
                object.serialize_field("invalidReason", reason)?;
                if let Some(message) = message {
                    object.serialize_field("invalidMessage", message)?;
                }
                if let Some(payer) = payer {
                    object.serialize_field("payer", payer)?;
                }
            }
        }
        object.end()
    }
}

/// One kind of payment that the facilitator takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SupportedKind {
    /// Protocol version.
    #[serde(rename = "x402Version")]
    pub version: u8,
    /// Scheme.
    pub scheme: &'static str,
    /// Network.
    pub network: String,
}

/// Answer of `GET /supported`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SupportedResponse {
    /// Kinds, one for each version and scheme.
    pub kinds: Vec<SupportedKind>,
    /// Extensions by name.
    pub extensions: Vec<&'static str>,
    /// Keys that settle, by network pattern.
    pub signers: BTreeMap<&'static str, Vec<String>>,
}

impl SupportedResponse {
    /// What `node` takes.
    pub fn of_node(node: NodeId) -> Self {
        let kind = |dialect: Dialect, scheme: Scheme| SupportedKind {
            version: dialect.version(),
            scheme: scheme.name(),
            network: network_name(node),
        };
        let second = Scheme::ALL.into_iter().map(|scheme| kind(Dialect::X402V2, scheme));
        Self {
            kinds: second.chain([kind(Dialect::X402V1, Scheme::Exact)]).collect(),
            extensions: vec![extensions::PAYMENT_IDENTIFIER, extensions::BAZAAR],
            signers: BTreeMap::from([("farthing:*", vec![node.to_string()])]),
        }
    }
}
