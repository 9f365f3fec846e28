//! When each of many small things is due at a fixed rate, and in which batches they leave.
//!
//! Invariant: the moment at which a thing is due follows from its number alone. A stall makes later
//! things late, which their latency shows; none is skipped and none is moved.

use std::ops::Range;

const SECOND_NS: u128 = 1_000_000_000;

/// A plan of departures; all times are nanoseconds since the start.
#[derive(Debug, Clone)]
pub struct Pace {
    per_s: u64,
    /// At least so long between two departures, so that things gather into batches.
    gather_ns: u64,
    batch: u64,
    total: u64,
    sent: u64,
    left_ns: Option<u64>,
}

impl Pace {
    /// `total` things, `per_s` a second, in batches of at most `batch`, at least `gather_ns` apart
    /// unless a batch is full.
    pub fn new(per_s: u64, total: u64, batch: u64, gather_ns: u64) -> Self {
        Self { per_s: per_s.max(1), gather_ns, batch, total, sent: 0, left_ns: None }
    }

    /// When this thing is due.
    pub fn due_ns(&self, index: u64) -> u64 {
        let ns = u128::from(index) * SECOND_NS / u128::from(self.per_s);
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// When the next batch is to leave; nothing once all are sent.
    pub fn departure_ns(&self) -> Option<u64> {
        if self.sent >= self.total {
            return None;
        }
        let due_ns = self.due_ns(self.sent);
        let Some(left_ns) = self.left_ns else { return Some(due_ns) };
        let full_ns = self.due_ns((self.sent + self.batch).min(self.total) - 1);
        Some(due_ns.max(left_ns.saturating_add(self.gather_ns).min(full_ns)))
    }

    /// Everything that is due at `now_ns`, as far as one batch holds it, leaves.
    pub fn depart(&mut self, now_ns: u64) -> Range<u64> {
        let due = u128::from(now_ns) * u128::from(self.per_s) / SECOND_NS + 1;
        let due =
            u64::try_from(due).unwrap_or(u64::MAX).min(self.total).min(self.sent + self.batch);
        let batch = self.sent..due.max(self.sent);
        // Whoever sleeps until a departure wakes a little late; that must not push the next one back.
        let planned_ns = self.departure_ns().unwrap_or(now_ns);
        self.left_ns = Some(planned_ns.max(now_ns.saturating_sub(self.gather_ns)));
        self.sent = batch.end;
        batch
    }

    /// How long the next thing has been due at `now_ns`; zero if it is not.
    pub fn behind_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.due_ns(self.sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Leaves at each departure, as a generator without delay does.
    fn batches(mut pace: Pace) -> Vec<(u64, Range<u64>)> {
        let mut left = Vec::new();
        while let Some(at) = pace.departure_ns() {
            left.push((at, pace.depart(at)));
        }
        left
    }

    #[test]
    fn at_a_low_rate_each_leaves_alone_when_it_is_due() {
        let left = batches(Pace::new(1_000, 4, 8_189, MS));
        assert_eq!(left, [(0, 0..1), (MS, 1..2), (2 * MS, 2..3), (3 * MS, 3..4)]);
    }

    #[test]
    fn at_a_high_rate_a_batch_gathers_what_is_due() {
        let left = batches(Pace::new(1_000_000, 2_500, 8_189, MS));
        assert_eq!(
            left,
            [(0, 0..1), (MS, 1..1_001), (2 * MS, 1_001..2_001), (2_499_000, 2_001..2_500)]
        );
    }

    #[test]
    fn a_full_batch_does_not_wait() {
        let left = batches(Pace::new(1_000_000, 400, 100, MS));
        assert_eq!(left[1], (100_000, 1..101));
        assert!(left.iter().all(|(_, batch)| batch.end - batch.start <= 100));
    }

    #[test]
    fn waking_late_does_not_add_up() {
        let mut pace = Pace::new(1_000, 50, 8_189, MS);
        let mut worst = 0;
        while let Some(at) = pace.departure_ns() {
            let batch = pace.depart(at + MS / 10);
            assert_eq!(batch.end - batch.start, 1);
            worst = worst.max(at - pace.due_ns(batch.start));
        }
        assert_eq!(worst, 0);
    }

    #[test]
    fn a_stall_moves_no_due_time_and_skips_nothing() {
        let mut pace = Pace::new(1_000, 100, 10, MS);
        assert_eq!(pace.depart(0), 0..1);
        assert_eq!(pace.depart(50 * MS), 1..11);
        assert_eq!(pace.due_ns(1), MS);
        assert_eq!(pace.behind_ns(50 * MS), 39 * MS);
        // Behind, so the next batch is already full and leaves at once.
        assert!(pace.departure_ns().unwrap() <= 50 * MS);
        assert_eq!(pace.depart(50 * MS), 11..21);
        let rest: u64 = batches(pace).iter().map(|(_, batch)| batch.end - batch.start).sum();
        assert_eq!(rest, 79);
    }
}
