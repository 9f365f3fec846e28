//! The terms of a challenge: the member `request`, base64url of canonical JSON (RFC 8785).
//!
//! Invariants: amounts are decimal strings of base units; members stand in the order of their names
//! and without spaces, which is the canonical form because no member holds a fraction; terms that
//! are read are typed and complete.

use instrument::PurchaseDigest;
use instrument::channel::{SignedVoucher, Voucher};
use money::{AccountId, Amount, Asset, NodeId};
use serde::{Deserialize, Serialize};

use super::Intent;
use super::payload::{attach, id, units};
use crate::challenge::{Challenge, ChannelState};
use crate::error::{DecodeError, EncodeError, Place};
use crate::json;
use crate::x402::{network_name, parse_network};

/// Terms of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRequest {
    /// The node that takes the payment.
    pub network: NodeId,
    /// The price.
    pub amount: Amount,
    /// The payee.
    pub pay_to: AccountId,
    /// The purchase that the order must name.
    pub purchase: Option<PurchaseDigest>,
    /// How long an order may live after it is signed.
    pub order_seconds: u32,
    /// For people: who gets which part.
    pub splits: Option<String>,
}

/// Terms of payments from a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRequest {
    /// The node that takes the payment.
    pub network: NodeId,
    /// Price of `per` units.
    pub price: Amount,
    /// How many units the price is for.
    pub per: u64,
    /// What is counted; `request` if every request costs the same.
    pub unit: String,
    /// Units of each request that cost nothing.
    pub free_units: u64,
    /// Most units that one request takes.
    pub units_max: Option<u64>,
    /// Prices beyond the first, in words.
    pub tiers: Option<String>,
    /// The payee.
    pub pay_to: AccountId,
    /// Base units that a voucher must add so that a request starts.
    pub start: u128,
    /// Least deposit of a channel, base units.
    pub deposit_min: u128,
    /// Deposit that suits usual use, base units.
    pub deposit_suggested: u128,
    /// Least delay that the terms of a channel must name.
    pub close_delay_seconds: u32,
    /// For people: who gets which part.
    pub splits: Option<String>,
    /// The channel that was presented, as the node has it.
    pub channel: Option<ChannelState>,
}

/// Terms of either intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Terms {
    /// One order.
    Charge(ChargeRequest),
    /// A channel.
    Session(Box<SessionRequest>),
}

/// The unit of offers that cost the same for each request.
const UNIT_REQUEST: &str = "request";

impl Terms {
    /// The terms of a challenge under an intent; `None` if the offer is not paid that way.
    ///
    /// Metered offers are paid from channels only: an order's amount is fixed before the work.
    pub fn of(challenge: &Challenge, intent: Intent) -> Option<Self> {
        match intent {
            Intent::Charge if challenge.metered.is_some() => None,
            Intent::Charge => Some(Self::Charge(ChargeRequest {
                network: challenge.network,
                amount: challenge.amount,
                pay_to: challenge.pay_to,
                purchase: challenge.purchase,
                order_seconds: challenge.max_timeout_seconds,
                splits: challenge.splits.clone(),
            })),
            Intent::Session => {
                let offer = challenge.channel.as_ref()?;
                let metered = challenge.metered.as_ref();
                Some(Self::Session(Box::new(SessionRequest {
                    network: challenge.network,
                    price: metered.map_or(challenge.amount, |metered| metered.price),
                    per: metered.map_or(1, |metered| metered.per),
                    unit: metered.map_or(UNIT_REQUEST, |metered| &metered.unit).to_owned(),
                    free_units: metered.map_or(0, |metered| metered.free_units),
                    units_max: metered.and_then(|metered| metered.units_max),
                    tiers: metered.and_then(|metered| metered.tiers.clone()),
                    pay_to: challenge.pay_to,
                    start: offer.start.units(),
                    deposit_min: offer.deposit_min.units(),
                    deposit_suggested: offer.deposit_suggested.units(),
                    close_delay_seconds: offer.close_delay_seconds,
                    splits: challenge.splits.clone(),
                    channel: offer.state.clone(),
                })))
            }
        }
    }

    /// The intent that these terms belong to.
    pub const fn intent(&self) -> Intent {
        match self {
            Self::Charge(_) => Intent::Charge,
            Self::Session(_) => Intent::Session,
        }
    }

    /// The price, of as many units as the terms say.
    pub(crate) const fn price(&self) -> Amount {
        match self {
            Self::Charge(terms) => terms.amount,
            Self::Session(terms) => terms.price,
        }
    }

    /// The node that takes the payment.
    pub fn network(&self) -> NodeId {
        match self {
            Self::Charge(terms) => terms.network,
            Self::Session(terms) => terms.network,
        }
    }

    /// The same terms without the state of a channel, which changes from request to request.
    #[must_use]
    pub(super) fn without_state(mut self) -> Self {
        if let Self::Session(terms) = &mut self {
            terms.channel = None;
        }
        self
    }

    /// The text of the member `request`.
    pub(super) fn encode(&self) -> Result<String, EncodeError> {
        let json = match self {
            Self::Charge(terms) => json::write(&terms.wire()),
            Self::Session(terms) => json::write(&terms.wire()),
        }?;
        Ok(json::to_base64_url(&json))
    }

    /// Reads the text of the member `request` of an intent.
    pub(super) fn decode(text: &str, intent: Intent, at: Place) -> Result<Self, DecodeError> {
        let bytes = json::from_base64_url(text.as_bytes(), at)?;
        let wire: WireRequest = json::read(&bytes, at)?;
        match intent {
            Intent::Charge => wire.charge(at).map(Self::Charge),
            Intent::Session => wire.session(at).map(|terms| Self::Session(Box::new(terms))),
        }
    }
}

/// The JSON of both intents, in canonical order.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRequest {
    amount: Option<String>,
    currency: Option<String>,
    method_details: Option<json::Object<WireDetails>>,
    recipient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggested_deposit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_type: Option<String>,
}

/// The member `methodDetails`, in canonical order.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDetails {
    asset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<json::Object<WireState>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_delay_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    free_units: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_units: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_deposit: Option<String>,
    network: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase: Option<String>,
    scale: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    splits: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tiers: Option<String>,
}

/// Where a channel stands, in canonical order.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireState {
    accepted: Option<String>,
    channel_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closes_at_ms: Option<u64>,
    deposit: Option<String>,
    sequence: Option<u64>,
    spent: Option<String>,
    tick_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voucher: Option<json::Object<WireVoucher>>,
}

/// The newest voucher of a channel, in canonical order.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireVoucher {
    cumulative_amount: Option<String>,
    sequence: Option<u64>,
    signature: Option<String>,
}

impl ChargeRequest {
    fn wire(&self) -> WireRequest {
        let asset = self.amount.asset();
        WireRequest {
            amount: Some(self.amount.units().to_string()),
            currency: Some(currency(asset)),
            recipient: Some(self.pay_to.to_string()),
            method_details: Some(json::Object(WireDetails {
                asset: Some(asset.code.to_string()),
                network: Some(network_name(self.network)),
                order_seconds: Some(self.order_seconds),
                purchase: self.purchase.map(|purchase| purchase.to_string()),
                scale: Some(asset.scale),
                splits: self.splits.clone(),
                ..WireDetails::default()
            })),
            ..WireRequest::default()
        }
    }
}

impl SessionRequest {
    fn wire(&self) -> WireRequest {
        let asset = self.price.asset();
        WireRequest {
            amount: Some(self.price.units().to_string()),
            currency: Some(currency(asset)),
            recipient: Some(self.pay_to.to_string()),
            suggested_deposit: Some(self.deposit_suggested.to_string()),
            unit_type: Some(self.unit.clone()),
            method_details: Some(json::Object(WireDetails {
                asset: Some(asset.code.to_string()),
                channel: self.channel.as_ref().map(|state| json::Object(state.into())),
                close_delay_seconds: Some(self.close_delay_seconds),
                free_units: (self.free_units > 0).then_some(self.free_units),
                max_units: self.units_max,
                min_deposit: Some(self.deposit_min.to_string()),
                network: Some(network_name(self.network)),
                per: Some(self.per),
                scale: Some(asset.scale),
                splits: self.splits.clone(),
                start: Some(self.start.to_string()),
                tiers: self.tiers.clone(),
                ..WireDetails::default()
            })),
        }
    }
}

/// The currency as the scheme spells it.
pub(crate) fn currency(asset: Asset) -> String {
    asset.code.to_string().to_ascii_lowercase()
}

fn need<T>(value: Option<T>, place: Place) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Missing { place })
}

impl WireDetails {
    fn network(&self, at: Place) -> Result<NodeId, DecodeError> {
        let place = at.field("network");
        let name = self.network.as_deref();
        parse_network(need(name, place)?).ok_or(DecodeError::Network { place })
    }

    fn asset(&self, at: Place) -> Result<Asset, DecodeError> {
        let place = at.field("scale");
        let scale = need(self.scale, place)?;
        let code = need(self.asset.as_deref(), at.field("asset"))?;
        Asset::new(code, scale).map_err(|reason| {
            let is_scale = reason == money::AssetError::Scale;
            DecodeError::Asset { place: if is_scale { place } else { at.field("asset") }, reason }
        })
    }
}

impl WireRequest {
    fn details(&mut self, at: Place) -> Result<WireDetails, DecodeError> {
        let json::Object(details) = need(self.method_details.take(), at.field("methodDetails"))?;
        Ok(details)
    }

    /// The parts of both intents: node, price and payee.
    fn price(
        &self,
        details: &WireDetails,
        at: Place,
    ) -> Result<(NodeId, Amount, AccountId), DecodeError> {
        let inner = at.object("request.methodDetails");
        let network = details.network(inner)?;
        let asset = details.asset(inner)?;
        if self.currency.as_deref() != Some(&*currency(asset)) {
            return Err(DecodeError::Currency { place: at.field("currency") });
        }
        let amount = units(self.amount.as_deref(), at.field("amount"))?;
        let pay_to = id(self.recipient.as_deref(), at.field("recipient"))?;
        Ok((network, Amount::new(amount, asset), pay_to))
    }

    fn charge(mut self, at: Place) -> Result<ChargeRequest, DecodeError> {
        let inner = at.object("request.methodDetails");
        let details = self.details(at)?;
        let (network, amount, pay_to) = self.price(&details, at)?;
        let place = inner.field("purchase");
        let purchase = match details.purchase {
            None => None,
            Some(text) => {
                Some(PurchaseDigest::from_hex(&text).ok_or(DecodeError::Purchase { place })?)
            }
        };
        let order_seconds = need(details.order_seconds, inner.field("orderSeconds"))?;
        Ok(ChargeRequest {
            network,
            amount,
            pay_to,
            purchase,
            order_seconds,
            splits: details.splits,
        })
    }

    fn session(mut self, at: Place) -> Result<SessionRequest, DecodeError> {
        let inner = at.object("request.methodDetails");
        let details = self.details(at)?;
        let (network, price, pay_to) = self.price(&details, at)?;
        let suggested = units(self.suggested_deposit.as_deref(), at.field("suggestedDeposit"))?;
        let per = inner.field("per");
        let channel = details.channel.map(|json::Object(state)| state.check(at));
        Ok(SessionRequest {
            network,
            price,
            per: details.per.filter(|&per| per > 0).ok_or(DecodeError::Missing { place: per })?,
            unit: need(self.unit_type, at.field("unitType"))?,
            free_units: details.free_units.unwrap_or(0),
            units_max: details.max_units,
            tiers: details.tiers,
            pay_to,
            start: units(details.start.as_deref(), inner.field("start"))?,
            deposit_min: units(details.min_deposit.as_deref(), inner.field("minDeposit"))?,
            deposit_suggested: suggested,
            close_delay_seconds: need(
                details.close_delay_seconds,
                inner.field("closeDelaySeconds"),
            )?,
            splits: details.splits,
            channel: channel.transpose()?,
        })
    }
}

impl From<&ChannelState> for WireState {
    fn from(state: &ChannelState) -> Self {
        let voucher = state.voucher.as_ref().map(|signed| {
            let voucher = signed.unverified();
            json::Object(WireVoucher {
                cumulative_amount: Some(voucher.cumulative.to_string()),
                sequence: Some(voucher.sequence),
                signature: Some(json::to_base64(&signed.signature().0)),
            })
        });
        Self {
            accepted: Some(state.accepted.to_string()),
            channel_id: Some(state.channel.to_string()),
            closes_at_ms: state.closes_at_ms,
            deposit: Some(state.deposit.to_string()),
            sequence: Some(state.sequence),
            spent: Some(state.spent.to_string()),
            tick_index: Some(state.tick_index),
            voucher,
        }
    }
}

impl WireState {
    fn check(self, at: Place) -> Result<ChannelState, DecodeError> {
        let at = at.object("request.methodDetails.channel");
        let channel = id(self.channel_id.as_deref(), at.field("channelId"))?;
        let voucher = match self.voucher {
            None => None,
            Some(json::Object(voucher)) => {
                let at = at.object("request.methodDetails.channel.voucher");
                Some(voucher.check(channel, at)?)
            }
        };
        Ok(ChannelState {
            channel,
            deposit: units(self.deposit.as_deref(), at.field("deposit"))?,
            accepted: units(self.accepted.as_deref(), at.field("accepted"))?,
            spent: units(self.spent.as_deref(), at.field("spent"))?,
            sequence: need(self.sequence, at.field("sequence"))?,
            tick_index: self.tick_index.unwrap_or(0),
            voucher,
            closes_at_ms: self.closes_at_ms,
        })
    }
}

impl WireVoucher {
    fn check(self, channel: money::ChannelId, at: Place) -> Result<SignedVoucher, DecodeError> {
        let cumulative = units(self.cumulative_amount.as_deref(), at.field("cumulativeAmount"))?;
        let sequence = need(self.sequence, at.field("sequence"))?;
        let voucher = Voucher { channel, sequence, cumulative };
        attach(&voucher, self.signature.as_deref(), at.field("signature"))
    }
}
