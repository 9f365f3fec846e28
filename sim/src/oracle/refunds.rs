//! The naive way of a refund: unit by unit where the engine divides.

use engine::{PaymentState, Refund};
use ledger::{Kind, Transfer};
use money::{AccountId, RefundId, TransferId};
use sha2::{Digest, Sha256};

use super::model::Model;
use crate::request::Answer;

/// Code of a transfer that pays a leg of a payment back.
const REFUND_CODE: u16 = 4;

/// Refunds that one payment can have.
const REFUNDS_MAX: usize = 100;

impl Model {
    pub(super) fn refund(&mut self, refund: &Refund) -> Answer {
        if let Some((old, units, in_all)) = self.refunds.get(&refund.id) {
            let is_same = old == refund;
            return if is_same {
                Answer::PaidBack(*units, *in_all)
            } else {
                Answer::Refused("refund_id_taken")
            };
        }
        match self.take_back(refund) {
            Ok((units, in_all)) => {
                self.refunds.insert(refund.id, (refund.clone(), units, in_all));
                Answer::PaidBack(units, in_all)
            }
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    fn take_back(&mut self, refund: &Refund) -> Result<(u128, u128), &'static str> {
        let payment = self.payments.get(&refund.payment).ok_or("payment_unknown")?;
        if payment.state != PaymentState::Settled {
            return Err("payment_not_settled");
        }
        let order = *payment.command.order.get();
        let accounts: Vec<AccountId> = payment.legs.iter().map(|(account, _)| *account).collect();
        if refund.from.is_some_and(|from| !accounts.contains(&from)) {
            return Err("not_a_payee");
        }
        let is_asked = |account: &AccountId| refund.from.is_none_or(|from| from == *account);
        let left = accounts.iter().zip(&payment.left);
        let left: Vec<u128> =
            left.map(|(account, left)| if is_asked(account) { *left } else { 0 }).collect();
        let all: u128 = left.iter().sum();
        let units = refund.units.unwrap_or(all);
        if refund.units == Some(0) {
            return Err("amount_zero");
        }
        if all == 0 {
            return Err("nothing_left_to_refund");
        }
        if units > all {
            return Err("refund_too_much");
        }
        let of_payment = self.refunds.values().filter(|(old, ..)| old.payment == refund.payment);
        if of_payment.count() >= REFUNDS_MAX {
            return Err("too_many_refunds");
        }
        let mut parts: Vec<u128> = left.iter().map(|left| left * units / all).collect();
        while parts.iter().sum::<u128>() < units {
            let next = parts.iter_mut().zip(&left).find(|(part, left)| **part < **left);
            *next.ok_or("nobody has the last units")?.0 += 1;
        }
        let available = |account: &AccountId| {
            self.books.accounts.get(account).map_or(0, |found| found.balances.available())
        };
        for account in &accounts {
            let own = accounts.iter().zip(&parts).filter(|(other, _)| *other == account);
            if own.map(|(_, part)| part).sum::<u128>() > available(account) {
                return Err("payee_short");
            }
        }
        self.pay_back(refund, &accounts, &parts, (order.payer, order.amount.asset()));
        let payment = self.payments.get_mut(&refund.payment).ok_or("payment_unknown")?;
        for (left, part) in payment.left.iter_mut().zip(&parts) {
            *left -= part;
        }
        Ok((units, payment.units - payment.left.iter().sum::<u128>()))
    }

    fn pay_back(
        &mut self,
        refund: &Refund,
        accounts: &[AccountId],
        parts: &[u128],
        (payer, asset): (AccountId, money::Asset),
    ) {
        let legs = (0_u32..).zip(accounts.iter().zip(parts)).filter(|(_, (_, part))| **part > 0);
        let mut transfers: Vec<Transfer> = legs
            .map(|(index, (account, part))| Transfer {
                id: refund_transfer(refund.id, index),
                kind: Kind::SINGLE,
                debit_account: *account,
                credit_account: payer,
                asset,
                amount: *part,
                code: REFUND_CODE,
                user_data: refund.payment.get(),
                user_data_64: 0,
                user_data_32: index,
                linked: true,
            })
            .collect();
        if let Some(last) = transfers.last_mut() {
            last.linked = false;
        }
        self.books.create_transfers(&transfers);
    }

    /// Checks that no payment was paid back beyond what it came to.
    pub fn check_refunds(&self) -> Result<(), String> {
        for (id, payment) in &self.payments {
            let own = self.refunds.values().filter(|(refund, ..)| refund.payment == *id);
            let back: u128 = own.map(|(_, units, _)| units).sum();
            if back > payment.units {
                return Err(format!("{id} came to {}, and {back} was paid back", payment.units));
            }
        }
        Ok(())
    }
}

fn refund_transfer(refund: RefundId, leg: u32) -> TransferId {
    let digest = Sha256::new()
        .chain_update(b"farthing/refund/1")
        .chain_update(refund.to_be_bytes())
        .chain_update(leg.to_be_bytes())
        .finalize();
    TransferId::from_digest(&digest.into())
}
