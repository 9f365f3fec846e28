//! The member `payload` of a credential, both ways.
//!
//! | intent | `action` | members | pays with |
//! | --- | --- | --- | --- |
//! | `charge` | - | `order`, `signature` | one order |
//! | `session` | `open` | `terms`, `signature` and a first voucher | a new channel |
//! | `session` | `voucher` | `channelId`, `sequence`, `cumulativeAmount`, `signature` | a voucher |
//! | `session` | `voucher` | `channelId`, `tick` | a link of the channel's hash chain |
//! | `session` | `topUp` | `channelId`, `deposit`, `signature` and perhaps a voucher | a higher deposit |
//! | `session` | `close` | `channelId`, `cumulativeAmount`, `signature` | nothing: ends the channel |
//!
//! A voucher beside another statement is `sequence`, `cumulativeAmount`, `voucherSignature`.
//!
//! Invariant: members that do not belong to the action are refused, so that no two readers take
//! different ones. Signatures are not checked here.

use core::str::FromStr;

use instrument::channel::{ChannelTerms, Close, SignedVoucher, Tick, TopUp, Voucher};
use instrument::{Signed, SignedOrder, Statement};
use money::{ChannelId, IdError, parse_base_units};
use serde::{Deserialize, Serialize};

use super::Intent;
use crate::error::{DecodeError, Place};
use crate::json;
use crate::presented::Instrument;

/// Every member of every payload.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WirePayload {
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terms: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deposit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cumulative_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voucher_signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tick: Option<String>,
}

impl WirePayload {
    /// What is presented under an intent.
    pub(super) fn check(mut self, intent: Intent, at: Place) -> Result<Instrument, DecodeError> {
        let instrument = match intent {
            Intent::Charge => self.order(at),
            Intent::Session => self.session(at),
        }?;
        match self.left_over() {
            None => Ok(instrument),
            Some(field) => Err(DecodeError::Unexpected { place: at.field(field) }),
        }
    }

    fn order(&mut self, at: Place) -> Result<Instrument, DecodeError> {
        let place = at.field("order");
        let order = bytes(self.order.take(), place)?;
        let signature = bytes(self.signature.take(), at.field("signature"))?;
        let order = SignedOrder::from_parts(&order, &signature).map_err(|reason| {
            DecodeError::Statement { place: blamed(&reason, at, place), reason }
        })?;
        Ok(Instrument::Order { order, up_to: false })
    }

    fn session(&mut self, at: Place) -> Result<Instrument, DecodeError> {
        let place = at.field("action");
        let action = self.action.take().ok_or(DecodeError::Missing { place })?;
        match &*action {
            "open" => self.open(at),
            "voucher" => self.pay(at),
            "topUp" => self.top_up(at),
            "close" => self.close(at),
            _ => Err(DecodeError::Action { place }),
        }
    }

    fn open(&mut self, at: Place) -> Result<Instrument, DecodeError> {
        let place = at.field("terms");
        let terms = bytes(self.terms.take(), place)?;
        let signature = bytes(self.signature.take(), at.field("signature"))?;
        let terms = Signed::<ChannelTerms>::from_parts(&terms, &signature).map_err(|reason| {
            DecodeError::Statement { place: blamed(&reason, at, place), reason }
        })?;
        let channel = terms.unverified().channel();
        let signature = self.voucher_signature.take();
        let voucher = self.voucher(channel, (signature, at.field("voucherSignature")), at)?;
        Ok(Instrument::Open { terms: Box::new(terms), voucher })
    }

    fn pay(&mut self, at: Place) -> Result<Instrument, DecodeError> {
        let channel = id(self.channel_id.take().as_deref(), at.field("channelId"))?;
        let place = at.field("tick");
        if let Some(tick) = self.tick.take() {
            let tick = Tick::from_bytes(&bytes(Some(tick), place)?)
                .map_err(|reason| DecodeError::Statement { place, reason })?;
            return Ok(Instrument::Tick { channel, tick });
        }
        let signature = self.signature.take();
        let voucher = self.voucher(channel, (signature, at.field("signature")), at)?;
        Ok(Instrument::Voucher(voucher))
    }

    fn top_up(&mut self, at: Place) -> Result<Instrument, DecodeError> {
        let channel = id(self.channel_id.take().as_deref(), at.field("channelId"))?;
        let deposit = units(self.deposit.take().as_deref(), at.field("deposit"))?;
        let signature = self.signature.take();
        let place = at.field("signature");
        let top_up = attach(&TopUp { channel, deposit }, signature.as_deref(), place)?;
        let has_voucher = self.sequence.is_some()
            || self.cumulative_amount.is_some()
            || self.voucher_signature.is_some();
        if !has_voucher {
            return Ok(Instrument::TopUp { top_up, voucher: None });
        }
        let signature = self.voucher_signature.take();
        let voucher = self.voucher(channel, (signature, at.field("voucherSignature")), at)?;
        Ok(Instrument::TopUp { top_up, voucher: Some(voucher) })
    }

    fn close(&mut self, at: Place) -> Result<Instrument, DecodeError> {
        let channel = id(self.channel_id.take().as_deref(), at.field("channelId"))?;
        let place = at.field("cumulativeAmount");
        let cumulative = units(self.cumulative_amount.take().as_deref(), place)?;
        let signature = self.signature.take();
        let close = Close { channel, cumulative };
        attach(&close, signature.as_deref(), at.field("signature")).map(Instrument::Close)
    }

    fn voucher(
        &mut self,
        channel: ChannelId,
        (signature, signature_place): (Option<String>, Place),
        at: Place,
    ) -> Result<SignedVoucher, DecodeError> {
        let place = at.field("sequence");
        let sequence = self.sequence.take().ok_or(DecodeError::Missing { place })?;
        let place = at.field("cumulativeAmount");
        let cumulative = units(self.cumulative_amount.take().as_deref(), place)?;
        let voucher = Voucher { channel, sequence, cumulative };
        attach(&voucher, signature.as_deref(), signature_place)
    }

    /// A member that the action has no use for; those that it has were taken.
    fn left_over(&self) -> Option<&'static str> {
        [
            ("action", self.action.is_some()),
            ("order", self.order.is_some()),
            ("terms", self.terms.is_some()),
            ("channelId", self.channel_id.is_some()),
            ("deposit", self.deposit.is_some()),
            ("sequence", self.sequence.is_some()),
            ("cumulativeAmount", self.cumulative_amount.is_some()),
            ("signature", self.signature.is_some()),
            ("voucherSignature", self.voucher_signature.is_some()),
            ("tick", self.tick.is_some()),
        ]
        .into_iter()
        .find_map(|(field, is_left)| is_left.then_some(field))
    }
}

impl From<&Instrument> for WirePayload {
    fn from(instrument: &Instrument) -> Self {
        let base = |bytes: &[u8]| Some(json::to_base64(bytes));
        let action = |name: &str| Some(name.to_owned());
        match instrument {
            Instrument::Order { order, .. } => Self {
                order: base(&order.order_bytes()),
                signature: base(&order.signature().0),
                ..Self::default()
            },
            Instrument::Open { terms, voucher } => Self {
                action: action("open"),
                terms: base(&terms.unverified().to_bytes()),
                signature: base(&terms.signature().0),
                ..Self::default().with_voucher(voucher)
            },
            Instrument::Voucher(voucher) => Self {
                action: action("voucher"),
                channel_id: Some(voucher.unverified().channel.to_string()),
                signature: base(&voucher.signature().0),
                voucher_signature: None,
                ..Self::default().with_voucher(voucher)
            },
            Instrument::Tick { channel, tick } => Self {
                action: action("voucher"),
                channel_id: Some(channel.to_string()),
                tick: base(&tick.to_bytes()),
                ..Self::default()
            },
            Instrument::TopUp { top_up, voucher } => Self {
                action: action("topUp"),
                channel_id: Some(top_up.unverified().channel.to_string()),
                deposit: Some(top_up.unverified().deposit.to_string()),
                signature: base(&top_up.signature().0),
                ..voucher.as_ref().map_or_else(Self::default, |it| Self::default().with_voucher(it))
            },
            Instrument::Close(close) => Self {
                action: action("close"),
                channel_id: Some(close.unverified().channel.to_string()),
                cumulative_amount: Some(close.unverified().cumulative.to_string()),
                signature: base(&close.signature().0),
                ..Self::default()
            },
        }
    }
}

impl WirePayload {
    fn with_voucher(self, voucher: &SignedVoucher) -> Self {
        Self {
            sequence: Some(voucher.unverified().sequence),
            cumulative_amount: Some(voucher.unverified().cumulative.to_string()),
            voucher_signature: Some(json::to_base64(&voucher.signature().0)),
            ..self
        }
    }
}

/// Reads base units.
pub(super) fn units(text: Option<&str>, place: Place) -> Result<u128, DecodeError> {
    let text = text.ok_or(DecodeError::Missing { place })?;
    parse_base_units(text).map_err(|reason| DecodeError::Amount { place, reason })
}

/// Reads an id.
pub(super) fn id<T: FromStr<Err = IdError>>(
    text: Option<&str>,
    place: Place,
) -> Result<T, DecodeError> {
    let text = text.ok_or(DecodeError::Missing { place })?;
    text.parse().map_err(|reason| DecodeError::Id { place, reason })
}

/// Puts a signature from the wire to a statement whose members stood beside it.
pub(super) fn attach<T: Statement>(
    statement: &T,
    signature: Option<&str>,
    place: Place,
) -> Result<Signed<T>, DecodeError> {
    let signature = bytes(signature, place)?;
    Signed::from_parts(statement.to_bytes().as_ref(), &signature)
        .map_err(|reason| DecodeError::Statement { place, reason })
}

fn bytes(text: Option<impl AsRef<str>>, place: Place) -> Result<Vec<u8>, DecodeError> {
    let text = text.ok_or(DecodeError::Missing { place })?;
    json::from_base64(text.as_ref().as_bytes(), place)
}

/// A signature of the wrong length is the signature's fault, everything else the statement's.
fn blamed(reason: &instrument::DecodeError, at: Place, statement: Place) -> Place {
    match reason {
        instrument::DecodeError::SignatureLength { .. } => at.field("signature"),
        _ => statement,
    }
}
