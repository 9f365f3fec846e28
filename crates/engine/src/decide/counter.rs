//! Whether counters have uses left.

use crate::counter::{
    COUNTERS_COUNT_MAX, COUNTERS_FREE_COUNT_MAX, COUNTERS_PER_PAYMENT_COUNT_MAX, Count, CountError,
    Counted, Counter,
};
use crate::error::AuthorizeError;
use crate::state::State;

/// Whether a payment can take its counters, at the moment that its entry will have.
pub(super) fn check_counters(
    state: &State,
    counters: &[Counter],
    at_ms: u64,
) -> Result<(), AuthorizeError> {
    for (index, counter) in counters.iter().enumerate() {
        let before = counters.iter().take(index).filter(|earlier| earlier.id == counter.id).count();
        if !has_left(state, counter, before as u64, at_ms) {
            return Err(AuthorizeError::CounterExhausted);
        }
    }
    let is_few = counters.len() <= COUNTERS_PER_PAYMENT_COUNT_MAX;
    if is_few && state.counters.has_room_for(counters, COUNTERS_COUNT_MAX) {
        Ok(())
    } else {
        Err(AuthorizeError::TooManyCounters)
    }
}

/// Whether a use without a payment can be counted, or was.
pub(crate) fn count(state: &State, count: &Count, at_ms: u64) -> Result<Counted, CountError> {
    if let Some(used) = state.counters.known(count, at_ms) {
        return Ok(Counted { used, again: true });
    }
    if count.account.is_some_and(|account| state.ledger.account(account).is_none()) {
        return Err(CountError::UnknownAccount);
    }
    if !has_left(state, &count.counter, 0, at_ms) {
        return Err(CountError::Exhausted);
    }
    let is_free = count.account.is_some();
    let count_max = if is_free { COUNTERS_FREE_COUNT_MAX } else { COUNTERS_COUNT_MAX };
    if !state.counters.has_room_for(&[count.counter], count_max) {
        return Err(CountError::TooMany);
    }
    let used = state.counters.used(&count.counter.id, at_ms) + 1;
    Ok(Counted { used, again: false })
}

fn has_left(state: &State, counter: &Counter, before: u64, at_ms: u64) -> bool {
    let used = u64::from(state.counters.used(&counter.id, at_ms)) + before;
    counter.ends_at_ms > at_ms && used < u64::from(counter.max)
}
