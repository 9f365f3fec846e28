//! The refunds' part of the fold, and what is asked about them.

use ledger::{Kind, Transfer};
use money::{AccountId, Amount, PaymentId, RefundId, TransferId};
use sha2::{Digest, Sha256};

use super::apply::{Broken, broken, code};
use super::{PAYEES_COUNT_MAX, State};
use crate::entry::NewRefund;
use crate::past::{Record, Refunded};
use crate::refund::RefundView;

/// Id of the transfer that takes back a leg of a payment.
fn refund_transfer(refund: RefundId, leg: u32) -> TransferId {
    let digest = Sha256::new()
        .chain_update(b"farthing/refund/1")
        .chain_update(refund.to_be_bytes())
        .chain_update(leg.to_be_bytes())
        .finalize();
    TransferId::from_digest(&digest.into())
}

/// Ids of all transfers that a refund of a payment with so many legs can make.
pub(crate) fn refund_transfers(refund: RefundId, legs: u32) -> impl Iterator<Item = TransferId> {
    (0..legs).map(move |leg| refund_transfer(refund, leg))
}

impl State {
    pub(super) fn refund(&mut self, new: &NewRefund, at_ns: u64) -> Result<(), Broken> {
        let misfit = |what| Err(broken("refunded", what));
        let Some(units) = new.units().filter(|units| *units > 0) else {
            return misfit("it pays nothing back");
        };
        if new.before.checked_add(units).is_none_or(|refunded| refunded > new.paid) {
            return misfit("more is paid back than was paid");
        }
        let in_order = new.legs.is_sorted_by(|one, next| one.index < next.index);
        if !in_order || new.legs.len() > PAYEES_COUNT_MAX + 1 {
            return misfit("its legs are not those of a payment");
        }
        let last = new.legs.len().saturating_sub(1);
        let transfer = |(place, leg): (usize, &crate::entry::RefundedLeg)| Transfer {
            id: refund_transfer(new.id, leg.index),
            kind: Kind::SINGLE,
            debit_account: leg.account,
            credit_account: new.payer,
            asset: new.asset,
            amount: leg.units,
            code: code::REFUND,
            user_data: new.payment.get(),
            user_data_64: 0,
            user_data_32: leg.index,
            linked: place < last,
        };
        let transfers: Vec<Transfer> = new.legs.iter().enumerate().map(transfer).collect();
        let legs_at = self.next_row();
        self.transfer("refunded", &transfers, at_ns)?;
        self.put(&Record::Refunded(Box::new(Refunded {
            id: new.id,
            payment: new.payment,
            payer: new.payer,
            payee: new.payee,
            amount: Amount::new(units, new.asset),
            before: new.before,
            from: new.from,
            is_rest: new.is_rest,
            tags: new.tags,
            legs: u32::try_from(new.legs.len()).unwrap_or(u32::MAX),
            legs_at,
            at_ns,
            reason: new.reason.clone(),
        })))
    }

    /// One refund.
    pub fn refund_view(&self, id: RefundId) -> Option<RefundView> {
        self.answer(self.records.refund(id)).map(|refunded| RefundView::of(&refunded))
    }

    /// The refunds of a payment, oldest first.
    pub fn refunds_of(&self, payment: PaymentId) -> Vec<RefundView> {
        let refunded = self.answer(self.records.refunds_of(payment));
        refunded.iter().map(RefundView::of).collect()
    }

    /// What was paid back of a payment, base units.
    pub(crate) fn refunded(&self, payment: PaymentId) -> u128 {
        self.answer(self.records.refunds_of(payment)).last().map_or(0, Refunded::total)
    }

    /// What each leg of a settled payment has received: the account and base units.
    pub(crate) fn settled_legs(
        &self,
        payment: PaymentId,
        legs: u32,
    ) -> Result<Vec<(AccountId, u128)>, index::Error> {
        let mut found = Vec::new();
        for leg in 0..legs {
            let position = self.settled_leg(payment, leg as usize)?;
            let row = position.map(|position| self.row(position)).transpose()?;
            let leg = row
                .and_then(|row| Some((AccountId::new(row.credit_account()).ok()?, row.amount())));
            found.push(leg.ok_or_else(|| index::Error::Stopped {
                cause: format!("a leg of payment {payment} is not in the ledger"),
            })?);
        }
        Ok(found)
    }

    /// Takes from what each leg has received what was paid back of it.
    pub(crate) fn take_refunded(
        &self,
        refunds: &[Refunded],
        legs: &mut [(AccountId, u128)],
    ) -> Result<(), index::Error> {
        for refund in refunds {
            for position in refund.legs_at..refund.legs_at + u64::from(refund.legs) {
                let row = self.row(position)?;
                if let Some((_, left)) = legs.get_mut(row.user_data_32() as usize) {
                    *left = left.saturating_sub(row.amount());
                }
            }
        }
        Ok(())
    }
}

impl Refunded {
    /// All that was paid back of the payment up to here, base units.
    pub(crate) fn total(&self) -> u128 {
        self.before.saturating_add(self.amount.units())
    }
}

impl RefundView {
    pub(crate) fn of(refunded: &Refunded) -> Self {
        Self {
            refund: refunded.id,
            payment: refunded.payment,
            payer: refunded.payer,
            from: refunded.from,
            amount: refunded.amount,
            refunded: Amount::new(refunded.total(), refunded.amount.asset()),
            reason: refunded.reason.clone(),
            at_ns: refunded.at_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_have_the_same_ids_on_every_machine() {
        let id = refund_transfer(RefundId::new(1).unwrap(), 2).to_string();
        assert_eq!(id, "tr_7qakmepg584ajta20wfsnvkvr8");
    }
}
