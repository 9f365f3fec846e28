//! The payment on the wire, both ways.
//!
//! Versions: 2 is `{x402Version, resource?, accepted, payload, extensions?}`, 1 is
//! `{x402Version, scheme, network, payload}`; the payload of both is `{order, signature}`.
//!
//! Invariant: version is checked before scheme, scheme before network, network before the rest, so
//! that a payer of another network learns that and nothing else.

use http::{HeaderName, HeaderValue};
use instrument::{Order, SignedOrder};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::extensions::WireExtensions;
use super::requirements::{
    AmountField, PaymentRequirements, WireRequirements, check_network, need,
};
use super::{SCHEME, network_name};
use crate::error::{DecodeError, EncodeError, Part, Place};
use crate::json::{self, Object, Short, Text};
use crate::presented::{Carrier, Dialect, Instrument, Presented};

/// Room for an order or a signature and what a decoder may write beside it.
const STATEMENT_BUFFER_BYTES: usize = Order::BYTES + 8;

/// A payment as it stands in JSON, of either version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WirePayment<'a> {
    #[serde(rename = "x402Version")]
    version: Option<u64>,
    #[serde(borrow)]
    resource: Option<Object<WireResource<'a>>>,
    #[serde(borrow)]
    accepted: Option<Object<WireRequirements<'a>>>,
    #[serde(borrow)]
    scheme: Option<Text<'a>>,
    #[serde(borrow)]
    network: Option<Text<'a>>,
    #[serde(borrow)]
    payload: Option<Object<WirePayload<'a>>>,
    #[serde(borrow)]
    extensions: Option<Object<WireExtensions<'a>>>,
}

#[derive(Deserialize)]
struct WireResource<'a> {
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct WirePayload<'a> {
    #[serde(borrow)]
    order: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
}

/// Reads a payment from the JSON inside a header or cookie.
pub fn decode_payload(
    json: &[u8],
    dialect: Dialect,
    carrier: Carrier,
) -> Result<Presented, DecodeError> {
    let part = match carrier {
        Carrier::Header => dialect.part(),
        Carrier::Cookie => Part::Cookie,
        Carrier::Body => Part::Body,
    };
    let wire: WirePayment<'_> = json::read(json, Place::of(part))?;
    wire.check(dialect, carrier, part)
}

impl WirePayment<'_> {
    pub(super) const fn version(&self) -> Option<u64> {
        self.version
    }

    pub(super) fn check(
        self,
        dialect: Dialect,
        carrier: Carrier,
        part: Part,
    ) -> Result<Presented, DecodeError> {
        let at = Place::of(part);
        if dialect == Dialect::Mpp || self.version != Some(dialect.version().into()) {
            let expected = if dialect == Dialect::X402V2 { "2" } else { "1" };
            return Err(DecodeError::Version { place: at.field("x402Version"), expected });
        }
        let (network, accepted) = match dialect {
            Dialect::X402V2 => {
                let place = at.object("accepted");
                let Object(accepted) = self.accepted.ok_or(DecodeError::Missing { place })?;
                let accepted = accepted.check(AmountField::Amount, place)?;
                (accepted.network, Some(accepted))
            }
            Dialect::X402V1 | Dialect::Mpp => (check_network(self.scheme, self.network, at)?, None),
        };
        let place = at.object("payload");
        let Object(payload) = self.payload.ok_or(DecodeError::Missing { place })?;
        let order = payload.check(place)?;
        let url = self.resource.and_then(|Object(resource)| resource.url);
        let payment_identifier = match self.extensions {
            Some(Object(extensions)) if dialect == Dialect::X402V2 => {
                extensions.identifier(part)?
            }
            _ => None,
        };
        Ok(Presented {
            dialect,
            carrier,
            network,
            instrument: Instrument::Order { order, up_to: false },
            accepted,
            resource_url: url.map(|Text(url)| url.into_owned()),
            payment_identifier,
            mpp: None,
        })
    }
}

impl WirePayload<'_> {
    fn check(self, at: Place) -> Result<SignedOrder, DecodeError> {
        let (order_place, signature_place) = (at.field("order"), at.field("signature"));
        let order = need(self.order, order_place)?;
        let signature = need(self.signature, signature_place)?;
        let mut order_buffer = [0; STATEMENT_BUFFER_BYTES];
        let mut signature_buffer = [0; STATEMENT_BUFFER_BYTES];
        let order = match json::from_base64_short(&order, &mut order_buffer, order_place)? {
            Short::Bytes(bytes) => bytes,
            Short::TooLong { bytes: found } => {
                let reason = instrument::DecodeError::Length { expected: Order::BYTES, found };
                return Err(DecodeError::Order { place: order_place, reason });
            }
        };
        let signature =
            match json::from_base64_short(&signature, &mut signature_buffer, signature_place)? {
                Short::Bytes(bytes) => bytes,
                Short::TooLong { bytes: found } => {
                    let reason = instrument::DecodeError::SignatureLength { found };
                    return Err(DecodeError::Order { place: signature_place, reason });
                }
            };
        SignedOrder::from_parts(order, signature).map_err(|reason| {
            let at_signature = matches!(reason, instrument::DecodeError::SignatureLength { .. });
            let place = if at_signature { signature_place } else { order_place };
            DecodeError::Order { place, reason }
        })
    }
}

/// A payment about to be sent, as a payer writes it. Serializes as the JSON inside the header.
#[derive(Debug, Clone)]
pub struct Payment<'a> {
    /// How to word it.
    pub dialect: Dialect,
    /// The terms that were accepted, exactly as they were read.
    pub accepted: &'a PaymentRequirements,
    /// The signed order.
    pub order: &'a SignedOrder,
    /// The resource as the challenge named it; left out in version 1.
    pub resource_url: Option<&'a str>,
    /// Extensions to echo; left out in version 1.
    pub extensions: Option<&'a Map<String, Value>>,
}

impl Payment<'_> {
    /// Writes the request header.
    pub fn encode_header(&self) -> Result<(HeaderName, HeaderValue), EncodeError> {
        Ok((self.dialect.payment_header(), json::write_header(self)?))
    }
}

impl Serialize for Payment<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("PaymentPayload", 5)?;
        object.serialize_field("x402Version", &self.dialect.version())?;
        if self.dialect == Dialect::X402V2 {
            if let Some(url) = self.resource_url {
                object.serialize_field("resource", &Url { url })?;
            }
            object.serialize_field("accepted", self.accepted)?;
        } else {
            object.serialize_field("scheme", SCHEME)?;
            object.serialize_field("network", &network_name(self.accepted.network))?;
        }
        let order = json::to_base64(&self.order.order_bytes());
        let signature = json::to_base64(&self.order.signature().0);
        object.serialize_field("payload", &Payload { order, signature })?;
        if let (Dialect::X402V2, Some(extensions)) = (self.dialect, self.extensions) {
            object.serialize_field("extensions", extensions)?;
        }
        object.end()
    }
}

#[derive(Serialize)]
struct Url<'a> {
    url: &'a str,
}

#[derive(Serialize)]
struct Payload {
    order: String,
    signature: String,
}
