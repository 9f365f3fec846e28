//! The flow of a metered body: pay for a step, hand it over, and so on.
//!
//! Invariants: a unit is paid before it is handed over; no more than a step, or one piece that
//! cannot be divided, is paid ahead; a flow that cannot be paid on waits for a voucher and then ends
//! at the last paid unit. It must not know what pays, see [`Funds`].

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, sleep_until};

use super::clock::Clock;
use super::events;
use super::funds::{Funds, Over};
use super::outlet::{Outlet, PayerGone};
use super::pieces::{Next, Piece, Pieces};
use crate::meter::{Meter, Unit};

/// How a flow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The upstream sent all of it.
    Whole,
    /// The most units of one request were delivered.
    UnitsMax,
    /// No more was paid for.
    Unpaid,
    /// The upstream broke off.
    Broken,
    /// The payer hung up.
    PayerGone,
}

/// How a flow is paid.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub meter: Meter,
    /// Most units that are paid ahead.
    pub step_units: u64,
    /// Units that are known, and paid, before anything is handed over.
    pub known_units: Option<u64>,
    /// How long it waits for a voucher.
    pub voucher_wait_ms: u32,
    /// Payment events can be put between the upstream's.
    pub is_event_stream: bool,
    /// Keep a copy of a body up to this size.
    pub capture_limit: usize,
}

/// A body on its way from the upstream to the payer.
pub(super) struct Flow<F> {
    rules: Rules,
    funds: F,
    pub pieces: Pieces,
    pub outlet: Outlet,
    clock: Clock,
    /// Units that are paid.
    paid: u64,
    /// Units that were handed to the outlet.
    handed: u64,
    captured: Option<BytesMut>,
}

/// What has to be attended to at some time.
#[derive(Debug, Clone, Copy)]
enum Due {
    /// The next second begins.
    Second,
    /// The right to spend would run out.
    Renewal,
    /// Time is over.
    Deadline,
}

impl From<PayerGone> for End {
    fn from(PayerGone: PayerGone) -> Self {
        Self::PayerGone
    }
}

impl From<Over> for End {
    fn from(Over: Over) -> Self {
        Self::Unpaid
    }
}

impl<F: Funds> Flow<F> {
    pub(super) fn new(rules: Rules, funds: F, pieces: Pieces, outlet: Outlet) -> Self {
        let captured = Some(BytesMut::new());
        let clock = Clock::default();
        Self { rules, funds, pieces, outlet, clock, paid: 0, handed: 0, captured }
    }

    /// Runs until the payer has taken all that was paid, or is gone.
    pub(super) async fn run(&mut self) -> End {
        let end = match self.pass_on().await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        self.clock.pause();
        if end != End::PayerGone && self.drain().await == Err(PayerGone) {
            return End::PayerGone;
        }
        end
    }

    /// Units that were delivered, after an end.
    pub(super) fn delivered(&self, end: End) -> u64 {
        match self.rules.meter.unit() {
            Unit::Byte | Unit::Event if end == End::PayerGone => self.outlet.taken(),
            Unit::Byte | Unit::Event => self.handed,
            Unit::Second => self.clock.begun().min(self.paid),
            Unit::Reported { .. } => self.paid,
        }
    }

    /// What was handed over, if it was not above the limit.
    pub(super) fn captured(&mut self) -> Option<Bytes> {
        self.captured.take().map(BytesMut::freeze)
    }

    async fn pass_on(&mut self) -> Result<Infallible, End> {
        if let Some(units) = self.rules.known_units {
            self.pay(units).await?;
        }
        loop {
            match self.next().await? {
                Next::Piece(piece) => self.hand_over(piece).await?,
                Next::Broken => return Err(End::Broken),
                Next::Whole => return Err(End::Whole),
            }
        }
    }

    async fn next(&mut self) -> Result<Next, End> {
        loop {
            let (time, due) = self.due();
            tokio::select! {
                biased;
                () = self.outlet.closed() => return Err(End::PayerGone),
                () = sleep_until(time) => {}
                next = self.pieces.next() => return Ok(next),
            }
            self.attend(due).await?;
        }
    }

    async fn hand_over(&mut self, mut piece: Piece) -> Result<(), End> {
        let first = if piece.divisible { 1 } else { piece.units };
        let need = match self.rules.meter.unit() {
            Unit::Second => self.clock.begun().max(1),
            _ => self.handed.saturating_add(first),
        };
        if need > self.paid {
            self.pay(need).await?;
        }
        self.clock.start();
        if piece.divisible && piece.units > self.paid - self.handed {
            let room = usize::try_from(self.paid - self.handed).unwrap_or(usize::MAX);
            self.pieces.put_back(piece.bytes.split_off(room));
            piece.units = room as u64;
        }
        self.until_room().await?;
        self.handed += piece.units;
        self.capture(&piece.bytes);
        Ok(self.outlet.hand_over(piece.bytes, piece.units).await?)
    }

    /// Waits for room at the outlet while money is attended to.
    async fn until_room(&mut self) -> Result<(), End> {
        loop {
            let (time, due) = self.due();
            tokio::select! {
                biased;
                () = sleep_until(time) => {}
                room = self.outlet.room() => return Ok(room.map(drop)?),
            }
            self.attend(due).await?;
        }
    }

    /// Waits until the payer has taken everything, or nothing can be given back any more.
    async fn drain(&mut self) -> Result<(), PayerGone> {
        loop {
            let (time, due) = self.due();
            tokio::select! {
                biased;
                drained = self.outlet.drained() => return drained,
                () = sleep_until(time) => {}
            }
            if self.attend(due).await.is_err() {
                return Ok(());
            }
        }
    }

    /// What has to be attended to next, and when.
    fn due(&self) -> (Instant, Due) {
        const FAR: Duration = Duration::from_hours(24);
        let second = self.clock.next_try(self.paid).map(|time| (time, Due::Second));
        let second = second.filter(|_| *self.rules.meter.unit() == Unit::Second);
        let renewal = self.funds.renew_by().map(|time| (time, Due::Renewal));
        let deadline = self.funds.deadline().map(|time| (time, Due::Deadline));
        let all = [second, renewal, deadline].into_iter().flatten();
        all.min_by_key(|(time, _)| *time).unwrap_or((Instant::now() + FAR, Due::Renewal))
    }

    async fn attend(&mut self, due: Due) -> Result<(), End> {
        match due {
            Due::Deadline => Err(End::Unpaid),
            Due::Renewal => {
                let cost = self.rules.meter.cost(self.paid);
                Ok(self.funds.spend(cost).await?)
            }
            Due::Second => {
                let need = self.paid.saturating_add(1);
                let ends = self.clock.end_of(self.paid);
                if self.affordable() >= need || ends.is_none_or(|ends| ends <= Instant::now()) {
                    return self.pay(need).await;
                }
                // There is still some of the paid second left, and a voucher may be on its way.
                self.clock.tried(self.paid);
                Ok(())
            }
        }
    }

    fn affordable(&self) -> u64 {
        self.rules.meter.units_for(self.funds.allowed())
    }

    /// Pays for the units up to `need`, and ahead as far as a step goes; waits if it must.
    async fn pay(&mut self, need: u64) -> Result<(), End> {
        let meter = &self.rules.meter;
        if need > meter.units_max() {
            return Err(End::UnitsMax);
        }
        if self.affordable() < need {
            self.wait_for_voucher(need).await?;
        }
        let meter = &self.rules.meter;
        let ahead = need.max(self.paid.saturating_add(self.rules.step_units));
        let units = ahead.min(self.affordable());
        let (before, cost) = (meter.cost(self.paid), meter.cost(units));
        if cost > before {
            // The disk and the upstream work at the same time.
            tokio::select! {
                spent = self.funds.spend(cost) => spent?,
                never = self.pieces.fill() => match never {},
            }
        }
        self.paid = units;
        Ok(())
    }

    /// Waits until `need` units are allowed. The clock of seconds stands still meanwhile.
    async fn wait_for_voucher(&mut self, need: u64) -> Result<(), End> {
        let above = self.rules.meter.cost(need) - 1;
        // A voucher may have come already, by another request.
        self.funds.wait(above, 0).await?;
        if self.funds.allowed() > above {
            return Ok(());
        }
        let Some(standing) = self.funds.standing() else { return Err(End::Unpaid) };
        self.clock.pause();
        let wait_ms = self.rules.voucher_wait_ms;
        if self.rules.is_event_stream {
            let event = events::need_voucher(&standing, standing.base + above + 1);
            let wait = Duration::from_millis(wait_ms.into());
            // A payer that reads nothing cannot know that it should send a voucher.
            let handed = tokio::time::timeout(wait, self.outlet.hand_over(event, 0)).await;
            handed.map_err(|_| End::Unpaid)??;
        }
        tokio::select! {
            waited = self.funds.wait(above, wait_ms) => waited?,
            () = self.outlet.closed() => return Err(End::PayerGone),
        }
        if self.funds.allowed() <= above {
            return Err(End::Unpaid);
        }
        self.pieces.forgive_silence();
        self.clock.resume();
        Ok(())
    }

    fn capture(&mut self, bytes: &Bytes) {
        let limit = self.rules.capture_limit;
        self.captured = self.captured.take().filter(|read| read.len() + bytes.len() <= limit);
        if let Some(captured) = &mut self.captured {
            captured.extend_from_slice(bytes);
        }
    }
}
