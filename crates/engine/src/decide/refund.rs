//! Whether a payment may be paid back, and who pays how much.

use std::collections::BTreeMap;

use money::AccountId;

use super::Decision;
use super::settle::part;
use crate::entry::{Entry, NewRefund, RefundedLeg};
use crate::error::Unavailable;
use crate::past::Refunded;
use crate::refund::{REFUNDS_PER_PAYMENT_COUNT_MAX, Refund, RefundError};
use crate::state::{Payment, Progress, REASON_BYTES_MAX, State, cut, refund_transfers};

/// The entry that pays a payment back.
pub(crate) fn refund(state: &State, refund: &Refund) -> Result<Decision<Entry>, RefundError> {
    let reason = cut(&refund.reason, REASON_BYTES_MAX);
    if let Some(known) = state.answer(state.records.refund(refund.id)) {
        let is_same = is_same(&known, refund, &reason);
        return if is_same { Ok(Decision::AlreadyDone) } else { Err(RefundError::IdTaken) };
    }
    let payment = state.find_payment(refund.payment).ok_or(RefundError::UnknownPayment)?;
    let Progress::Settled { units: paid, .. } = payment.progress else {
        return Err(RefundError::NotSettled);
    };
    let count = u32::try_from(payment.legs.len()).unwrap_or(u32::MAX);
    // A batch of the ledger's own transfers can have taken one of the ids.
    if refund_transfers(refund.id, count).any(|id| state.is_used(id)) {
        return Err(RefundError::IdTaken);
    }
    let refunds = state.answer(state.records.refunds_of(refund.payment));
    let before = refunds.last().map_or(0, Refunded::total);
    let left = left(state, refund, count, &refunds)?;
    let legs = shares(&left, refund)?;
    if refunds.len() >= REFUNDS_PER_PAYMENT_COUNT_MAX {
        return Err(RefundError::TooMany);
    }
    check_accounts(state, &payment, &legs)?;
    Ok(Decision::Entry(Entry::Refunded(Box::new(NewRefund {
        id: refund.id,
        payment: refund.payment,
        payer: payment.payer,
        payee: payment.payee,
        asset: payment.amount.asset(),
        paid,
        before,
        from: refund.from,
        is_rest: refund.units.is_none(),
        legs,
        reason,
        tags: payment.tags,
    }))))
}

fn is_same(known: &Refunded, refund: &Refund, reason: &str) -> bool {
    let asked = (!known.is_rest).then_some(known.amount.units());
    (known.payment, known.from, asked) == (refund.payment, refund.from, refund.units)
        && known.reason == reason
}

/// What can still come back of each leg; nothing of those that are not asked.
fn left(
    state: &State,
    refund: &Refund,
    count: u32,
    refunds: &[Refunded],
) -> Result<Vec<(AccountId, u128)>, RefundError> {
    let found = state.settled_legs(refund.payment, count).and_then(|mut legs| {
        state.take_refunded(refunds, &mut legs)?;
        Ok(legs)
    });
    let mut legs = found.map_err(|why| {
        state.note(&why);
        Unavailable::Stopped
    })?;
    if let Some(from) = refund.from {
        if legs.iter().all(|(account, _)| *account != from) {
            return Err(RefundError::NotPayee);
        }
        legs.iter_mut().filter(|(account, _)| *account != from).for_each(|(_, left)| *left = 0);
    }
    Ok(legs)
}

/// Who pays how much: each its part of what is left, rounded down; the base units that this leaves
/// over, fewer than there are legs, come from the first legs that have some left. The payer gets what
/// was asked for to the last unit.
fn shares(left: &[(AccountId, u128)], refund: &Refund) -> Result<Vec<RefundedLeg>, RefundError> {
    let all = left.iter().fold(0_u128, |sum, (_, left)| sum.saturating_add(*left));
    let units = refund.units.unwrap_or(all);
    if refund.units == Some(0) {
        return Err(RefundError::Zero);
    }
    if all == 0 {
        return Err(RefundError::NothingLeft);
    }
    if units > all {
        return Err(RefundError::TooMuch { left: all });
    }
    let mut parts: Vec<u128> = left.iter().map(|(_, left)| part(*left, units, all)).collect();
    let mut over = parts.iter().fold(units, |over, part| over.saturating_sub(*part));
    for (part, (_, left)) in parts.iter_mut().zip(left) {
        let more = over.min(left.saturating_sub(*part));
        *part = part.saturating_add(more);
        over = over.saturating_sub(more);
    }
    let legs = (0..).zip(left).zip(parts).filter(|(_, units)| *units > 0);
    Ok(legs
        .map(|((index, (account, _)), units)| RefundedLeg { index, account: *account, units })
        .collect())
}

fn check_accounts(
    state: &State,
    payment: &Payment,
    legs: &[RefundedLeg],
) -> Result<(), RefundError> {
    let accounts = [payment.payer].into_iter().chain(legs.iter().map(|leg| leg.account));
    for account in accounts {
        if state.is_closed(account) {
            return Err(RefundError::AccountClosed { account });
        }
    }
    let mut owed: BTreeMap<AccountId, u128> = BTreeMap::new();
    for leg in legs {
        let sum = owed.entry(leg.account).or_default();
        *sum = sum.saturating_add(leg.units);
    }
    for (account, units) in owed {
        let available = state.ledger.account(account).map_or(0, |found| found.balances.available());
        if available < units {
            return Err(RefundError::PayeeShort { account });
        }
    }
    if !super::fund::has_room(state, payment.amount) {
        return Err(Unavailable::Stopped.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use money::{PaymentId, RefundId};
    use proptest::prelude::*;

    use super::*;

    fn of(units: Option<u128>) -> Refund {
        Refund {
            id: RefundId::new(1).unwrap(),
            payment: PaymentId::new(1).unwrap(),
            from: None,
            units,
            reason: String::new(),
        }
    }

    proptest! {
        /// However a payment is paid back in parts: no leg gives more than it has, each part comes
        /// to what was asked for, and at the end nothing is left.
        #[test]
        fn parts_take_each_leg_back_exactly(
            legs in prop::collection::vec(0_u128..1_000, 1..6),
            parts in prop::collection::vec(1_u128..500, 0..20),
        ) {
            let account = |index: usize| AccountId::new(index as u128 + 1).unwrap();
            let mut left: Vec<_> =
                legs.iter().enumerate().map(|(index, units)| (account(index), *units)).collect();
            for asked in parts.into_iter().map(Some).chain([None]) {
                let all: u128 = left.iter().map(|(_, left)| left).sum();
                match shares(&left, &of(asked)) {
                    Ok(shares) => {
                        let sum: u128 = shares.iter().map(|leg| leg.units).sum();
                        prop_assert_eq!(sum, asked.unwrap_or(all));
                        for leg in shares {
                            let (account, left) = &mut left[leg.index as usize];
                            prop_assert_eq!(*account, leg.account);
                            *left = left.checked_sub(leg.units).unwrap();
                        }
                    }
                    Err(RefundError::NothingLeft) => prop_assert_eq!(all, 0),
                    Err(why) => {
                        prop_assert!(asked > Some(all));
                        prop_assert_eq!(why, RefundError::TooMuch { left: all });
                    }
                }
            }
            prop_assert!(left.iter().all(|(_, left)| *left == 0));
        }
    }

    #[test]
    fn each_pays_its_proportion_and_the_first_what_is_left_over() {
        let account = |id| AccountId::new(id).unwrap();
        let left = [(account(1), 600), (account(2), 300), (account(3), 100)];
        let paid = |units| {
            let shares = shares(&left, &of(Some(units))).unwrap();
            shares.iter().map(|leg| leg.units).collect::<Vec<_>>()
        };
        assert_eq!(paid(500), [300, 150, 50]);
        assert_eq!(paid(7), [5, 2]);
        assert_eq!(paid(1), [1]);
    }
}
