//! Receipts and what a stream says while it is paid.
//!
//! `Payment-Receipt` is base64url of JSON; the same JSON is the data of the event
//! [`EVENT_RECEIPT`] that ends a stream of events. A stream that has used up what the payer allowed
//! says [`EVENT_NEED_VOUCHER`] and waits.
//!
//! Invariant: only a paid answer has a receipt. A receipt is not signed: what proves a payment is
//! the receipt of the node, which `reference` leads to.

use http::HeaderValue;
use money::{Amount, ChannelId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::payload::{id, units};
use super::request::currency;
use super::{CHALLENGE_BYTES_MAX, Intent, METHOD};
use crate::error::{DecodeError, EncodeError, Part, Place};
use crate::json;
use crate::utc::utc;

/// Name of the event with which a stream asks for the next voucher.
pub const EVENT_NEED_VOUCHER: &str = "payment-need-voucher";
/// Name of the event with the receipt.
pub const EVENT_RECEIPT: &str = "payment-receipt";

/// What was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Id of the payment, or of the channel.
    pub reference: String,
    /// Id of the challenge that was answered.
    pub challenge: String,
    /// When it was paid, Unix milliseconds.
    pub at_ms: u64,
    /// What this request cost.
    pub charged: Amount,
    /// Where the channel stands, if one paid.
    pub session: Option<SessionReceipt>,
}

/// Where a channel stands after a request, in base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionReceipt {
    /// The channel.
    pub channel: ChannelId,
    /// What is held in all.
    pub deposit: u128,
    /// What vouchers and ticks allow.
    pub accepted: u128,
    /// What was earned.
    pub spent: u128,
    /// Sequence of the newest voucher.
    pub sequence: u64,
    /// Units that this request delivered, if they were counted.
    pub units: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    method: &'static str,
    intent: &'static str,
    status: &'static str,
    timestamp: String,
    reference: &'a str,
    challenge_id: &'a str,
    amount: String,
    currency: String,
    #[serde(flatten)]
    session: Option<WireSession>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSession {
    channel_id: ChannelId,
    deposit: String,
    accepted_cumulative: String,
    spent: String,
    remaining: String,
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<u64>,
}

impl Receipt {
    /// The JSON, as the data of an event.
    pub fn to_json(&self) -> Result<Vec<u8>, EncodeError> {
        let session = self.session.map(|session| WireSession {
            channel_id: session.channel,
            deposit: session.deposit.to_string(),
            accepted_cumulative: session.accepted.to_string(),
            spent: session.spent.to_string(),
            remaining: session.deposit.saturating_sub(session.spent).to_string(),
            sequence: session.sequence,
            units: session.units,
        });
        let intent = if session.is_some() { Intent::Session } else { Intent::Charge };
        json::write(&Wire {
            method: METHOD,
            intent: intent.name(),
            status: "success",
            timestamp: utc(self.at_ms / 1000),
            reference: &self.reference,
            challenge_id: &self.challenge,
            amount: self.charged.units().to_string(),
            currency: currency(self.charged.asset()),
            session,
        })
    }

    /// The value of `Payment-Receipt`.
    pub fn encode_header(&self) -> Result<HeaderValue, EncodeError> {
        let text = json::to_base64_url(&self.to_json()?);
        HeaderValue::try_from(text).map_err(|_| EncodeError)
    }
}

/// What a payer reads of a receipt: every member but the channel's is for people and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReceipt {
    /// Id of the payment, or of the channel.
    pub reference: String,
    /// What this request cost, base units.
    pub charged: Option<u128>,
    /// Where the channel stands, if one paid.
    pub session: Option<SessionReceipt>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRead {
    status: Option<String>,
    reference: Option<String>,
    amount: Option<String>,
    channel_id: Option<String>,
    deposit: Option<String>,
    accepted_cumulative: Option<String>,
    spent: Option<String>,
    sequence: Option<u64>,
    units: Option<u64>,
}

impl ReadReceipt {
    /// Reads the value of `Payment-Receipt`.
    pub fn decode_header(value: &HeaderValue) -> Result<Self, DecodeError> {
        let place = Place::of(Part::PaymentReceipt);
        if value.len() > CHALLENGE_BYTES_MAX {
            return Err(DecodeError::TooLarge { place, limit_bytes: CHALLENGE_BYTES_MAX });
        }
        Self::decode(&json::from_base64_url(value.as_bytes(), place)?)
    }

    /// Reads the data of the event [`EVENT_RECEIPT`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let at = Place::of(Part::PaymentReceipt);
        let wire: WireRead = json::read(bytes, at)?;
        if wire.status.as_deref() != Some("success") {
            return Err(DecodeError::Missing { place: at.field("status") });
        }
        let charged = wire.amount.as_deref().map(|text| units(Some(text), at.field("amount")));
        let reference = wire.reference;
        let session = match wire.channel_id {
            None => None,
            Some(channel) => Some(SessionReceipt {
                channel: id(Some(&channel), at.field("channelId"))?,
                deposit: units(wire.deposit.as_deref(), at.field("deposit"))?,
                accepted: units(
                    wire.accepted_cumulative.as_deref(),
                    at.field("acceptedCumulative"),
                )?,
                spent: units(wire.spent.as_deref(), at.field("spent"))?,
                sequence: wire.sequence.unwrap_or(0),
                units: wire.units,
            }),
        };
        Ok(Self {
            reference: reference.ok_or(DecodeError::Missing { place: at.field("reference") })?,
            charged: charged.transpose()?,
            session,
        })
    }
}

/// What a stream needs to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedVoucher {
    /// The channel.
    pub channel: ChannelId,
    /// What the next voucher must allow at least; above `deposit`, a top-up must come first.
    pub required: u128,
    /// What vouchers and ticks allow now.
    pub accepted: u128,
    /// What is held in all.
    pub deposit: u128,
}

impl NeedVoucher {
    /// The JSON, as the data of the event [`EVENT_NEED_VOUCHER`].
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "channelId": self.channel,
            "requiredCumulative": self.required.to_string(),
            "acceptedCumulative": self.accepted.to_string(),
            "deposit": self.deposit.to_string(),
        })
    }

    /// Reads the data of the event, as a payer does.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct WireNeed {
            channel_id: Option<String>,
            required_cumulative: Option<String>,
            accepted_cumulative: Option<String>,
            deposit: Option<String>,
        }
        let at = Place::of(Part::NeedVoucher);
        let wire: WireNeed = json::read(bytes, at)?;
        let read = |text: Option<String>, field| units(text.as_deref(), at.field(field));
        Ok(Self {
            channel: id(wire.channel_id.as_deref(), at.field("channelId"))?,
            required: read(wire.required_cumulative, "requiredCumulative")?,
            accepted: read(wire.accepted_cumulative, "acceptedCumulative")?,
            deposit: read(wire.deposit, "deposit")?,
        })
    }
}
