//! Records of channels: what stays of one when it was opened and when it was closed.
//!
//! Together they are enough to show a closed channel, and to know who may ask to close it again.

use instrument::{PublicKey, Signature};
use money::{AccountId, Asset, ChannelId, MandateId};

use super::fact::Parties;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::CloseCause;
use crate::state::Channel;
use crate::tags::Tags;

/// A channel as it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenedChannel {
    pub id: ChannelId,
    pub payer: AccountId,
    pub payee: AccountId,
    pub asset: Asset,
    pub signer: PublicKey,
    pub voucher_key: PublicKey,
    pub mandate: Option<MandateId>,
    pub expires_at_ms: u64,
    pub close_delay_seconds: u32,
    pub opened_at_ns: u64,
    pub description: String,
    /// Set if it counts as an event, base units.
    pub deposit: Option<u128>,
    pub tags: Tags,
}

/// A channel as it was closed: all that was spent is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosedChannel {
    pub id: ChannelId,
    pub deposit: u128,
    pub accepted: u128,
    pub spent: u128,
    pub sequence: u64,
    pub tick_index: u32,
    /// Total and signature of the newest voucher.
    pub voucher: Option<(u128, Signature)>,
    pub closed_at_ns: u64,
    pub cause: CloseCause,
    /// Set if it counts as an event.
    pub parties: Option<Parties>,
}

impl Parties {
    pub(crate) fn of(channel: &Channel) -> Self {
        let terms = channel.terms();
        Self {
            payer: terms.payer,
            payee: terms.payee,
            asset: channel.asset(),
            mandate: terms.mandate,
            tags: channel.opened.tags,
        }
    }
}

impl OpenedChannel {
    pub(crate) fn of(channel: &Channel) -> Self {
        let terms = channel.terms();
        Self {
            id: channel.id(),
            payer: terms.payer,
            payee: terms.payee,
            asset: channel.asset(),
            signer: terms.signer,
            voucher_key: terms.voucher_key,
            mandate: terms.mandate,
            expires_at_ms: terms.expires_at_ms,
            close_delay_seconds: terms.close_delay_seconds,
            opened_at_ns: channel.opened_at_ns,
            description: channel.opened.description.clone(),
            deposit: None,
            tags: channel.opened.tags,
        }
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.u128(self.id.get());
        out.u128(self.payer.get());
        out.u128(self.payee.get());
        out.asset(self.asset);
        out.raw(&self.signer.0);
        out.raw(&self.voucher_key.0);
        out.option(self.mandate, |out, mandate| out.u128(mandate.get()));
        out.u64(self.expires_at_ms);
        out.u32(self.close_delay_seconds);
        out.u64(self.opened_at_ns);
        out.str(&self.description);
        if let Some(deposit) = self.deposit {
            out.u128(deposit);
            self.tags.encode(out);
        }
    }

    pub(super) fn decode(from: &mut Decoder<'_>, is_event: bool) -> Result<Self, Malformed> {
        Ok(Self {
            id: from.id(ChannelId::new)?,
            payer: from.id(AccountId::new)?,
            payee: from.id(AccountId::new)?,
            asset: from.asset()?,
            signer: PublicKey(from.array()?),
            voucher_key: PublicKey(from.array()?),
            mandate: from.option(|from| from.id(MandateId::new))?,
            expires_at_ms: from.u64()?,
            close_delay_seconds: from.u32()?,
            opened_at_ns: from.u64()?,
            description: from.str()?.to_owned(),
            deposit: if is_event { Some(from.u128()?) } else { None },
            tags: if is_event { Tags::decode(from)? } else { Tags::default() },
        })
    }
}

impl ClosedChannel {
    pub(crate) fn of(channel: &Channel, cause: CloseCause, closed_at_ns: u64) -> Self {
        let machine = &channel.machine;
        Self {
            id: channel.id(),
            deposit: machine.deposit(),
            accepted: machine.accepted(),
            spent: machine.spent(),
            sequence: machine.sequence(),
            tick_index: machine.tick().index,
            voucher: channel.voucher().map(|(_, cumulative, signature)| (cumulative, *signature)),
            closed_at_ns,
            cause,
            parties: None,
        }
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.u128(self.id.get());
        out.u128(self.deposit);
        out.u128(self.accepted);
        out.u128(self.spent);
        out.u64(self.sequence);
        out.u32(self.tick_index);
        out.option(self.voucher.as_ref(), |out, (cumulative, signature)| {
            out.u128(*cumulative);
            out.raw(&signature.0);
        });
        out.u64(self.closed_at_ns);
        out.u8(self.cause as u8);
        if let Some(parties) = &self.parties {
            parties.encode(out);
        }
    }

    pub(super) fn decode(from: &mut Decoder<'_>, is_event: bool) -> Result<Self, Malformed> {
        Ok(Self {
            id: from.id(ChannelId::new)?,
            deposit: from.u128()?,
            accepted: from.u128()?,
            spent: from.u128()?,
            sequence: from.u64()?,
            tick_index: from.u32()?,
            voucher: from.option(|from| Ok((from.u128()?, Signature(from.array()?))))?,
            closed_at_ns: from.u64()?,
            cause: CloseCause::decode(from)?,
            parties: if is_event { Some(Parties::decode(from)?) } else { None },
        })
    }
}
