//! What a held payment may settle for, and when it may be released.

use money::PaymentId;

use crate::entry::{Entry, ReleaseReason};
use crate::error::{ReleaseError, SettleError};
use crate::outcome::Outcome;
use crate::state::State;

/// The entry that settles a held payment for `units`, or all of it.
///
/// A part is shared among the legs in proportion, each rounded down: the payer gains the rest.
pub(crate) fn settle_entry(
    state: &State,
    id: PaymentId,
    units: Option<u128>,
    outcome: Option<Outcome>,
) -> Result<Entry, SettleError> {
    let Some(payment) = state.held.get(&id) else {
        let is_known = state.find_payment(id).is_some();
        return Err(if is_known { SettleError::NotHeld } else { SettleError::NotYours });
    };
    let held = payment.amount.units();
    let units = units.unwrap_or(held);
    if units > held {
        return Err(SettleError::ExceedsHold);
    }
    let mut accounts = payment.legs.iter().map(|(account, _)| *account).chain([payment.payer]);
    if accounts.any(|account| state.is_closed(account)) {
        return Err(SettleError::AccountClosed);
    }
    let legs = payment.legs.iter().map(|(_, leg)| part(*leg, units, held)).collect();
    Ok(Entry::PaymentSettled { payment: id, legs, outcome })
}

/// `leg * units / held`, rounded down: the payer gains. `leg` and `units` are `held` at most.
pub(super) fn part(leg: u128, units: u128, held: u128) -> u128 {
    if units == held {
        return leg;
    }
    match leg.checked_mul(units) {
        Some(product) => product.checked_div(held).unwrap_or(0),
        None => long_part(leg, units, held),
    }
}

/// As [`part`] for products beyond 128 bits: multiplies and divides bit by bit. The remainder stays
/// below `held`, and no sum is formed that could pass 128 bits.
fn long_part(leg: u128, units: u128, held: u128) -> u128 {
    let (mut quotient, mut remainder) = (0_u128, 0_u128);
    for bit in (0..u128::BITS).rev() {
        let addends = [remainder, if units >> bit & 1 == 1 { leg } else { 0 }];
        quotient <<= 1;
        for addend in addends {
            let room = held - remainder;
            if addend < room {
                remainder += addend;
            } else {
                remainder = addend - room;
                quotient += 1;
            }
        }
    }
    quotient
}

/// The entry that releases a held payment.
pub(crate) fn release_entry(
    state: &State,
    id: PaymentId,
    outcome: Option<Outcome>,
) -> Result<Entry, ReleaseError> {
    if !state.is_held(id) {
        let is_known = state.find_payment(id).is_some();
        return Err(if is_known { ReleaseError::NotHeld } else { ReleaseError::NotYours });
    }
    Ok(Entry::PaymentReleased { payment: id, reason: ReleaseReason::NotDelivered, outcome })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{long_part, part};

    #[test]
    fn a_part_of_a_great_hold_is_exact() {
        for held in [u128::MAX / 2, u128::MAX - 1, u128::MAX] {
            assert_eq!(part(held, held / 2, held), held / 2);
            assert_eq!(part(held - 1, held - 1, held), held - 2);
            assert_eq!(part(held, held - 1, held), held - 1);
        }
        assert_eq!(
            part(10_u128.pow(20), 5 * 10_u128.pow(19), 10_u128.pow(20)),
            5 * 10_u128.pow(19)
        );
    }

    proptest! {
        #[test]
        fn long_division_agrees_with_short(leg: u64, units: u64, held in 1_u64..) {
            let [leg, units, held] = [leg % held, units % held, held].map(u128::from);
            prop_assert_eq!(long_part(leg, units, held), leg * units / held);
        }
    }
}
