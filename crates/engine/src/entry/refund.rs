//! The entry of a refund, kind 21.
//!
//! It names everything that it moves: the fold never looks back for the payment.

use money::{AccountId, Asset, PaymentId, RefundId};

use super::decode_list;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::tags::Tags;

/// A refund as it was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewRefund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub payer: AccountId,
    /// The payee that the payment named.
    pub payee: AccountId,
    pub asset: Asset,
    /// What the payment came to.
    pub paid: u128,
    /// What was paid back of it before.
    pub before: u128,
    /// Who alone was to pay it back.
    pub from: Option<AccountId>,
    /// All that was left was asked for.
    pub is_rest: bool,
    /// Who pays back how much, nobody nothing.
    pub legs: Vec<RefundedLeg>,
    pub reason: String,
    /// The payment's.
    pub tags: Tags,
}

/// What comes back of one leg of the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefundedLeg {
    /// Which leg of the payment, from 0.
    pub index: u32,
    pub account: AccountId,
    pub units: u128,
}

impl NewRefund {
    /// What it comes to; `None` if that is beyond what can be counted.
    pub(crate) fn units(&self) -> Option<u128> {
        self.legs.iter().try_fold(0_u128, |sum, leg| sum.checked_add(leg.units))
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.u8(super::REFUNDED);
        out.u128(self.id.get());
        out.u128(self.payment.get());
        out.u128(self.payer.get());
        out.u128(self.payee.get());
        out.asset(self.asset);
        out.u128(self.paid);
        out.u128(self.before);
        out.option(self.from, |out, account| out.u128(account.get()));
        out.u8(u8::from(self.is_rest));
        out.len(self.legs.len());
        for leg in &self.legs {
            out.u32(leg.index);
            out.u128(leg.account.get());
            out.u128(leg.units);
        }
        out.str(&self.reason);
        self.tags.encode(out);
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let leg = |from: &mut Decoder<'_>| {
            let (index, account) = (from.u32()?, from.id(AccountId::new)?);
            Ok(RefundedLeg { index, account, units: from.u128()? })
        };
        Ok(Self {
            id: from.id(RefundId::new)?,
            payment: from.id(PaymentId::new)?,
            payer: from.id(AccountId::new)?,
            payee: from.id(AccountId::new)?,
            asset: from.asset()?,
            paid: from.u128()?,
            before: from.u128()?,
            from: from.option(|from| from.id(AccountId::new))?,
            is_rest: from.flag()?,
            legs: decode_list(from, leg)?,
            reason: from.str()?.to_owned(),
            tags: Tags::decode(from)?,
        })
    }
}
