//! The naive way of a payment: from an order to a claim, a hold or a charge, and to its end.
//!
//! Invariant: one payment id moves money at most once; copies wait for the first or get its answer.

use std::collections::BTreeSet;

use engine::{Authorize, ClaimToken, Mode, PaymentState, system_account};
use ledger::{ChangeKind, Kind, Transfer};
use money::{AccountId, PaymentId, TransferId};
use sha2::{Digest, Sha256};

use super::model::{Claimed, Given, Model};
use crate::request::Answer;

/// Code of a transfer that is a leg of a payment.
const PAYMENT_CODE: u16 = 2;

/// A claim ends by itself after this time.
const CLAIM_LIFETIME_NS: u64 = 120 * 1_000_000_000;

/// Further behind the latest time that was seen, a clock is not trusted.
pub const CLOCK_BEHIND_NS: u64 = 301 * 1_000_000_000;

/// Parts of a share.
const MILLION: u128 = 1_000_000;

/// What became of a payment.
#[derive(Debug, Clone)]
pub struct Payment {
    pub command: Box<Authorize>,
    pub legs: Vec<(AccountId, u128)>,
    pub state: PaymentState,
    pub units: u128,
    /// What each leg has got and not paid back.
    pub left: Vec<u128>,
}

/// Somebody works on a payment that has not moved anything yet.
#[derive(Debug, Clone)]
pub struct Claim {
    token: Option<ClaimToken>,
    command: Box<Authorize>,
    since_ns: u64,
}

impl Model {
    pub(super) fn authorize(
        &mut self,
        number: u64,
        command: Box<Authorize>,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) {
        let id = command.order.payment_id();
        let waits = matches!(command.mode, Mode::Claim | Mode::Hold { .. });
        if let Some(payment) = self.payments.get(&id) {
            let answer = if payment.command.order.get() != command.order.get() {
                Answer::Refused("order_id_taken")
            } else if payment.state == PaymentState::Held && waits {
                self.waiters.entry(id).or_default().push((number, command));
                return;
            } else {
                self.paid(id, false)
            };
            return given.push((number, answer));
        }
        if let (Some(claim), true) = (self.claims.get(&id), command.mode != Mode::Check) {
            if claim.command.order.get() == command.order.get() {
                self.waiters.entry(id).or_default().push((number, command));
            } else {
                given.push((number, Answer::Refused("order_id_taken")));
            }
            return;
        }
        if self.seen_ns.saturating_sub(self.now_ns) >= CLOCK_BEHIND_NS {
            return given.push((number, Answer::Unavailable("node_clock_behind")));
        }
        if let Some(refusal) = self.refuse(&command, self.now_ns / 1_000_000) {
            return given.push((number, Answer::Refused(refusal)));
        }
        let token = claimed(number);
        let proceed = Answer::Proceed(id, token.unwrap_or(ClaimToken(0)));
        let answer = match command.mode {
            Mode::Claim => {
                let since_ns = self.now_ns;
                self.claims.insert(id, Claim { token, command, since_ns });
                proceed
            }
            Mode::Hold { seconds } => {
                self.open(id, command, Kind::pending(seconds));
                self.holds.extend(token.map(|token| (id, token)));
                proceed
            }
            Mode::Charge => {
                self.open(id, command, Kind::SINGLE);
                self.paid(id, true)
            }
            Mode::Check => {
                Answer::Paid { payment: id, state: PaymentState::Held, units: 0, is_new: true }
            }
        };
        given.push((number, answer));
    }

    /// Whether an event names a transfer that opens or closes a leg of a held payment, or one of a
    /// channel.
    pub(super) fn touches_a_hold(&self, events: &[Transfer]) -> bool {
        let held = self.payments.iter().filter(|(_, one)| one.state == PaymentState::Held);
        let legs: BTreeSet<TransferId> = held
            .flat_map(|(id, one)| (0..one.legs.len()).map(|index| (*id, index)))
            .flat_map(|(id, index)| [leg(id, index, 0), leg(id, index, 1)])
            .collect();
        let reserved: BTreeSet<TransferId> = legs.into_iter().chain(self.channel_ids()).collect();
        let named = |event: &Transfer| [Some(event.id), event.kind.pending_id()];
        events.iter().flat_map(named).flatten().any(|id| reserved.contains(&id))
    }

    /// Why a new order cannot pay.
    fn refuse(&self, command: &Authorize, now_ms: u64) -> Option<&'static str> {
        let order = command.order.get();
        if now_ms >= order.expires_at_ms {
            return Some("order_expired");
        }
        if let Some(refusal) = self.refuse_delegate(order) {
            return Some(refusal);
        }
        let legs = legs(command);
        if legs.iter().any(|(account, _)| !self.books.accounts.contains_key(account)) {
            return Some("unknown_payee");
        }
        let payer = self.books.accounts.get(&order.payer);
        let available = payer.map_or(0, |payer| payer.balances.available());
        (available < order.amount.units()).then_some("insufficient_funds")
    }

    /// Moves or holds the money of a payment.
    fn open(&mut self, id: PaymentId, command: Box<Authorize>, kind: Kind) {
        let order = *command.order.get();
        let legs = legs(&command);
        let last = legs.len().saturating_sub(1);
        let transfer = |(index, (account, units)): (usize, &(AccountId, u128))| Transfer {
            id: leg(id, index, 0),
            kind,
            debit_account: order.payer,
            credit_account: *account,
            asset: order.amount.asset(),
            amount: *units,
            code: PAYMENT_CODE,
            user_data: id.get(),
            user_data_64: 0,
            user_data_32: 0,
            linked: index < last,
        };
        let transfers: Vec<Transfer> = legs.iter().enumerate().map(transfer).collect();
        self.books.create_transfers(&transfers);
        let (state, units) = if kind == Kind::SINGLE {
            (PaymentState::Settled, order.amount.units())
        } else {
            (PaymentState::Held, 0)
        };
        let left = legs.iter().map(|(_, units)| *units).collect();
        self.payments.insert(id, Payment { command, legs, state, units, left });
    }

    /// The claimed order, checked again. The claim ends either way.
    fn take_claim(
        &mut self,
        id: PaymentId,
        token: ClaimToken,
    ) -> Result<Box<Authorize>, &'static str> {
        if self.claims.get(&id).is_none_or(|claim| claim.token != Some(token)) {
            return Err("claim_lost");
        }
        let claim = self.claims.remove(&id).ok_or("claim_lost")?;
        let expires_at_ms = claim.command.order.get().expires_at_ms;
        let now_ms = (self.now_ns / 1_000_000).min(expires_at_ms.saturating_sub(1));
        self.refuse(&claim.command, now_ms).map_or(Ok(claim.command), Err)
    }

    pub(super) fn hold(&mut self, id: PaymentId, token: ClaimToken, seconds: u32) -> Answer {
        match self.take_claim(id, token) {
            Ok(command) => {
                self.open(id, command, Kind::pending(seconds));
                self.holds.insert(id, token);
                Answer::Done
            }
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    pub(super) fn charge(&mut self, id: PaymentId, token: ClaimToken) -> Answer {
        match self.take_claim(id, token) {
            Ok(command) => {
                self.open(id, command, Kind::SINGLE);
                self.paid(id, true)
            }
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    pub(super) fn settle(&mut self, id: PaymentId, units: Option<u128>) -> Answer {
        let Some(payment) = self.payments.get(&id) else {
            return Answer::Refused("claim_lost");
        };
        if payment.state != PaymentState::Held {
            return Answer::Refused("payment_not_held");
        }
        let held = payment.command.order.get().amount.units();
        let units = units.unwrap_or(held);
        if units > held {
            return Answer::Refused("exceeds_hold");
        }
        let parts: Vec<u128> = payment.legs.iter().map(|(_, leg)| leg * units / held).collect();
        let paid = parts.iter().sum();
        self.close(id, |index, hold| {
            hold.post(leg(id, index, 1), parts.get(index).copied().unwrap_or(0))
        });
        self.finish(id, PaymentState::Settled, paid);
        if let Some(payment) = self.payments.get_mut(&id) {
            payment.left = parts;
        }
        self.paid(id, true)
    }

    pub(super) fn release(&mut self, id: PaymentId, token: ClaimToken) -> Answer {
        if self.claims.get(&id).is_some_and(|claim| claim.token == Some(token)) {
            self.claims.remove(&id);
            return Answer::Done;
        }
        if self.holds.get(&id).is_some_and(|holder| *holder != token) {
            return Answer::Refused("claim_lost");
        }
        match self.payments.get(&id).map(|payment| payment.state) {
            None => Answer::Refused("claim_lost"),
            Some(PaymentState::Held) => {
                self.close(id, |index, hold| hold.void(leg(id, index, 1)));
                self.finish(id, PaymentState::Released, 0);
                Answer::Done
            }
            Some(_) => Answer::Refused("payment_not_held"),
        }
    }

    /// Resolves every leg of a held payment.
    fn close(&mut self, id: PaymentId, resolve: impl Fn(usize, &Transfer) -> Transfer) {
        let count = self.payments.get(&id).map_or(0, |payment| payment.legs.len());
        let holds = (0..count).filter_map(|index| {
            let hold = &self.books.transfers.get(&leg(id, index, 0))?.transfer;
            Some(Transfer { linked: index + 1 < count, ..resolve(index, hold) })
        });
        let transfers: Vec<Transfer> = holds.collect();
        self.books.create_transfers(&transfers);
    }

    fn finish(&mut self, id: PaymentId, state: PaymentState, units: u128) {
        if let Some(payment) = self.payments.get_mut(&id) {
            (payment.state, payment.units) = (state, units);
        }
        self.holds.remove(&id);
    }

    fn paid(&self, payment: PaymentId, is_new: bool) -> Answer {
        let found = self.payments.get(&payment);
        let (state, units) =
            found.map_or((PaymentState::Held, 0), |payment| (payment.state, payment.units));
        Answer::Paid { payment, state, units, is_new }
    }

    /// The copies that wait get their turn, first come first.
    pub(super) fn wake(&mut self, id: PaymentId, claimed: &Claimed<'_>, given: &mut Given) {
        for (number, command) in self.waiters.remove(&id).unwrap_or_default() {
            self.authorize(number, command, claimed, given);
        }
    }

    /// Releases holds that the node says have run out, and with them their payments; the copies that
    /// waited for those get their turn.
    pub fn expire(
        &mut self,
        holds: &[TransferId],
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Result<(), String> {
        for hold in holds {
            self.books.expire(*hold)?;
            let user_data =
                self.books.transfers.get(hold).map_or(0, |state| state.transfer.user_data);
            if let Ok(id) = PaymentId::new(user_data)
                && leg(id, 0, 0) == *hold
            {
                self.finish(id, PaymentState::Released, 0);
            }
        }
        let is_idle = |id: &PaymentId| {
            let held = self.payments.get(id).is_some_and(|held| held.state == PaymentState::Held);
            !held && !self.claims.contains_key(id)
        };
        let left: Vec<PaymentId> = self.waiters.keys().copied().filter(is_idle).collect();
        for id in left {
            self.wake(id, claimed, given);
        }
        Ok(())
    }

    /// Ends claims that nobody charged in time.
    pub fn sweep(&mut self, claimed: &Claimed<'_>, given: &mut Given) {
        let is_over =
            |claim: &Claim| claim.since_ns.saturating_add(CLAIM_LIFETIME_NS) <= self.now_ns;
        let over = self.claims.iter().filter(|(_, claim)| is_over(claim));
        let over: Vec<PaymentId> = over.map(|(id, _)| *id).collect();
        for id in over {
            self.claims.remove(&id);
            self.wake(id, claimed, given);
        }
        self.sweep_channels(claimed, given);
    }

    /// Whether this request waits for another one's end, or for the payer.
    pub fn is_waiting(&self, number: u64) -> bool {
        let copies = self.channels.values().flat_map(|channel| &channel.copies);
        let awaiting = self.channels.values().filter_map(|channel| channel.awaiting);
        self.waiters.values().flatten().any(|(waiter, _)| *waiter == number)
            || copies.into_iter().any(|(copy, _)| *copy == number)
            || awaiting.into_iter().any(|awaiting| awaiting.number == number)
    }

    /// Checks that no change refers to a hold of a payment whose state says otherwise.
    pub fn check_payments(&self) -> Result<(), String> {
        for (id, payment) in &self.payments {
            let is_open = self.books.open.contains(&leg(*id, 0, 0));
            if is_open != (payment.state == PaymentState::Held) {
                return Err(format!("{id} is {:?}, its first leg open: {is_open}", payment.state));
            }
        }
        Ok(())
    }
}

/// Who receives what. Shares are rounded down, the operator's residue account gets the rest.
fn legs(command: &Authorize) -> Vec<(AccountId, u128)> {
    let amount = command.terms.amount;
    let Some((accounts, shares)) = &command.terms.split else {
        return vec![(command.terms.pay_to, amount.units())];
    };
    let parts = shares.parts_per_million().iter();
    let parts = parts.map(|share| amount.units() * u128::from(*share) / MILLION);
    let mut legs: Vec<_> = accounts.iter().copied().zip(parts).collect();
    let rest = amount.units() - legs.iter().map(|(_, units)| units).sum::<u128>();
    legs.push((system_account("residue", amount.asset()), rest));
    legs.retain(|(_, units)| *units > 0);
    legs
}

/// Id of the transfer that opens (0) or closes (1) a leg.
pub(super) fn leg(payment: PaymentId, index: usize, phase: u8) -> TransferId {
    let digest = Sha256::new()
        .chain_update(b"farthing/leg/1")
        .chain_update(payment.to_be_bytes())
        .chain_update([phase])
        .chain_update((index as u64).to_be_bytes())
        .finalize();
    TransferId::from_digest(&digest.into())
}

/// The hold that a change releases.
pub fn expired(kind: &ChangeKind) -> Option<TransferId> {
    match kind {
        ChangeKind::HoldExpired(transfer) => Some(transfer.id),
        _ => None,
    }
}
