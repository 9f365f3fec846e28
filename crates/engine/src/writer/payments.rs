//! The writer's share of a payment that was accepted: hold, charge, settle, release.
//!
//! Invariant: whoever ends a claim or hold has shown its token, or the payment is held by nobody.

use money::PaymentId;

use super::core::Core;
use crate::command::{ClaimToken, HOLD_SECONDS_MAX};
use crate::counter::Counter;
use crate::decide::{self, At};
use crate::entry::{CountedBy, Entry, NewPayment};
use crate::error::{AuthorizeError, ReleaseError, SettleError, Unavailable};
use crate::outcome::Outcome;
use crate::view::PaymentView;

impl Core {
    /// The claimed payment, checked again: balance and mandate may have changed since. The claim
    /// ends either way, so that after a refusal no copy waits for it.
    fn take_claimed(
        &mut self,
        id: PaymentId,
        claim: ClaimToken,
    ) -> Result<(NewPayment, Vec<Counter>), AuthorizeError> {
        let command = self.claims.command(id, claim);
        let command = command.ok_or(AuthorizeError::ClaimLost)?;
        // The order was in time when it was presented; fetching may have taken longer.
        let order = command.order.get();
        let now_ms = self.now_ms().min(order.expires_at_ms.saturating_sub(1));
        let at = At { now_ms, entry_ns: self.entry_ns() };
        let payment = decide::check_terms(&self.state, command, at);
        let counters = command.counters.clone();
        self.claims.remove(id);
        Ok((payment?, counters))
    }

    pub(super) fn write_held(&mut self, payment: NewPayment, seconds: u32, counters: &[Counter]) {
        let id = payment.id;
        let hold_seconds = seconds.clamp(1, HOLD_SECONDS_MAX);
        self.write(Entry::PaymentHeld { payment, hold_seconds });
        self.write_counted(id, counters);
    }

    pub(super) fn write_charged(&mut self, payment: NewPayment, counters: &[Counter]) {
        let id = payment.id;
        self.write(Entry::PaymentCharged { payment });
        self.write_counted(id, counters);
    }

    /// In the batch of the payment, so that a crash leaves both or none.
    fn write_counted(&mut self, id: PaymentId, counters: &[Counter]) {
        if !counters.is_empty() {
            let by = CountedBy::Payment(id);
            self.write(Entry::Counted { by, counters: counters.to_vec() });
        }
    }

    pub(super) fn hold(
        &mut self,
        id: PaymentId,
        claim: ClaimToken,
        seconds: u32,
    ) -> Result<(), AuthorizeError> {
        let (payment, counters) = self.take_claimed(id, claim)?;
        self.write_held(payment, seconds, &counters);
        self.claims.hold_as(id, claim);
        Ok(())
    }

    pub(super) fn charge(
        &mut self,
        id: PaymentId,
        claim: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<PaymentView, AuthorizeError> {
        let (payment, counters) = self.take_claimed(id, claim)?;
        self.write_charged(payment, &counters);
        if let Some(outcome) = outcome.filter(Outcome::fits) {
            self.fleeting.keep(id, outcome);
        }
        Ok(self.view(id).ok_or(Unavailable::Stopped)?)
    }

    pub(super) fn settle(
        &mut self,
        id: PaymentId,
        units: Option<u128>,
        outcome: Option<Outcome>,
        durable: bool,
    ) -> Result<PaymentView, SettleError> {
        let outcome = outcome.filter(Outcome::fits);
        let (journaled, fleeting) = if durable { (outcome, None) } else { (None, outcome) };
        let entry = decide::settle_entry(&self.state, id, units, journaled)?;
        self.write(entry);
        self.claims.forget_hold(id);
        if let Some(outcome) = fleeting {
            self.fleeting.keep(id, outcome);
        }
        Ok(self.view(id).ok_or(Unavailable::Stopped)?)
    }

    pub(super) fn release(
        &mut self,
        id: PaymentId,
        claim: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<(), ReleaseError> {
        if self.claims.command(id, claim).is_some() {
            self.claims.remove(id);
            return Ok(());
        }
        if self.claims.is_held_by_another(id, claim) {
            return Err(ReleaseError::NotYours);
        }
        let outcome = outcome.filter(Outcome::fits);
        let entry = decide::release_entry(&self.state, id, outcome)?;
        self.write(entry);
        self.claims.forget_hold(id);
        Ok(())
    }
}
