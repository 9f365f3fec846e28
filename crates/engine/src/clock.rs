//! Time as the writer sees it, injected so that tests and simulations own it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Source of Unix time in nanoseconds.
pub trait Clock: Send + Sync {
    /// Now. May jump; the writer keeps its own timestamps increasing.
    fn now_ns(&self) -> u64;

    /// Now in milliseconds, as signed formats carry it.
    fn now_ms(&self) -> u64 {
        self.now_ns() / 1_000_000
    }
}

/// The latest time that the writer believes, Unix nanoseconds: in the year 2262. Timestamps count on
/// from the last one, so a clock at its end must leave room above for all entries to come.
pub(crate) const CLOCK_NS_MAX: u64 = u64::MAX / 2;

/// How far the clock may be behind what was seen before; further back no new payment is taken.
pub(crate) const CLOCK_BEHIND_SECONDS_MAX: u64 = 300;

/// By how many seconds `now_ns` is behind `seen_ns`, if that is more than
/// [`CLOCK_BEHIND_SECONDS_MAX`].
pub(crate) fn behind_seconds(now_ns: u64, seen_ns: u64) -> Option<u64> {
    let seconds = seen_ns.saturating_sub(now_ns) / 1_000_000_000;
    (seconds > CLOCK_BEHIND_SECONDS_MAX).then_some(seconds)
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock enters")]
    fn now_ns(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The machine's clock, put ahead: what a sandbox tests with. Clones share it.
///
/// It never goes back, and never without being told to.
#[derive(Debug, Clone, Default)]
pub struct ShiftedClock(Arc<AtomicU64>);

/// By how much a clock can be put ahead: 100 years.
pub const CLOCK_SHIFT_MS_MAX: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

impl ShiftedClock {
    /// Ahead by so many milliseconds, [`CLOCK_SHIFT_MS_MAX`] at most.
    pub fn new(shift_ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(shift_ms.min(CLOCK_SHIFT_MS_MAX))))
    }

    /// By how much it is ahead, in milliseconds.
    pub fn shift_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Puts it ahead to `shift_ms`; what is less than now changes nothing.
    pub fn shift_to(&self, shift_ms: u64) {
        self.0.fetch_max(shift_ms.min(CLOCK_SHIFT_MS_MAX), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now_ns(&self) -> u64 {
        SystemClock.now_ns().saturating_add(self.shift_ms().saturating_mul(1_000_000))
    }
}

/// A clock that moves only when told to; clones share it.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Starts at `now_ns`.
    pub fn new(now_ns: u64) -> Self {
        Self(Arc::new(AtomicU64::new(now_ns)))
    }

    /// Moves forward.
    pub fn advance_ms(&self, milliseconds: u64) {
        self.0.fetch_add(milliseconds * 1_000_000, Ordering::SeqCst);
    }

    /// Jumps back.
    pub fn go_back_ms(&self, milliseconds: u64) {
        self.0.fetch_sub(milliseconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ns(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
