//! A channel as callers read it: plain data, ready for JSON. Base units are strings there.

use instrument::Signature;
use instrument::channel::{Machine, Phase};
use instrument::hex::Hex;
use money::{AccountId, Asset, ChannelId};
use serde::{Deserialize, Serialize};

use crate::past::{ClosedChannel, OpenedChannel};
use crate::state::{Channel, State, closes_at_ms};

/// Where a channel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelPhase {
    /// Requests are served from it.
    Open,
    /// The payer has asked to close it: nothing new begins, the payee can still claim.
    Closing,
    /// Settled for good; what was left is the payer's again.
    Closed,
}

/// The newest voucher of a channel, for whoever has lost it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherView {
    /// Its number.
    pub sequence: u64,
    /// Its running total, base units.
    #[serde(with = "text")]
    pub cumulative: u128,
    /// Its signature, 128 lowercase hex digits.
    pub signature: String,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelView {
    /// The channel.
    pub channel: ChannelId,
    /// Who pays.
    pub payer: AccountId,
    /// Who is paid; a split is paid out among the offer's payees.
    pub payee: AccountId,
    /// What all the amounts are in.
    pub asset: Asset,
    /// Held in all, the settled part included, base units.
    #[serde(with = "text")]
    pub deposit: u128,
    /// What vouchers and ticks allow in all, base units.
    #[serde(with = "text")]
    pub accepted: u128,
    /// Earned in all: delivered and charged, base units.
    #[serde(with = "text")]
    pub spent: u128,
    /// Set aside for a request that is being executed, base units.
    #[serde(with = "text")]
    pub reserved: u128,
    /// Moved in the ledger, base units.
    #[serde(with = "text")]
    pub settled: u128,
    /// Number of the newest voucher; zero before the first.
    pub sequence: u64,
    /// Index of the newest tick; zero before the first.
    pub tick_index: u32,
    /// The newest voucher.
    pub voucher: Option<VoucherView>,
    /// The key that signs vouchers, 64 lowercase hex digits.
    pub voucher_key: String,
    /// Where it stands.
    pub state: ChannelPhase,
    /// When it closes by itself because the payer has asked, Unix milliseconds; when it was closed,
    /// if it is.
    pub closes_at_ms: Option<u64>,
    /// When it closes at the latest, Unix milliseconds.
    pub expires_at_ms: u64,
    /// How long the payee can still claim after the payer alone has asked to close.
    pub close_delay_seconds: u32,
    /// What it was opened for, in words.
    pub description: String,
}

impl ChannelView {
    pub(crate) fn of(channel: &Channel) -> Self {
        Self::with(channel, &channel.machine, channel.voucher())
    }

    /// The channel as it would be with another machine and voucher.
    pub(crate) fn with(
        channel: &Channel,
        machine: &Machine,
        voucher: Option<(u64, u128, &Signature)>,
    ) -> Self {
        let terms = channel.terms();
        Self {
            channel: channel.id(),
            payer: terms.payer,
            payee: terms.payee,
            asset: channel.asset(),
            deposit: machine.deposit(),
            accepted: machine.accepted(),
            spent: machine.spent(),
            reserved: machine.reserved(),
            settled: machine.settled(),
            sequence: machine.sequence(),
            tick_index: machine.tick().index,
            voucher: voucher.map(|(sequence, cumulative, signature)| {
                VoucherView::of(sequence, cumulative, signature)
            }),
            voucher_key: terms.voucher_key.to_string(),
            state: match machine.phase() {
                Phase::Open => ChannelPhase::Open,
                Phase::Closing { .. } => ChannelPhase::Closing,
                Phase::Closed => ChannelPhase::Closed,
            },
            closes_at_ms: closes_at_ms(machine.phase()),
            expires_at_ms: terms.expires_at_ms,
            close_delay_seconds: terms.close_delay_seconds,
            description: channel.opened.description.clone(),
        }
    }

    fn of_closed(opened: OpenedChannel, closed: &ClosedChannel) -> Self {
        Self {
            channel: opened.id,
            payer: opened.payer,
            payee: opened.payee,
            asset: opened.asset,
            deposit: closed.deposit,
            accepted: closed.accepted,
            spent: closed.spent,
            reserved: 0,
            settled: closed.spent,
            sequence: closed.sequence,
            tick_index: closed.tick_index,
            voucher: closed.voucher.as_ref().map(|(cumulative, signature)| {
                VoucherView::of(closed.sequence, *cumulative, signature)
            }),
            voucher_key: opened.voucher_key.to_string(),
            state: ChannelPhase::Closed,
            closes_at_ms: Some(closed.closed_at_ns / 1_000_000),
            expires_at_ms: opened.expires_at_ms,
            close_delay_seconds: opened.close_delay_seconds,
            description: opened.description,
        }
    }
}

impl VoucherView {
    fn of(sequence: u64, cumulative: u128, signature: &Signature) -> Self {
        Self { sequence, cumulative, signature: Hex(&signature.0).to_string() }
    }
}

impl State {
    /// One channel, open or closed.
    pub fn channel(&self, id: ChannelId) -> Option<ChannelView> {
        if let Some(channel) = self.channels.get(id) {
            return Some(ChannelView::of(channel));
        }
        let closed = self.answer(self.records.closed_channel(id))?;
        let opened = self.answer(self.records.opened_channel(id));
        if opened.is_none() {
            self.note(&format!("channel {id} was closed and never opened"));
        }
        Some(ChannelView::of_closed(opened?, &closed))
    }

    /// Open channels of a payer, newest first.
    pub fn channels_of_payer(&self, payer: AccountId) -> Vec<ChannelView> {
        self.channels.of_payer(payer).map(ChannelView::of).collect()
    }

    /// Open channels of a payee, newest first.
    pub fn channels_of_payee(&self, payee: AccountId) -> Vec<ChannelView> {
        self.channels.of_payee(payee).map(ChannelView::of).collect()
    }
}

/// 128-bit numbers as decimal strings.
pub(crate) mod text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(units: &u128, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(units)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        let text = String::deserialize(from)?;
        let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'));
        let units = is_canonical.then(|| text.parse().ok()).flatten();
        units.ok_or_else(|| de::Error::custom("base units are a string of decimal digits"))
    }
}
