//! What a held payment may settle for, and when it may be released.

use money::PaymentId;

use crate::entry::{Entry, ReleaseReason};
use crate::error::{ReleaseError, SettleError};
use crate::outcome::Outcome;
use crate::state::{Progress, State};

/// The entry that settles a held payment for `units`, or all of it.
///
/// A part is shared among the legs in proportion, each rounded down: the payer gains the rest.
pub(crate) fn settle_entry(
    state: &State,
    id: PaymentId,
    units: Option<u128>,
    outcome: Option<Outcome>,
) -> Result<Entry, SettleError> {
    let payment = state.payments.get(&id).ok_or(SettleError::NotYours)?;
    if payment.progress != Progress::Held {
        return Err(SettleError::NotHeld);
    }
    let held = payment.amount.units();
    let units = units.unwrap_or(held);
    if units > held {
        return Err(SettleError::ExceedsHold);
    }
    let legs = payment
        .legs
        .iter()
        .map(|(_, leg)| part(*leg, units, held))
        .collect();
    Ok(Entry::PaymentSettled {
        payment: id,
        legs,
        outcome,
    })
}

/// `leg * units / held`, rounded down: the payer gains. A product beyond 128 bits, which needs a
/// price of billions, counts as nothing delivered.
fn part(leg: u128, units: u128, held: u128) -> u128 {
    if units == held {
        return leg;
    }
    leg.checked_mul(units)
        .and_then(|product| product.checked_div(held))
        .unwrap_or(0)
}

/// The entry that releases a held payment.
pub(crate) fn release_entry(
    state: &State,
    id: PaymentId,
    outcome: Option<Outcome>,
) -> Result<Entry, ReleaseError> {
    let payment = state.payments.get(&id).ok_or(ReleaseError::NotYours)?;
    if payment.progress != Progress::Held {
        return Err(ReleaseError::NotHeld);
    }
    Ok(Entry::PaymentReleased {
        payment: id,
        reason: ReleaseReason::NotDelivered,
        outcome,
    })
}
