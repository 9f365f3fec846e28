//! The clock of a meter by the second.
//!
//! Invariant: it runs from the first byte to the payer on, and stands still while the flow waits for
//! a voucher.

use std::time::Duration;

use tokio::time::Instant;

/// The next second is paid this much before it begins, so that the flow does not stop for the disk.
const PAY_AHEAD_MS: u64 = 100;

/// Counts seconds.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Moved on by every wait.
    started: Option<Instant>,
    paused: Option<Instant>,
    /// Units beyond which paying ahead was tried in vain.
    tried: Option<u64>,
}

impl Clock {
    /// Begins, unless it has begun.
    pub(super) fn start(&mut self) {
        self.started.get_or_insert_with(Instant::now);
    }

    /// Stands still.
    pub(super) fn pause(&mut self) {
        self.paused.get_or_insert_with(Instant::now);
    }

    /// Goes on after a pause.
    pub(super) fn resume(&mut self) {
        if let (Some(started), Some(paused)) = (&mut self.started, self.paused.take()) {
            *started += paused.elapsed();
        }
        self.tried = None;
    }

    /// Seconds that have begun.
    pub(super) fn begun(&self) -> u64 {
        let Some(started) = self.started else { return 0 };
        let now = self.paused.unwrap_or_else(Instant::now);
        now.saturating_duration_since(started).as_secs() + 1
    }

    /// When so many seconds are over.
    pub(super) fn end_of(&self, seconds: u64) -> Option<Instant> {
        self.started?.checked_add(Duration::from_secs(seconds))
    }

    /// When to pay for the second after `paid` ones; never while it stands still.
    pub(super) fn next_try(&self, paid: u64) -> Option<Instant> {
        if self.paused.is_some() {
            return None;
        }
        let end = self.end_of(paid)?;
        let ahead = Duration::from_millis(PAY_AHEAD_MS);
        Some(if self.tried == Some(paid) { end } else { end - ahead })
    }

    /// Paying ahead for the second after `paid` ones was in vain.
    pub(super) fn tried(&mut self, paid: u64) {
        self.tried = Some(paid);
    }
}
