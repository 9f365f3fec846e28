//! The life of a channel as a pure state machine: integers only, no signature, no clock.
//!
//! Invariant, asserted after each step:
//! `settled <= started <= delivered <= spent <= spent + reserved <= accepted <= deposit`, and what
//! is held is always `deposit - settled`. So the payer never loses more than it has signed for, and
//! what is not spent comes back.
//!
//! | event | open | closing | closed |
//! | --- | --- | --- | --- |
//! | top-up | deposit grows | `channel_closing` | `channel_closed` |
//! | accept | accepted grows | the same | `channel_closed` |
//! | begin | a request starts | `channel_closing` | `channel_closed` |
//! | reserve | money is set aside | `channel_closing` | `channel_closed` |
//! | spend, give up | spent moves | the same | `channel_closed` |
//! | claim | accepted and spent grow | the same | `channel_closed` |
//! | settle | pays | pays | nothing |
//! | ask to close | closing | nothing | nothing |
//! | agree | pays, gives back, closed; `channel_busy` if money is set aside | the same | nothing |
//! | time | at expiry: closed | after the delay or at expiry: closed | nothing |
//!
//! A channel whose time is over answers as a closed one, and the last four events close it. Money
//! that was set aside until a moment is free again from that moment on, and the channel's time is
//! not over before. Settling pays all that was
//! spent but the running request's last step, which may not have been delivered yet.

use core::cmp::Ordering;

use super::chain::{TickCursor, TickError, VerifiedAdvance};
use super::event::{Effects, Event, Proven, StepError};
use super::terms::ChannelTerms;
use super::tick::Tick;

/// Where a channel stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Takes requests.
    Open,
    /// The payer has asked to close; the payee can still claim.
    Closing {
        /// Closes by itself at this moment, Unix milliseconds.
        closes_at_ms: u64,
    },
    /// Nothing is held any more.
    Closed,
}

/// What changes in a channel while it lives. All amounts are totals in base units since it opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    pub(super) phase: Phase,
    pub(super) deposit: u128,
    pub(super) accepted: u128,
    pub(super) spent: u128,
    pub(super) reserved: u128,
    pub(super) settled: u128,
    /// What was spent when the running request began: it can be given back down to this.
    pub(super) started: u128,
    /// What can be settled: each step is paid before it is delivered, so all but the last step of
    /// the running request has been delivered.
    pub(super) delivered: u128,
    /// Zero: nothing is set aside.
    pub(super) reserve_ends_at_ms: u64,
    pub(super) sequence: u64,
    pub(super) voucher_cumulative: u128,
    pub(super) tick: Tick,
}

type Stepped = Result<(Machine, Effects), StepError>;

impl Machine {
    /// A channel that has just been opened: the deposit of the terms is held.
    pub fn open(terms: &ChannelTerms) -> Self {
        Self {
            phase: Phase::Open,
            deposit: terms.deposit.units(),
            accepted: 0,
            spent: 0,
            reserved: 0,
            settled: 0,
            started: 0,
            delivered: 0,
            reserve_ends_at_ms: 0,
            sequence: 0,
            voucher_cumulative: 0,
            tick: terms.root(),
        }
    }

    /// The channel after an event, and what the event moves in the ledger.
    ///
    /// `terms` are those that it was opened with; `now_ms` is Unix milliseconds and must not go
    /// back from one event to the next.
    pub fn step(&self, terms: &ChannelTerms, event: Event, now_ms: u64) -> Stepped {
        let (next, effects) = self.lapsed(now_ms).apply(terms, event, now_ms)?;
        // A reserve that ends in the past is none.
        let next = next.lapsed(now_ms);
        assert!(next.is_sound(), "the amounts of a channel are in order");
        Ok((next, effects))
    }

    /// Takes a tick that was verified apart: without hashing, unless others came in between.
    pub fn take_tick(
        &self,
        terms: &ChannelTerms,
        advance: &VerifiedAdvance,
    ) -> Result<Proven, TickError> {
        let cursor = TickCursor::at(terms, self.tick);
        cursor.take(terms.root(), advance).map(Proven::Tick)
    }

    fn apply(self, terms: &ChannelTerms, event: Event, now_ms: u64) -> Stepped {
        let over = now_ms >= self.ends_at_ms(terms);
        match (self.phase, event) {
            (Phase::Closed, Event::Settle | Event::AskToClose | Event::Agree | Event::Time) => {
                Ok((self, Effects::default()))
            }
            (Phase::Closed, _) => Err(StepError::Closed),
            (_, Event::Settle | Event::AskToClose | Event::Agree | Event::Time) if over => {
                Ok(self.closed())
            }
            (_, _) if over => Err(StepError::Closed),
            (Phase::Closing { .. }, Event::TopUp { .. } | Event::Begin { .. })
            | (Phase::Closing { .. }, Event::Reserve { .. }) => Err(StepError::Closing),
            (_, Event::TopUp { deposit }) => self.topped_up(deposit),
            (_, Event::Accept(proof)) => self.accepting(terms, proof).map(moves_nothing),
            (_, Event::Begin { proof, start }) => self.begun(terms, proof, start),
            (_, Event::Reserve { units, ends_at_ms }) => self.reserving(units, ends_at_ms),
            (_, Event::Spend { total, end }) => self.spending(total, end),
            (_, Event::GiveUp) => Ok(moves_nothing(self.given_up())),
            (_, Event::Claim(proof)) => self.claimed(terms, proof),
            (_, Event::Settle) => Ok(self.settling()),
            (_, Event::AskToClose) => Ok(moves_nothing(self.closing(terms, now_ms))),
            (_, Event::Agree) if self.is_reserved() => Err(StepError::Busy),
            (_, Event::Agree) => Ok(self.closed()),
            (_, Event::Time) => Ok(moves_nothing(self)),
        }
    }

    fn topped_up(self, deposit: u128) -> Stepped {
        let lower = StepError::TopUpLower { deposit: self.deposit };
        let hold = deposit.checked_sub(self.deposit).ok_or(lower)?;
        Ok((Self { deposit, ..self }, Effects { hold, ..Effects::default() }))
    }

    /// Raises what is accepted. The newest proof again changes nothing.
    fn accepting(self, terms: &ChannelTerms, proof: Proven) -> Result<Self, StepError> {
        match proof {
            Proven::Voucher { sequence, cumulative } => self.with_voucher(sequence, cumulative),
            Proven::Tick(tick) => self.with_tick(terms, tick),
        }
    }

    fn with_voucher(self, sequence: u64, cumulative: u128) -> Result<Self, StepError> {
        if sequence < self.sequence {
            return Err(StepError::VoucherStale { newest: self.sequence });
        }
        if sequence == self.sequence && cumulative != self.voucher_cumulative {
            return Err(StepError::VoucherReused { sequence });
        }
        if cumulative < self.voucher_cumulative {
            return Err(StepError::VoucherLower { newest: self.voucher_cumulative });
        }
        if cumulative > self.deposit {
            return Err(StepError::VoucherAboveDeposit { deposit: self.deposit });
        }
        let accepted = self.accepted.max(cumulative);
        Ok(Self { sequence, voucher_cumulative: cumulative, accepted, ..self })
    }

    fn with_tick(self, terms: &ChannelTerms, tick: Tick) -> Result<Self, StepError> {
        if tick.index > terms.tick_count {
            let count = terms.tick_count;
            return Err(TickError::BeyondEnd { index: tick.index, count }.into());
        }
        let is_older = tick.index < self.tick.index;
        if is_older || (tick.index == self.tick.index && tick.link != self.tick.link) {
            let newest = self.tick.index;
            return Err(TickError::Stale { index: tick.index, newest }.into());
        }
        let above = StepError::TickAboveDeposit { index: tick.index, deposit: self.deposit };
        let total = tick_total(terms, tick).filter(|total| *total <= self.deposit).ok_or(above)?;
        Ok(Self { tick, accepted: self.accepted.max(total), ..self })
    }

    fn begun(self, terms: &ChannelTerms, proof: Proven, start: u128) -> Stepped {
        let next = self.accepting(terms, proof)?;
        match proof {
            Proven::Voucher { sequence, .. } if sequence == self.sequence => {
                return Err(StepError::VoucherReused { sequence });
            }
            Proven::Tick(tick) if tick.index == self.tick.index => {
                let newest = self.tick.index;
                return Err(TickError::Stale { index: tick.index, newest }.into());
            }
            Proven::Voucher { .. } | Proven::Tick(_) => {}
        }
        if next.is_reserved() {
            return Err(StepError::Busy);
        }
        next.must_have(start)?;
        let spent = next.spent;
        Ok(moves_nothing(Self { started: spent, delivered: spent, ..next }))
    }

    fn reserving(self, units: u128, ends_at_ms: u64) -> Stepped {
        if self.is_reserved() {
            return Err(StepError::Busy);
        }
        self.must_have(units)?;
        Ok(moves_nothing(Self { reserved: units, reserve_ends_at_ms: ends_at_ms, ..self }))
    }

    fn must_have(&self, units: u128) -> Result<(), StepError> {
        let needed = self.spent.saturating_add(units);
        if needed > self.accepted {
            return Err(StepError::Exhausted { needed, accepted: self.accepted });
        }
        Ok(())
    }

    fn spending(self, total: u128, end: bool) -> Stepped {
        if total < self.started {
            return Err(StepError::SpendBelowStart { start: self.started });
        }
        if total > self.accepted {
            return Err(StepError::SpendAboveAccepted { accepted: self.accepted });
        }
        let delivered = match total.cmp(&self.spent) {
            Ordering::Greater => self.spent,
            // A copy of the last step says nothing of its delivery.
            Ordering::Equal => self.delivered,
            Ordering::Less => total,
        };
        let next = Self { delivered, ..self.moved_to(total) };
        Ok(moves_nothing(if end { next.at_rest() } else { next }))
    }

    fn given_up(self) -> Self {
        Self { spent: self.started, ..self }.at_rest()
    }

    fn claimed(self, terms: &ChannelTerms, proof: Proven) -> Stepped {
        let next = self.accepting(terms, proof)?;
        let total = match proof {
            Proven::Voucher { cumulative, .. } => cumulative,
            Proven::Tick(tick) => tick_total(terms, tick).unwrap_or(next.spent),
        };
        let next = if total > next.spent { next.moved_to(total) } else { next };
        // What was claimed is not given back, even if a request spent it and gives up.
        let (started, delivered) = (next.started.max(total), next.delivered.max(total));
        Ok(moves_nothing(Self { started, delivered, ..next }))
    }

    fn settling(self) -> (Self, Effects) {
        let settled = self.delivered;
        let pay = settled.saturating_sub(self.settled);
        let started = self.started.max(settled);
        (Self { settled, started, ..self }, Effects { pay, ..Effects::default() })
    }

    fn closing(self, terms: &ChannelTerms, now_ms: u64) -> Self {
        let delay_ms = u64::from(terms.close_delay_seconds).saturating_mul(1000);
        let closes_at_ms = now_ms.saturating_add(delay_ms).min(terms.expires_at_ms);
        match self.phase {
            Phase::Open => Self { phase: Phase::Closing { closes_at_ms }, ..self },
            Phase::Closing { .. } | Phase::Closed => self,
        }
    }

    fn closed(self) -> (Self, Effects) {
        let pay = self.spent.saturating_sub(self.settled);
        let give_back = self.deposit.saturating_sub(self.spent);
        let next = Self { phase: Phase::Closed, settled: self.spent, ..self.at_rest() };
        (next, Effects { hold: 0, pay, give_back })
    }

    /// Spent moves; what is set aside, if anything is, makes room or fills up.
    fn moved_to(self, total: u128) -> Self {
        let reserved = match self.reserve_ends_at_ms() {
            Some(_) => self.spent.saturating_add(self.reserved).saturating_sub(total),
            None => 0,
        };
        Self { spent: total, reserved, ..self }
    }

    /// No request is running.
    fn at_rest(self) -> Self {
        let spent = self.spent;
        Self { started: spent, delivered: spent, reserved: 0, reserve_ends_at_ms: 0, ..self }
    }

    /// What was set aside until a moment is free from that moment on.
    fn lapsed(self, now_ms: u64) -> Self {
        if self.reserve_ends_at_ms > now_ms {
            return self;
        }
        Self { reserved: 0, reserve_ends_at_ms: 0, ..self }
    }

    pub(super) fn is_sound(&self) -> bool {
        let promised = self.spent.checked_add(self.reserved);
        let is_ordered = self.settled <= self.started
            && self.started <= self.delivered
            && self.delivered <= self.spent
            && promised.is_some_and(|promised| promised <= self.accepted)
            && self.accepted <= self.deposit
            && self.voucher_cumulative <= self.accepted;
        let is_settled = self.phase != Phase::Closed || self.settled == self.spent;
        is_ordered && is_settled && (self.reserved == 0 || self.is_reserved())
    }

    fn is_reserved(&self) -> bool {
        self.reserve_ends_at_ms != 0
    }

    /// The moment at which it closes by itself if nothing else happens, Unix milliseconds: not
    /// before that of what is set aside, or the payer could have a request executed and run away.
    fn ends_at_ms(&self, terms: &ChannelTerms) -> u64 {
        let own_end_ms = match self.phase {
            Phase::Open | Phase::Closed => terms.expires_at_ms,
            Phase::Closing { closes_at_ms } => closes_at_ms.min(terms.expires_at_ms),
        };
        own_end_ms.max(self.reserve_ends_at_ms)
    }
}

/// What the machine shows.
impl Machine {
    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Held in all, the settled part included.
    pub fn deposit(&self) -> u128 {
        self.deposit
    }

    /// What vouchers and ticks allow.
    pub fn accepted(&self) -> u128 {
        self.accepted
    }

    /// What was charged.
    pub fn spent(&self) -> u128 {
        self.spent
    }

    /// What is set aside for a request that is being executed.
    pub fn reserved(&self) -> u128 {
        self.reserved
    }

    /// The moment at which that is given back, Unix milliseconds.
    pub fn reserve_ends_at_ms(&self) -> Option<u64> {
        self.is_reserved().then_some(self.reserve_ends_at_ms)
    }

    /// What has moved in the ledger.
    pub fn settled(&self) -> u128 {
        self.settled
    }

    /// What [`Event::Settle`] would pay now.
    pub fn unsettled(&self) -> u128 {
        self.delivered.saturating_sub(self.settled)
    }

    /// What was spent when the running request began; equal to spent if none runs.
    pub fn started(&self) -> u128 {
        self.started
    }

    /// What can still be spent before another voucher or tick is needed.
    pub fn available(&self) -> u128 {
        self.accepted.saturating_sub(self.spent).saturating_sub(self.reserved)
    }

    /// Sequence of the newest voucher; zero before the first.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Total of the newest voucher.
    pub fn voucher_cumulative(&self) -> u128 {
        self.voucher_cumulative
    }

    /// The newest tick; the root before the first.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// When [`Event::Time`] does something next, Unix milliseconds; `None` once it is closed.
    pub fn due_at_ms(&self, terms: &ChannelTerms) -> Option<u64> {
        let ends_at_ms = self.ends_at_ms(terms);
        match self.phase {
            Phase::Closed => None,
            Phase::Open | Phase::Closing { .. } => {
                Some(self.reserve_ends_at_ms().map_or(ends_at_ms, |at| at.min(ends_at_ms)))
            }
        }
    }
}

fn moves_nothing(machine: Machine) -> (Machine, Effects) {
    (machine, Effects::default())
}

/// What a tick allows in all; `None` if no number holds it.
fn tick_total(terms: &ChannelTerms, tick: Tick) -> Option<u128> {
    terms.tick_units.checked_mul(u128::from(tick.index))
}
