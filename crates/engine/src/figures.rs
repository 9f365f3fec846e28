//! Figures of a running engine for who watches it: counted by the threads that do the work, read by any
//! thread without asking the writer.
//!
//! Invariants: a counted figure never gets smaller; nothing is decided by it. A reader may see a count
//! without its sum for a moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in microseconds: from a tenth of a millisecond to ten seconds.
pub const BOUNDS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// What falls into each bucket, the last one above all bounds.
pub type Buckets = [u64; BOUNDS_US.len() + 1];

/// How long things took.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// A histogram at one moment, or what was added between two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// How many fell into each bucket.
    pub buckets: Buckets,
    /// All of them together, in microseconds.
    pub sum_us: u64,
}

/// What the threads of an engine count.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Number of the last durable batch.
    pub(crate) batch: AtomicU64,
    pub(crate) syncs: Histogram,
}

/// An engine at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineFigures {
    /// Commands that wait for the writer.
    pub waiting: usize,
    /// Number of the last durable batch, counted from the beginning of the journal.
    pub batch: u64,
    /// How long it took to write and sync a batch, since the start.
    pub syncs: Reading,
    /// The writer has stopped for good.
    pub has_stopped: bool,
}

impl Histogram {
    /// Notes one.
    pub fn note(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(BOUNDS_US.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// As it is now.
    pub fn read(&self) -> Reading {
        Reading {
            buckets: std::array::from_fn(|i| self.buckets[i].load(Ordering::Relaxed)),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
}

impl Reading {
    /// How many were noted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What came after an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            buckets: std::array::from_fn(|i| self.buckets[i].saturating_sub(earlier.buckets[i])),
            sum_us: self.sum_us.saturating_sub(earlier.sum_us),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            buckets: std::array::from_fn(|i| self.buckets[i] + other.buckets[i]),
            sum_us: self.sum_us.saturating_add(other.sum_us),
        }
    }

    /// The bound below which so many of a hundred lie, in microseconds; `None` if there is none. Above
    /// the last bound it is the last bound.
    pub fn percentile_us(&self, percent: u64) -> Option<u64> {
        let count = self.count();
        let rank = (count * percent).div_ceil(100).max(1);
        let mut below = 0;
        let reached = self.buckets.iter().position(|in_bucket| {
            below += in_bucket;
            below >= rank
        })?;
        (count > 0).then(|| BOUNDS_US[reached.min(BOUNDS_US.len() - 1)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_falls_into_the_bucket_of_its_bound() {
        let histogram = Histogram::default();
        for us in [0, 100, 101, 10_000_000, 10_000_001] {
            histogram.note(Duration::from_micros(us));
        }
        let reading = histogram.read();
        assert_eq!((reading.buckets[0], reading.buckets[1]), (2, 1));
        assert_eq!((reading.buckets[15], reading.buckets[16]), (1, 1));
        assert_eq!((reading.count(), reading.sum_us), (5, 20_000_202));
    }

    #[test]
    fn percentiles_are_bounds() {
        let histogram = Histogram::default();
        assert_eq!(histogram.read().percentile_us(50), None);
        (0..99).for_each(|_| histogram.note(Duration::from_micros(900)));
        let before = histogram.read();
        histogram.note(Duration::from_mins(1));
        let reading = histogram.read();
        assert_eq!(reading.percentile_us(50), Some(1_000));
        assert_eq!(reading.percentile_us(99), Some(1_000));
        assert_eq!(reading.percentile_us(100), Some(10_000_000));
        assert_eq!(reading.since(&before).percentile_us(50), Some(10_000_000));
        assert_eq!(reading.since(&before).plus(&before), reading);
    }
}
