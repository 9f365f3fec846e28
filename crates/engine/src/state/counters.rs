//! The counters' part of the fold.

use super::State;
use super::apply::{Broken, broken};
use crate::counter::{COUNTERS_PER_PAYMENT_COUNT_MAX, Counter, CounterId};
use crate::entry::CountedBy;

impl State {
    /// Uses of a counter up to now; 0 if it has not begun or has ended.
    pub fn counter_uses(&self, id: CounterId) -> u32 {
        self.counters.used(&id, self.last_timestamp_ns / 1_000_000)
    }

    pub(super) fn count(
        &mut self,
        by: CountedBy,
        counters: &[Counter],
        at_ns: u64,
    ) -> Result<(), Broken> {
        if counters.is_empty() || counters.len() > COUNTERS_PER_PAYMENT_COUNT_MAX {
            return Err(broken("counted", "it counts nothing, or too much"));
        }
        if let CountedBy::Payment(payment) = by
            && self.is_held(payment)
        {
            self.counters.hold(payment);
        }
        for counter in counters {
            let taken = self.counters.take(by, counter, at_ns);
            taken.ok_or_else(|| broken("counted", "a use goes beyond its maximum"))?;
        }
        Ok(())
    }
}
