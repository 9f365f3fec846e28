//! The naive numbers of a channel: what each event makes of them, or why it is refused.
//!
//! Written from the documented meaning of the codes, in their order. It reads no clock and checks no
//! signature: the caller has.

use engine::{ChannelPhase, OpenChannel};
use instrument::channel::{ChannelTerms, Tick, TickLink};
use sha2::{Digest, Sha256};

use crate::request::Seen;

/// Amounts are totals since the channel opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    pub phase: ChannelPhase,
    pub closes_at_ms: u64,
    pub deposit: u128,
    pub accepted: u128,
    pub spent: u128,
    pub reserved: u128,
    pub reserve_ends_ms: Option<u64>,
    pub settled: u128,
    /// Spent when the running request began.
    pub started: u128,
    /// What is not given back any more but by a lower report: all before the last step.
    pub delivered: u128,
    pub sequence: u64,
    pub cumulative: u128,
    pub tick: Tick,
}

/// A voucher or tick whose signature or link is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Good {
    Voucher(u64, u128),
    Tick(Tick),
}

type Refusal = &'static str;

impl Stream {
    pub fn open(command: &OpenChannel) -> Self {
        let terms = command.terms.get();
        Self {
            phase: ChannelPhase::Open,
            closes_at_ms: terms.expires_at_ms,
            deposit: terms.deposit.units(),
            accepted: 0,
            spent: 0,
            reserved: 0,
            reserve_ends_ms: None,
            settled: 0,
            started: 0,
            delivered: 0,
            sequence: 0,
            cumulative: 0,
            tick: Tick { index: 0, link: terms.tick_root },
        }
    }

    pub fn seen(&self) -> Seen {
        Seen {
            phase: self.phase,
            deposit: self.deposit,
            accepted: self.accepted,
            spent: self.spent,
            reserved: self.reserved,
            settled: self.settled,
            sequence: self.sequence,
            cumulative: self.cumulative,
            tick: self.tick.index,
        }
    }

    /// What the payer has let the payee take.
    pub fn accept(&mut self, terms: &ChannelTerms, good: Good) -> Result<(), Refusal> {
        match good {
            Good::Voucher(sequence, _) if sequence < self.sequence => Err("voucher_stale"),
            Good::Voucher(sequence, total)
                if sequence == self.sequence && total != self.cumulative =>
            {
                Err("voucher_reused")
            }
            Good::Voucher(_, total) if total < self.cumulative => Err("voucher_lower"),
            Good::Voucher(_, total) if total > self.deposit => Err("voucher_above_deposit"),
            Good::Voucher(sequence, total) => {
                (self.sequence, self.cumulative) = (sequence, total);
                self.accepted = self.accepted.max(total);
                Ok(())
            }
            Good::Tick(tick) => {
                let total = terms.tick_units * u128::from(tick.index);
                if total > self.deposit {
                    return Err("tick_above_deposit");
                }
                self.tick = tick;
                self.accepted = self.accepted.max(total);
                Ok(())
            }
        }
    }

    pub fn begin(&mut self, terms: &ChannelTerms, good: Good, start: u128) -> Result<(), Refusal> {
        let before = *self;
        self.accept(terms, good)?;
        let refusal = match good {
            Good::Voucher(sequence, _) if sequence == before.sequence => Some("voucher_reused"),
            Good::Tick(tick) if tick.index == before.tick.index => Some("tick_stale"),
            _ if self.reserve_ends_ms.is_some() => Some("channel_busy"),
            _ if self.spent + start > self.accepted => Some("channel_exhausted"),
            _ => None,
        };
        if let Some(refusal) = refusal {
            *self = before;
            return Err(refusal);
        }
        (self.started, self.delivered) = (self.spent, self.spent);
        Ok(())
    }

    pub fn spend(&mut self, total: u128, end: bool) -> Result<(), Refusal> {
        if total < self.started {
            return Err("spend_below_start");
        }
        if total > self.accepted {
            return Err("spend_above_accepted");
        }
        // More is paid before it is delivered, so all before it has been; less is what has been.
        if total != self.spent {
            self.delivered = self.spent.min(total);
        }
        self.move_to(total);
        if end {
            self.rest();
        }
        Ok(())
    }

    /// What is spent comes out of what was set aside, and goes back there, if there is anything.
    fn move_to(&mut self, total: u128) {
        if self.reserve_ends_ms.is_some() {
            self.reserved = (self.spent + self.reserved).saturating_sub(total);
        }
        self.spent = total;
    }

    pub fn give_up(&mut self) {
        self.spent = self.started;
        self.rest();
    }

    pub fn claim(&mut self, terms: &ChannelTerms, good: Good) -> Result<(), Refusal> {
        self.accept(terms, good)?;
        let total = match good {
            Good::Voucher(_, total) => total,
            Good::Tick(tick) => terms.tick_units * u128::from(tick.index),
        };
        if total > self.spent {
            self.move_to(total);
        }
        // Also what a request had spent that was left behind at a restart.
        (self.started, self.delivered) = (self.started.max(total), self.delivered.max(total));
        Ok(())
    }

    /// No request runs any more.
    pub fn rest(&mut self) {
        (self.started, self.delivered) = (self.spent, self.spent);
        self.lapse();
    }

    /// What was set aside is free again.
    pub fn lapse(&mut self) {
        self.reserved = 0;
        self.reserve_ends_ms = None;
    }

    pub fn unsettled(&self) -> u128 {
        self.delivered - self.settled
    }

    /// When time does something to it next: nothing closes before what is set aside is free.
    pub fn due_ms(&self) -> u64 {
        self.reserve_ends_ms.unwrap_or(self.closes_at_ms)
    }
}

/// Whether a tick leads to one that is known, link by link.
pub fn follow(terms: &ChannelTerms, known: Tick, tick: Tick) -> Result<Good, Refusal> {
    if tick.index > terms.tick_count {
        return Err("tick_beyond_end");
    }
    if tick.index < known.index || (tick.index == known.index && tick.link != known.link) {
        return Err("tick_stale");
    }
    let below = (known.index..tick.index)
        .rev()
        .fold(tick.link, |link, index| link_below(&terms.salt, index + 1, link));
    if below == known.link { Ok(Good::Tick(tick)) } else { Err("tick_invalid") }
}

/// The link before the one at `index`.
pub fn link_below(salt: &[u8; 16], index: u32, link: TickLink) -> TickLink {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"fthtick1")
        .chain_update(salt)
        .chain_update(index.to_be_bytes())
        .chain_update(link.0)
        .finalize()
        .into();
    let mut below = [0; 16];
    below.copy_from_slice(&digest[..16]);
    TickLink(below)
}
