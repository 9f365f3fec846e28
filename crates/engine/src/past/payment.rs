//! Records of payments: as one was opened, and how one that was held ended.
//!
//! A record that counts as an event says by itself what the event says, its legs apart: those are
//! rows of the ledger, whose place it names.

use money::{AccountId, Amount, MandateId, PaymentId};

use super::record::RECORD_BYTES;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::state::{Payment, Progress, cut};
use crate::tags::Tags;

/// Who named a payment and how: payer's key and fingerprint, each SHA-256.
type Name = ([u8; 32], [u8; 32]);

/// A payment as it was authorized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opened {
    pub id: PaymentId,
    /// Without its legs, which are transfers of the ledger; held unless it was charged at once.
    pub payment: Payment,
    /// How many legs it has.
    pub legs: u32,
    pub name: Option<Name>,
    /// Set if it counts as an event.
    pub legs_at: Option<LegsAt>,
}

/// Where the legs of a payment, settlement or refund are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LegsAt {
    /// Nowhere: the payee alone has all of it.
    Alone,
    /// In the rows of the ledger from this position on.
    Row(u64),
}

/// The end of a payment that was held, as an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub payer: AccountId,
    pub payee: AccountId,
    /// What was held.
    pub authorized: Amount,
    pub mandate: Option<MandateId>,
    pub tags: Tags,
    pub legs: u32,
    pub legs_at: LegsAt,
    pub authorized_at_ns: u64,
    pub at_ns: u64,
    pub description: String,
}

impl LegsAt {
    /// The legs of a payment to `payee`, the first of which is the row at `position`.
    pub(crate) fn of(payee: AccountId, legs: &[(AccountId, u128)], position: u64) -> Self {
        match legs {
            [(account, _)] if *account == payee => Self::Alone,
            _ => Self::Row(position),
        }
    }

    pub(super) fn encode(self, out: &mut Encoder) {
        out.u64(match self {
            Self::Alone => u64::MAX,
            Self::Row(position) => position,
        });
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(match from.u64()? {
            u64::MAX => Self::Alone,
            position => Self::Row(position),
        })
    }
}

impl Opened {
    pub(super) fn encode(&self, out: &mut Encoder) {
        let Self { id, payment, legs, name, legs_at } = self;
        out.u128(id.get());
        out.u128(payment.payer.get());
        out.u128(payment.payee.get());
        out.amount(payment.amount);
        out.raw(&payment.order_digest);
        out.option(payment.mandate, |out, mandate| out.u128(mandate.get()));
        out.u32(*legs);
        out.u64(payment.authorized_at_ns);
        out.u8(u8::from(payment.progress != Progress::Held));
        out.option(name.as_ref(), |out, (key, fingerprint)| {
            out.raw(key);
            out.raw(fingerprint);
        });
        if let Some(legs_at) = legs_at {
            payment.tags.encode(out);
            legs_at.encode(out);
        }
        // With all of the above the row has no room for the longest one.
        let room = RECORD_BYTES.saturating_sub(out.bytes.len() + size_of::<u32>());
        out.str(&cut(&payment.description, room));
    }

    pub(super) fn decode(from: &mut Decoder<'_>, is_event: bool) -> Result<Self, Malformed> {
        let id = from.id(PaymentId::new)?;
        let (payer, payee) = (from.id(AccountId::new)?, from.id(AccountId::new)?);
        let amount: Amount = from.amount()?;
        let order_digest = from.array()?;
        let mandate = from.option(|from| from.id(MandateId::new))?;
        let legs = from.u32()?;
        let authorized_at_ns = from.u64()?;
        let progress = if from.flag()? {
            Progress::Settled { units: amount.units(), at_ns: authorized_at_ns }
        } else {
            Progress::Held
        };
        let name = from.option(|from| Ok((from.array()?, from.array()?)))?;
        let tags = if is_event { Tags::decode(from)? } else { Tags::default() };
        let legs_at = if is_event { Some(LegsAt::decode(from)?) } else { None };
        let description = from.str()?.to_owned();
        let payment = Payment {
            order_digest,
            payer,
            payee,
            amount,
            mandate,
            legs: Vec::new(),
            description,
            authorized_at_ns,
            progress,
            tags,
        };
        Ok(Self { id, payment, legs, name, legs_at })
    }
}

impl Ended {
    pub(crate) fn of(payment: Payment, first_row: u64, at_ns: u64) -> Self {
        Self {
            payer: payment.payer,
            payee: payment.payee,
            authorized: payment.amount,
            mandate: payment.mandate,
            tags: payment.tags,
            legs: u32::try_from(payment.legs.len()).unwrap_or(u32::MAX),
            legs_at: LegsAt::of(payment.payee, &payment.legs, first_row),
            authorized_at_ns: payment.authorized_at_ns,
            at_ns,
            description: payment.description,
        }
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.u128(self.payer.get());
        out.u128(self.payee.get());
        out.amount(self.authorized);
        out.option(self.mandate, |out, mandate| out.u128(mandate.get()));
        self.tags.encode(out);
        out.u32(self.legs);
        self.legs_at.encode(out);
        out.u64(self.authorized_at_ns);
        out.u64(self.at_ns);
        out.str(&self.description);
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            payer: from.id(AccountId::new)?,
            payee: from.id(AccountId::new)?,
            authorized: from.amount()?,
            mandate: from.option(|from| from.id(MandateId::new))?,
            tags: Tags::decode(from)?,
            legs: from.u32()?,
            legs_at: LegsAt::decode(from)?,
            authorized_at_ns: from.u64()?,
            at_ns: from.u64()?,
            description: from.str()?.to_owned(),
        })
    }
}
