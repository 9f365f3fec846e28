//! The answer to a payment: what was settled, or why not.
//!
//! Invariant: a success always names its payment, or the channel that was charged; a refusal never
//! names a payment, unless its outcome is still open (`settlement_pending`).

use http::HeaderValue;
use money::{AccountId, Amount, Asset, NodeId, PaymentId, parse_base_units};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::channel::ChannelStateJson;
use super::{HEADER_BYTES_MAX, network_name, parse_network};
use crate::challenge::ChannelState;
use crate::error::{DecodeError, EncodeError, Part, Place};
use crate::json::{self, Object, Shown};

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentState {
    /// The money is with the payee.
    Settled,
    /// The money is held until the delivery is over.
    Held,
}

/// A payment that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The payer account.
    pub payer: AccountId,
    /// The payment: `transaction`.
    pub payment: PaymentId,
    /// The node.
    pub network: NodeId,
    /// What moved.
    pub amount: Amount,
    /// How far it is.
    pub state: PaymentState,
    /// URL of the signed receipt.
    pub receipt: String,
}

/// A charge to a channel, or the channel's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSettlement {
    /// The payer account.
    pub payer: AccountId,
    /// The node.
    pub network: NodeId,
    /// What this request was charged: `amount` and `extra.chargedAmount`.
    pub charged: Amount,
    /// How far the charge is: `held` if it is known only when the delivery is over.
    pub state: PaymentState,
    /// Where the channel stands after it; its voucher is left out.
    pub channel: ChannelState,
    /// What went back to the payer because the channel was closed: `extra.refundedAmount`.
    pub refunded: Option<Amount>,
}

/// A payment that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code.
    pub reason: String,
    /// One sentence for people.
    pub message: Option<String>,
    /// The payer account, if known.
    pub payer: Option<AccountId>,
    /// Only with `settlement_pending`: the payment to ask for again.
    pub pending: Option<PaymentId>,
    /// The node.
    pub network: NodeId,
}

/// The answer to a payment, the same in the header, in both versions and from the facilitator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettleResponse {
    /// Taken.
    Success(Settlement),
    /// Taken from a channel.
    Channel(Box<ChannelSettlement>),
    /// Not taken.
    Failure(Refusal),
}

/// Writes the value of the header `PAYMENT-RESPONSE` or `X-PAYMENT-RESPONSE`.
pub fn encode_settle_response(response: &SettleResponse) -> Result<HeaderValue, EncodeError> {
    json::write_header(response)
}

impl Serialize for SettleResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Success(settlement) => settlement.serialize(serializer),
            Self::Channel(settlement) => settlement.serialize(serializer),
            Self::Failure(refusal) => refusal.serialize(serializer),
        }
    }
}

impl Serialize for Settlement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Asset { code, scale } = self.amount.asset();
        let mut object = serializer.serialize_struct("SettleResponse", 6)?;
        object.serialize_field("success", &true)?;
        object.serialize_field("payer", &self.payer)?;
        object.serialize_field("transaction", &self.payment)?;
        object.serialize_field("network", &network_name(self.network))?;
        object.serialize_field("amount", &Shown(self.amount.units()))?;
        let extra =
            Extra { asset: code.as_str(), scale, state: self.state, receipt: &self.receipt };
        object.serialize_field("extra", &extra)?;
        object.end()
    }
}

#[derive(Serialize)]
struct Extra<'a> {
    asset: &'a str,
    scale: u8,
    state: PaymentState,
    receipt: &'a str,
}

impl Serialize for ChannelSettlement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Asset { code, scale } = self.charged.asset();
        let mut object = serializer.serialize_struct("SettleResponse", 6)?;
        object.serialize_field("success", &true)?;
        object.serialize_field("payer", &self.payer)?;
        // No transfer belongs to one charge: the channel settles many of them together.
        object.serialize_field("transaction", "")?;
        object.serialize_field("network", &network_name(self.network))?;
        object.serialize_field("amount", &Shown(self.charged.units()))?;
        let extra = ChannelExtra {
            asset: code.as_str(),
            scale,
            state: self.state,
            charged_amount: Shown(self.charged.units()),
            remaining: Shown(self.channel.deposit.saturating_sub(self.channel.spent)),
            refunded_amount: self.refunded.map(|amount| Shown(amount.units())),
            channel_state: (&self.channel).into(),
        };
        object.serialize_field("extra", &extra)?;
        object.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelExtra<'a> {
    asset: &'a str,
    scale: u8,
    state: PaymentState,
    charged_amount: Shown<u128>,
    remaining: Shown<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded_amount: Option<Shown<u128>>,
    channel_state: ChannelStateJson,
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("SettleResponse", 6)?;
        object.serialize_field("success", &false)?;
        object.serialize_field("errorReason", &self.reason)?;
        if let Some(message) = &self.message {
            object.serialize_field("errorMessage", message)?;
        }
        if let Some(payer) = &self.payer {
            object.serialize_field("payer", payer)?;
        }
        match &self.pending {
            Some(payment) => object.serialize_field("transaction", payment)?,
            None => object.serialize_field("transaction", "")?,
        }
        object.serialize_field("network", &network_name(self.network))?;
        object.end()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    success: Option<bool>,
    error_reason: Option<String>,
    error_message: Option<String>,
    payer: Option<String>,
    transaction: Option<String>,
    network: Option<String>,
    amount: Option<String>,
    extra: Option<Object<WireExtra>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireExtra {
    asset: Option<String>,
    scale: Option<u8>,
    state: Option<PaymentState>,
    receipt: Option<String>,
    refunded_amount: Option<String>,
    channel_state: Option<Object<ChannelStateJson>>,
}

impl SettleResponse {
    /// Reads the value of the header, as a payer does.
    pub fn decode_header(value: &HeaderValue) -> Result<Self, DecodeError> {
        let place = Place::of(Part::PaymentResponse);
        if value.len() > HEADER_BYTES_MAX {
            return Err(DecodeError::TooLarge { place, limit_bytes: HEADER_BYTES_MAX });
        }
        let bytes = json::from_base64(value.as_bytes(), place)?;
        json::read::<Wire>(&bytes, place)?.check(place)
    }
}

impl Wire {
    fn check(self, at: Place) -> Result<SettleResponse, DecodeError> {
        let success = self.success.ok_or(DecodeError::Missing { place: at.field("success") })?;
        let network = self
            .network
            .as_deref()
            .and_then(parse_network)
            .ok_or(DecodeError::Network { place: at.field("network") })?;
        let id = |reason, field| DecodeError::Id { place: at.field(field), reason };
        let payer = self.payer.map(|text| text.parse()).transpose();
        let payer = payer.map_err(|reason| id(reason, "payer"))?;
        let payment = self.transaction.filter(|text| !text.is_empty());
        let payment = payment.map(|text| text.parse()).transpose();
        let payment = payment.map_err(|reason| id(reason, "transaction"))?;
        if !success {
            return Ok(SettleResponse::Failure(Refusal {
                reason: need(self.error_reason, at.field("errorReason"))?,
                message: self.error_message,
                payer,
                pending: payment,
                network,
            }));
        }
        let units = base_units(&need(self.amount, at.field("amount"))?, at.field("amount"))?;
        let place = at.object("extra");
        let Object(extra) = self.extra.ok_or(DecodeError::Missing { place })?;
        let code = need(extra.asset, place.field("asset"))?;
        let asset = Asset::new(&code, need(extra.scale, place.field("scale"))?)
            .map_err(|reason| DecodeError::Asset { place, reason })?;
        let payer = need(payer, at.field("payer"))?;
        let amount = Amount::new(units, asset);
        let state = need(extra.state, place.field("state"))?;
        if let (None, Some(Object(channel))) = (&payment, extra.channel_state) {
            let place = place.field("refundedAmount");
            let refunded = extra.refunded_amount.map(|text| base_units(&text, place));
            return Ok(SettleResponse::Channel(Box::new(ChannelSettlement {
                payer,
                network,
                charged: amount,
                state,
                channel: channel.check(None, at.object("extra.channelState"))?,
                refunded: refunded.transpose()?.map(|units| Amount::new(units, asset)),
            })));
        }
        Ok(SettleResponse::Success(Settlement {
            payer,
            payment: need(payment, at.field("transaction"))?,
            network,
            amount,
            state,
            receipt: need(extra.receipt, place.field("receipt"))?,
        }))
    }
}

fn base_units(text: &str, place: Place) -> Result<u128, DecodeError> {
    parse_base_units(text).map_err(|reason| DecodeError::Amount { place, reason })
}

fn need<T>(member: Option<T>, place: Place) -> Result<T, DecodeError> {
    member.ok_or(DecodeError::Missing { place })
}
