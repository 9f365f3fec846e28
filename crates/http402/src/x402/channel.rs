//! Channels on the wire: what a payer presents under `batch-settlement`, and where its channel
//! stands.
//!
//! | `type` | members | meaning |
//! | --- | --- | --- |
//! | `deposit` | `terms`, `signature`, `voucher` | opens a channel and pays |
//! | `deposit` | `topUp`, `voucher`? | raises the deposit, and pays if there is a voucher |
//! | `voucher` | `voucher` | pays |
//! | `refund` | `channelId`, `cumulativeAmount`, `signature` | closes the channel |
//!
//! Invariant: a payload is one of these; members of two of them together are refused, so that no
//! two readers take different ones. Signatures are not checked here.

use instrument::channel::{ChannelTerms, Close, SignedVoucher, TopUp, Voucher};
use instrument::{Signed, Statement};
use money::{ChannelId, parse_base_units};
use serde::{Deserialize, Serialize};

use super::payload::{WirePayload, signed};
use super::requirements::need;
use crate::challenge::ChannelState;
use crate::error::{DecodeError, Place};
use crate::json::{self, Object, Text};
use crate::presented::Instrument;

/// A voucher as it stands in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireVoucher<'a> {
    #[serde(borrow)]
    channel_id: Option<Text<'a>>,
    sequence: Option<u64>,
    #[serde(borrow)]
    max_claimable_amount: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
}

/// A top-up as it stands in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireTopUp<'a> {
    #[serde(borrow)]
    channel_id: Option<Text<'a>>,
    #[serde(borrow)]
    deposit: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
}

/// Reads a payload of `batch-settlement`.
pub(super) fn check(payload: WirePayload<'_>, at: Place) -> Result<Instrument, DecodeError> {
    match &*need(payload.kind, at.field("type"))? {
        "deposit" => match (payload.terms, payload.top_up) {
            (Some(_), Some(_)) => {
                Err(DecodeError::Exclusive { place: at.field("topUp"), other: "terms" })
            }
            (None, Some(Object(top_up))) => {
                let voucher = payload.voucher.map(|Object(voucher)| voucher.check(at));
                Ok(Instrument::TopUp { top_up: top_up.check(at)?, voucher: voucher.transpose()? })
            }
            (terms, None) => {
                let signature = (payload.signature, at.field("signature"));
                let terms: Signed<ChannelTerms> = signed((terms, at.field("terms")), signature)?;
                let voucher = required(payload.voucher, at)?;
                Ok(Instrument::Open { terms: Box::new(terms), voucher })
            }
        },
        "voucher" => required(payload.voucher, at).map(Instrument::Voucher),
        "refund" => {
            let close = Close {
                channel: channel(payload.channel_id, at.field("channelId"))?,
                cumulative: units(payload.cumulative_amount, at.field("cumulativeAmount"))?,
            };
            let signature = (payload.signature, at.field("signature"));
            attach(&close, signature).map(Instrument::Close)
        }
        _ => Err(DecodeError::PayloadType { place: at.field("type") }),
    }
}

fn required(
    voucher: Option<Object<WireVoucher<'_>>>,
    at: Place,
) -> Result<SignedVoucher, DecodeError> {
    let Object(voucher) = voucher.ok_or(DecodeError::Missing { place: at.field("voucher") })?;
    voucher.check(at)
}

impl WireVoucher<'_> {
    fn check(self, at: Place) -> Result<SignedVoucher, DecodeError> {
        let place = at.object("payload.voucher");
        self.check_at(place)
    }

    fn check_at(self, place: Place) -> Result<SignedVoucher, DecodeError> {
        let sequence = place.field("sequence");
        let voucher = Voucher {
            channel: channel(self.channel_id, place.field("channelId"))?,
            sequence: self.sequence.ok_or(DecodeError::Missing { place: sequence })?,
            cumulative: units(self.max_claimable_amount, place.field("maxClaimableAmount"))?,
        };
        attach(&voucher, (self.signature, place.field("signature")))
    }
}

impl WireTopUp<'_> {
    fn check(self, at: Place) -> Result<Signed<TopUp>, DecodeError> {
        let place = at.object("payload.topUp");
        let top_up = TopUp {
            channel: channel(self.channel_id, place.field("channelId"))?,
            deposit: units(self.deposit, place.field("deposit"))?,
        };
        attach(&top_up, (self.signature, place.field("signature")))
    }
}

fn channel(text: Option<Text<'_>>, place: Place) -> Result<ChannelId, DecodeError> {
    need(text, place)?.parse().map_err(|reason| DecodeError::Id { place, reason })
}

fn units(text: Option<Text<'_>>, place: Place) -> Result<u128, DecodeError> {
    parse_base_units(&need(text, place)?).map_err(|reason| DecodeError::Amount { place, reason })
}

/// Puts a signature from the wire to a statement whose members stood beside it.
fn attach<T: Statement>(
    statement: &T,
    (signature, place): (Option<Text<'_>>, Place),
) -> Result<Signed<T>, DecodeError> {
    let mut buffer = [0; json::SIGNATURE_BUFFER_BYTES];
    let signature = json::signature(&need(signature, place)?, &mut buffer, place)?;
    Signed::from_parts(statement.to_bytes().as_ref(), signature)
        .map_err(|reason| DecodeError::Statement { place, reason })
}

/// A voucher as a payload and a corrective 402 carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VoucherJson {
    channel_id: ChannelId,
    sequence: u64,
    max_claimable_amount: String,
    signature: String,
}

impl From<&SignedVoucher> for VoucherJson {
    fn from(signed: &SignedVoucher) -> Self {
        let voucher = signed.unverified();
        Self {
            channel_id: voucher.channel,
            sequence: voucher.sequence,
            max_claimable_amount: voucher.cumulative.to_string(),
            signature: json::to_base64(&signed.signature().0),
        }
    }
}

/// Where a channel stands, as answers carry it; the voucher stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStateJson {
    channel_id: String,
    deposit: String,
    accepted: String,
    spent: String,
    sequence: u64,
    tick_index: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closes_at_ms: Option<u64>,
}

impl From<&ChannelState> for ChannelStateJson {
    fn from(state: &ChannelState) -> Self {
        Self {
            channel_id: state.channel.to_string(),
            deposit: state.deposit.to_string(),
            accepted: state.accepted.to_string(),
            spent: state.spent.to_string(),
            sequence: state.sequence,
            tick_index: state.tick_index,
            closes_at_ms: state.closes_at_ms,
        }
    }
}

impl ChannelStateJson {
    /// Reads the state as a payer does; `voucher` is what stands beside it.
    pub(super) fn check(
        self,
        voucher: Option<SignedVoucher>,
        at: Place,
    ) -> Result<ChannelState, DecodeError> {
        let units = |text: &str, field| {
            let place = at.field(field);
            parse_base_units(text).map_err(|reason| DecodeError::Amount { place, reason })
        };
        let id = |reason| DecodeError::Id { place: at.field("channelId"), reason };
        Ok(ChannelState {
            channel: self.channel_id.parse().map_err(id)?,
            deposit: units(&self.deposit, "deposit")?,
            accepted: units(&self.accepted, "accepted")?,
            spent: units(&self.spent, "spent")?,
            sequence: self.sequence,
            tick_index: self.tick_index,
            voucher,
            closes_at_ms: self.closes_at_ms,
        })
    }
}

/// The payload of an instrument of channels, as a payer writes it.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ChannelPayload {
    Open {
        #[serde(rename = "type")]
        kind: &'static str,
        terms: String,
        signature: String,
        voucher: VoucherJson,
    },
    #[serde(rename_all = "camelCase")]
    TopUp {
        #[serde(rename = "type")]
        kind: &'static str,
        top_up: TopUpJson,
        #[serde(skip_serializing_if = "Option::is_none")]
        voucher: Option<VoucherJson>,
    },
    Voucher {
        #[serde(rename = "type")]
        kind: &'static str,
        voucher: VoucherJson,
    },
    #[serde(rename_all = "camelCase")]
    Refund {
        #[serde(rename = "type")]
        kind: &'static str,
        channel_id: ChannelId,
        cumulative_amount: String,
        signature: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TopUpJson {
    channel_id: ChannelId,
    deposit: String,
    signature: String,
}

impl ChannelPayload {
    /// `None` if the instrument is none of channels, or one that x402 has no words for.
    pub(super) fn of(instrument: &Instrument) -> Option<Self> {
        Some(match instrument {
            Instrument::Order { .. } | Instrument::Tick { .. } => return None,
            Instrument::Open { terms, voucher } => Self::Open {
                kind: "deposit",
                terms: json::to_base64(&terms.unverified().to_bytes()),
                signature: json::to_base64(&terms.signature().0),
                voucher: voucher.into(),
            },
            Instrument::Voucher(voucher) => {
                Self::Voucher { kind: "voucher", voucher: voucher.into() }
            }
            Instrument::TopUp { top_up, voucher } => {
                let statement = top_up.unverified();
                let top_up = TopUpJson {
                    channel_id: statement.channel,
                    deposit: statement.deposit.to_string(),
                    signature: json::to_base64(&top_up.signature().0),
                };
                Self::TopUp { kind: "deposit", top_up, voucher: voucher.as_ref().map(Into::into) }
            }
            Instrument::Close(close) => Self::Refund {
                kind: "refund",
                channel_id: close.unverified().channel,
                cumulative_amount: close.unverified().cumulative.to_string(),
                signature: json::to_base64(&close.signature().0),
            },
        })
    }
}

/// The state that a corrective 402 tells in the terms' `extra`; `None` if there is none.
pub(super) fn read_state(
    extra: &std::collections::BTreeMap<String, serde_json::Value>,
    at: Place,
) -> Result<Option<ChannelState>, DecodeError> {
    let shape = |error| DecodeError::Shape { place: at, detail: crate::error::detail(&error) };
    let Some(state) = extra.get(CHANNEL_STATE) else { return Ok(None) };
    let Object(state) = Object::<ChannelStateJson>::deserialize(state).map_err(shape)?;
    let voucher = match extra.get(VOUCHER_STATE) {
        None => None,
        Some(voucher) => {
            let Object(voucher) = Object::<WireVoucher<'_>>::deserialize(voucher).map_err(shape)?;
            Some(voucher.check_at(at.object("extra.voucherState"))?)
        }
    };
    state.check(voucher, at.object("extra.channelState")).map(Some)
}

/// Member of `extra` that tells where the channel stands.
pub(super) const CHANNEL_STATE: &str = "channelState";
/// Member of `extra` that proves what the node has accepted.
pub(super) const VOUCHER_STATE: &str = "voucherState";
