//! Claims: who may execute a purchase now, and who waits for the outcome.
//!
//! A claim lives in memory only. It moves no money, so nothing is lost with it: after a crash the
//! same order can be presented again and is a new one. Invariant: at most one caller at a time has
//! been told to proceed with a payment.

use std::collections::{BTreeMap, BTreeSet};

use instrument::VerifiedOrder;
use money::{AccountId, PaymentId};

use crate::command::{Authorize, Authorized, ClaimToken, Idempotency};
use crate::error::AuthorizeError;
use crate::handle::Reply;

/// Copies of one payment that may wait for its outcome.
pub(crate) const WAITERS_COUNT_MAX: usize = 64;

/// A claim that is neither charged nor released goes to the next copy after this time.
pub(crate) const CLAIM_LIFETIME_SECONDS_MAX: u64 = 120;

/// A copy of a payment that waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub command: Box<Authorize>,
    pub reply: Reply<Authorized, AuthorizeError>,
}

#[derive(Debug)]
struct Claim {
    token: ClaimToken,
    command: Box<Authorize>,
    expires_at_ns: u64,
}

/// Claims and waiters by payment.
#[derive(Debug)]
pub(crate) struct Claims {
    by_payment: BTreeMap<PaymentId, Claim>,
    /// When each claim runs out, the first to do so first: the writer asks at every turn.
    expiries: BTreeSet<(u64, PaymentId)>,
    /// Under which claim a hold was made, as long as this process remembers it.
    holds: BTreeMap<PaymentId, ClaimToken>,
    by_key: BTreeMap<(AccountId, [u8; 32]), PaymentId>,
    waiters: BTreeMap<PaymentId, Vec<Waiter>>,
    last_token: u64,
}

impl Claims {
    /// No claims; tokens count from after `last_token`.
    pub(crate) fn new(last_token: u64) -> Self {
        Self {
            by_payment: BTreeMap::new(),
            expiries: BTreeSet::new(),
            holds: BTreeMap::new(),
            by_key: BTreeMap::new(),
            waiters: BTreeMap::new(),
            last_token,
        }
    }

    /// The claimed payment that an order is a copy of, if there is one.
    pub(crate) fn find(
        &self,
        verified: &VerifiedOrder,
        named: Option<&Idempotency>,
    ) -> Result<Option<PaymentId>, AuthorizeError> {
        let (id, order) = (verified.payment_id(), verified.get());
        if let Some(claim) = self.by_payment.get(&id) {
            let same = claim.command.order.get() == order;
            return if same { Ok(Some(id)) } else { Err(AuthorizeError::OrderIdTaken) };
        }
        let Some(named) = named else {
            return Ok(None);
        };
        let Some(id) = self.by_key.get(&(order.payer, named.key)) else {
            return Ok(None);
        };
        let claimed = self.by_payment.get(id).and_then(|claim| claim.command.idempotency.as_ref());
        if claimed.is_some_and(|claimed| claimed.fingerprint != named.fingerprint) {
            return Err(AuthorizeError::IdempotencyConflict);
        }
        Ok(Some(*id))
    }

    pub(crate) fn insert(&mut self, command: Box<Authorize>, now_ns: u64) -> ClaimToken {
        let token = self.next_token();
        let (id, order) = (command.order.payment_id(), command.order.get());
        let by_key = command.idempotency.as_ref().map(|named| (order.payer, named.key));
        let expires_at_ns = now_ns.saturating_add(CLAIM_LIFETIME_SECONDS_MAX * 1_000_000_000);
        self.remove(id);
        self.by_key.extend(by_key.map(|key| (key, id)));
        self.by_payment.insert(id, Claim { token, command, expires_at_ns });
        self.expiries.insert((expires_at_ns, id));
        token
    }

    /// A number that was never given out.
    pub(crate) fn next_token(&mut self) -> ClaimToken {
        self.last_token += 1;
        ClaimToken(self.last_token)
    }

    /// Remembers a hold under a new token.
    pub(crate) fn hold(&mut self, id: PaymentId) -> ClaimToken {
        let token = self.next_token();
        self.hold_as(id, token);
        token
    }

    /// Remembers a hold under the token of the claim that it was.
    pub(crate) fn hold_as(&mut self, id: PaymentId, token: ClaimToken) {
        self.holds.insert(id, token);
    }

    /// Whether the hold is known to be another caller's: one whose claim ran out must not release
    /// what the next one works on. After a restart nobody knows, and any caller may.
    pub(crate) fn is_held_by_another(&self, id: PaymentId, token: ClaimToken) -> bool {
        self.holds.get(&id).is_some_and(|holder| *holder != token)
    }

    pub(crate) fn forget_hold(&mut self, id: PaymentId) {
        self.holds.remove(&id);
    }

    pub(crate) fn forget_holds_but(&mut self, keep: impl Fn(PaymentId) -> bool) {
        self.holds.retain(|id, _| keep(*id));
    }

    /// Whether the claim is still the caller's.
    pub(crate) fn command(&self, id: PaymentId, token: ClaimToken) -> Option<&Authorize> {
        let claim = self.by_payment.get(&id)?;
        (claim.token == token).then_some(&*claim.command)
    }

    /// Ends a claim; its waiters stay.
    pub(crate) fn remove(&mut self, id: PaymentId) {
        let Some(claim) = self.by_payment.remove(&id) else { return };
        self.expiries.remove(&(claim.expires_at_ns, id));
        if let Some(named) = &claim.command.idempotency {
            self.by_key.remove(&(claim.command.order.get().payer, named.key));
        }
    }

    pub(crate) fn wait(&mut self, id: PaymentId, waiter: Waiter) {
        let waiters = self.waiters.entry(id).or_default();
        waiters.retain(|waiter| !waiter.reply.is_closed());
        if waiters.len() < WAITERS_COUNT_MAX {
            waiters.push(waiter);
        } else {
            // The receiver may be gone, which needs no answer.
            let _ = waiter.reply.send(Err(AuthorizeError::TooManyCopies));
        }
    }

    /// Everybody who waits for this payment, first come first.
    pub(crate) fn take_waiters(&mut self, id: PaymentId) -> Vec<Waiter> {
        self.waiters.remove(&id).unwrap_or_default()
    }

    /// Payments that somebody waits for and nobody has claimed.
    pub(crate) fn waited_for(&self) -> Vec<PaymentId> {
        let unclaimed = self.waiters.keys().copied();
        unclaimed.filter(|id| !self.by_payment.contains_key(id)).collect()
    }

    /// Payments whose claim ran out.
    pub(crate) fn expired(&self, now_ns: u64) -> Vec<PaymentId> {
        let expired =
            self.expiries.iter().take_while(|(expires_at_ns, _)| *expires_at_ns <= now_ns);
        expired.map(|(_, id)| *id).collect()
    }
}
