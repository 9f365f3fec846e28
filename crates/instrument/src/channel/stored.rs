//! A machine taken apart, for whoever stores channels.
//!
//! Invariant: parts whose amounts are out of order give no machine.

use super::machine::{Machine, Phase};
use super::tick::Tick;

/// Everything that a [`Machine`] remembers. Amounts are totals in base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineParts {
    /// Where the channel stands.
    pub phase: Phase,
    /// Held in all, the settled part included.
    pub deposit: u128,
    /// What vouchers and ticks allow.
    pub accepted: u128,
    /// What was charged.
    pub spent: u128,
    /// What is set aside for a request that is being executed.
    pub reserved: u128,
    /// What has moved in the ledger.
    pub settled: u128,
    /// What was spent when the running request began.
    pub started: u128,
    /// What was spent before the running request's last step.
    pub delivered: u128,
    /// When what is set aside is given back, Unix milliseconds; zero if nothing is.
    pub reserve_ends_at_ms: u64,
    /// Sequence of the newest voucher; zero before the first.
    pub sequence: u64,
    /// Total of the newest voucher.
    pub voucher_cumulative: u128,
    /// The newest tick; the root before the first.
    pub tick: Tick,
}

impl Machine {
    /// What it remembers.
    pub fn parts(&self) -> MachineParts {
        MachineParts {
            phase: self.phase,
            deposit: self.deposit,
            accepted: self.accepted,
            spent: self.spent,
            reserved: self.reserved,
            settled: self.settled,
            started: self.started,
            delivered: self.delivered,
            reserve_ends_at_ms: self.reserve_ends_at_ms,
            sequence: self.sequence,
            voucher_cumulative: self.voucher_cumulative,
            tick: self.tick,
        }
    }

    /// The machine that remembers this; `None` if the amounts are out of order.
    pub fn from_parts(parts: MachineParts) -> Option<Self> {
        let machine = Self {
            phase: parts.phase,
            deposit: parts.deposit,
            accepted: parts.accepted,
            spent: parts.spent,
            reserved: parts.reserved,
            settled: parts.settled,
            started: parts.started,
            delivered: parts.delivered,
            reserve_ends_at_ms: parts.reserve_ends_at_ms,
            sequence: parts.sequence,
            voucher_cumulative: parts.voucher_cumulative,
            tick: parts.tick,
        };
        machine.is_sound().then_some(machine)
    }
}
