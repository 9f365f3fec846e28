//! The payment on the wire, both ways.
//!
//! Versions: 2 is `{x402Version, resource?, accepted, payload, extensions?}`, 1 is
//! `{x402Version, scheme, network, payload}`. The payload of `exact` and `upto` is
//! `{order, signature}`; that of `batch-settlement` is in `channel`. Version 1 knows `exact` only.
//!
//! Invariant: version is checked before scheme, scheme before network, network before the rest, so
//! that a payer of another network learns that and nothing else.

use http::{HeaderName, HeaderValue};
use instrument::channel::ChannelTerms;
use instrument::{Order, Signed, Statement};
use serde::ser::{Error as _, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::channel::{self, ChannelPayload, WireTopUp, WireVoucher};
use super::extensions::WireExtensions;
use super::requirements::{
    AmountField, PaymentRequirements, WireRequirements, check_network, need,
};
use super::{Scheme, network_name};
use crate::error::{DecodeError, EncodeError, Part, Place};
use crate::json::{self, Object, Short, Text};
use crate::presented::{Carrier, Dialect, Instrument, Presented};

/// Room for the longest statement and what a decoder may write beside it.
const STATEMENT_BUFFER_BYTES: usize = ChannelTerms::BYTES + 8;

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

/// The members of every scheme's payload; which of them count is the scheme's to say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WirePayload<'a> {
    #[serde(borrow)]
    order: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) signature: Option<Text<'a>>,
    #[serde(rename = "type", borrow)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) terms: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) voucher: Option<Object<WireVoucher<'a>>>,
    #[serde(borrow)]
    pub(super) top_up: Option<Object<WireTopUp<'a>>>,
    #[serde(borrow)]
    pub(super) channel_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) cumulative_amount: Option<Text<'a>>,
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
        let (scheme, network, accepted) = match dialect {
            Dialect::X402V2 => {
                let place = at.object("accepted");
                let Object(accepted) = self.accepted.ok_or(DecodeError::Missing { place })?;
                let accepted = accepted.check(AmountField::Amount, place)?;
                (accepted.scheme, accepted.network, Some(accepted))
            }
            Dialect::X402V1 | Dialect::Mpp => {
                let network = check_network(self.scheme, self.network, &[Scheme::Exact], at)?.1;
                (Scheme::Exact, network, None)
            }
        };
        let place = at.object("payload");
        let Object(payload) = self.payload.ok_or(DecodeError::Missing { place })?;
        let instrument = payload.check(scheme, place)?;
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
            instrument,
            accepted,
            resource_url: url.map(|Text(url)| url.into_owned()),
            payment_identifier,
            mpp: None,
        })
    }
}

impl WirePayload<'_> {
    fn check(self, scheme: Scheme, at: Place) -> Result<Instrument, DecodeError> {
        let up_to = match scheme {
            Scheme::BatchSettlement => return channel::check(self, at),
            Scheme::Exact => false,
            Scheme::Upto => true,
        };
        let order = (self.order, at.field("order"));
        let order = signed::<Order>(order, (self.signature, at.field("signature")))?;
        Ok(Instrument::Order { order, up_to })
    }
}

/// Reads a statement and its signature, each base64.
pub(super) fn signed<T: Statement>(
    (statement, statement_place): (Option<Text<'_>>, Place),
    (signature, signature_place): (Option<Text<'_>>, Place),
) -> Result<Signed<T>, DecodeError> {
    let statement = need(statement, statement_place)?;
    let signature = need(signature, signature_place)?;
    let mut buffer = [0; STATEMENT_BUFFER_BYTES];
    let statement = match json::from_base64_short(&statement, &mut buffer, statement_place)? {
        Short::Bytes(bytes) => bytes,
        Short::TooLong { bytes: found } => {
            let reason = instrument::DecodeError::Length { expected: size_of::<T::Bytes>(), found };
            return Err(DecodeError::Statement { place: statement_place, reason });
        }
    };
    let mut buffer = [0; json::SIGNATURE_BUFFER_BYTES];
    let signature = json::signature(&signature, &mut buffer, signature_place)?;
    Signed::from_parts(statement, signature).map_err(|reason| {
        let at_signature = matches!(reason, instrument::DecodeError::SignatureLength { .. });
        let place = if at_signature { signature_place } else { statement_place };
        DecodeError::Statement { place, reason }
    })
}

/// A payment about to be sent, as a payer writes it. Serializes as the JSON inside the header.
#[derive(Debug, Clone)]
pub struct Payment<'a> {
    /// How to word it.
    pub dialect: Dialect,
    /// The terms that were accepted, exactly as they were read.
    pub accepted: &'a PaymentRequirements,
    /// What pays. Ticks have no form in x402: writing them is an error.
    pub instrument: &'a Instrument,
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
            object.serialize_field("scheme", self.accepted.scheme.name())?;
            object.serialize_field("network", &network_name(self.accepted.network))?;
        }
        match (self.instrument, ChannelPayload::of(self.instrument)) {
            (Instrument::Order { order, .. }, _) => {
                let signature = json::to_base64(&order.signature().0);
                let order = json::to_base64(&order.order_bytes());
                object.serialize_field("payload", &OrderPayload { order, signature })?;
            }
            (_, Some(payload)) => object.serialize_field("payload", &payload)?,
            (_, None) => return Err(S::Error::custom("x402 has no words for this instrument")),
        }
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
struct OrderPayload {
    order: String,
    signature: String,
}
