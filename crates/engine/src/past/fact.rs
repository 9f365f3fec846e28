//! Records that are there for the events alone, and those of refunds.
//!
//! Each says by itself what its event says, its legs apart.

use money::{AccountId, Amount, Asset, ChannelId, MandateId, PaymentId, RefundId};

use super::payment::LegsAt;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::document::DocumentKind;
use crate::tags::Tags;

/// Who takes part in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parties {
    pub payer: AccountId,
    pub payee: AccountId,
    pub asset: Asset,
    pub mandate: Option<MandateId>,
    pub tags: Tags,
}

/// What a channel paid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelPaid {
    pub id: ChannelId,
    pub parties: Parties,
    pub units: u128,
    pub legs: u32,
    pub legs_at: LegsAt,
    pub at_ns: u64,
    pub description: String,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refunded {
    pub id: RefundId,
    pub payment: PaymentId,
    pub payer: AccountId,
    pub payee: AccountId,
    pub amount: Amount,
    /// What was paid back of the payment before, base units.
    pub before: u128,
    pub from: Option<AccountId>,
    pub is_rest: bool,
    pub tags: Tags,
    pub legs: u32,
    /// Its legs are always rows: each names the leg of the payment that it takes back.
    pub legs_at: u64,
    pub at_ns: u64,
    pub reason: String,
}

/// A document was created, changed or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentPut {
    pub kind: DocumentKind,
    pub id: String,
    pub revision: u64,
    pub is_deleted: bool,
    pub at_ns: u64,
}

/// What happened to a mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MandateStep {
    pub id: MandateId,
    pub payer: AccountId,
    pub change: MandateChange,
    pub at_ns: u64,
}

/// How a mandate changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MandateChange {
    Granted,
    Revoked,
    Paused,
    Resumed,
}

impl Parties {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.u128(self.payer.get());
        out.u128(self.payee.get());
        out.asset(self.asset);
        out.option(self.mandate, |out, mandate| out.u128(mandate.get()));
        self.tags.encode(out);
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            payer: from.id(AccountId::new)?,
            payee: from.id(AccountId::new)?,
            asset: from.asset()?,
            mandate: from.option(|from| from.id(MandateId::new))?,
            tags: Tags::decode(from)?,
        })
    }
}

impl ChannelPaid {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.u128(self.id.get());
        self.parties.encode(out);
        out.u128(self.units);
        out.u32(self.legs);
        self.legs_at.encode(out);
        out.u64(self.at_ns);
        out.str(&self.description);
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: from.id(ChannelId::new)?,
            parties: Parties::decode(from)?,
            units: from.u128()?,
            legs: from.u32()?,
            legs_at: LegsAt::decode(from)?,
            at_ns: from.u64()?,
            description: from.str()?.to_owned(),
        })
    }
}

impl Refunded {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.u128(self.id.get());
        out.u128(self.payment.get());
        out.u128(self.payer.get());
        out.u128(self.payee.get());
        out.amount(self.amount);
        out.u128(self.before);
        out.option(self.from, |out, account| out.u128(account.get()));
        out.u8(u8::from(self.is_rest));
        self.tags.encode(out);
        out.u32(self.legs);
        out.u64(self.legs_at);
        out.u64(self.at_ns);
        out.str(&self.reason);
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: from.id(RefundId::new)?,
            payment: from.id(PaymentId::new)?,
            payer: from.id(AccountId::new)?,
            payee: from.id(AccountId::new)?,
            amount: from.amount()?,
            before: from.u128()?,
            from: from.option(|from| from.id(AccountId::new))?,
            is_rest: from.flag()?,
            tags: Tags::decode(from)?,
            legs: from.u32()?,
            legs_at: from.u64()?,
            at_ns: from.u64()?,
            reason: from.str()?.to_owned(),
        })
    }
}

impl DocumentPut {
    pub(super) fn encode(&self, out: &mut Encoder) {
        out.u8(self.kind as u8);
        out.str(&self.id);
        out.u64(self.revision);
        out.u8(u8::from(self.is_deleted));
        out.u64(self.at_ns);
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            kind: DocumentKind::decode(from)?,
            id: from.str()?.to_owned(),
            revision: from.u64()?,
            is_deleted: from.flag()?,
            at_ns: from.u64()?,
        })
    }
}

impl MandateStep {
    pub(super) fn encode(self, out: &mut Encoder) {
        out.u128(self.id.get());
        out.u128(self.payer.get());
        out.u8(self.change as u8);
        out.u64(self.at_ns);
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let (id, payer) = (from.id(MandateId::new)?, from.id(AccountId::new)?);
        let change = match from.u8()? {
            0 => MandateChange::Granted,
            1 => MandateChange::Revoked,
            2 => MandateChange::Paused,
            3 => MandateChange::Resumed,
            _ => return Err(Malformed("what happened to a mandate")),
        };
        Ok(Self { id, payer, change, at_ns: from.u64()? })
    }
}
