//! Payments as the state remembers them.
//!
//! Progress: `Held` goes to `Settled` or `Released`; both are final. A charge starts at `Settled`.

use money::{AccountId, Amount, MandateId, PaymentId, TransferId};
use sha2::{Digest, Sha256};

use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::{NewPayment, ReleaseReason, decode_list};
use crate::tags::Tags;

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The money is held.
    Held,
    /// The money was posted: `units` of it, at `at_ns`.
    Settled { units: u128, at_ns: u64 },
    /// The hold was released, nothing was paid.
    Released { reason: ReleaseReason },
}

impl Progress {
    pub(crate) fn encode(self, out: &mut Encoder) {
        match self {
            Self::Held => out.u8(0),
            Self::Settled { units, at_ns } => {
                out.u8(1);
                out.u128(units);
                out.u64(at_ns);
            }
            Self::Released { reason } => {
                out.u8(2);
                out.u8(reason as u8);
            }
        }
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.u8()? {
            0 => Ok(Self::Held),
            1 => Ok(Self::Settled { units: from.u128()?, at_ns: from.u64()? }),
            2 => Ok(Self::Released { reason: ReleaseReason::decode(from)? }),
            _ => Err(Malformed("payment progress")),
        }
    }
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payment {
    pub order_digest: [u8; 32],
    pub payer: AccountId,
    pub payee: AccountId,
    pub amount: Amount,
    pub mandate: Option<MandateId>,
    pub legs: Vec<(AccountId, u128)>,
    pub description: String,
    pub authorized_at_ns: u64,
    pub progress: Progress,
    pub tags: Tags,
}

/// Which transfer of a payment's leg is meant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Phase {
    /// The pending transfer, or the single one of a charge.
    Open,
    /// The post or void that resolves it.
    Close,
}

/// Id of the transfer that carries one leg of a payment.
pub(crate) fn leg_transfer(payment: PaymentId, index: usize, phase: Phase) -> TransferId {
    let digest = Sha256::new()
        .chain_update(b"farthing/leg/1")
        .chain_update(payment.to_be_bytes())
        .chain_update([phase as u8])
        .chain_update((index as u64).to_be_bytes())
        .finalize();
    TransferId::from_digest(&digest.into())
}

/// Ids of the transfers that open and close the legs of a payment.
pub(crate) fn leg_transfers(payment: PaymentId, legs: usize) -> impl Iterator<Item = TransferId> {
    let of =
        move |index| [Phase::Open, Phase::Close].map(|phase| leg_transfer(payment, index, phase));
    (0..legs).flat_map(of)
}

/// Id of the transfer that lets money enter. Derived, so that no choice of `fund` can occupy the
/// id of a leg that is still to come.
pub(crate) fn fund_transfer(fund: TransferId) -> TransferId {
    let digest =
        Sha256::new().chain_update(b"farthing/fund/1").chain_update(fund.to_be_bytes()).finalize();
    TransferId::from_digest(&digest.into())
}

impl Payment {
    pub(crate) fn new(new: &NewPayment, progress: Progress, authorized_at_ns: u64) -> Self {
        let order = new.order.unverified();
        Self {
            order_digest: order.digest(),
            payer: order.payer,
            payee: order.payee,
            amount: order.amount,
            mandate: order.mandate,
            legs: new.legs.clone(),
            description: new.description.clone(),
            authorized_at_ns,
            progress,
            tags: new.tags,
        }
    }

    /// Without its tags.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.raw(&self.order_digest);
        out.u128(self.payer.get());
        out.u128(self.payee.get());
        out.amount(self.amount);
        out.option(self.mandate, |out, mandate| out.u128(mandate.get()));
        out.len(self.legs.len());
        for (account, units) in &self.legs {
            out.u128(account.get());
            out.u128(*units);
        }
        out.str(&self.description);
        out.u64(self.authorized_at_ns);
        self.progress.encode(out);
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            order_digest: from.array()?,
            payer: from.id(AccountId::new)?,
            payee: from.id(AccountId::new)?,
            amount: from.amount()?,
            mandate: from.option(|from| from.id(MandateId::new))?,
            legs: decode_list(from, |from| Ok((from.id(AccountId::new)?, from.u128()?)))?,
            description: from.str()?.to_owned(),
            authorized_at_ns: from.u64()?,
            progress: Progress::decode(from)?,
            tags: Tags::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_have_the_same_ids_on_every_machine() {
        let payment = PaymentId::new(1).unwrap();
        let open = leg_transfer(payment, 0, Phase::Open).to_string();
        assert_eq!(open, "tr_780qkpf46qrfq3nsbts8tm6pf8");
        let close = leg_transfer(payment, 3, Phase::Close).to_string();
        assert_eq!(close, "tr_4dvsbd1ha33d0mj8ze1eztpj6a");
    }
}
