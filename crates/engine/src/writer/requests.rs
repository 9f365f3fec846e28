//! Requests that are paid from a channel: begun under a lease, charged step by step, ended.
//!
//! Invariants: one caller at a time proceeds with a channel; what a request charges is durable
//! before its answer leaves; a request that nothing was charged for yet leaves no trace if it is
//! given up, unless it must execute once.

use instrument::PurchaseDigest;
use instrument::channel::{Event, Machine, Phase, Proven};
use money::{AccountId, Amount, ChannelId};

use super::committer::Answer;
use super::core::Core;
use crate::channel::{
    AWAIT_MS_MAX, Awaiting, Begun, ChannelView, CheckedProof, LEASE_SECONDS_MAX, Lease, Present,
    PresentMode, RELIEF_COUNT_MAX, Spend, WaitingCopy,
};
use crate::command::ClaimToken;
use crate::decide;
use crate::entry::{Act, BegunRequest, ChannelEntry, Entry, PaidProof};
use crate::error::ChannelError;
use crate::handle::Reply;
use crate::outcome::Outcome;
use crate::state::{Channel, RequestKey};

enum Step {
    Proceed(ClaimToken, Box<ChannelView>),
    Replay(Box<Begun>),
    Wait,
}

impl Core {
    pub(super) fn present(
        &mut self,
        command: Box<Present>,
        proof: CheckedProof,
        reply: Reply<Begun, ChannelError>,
    ) {
        // Who has hung up would leave a lease behind that keeps everybody else out.
        if reply.is_closed() {
            return self.stay_at_tick(&proof);
        }
        let id = proof.channel();
        let step = self.present_now(&command, &proof);
        if step.is_err() {
            self.stay_at_tick(&proof);
        }
        match step {
            Ok(Step::Proceed(lease, view)) => {
                self.answers.push(Answer::Begun(id, lease, view, reply));
            }
            Ok(Step::Replay(replay)) => self.answer(reply, Ok(*replay)),
            Ok(Step::Wait) => self.leases.wait(id, WaitingCopy { command, proof, reply }),
            Err(refused) => self.answer(reply, Err(refused)),
        }
    }

    fn present_now(
        &mut self,
        command: &Present,
        proof: &CheckedProof,
    ) -> Result<Step, ChannelError> {
        let id = proof.channel();
        decide::check_offer(self.ready(id)?, command)?;
        let paid = PaidProof::of(&proof.proof());
        let key = RequestKey::of(&paid);
        // A voucher is believed by its signature. A tick that is known has its link for a signature,
        // and could not be followed from a newer one.
        if matches!(paid, PaidProof::Voucher { .. }) {
            self.verify(id, proof)?;
        }
        if let Some(step) = self.copy_of(id, &key, command.purchase)? {
            return Ok(step);
        }
        let proven = self.verify(id, proof)?;
        if self.leases.get(id).is_some() {
            let (channel, machine) = self.running(id)?;
            self.stepped(channel, &machine, Event::Accept(proven))?;
            return Err(ChannelError::Busy);
        }
        self.trust_clock()?;
        self.check_start(id, proven, command)?;
        self.begin(id, BegunRequest { proof: paid, purchase: command.purchase }, command)
    }

    /// What to do with a request that is known, if it is.
    fn copy_of(
        &self,
        id: ChannelId,
        key: &RequestKey,
        purchase: PurchaseDigest,
    ) -> Result<Option<Step>, ChannelError> {
        let channel = self.state.channels.get(id).ok_or(ChannelError::Unknown)?;
        let lease = self.leases.get(id);
        let served = lease.map(|lease| (lease.key, lease.purchase));
        let last = channel.request.map(|request| (request.key, request.purchase));
        let known =
            [served, last].into_iter().flatten().find(|(known, _)| known.has_number_of(key));
        let Some((known, bought)) = known else { return Ok(None) };
        if known != *key && matches!(key, RequestKey::Tick(_)) {
            return Ok(None);
        }
        if known != *key || bought != purchase {
            return Err(ChannelError::VoucherReused);
        }
        let is_reserved = channel.machine.reserve_ends_at_ms().is_some();
        if lease.is_some_and(|lease| lease.key == *key) || (lease.is_none() && is_reserved) {
            return Ok(Some(Step::Wait));
        }
        let charged = channel.request.map_or(0, |request| request.charged);
        let kept = key.payment(id);
        let outcome = self.state.outcomes.get(kept).or_else(|| self.fleeting.get(kept)).cloned();
        let channel_view = ChannelView::of(channel);
        let charged = Amount::new(charged, channel.asset());
        let replay = Begun::Replay { channel: channel_view, charged, outcome };
        Ok(Some(Step::Replay(Box::new(replay))))
    }

    /// Whether a new request may begin.
    fn check_start(
        &mut self,
        id: ChannelId,
        proven: Proven,
        command: &Present,
    ) -> Result<(), ChannelError> {
        let channel = self.state.channels.get(id).ok_or(ChannelError::Unknown)?;
        let begin = |start| Event::Begin { proof: proven, start };
        self.stepped(channel, &channel.machine, begin(0))?;
        let origin = decide::Use::Buy(command.origin.as_deref(), command.unit_price);
        decide::check_delegate(&self.state, channel, origin, self.entry_ms())?;
        let start = command.start.units();
        self.stepped(channel, &channel.machine, begin(start))?;
        let payee = channel.terms().payee;
        if decide::is_any_closed(&self.state, &channel.opened) {
            return Err(ChannelError::AccountClosed);
        }
        self.make_room(payee, start)
    }

    fn begin(
        &mut self,
        id: ChannelId,
        begun: BegunRequest,
        command: &Present,
    ) -> Result<Step, ChannelError> {
        let seconds = command.lease_seconds.clamp(1, LEASE_SECONDS_MAX);
        let lasts_ms = u64::from(seconds) * 1000;
        let start = command.start.units();
        // Room may have been made by settling this very channel.
        let channel = self.ready(id)?.clone();
        let event = Event::Begin { proof: begun.proof.proven(), start };
        let (machine, _) = self.stepped(&channel, &channel.machine, event)?;
        let token = self.claims.next_token();
        let mut lease = Lease {
            token,
            key: RequestKey::of(&begun.proof),
            purchase: begun.purchase,
            pending: Some(begun),
            executes_once: false,
            seconds,
            ends_at_ns: self.now_ns.saturating_add(lasts_ms * 1_000_000),
        };
        let view = if command.mode == PresentMode::Reserve {
            let ends_at_ms = self.entry_ms().saturating_add(lasts_ms);
            let act = Act::Reserve { units: start, ends_at_ms };
            self.stepped(&channel, &machine, Event::Reserve { units: start, ends_at_ms })?;
            self.pay(id, lease.pending.take(), act);
            lease.executes_once = true;
            self.view_of(id)?
        } else {
            seen_with(&channel, &machine, Some(&begun))
        };
        self.leases.insert(id, lease);
        Ok(Step::Proceed(token, Box::new(view)))
    }

    fn pay(&mut self, channel: ChannelId, begun: Option<BegunRequest>, act: Act) {
        self.write(Entry::Channel(ChannelEntry::Paid { channel, begun, act }));
    }

    /// The channel with the request that is being served, also if that is not durable yet.
    fn running(&self, id: ChannelId) -> Result<(&Channel, Machine), ChannelError> {
        let channel = self.state.channels.get(id).ok_or(ChannelError::Unknown)?;
        let pending = self.leases.get(id).and_then(|lease| lease.pending.as_ref());
        let machine = match pending {
            Some(begun) => {
                let event = Event::Begin { proof: begun.proof.proven(), start: 0 };
                self.stepped(channel, &channel.machine, event)?.0
            }
            None => channel.machine,
        };
        Ok((channel, machine))
    }

    /// What a proof says, if it is good.
    fn verify(&self, id: ChannelId, proof: &CheckedProof) -> Result<Proven, ChannelError> {
        let (channel, machine) = self.running(id)?;
        proof.proven(channel.terms(), &machine)
    }

    /// A tick that was followed before it came here is not taken: the next one is followed to the
    /// one that the channel stands at.
    fn stay_at_tick(&self, proof: &CheckedProof) {
        if let CheckedProof::Tick(id, _) = proof {
            self.go_back_to_tick(*id);
        }
    }

    fn go_back_to_tick(&self, id: ChannelId) {
        if let (Some(keys), Ok((_, machine))) = (self.keys.get(id), self.running(id)) {
            keys.go_back_to(machine.tick());
        }
    }

    pub(super) fn accept(&mut self, proof: &CheckedProof) -> Result<ChannelView, ChannelError> {
        let result = self.accept_now(proof);
        if result.is_err() {
            self.stay_at_tick(proof);
        }
        result
    }

    fn accept_now(&mut self, proof: &CheckedProof) -> Result<ChannelView, ChannelError> {
        let id = proof.channel();
        self.ready(id)?;
        let proven = self.verify(id, proof)?;
        let (channel, machine) = self.running(id)?;
        let (next, _) = self.stepped(channel, &machine, Event::Accept(proven))?;
        decide::check_delegate(&self.state, channel, decide::Use::Pay, self.entry_ms())?;
        if next != machine {
            let begun = self.leases.take_pending(id);
            self.pay(id, begun, Act::Accept(PaidProof::of(&proof.proof())));
            self.notify(id);
        }
        self.view_of(id)
    }

    pub(super) fn claim(&mut self, proof: &CheckedProof) -> Result<ChannelView, ChannelError> {
        let result = self.claim_now(proof);
        if result.is_err() {
            self.stay_at_tick(proof);
        }
        result
    }

    fn claim_now(&mut self, proof: &CheckedProof) -> Result<ChannelView, ChannelError> {
        let id = proof.channel();
        self.ready(id)?;
        let proven = self.verify(id, proof)?;
        let (channel, machine) = self.running(id)?;
        let (next, _) = self.stepped(channel, &machine, Event::Claim(proven))?;
        if self.leases.get(id).is_some() || machine.reserve_ends_at_ms().is_some() {
            return Err(ChannelError::Busy);
        }
        if next != machine {
            self.pay(id, None, Act::Claim(PaidProof::of(&proof.proof())));
            self.settle_beyond_limits(id);
        }
        self.view_of(id)
    }

    pub(super) fn spend(&mut self, command: Spend) -> Result<ChannelView, ChannelError> {
        let Spend { channel: id, lease, spent: total, end, outcome, durable_outcome } = command;
        self.ready(id)?;
        if end && self.has_ended(id, lease, Some(total)) {
            return self.view_of(id);
        }
        self.own_lease(id, lease)?;
        let event = Event::Spend { total, end };
        let (channel, machine) = self.running(id)?;
        self.stepped(channel, &machine, event)?;
        let (payee, added) = (channel.terms().payee, total.saturating_sub(machine.spent()));
        self.make_room(payee, added)?;
        // Room may have been made by settling this very channel.
        self.ready(id)?;
        let (channel, machine) = self.running(id)?;
        self.stepped(channel, &machine, event)?;
        if end || total != machine.spent() {
            let outcome = outcome.filter(|outcome| end && outcome.fits());
            let (journaled, kept) = if durable_outcome { (outcome, None) } else { (None, outcome) };
            let begun = self.leases.take_pending(id);
            self.pay(id, begun, Act::Spend { total, end, outcome: journaled });
            self.keep_outcome(id, kept);
            self.settle_beyond_limits(id);
        }
        if end {
            self.end_lease(id, lease);
        } else {
            self.leases.renew(id, self.now_ns);
        }
        self.view_of(id)
    }

    pub(super) fn give_up(
        &mut self,
        id: ChannelId,
        lease: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<ChannelView, ChannelError> {
        self.ready(id)?;
        if self.has_ended(id, lease, None) {
            return self.view_of(id);
        }
        let executes_once = self.own_lease(id, lease)?;
        let is_pending = self.leases.get(id).is_some_and(|lease| lease.pending.is_some());
        if !is_pending {
            let outcome = outcome.filter(Outcome::fits);
            let (journaled, kept) = if executes_once { (outcome, None) } else { (None, outcome) };
            self.pay(id, None, Act::GiveUp { outcome: journaled });
            self.keep_outcome(id, kept);
        }
        self.end_lease(id, lease);
        self.view_of(id)
    }

    /// Takes back a turn whose owner had gone when the answer came.
    pub(super) fn abandon_lease(&mut self, id: ChannelId, lease: ClaimToken) {
        // Refused only if the lease has ended by now, which is as good.
        let _ = self.give_up(id, lease, None);
    }

    /// Whether the lease is the caller's; if so, whether its request must execute once. After a
    /// restart nobody knows whose a reserve is, and any caller may report.
    fn own_lease(&self, id: ChannelId, token: ClaimToken) -> Result<bool, ChannelError> {
        if let Some(lease) = self.leases.get(id) {
            let own = lease.token == token;
            return if own { Ok(lease.executes_once) } else { Err(ChannelError::LeaseLost) };
        }
        let channel = self.state.channels.get(id).ok_or(ChannelError::Unknown)?;
        match channel.machine.reserve_ends_at_ms() {
            Some(_) => Ok(true),
            None => Err(ChannelError::LeaseLost),
        }
    }

    /// Whether the lease has ended with this report, or with any, and nothing has begun since.
    fn has_ended(&self, id: ChannelId, lease: ClaimToken, total: Option<u128>) -> bool {
        let Some(channel) = self.state.channels.get(id) else { return false };
        let spent = channel.machine.spent();
        total.is_none_or(|total| total == spent) && self.leases.has_ended(id, lease, spent)
    }

    fn end_lease(&mut self, id: ChannelId, token: ClaimToken) {
        if self.leases.remove(id).is_some_and(|lease| lease.pending.is_some()) {
            self.go_back_to_tick(id);
        }
        if let Some(channel) = self.state.channels.get(id) {
            self.leases.remember_end(id, token, channel.machine.spent());
        }
        self.answer_awaiting(id);
        self.wake_copies(id);
    }

    /// A lease without a sign of life: what was charged stays, the last step included.
    pub(super) fn end_lost_lease(&mut self, id: ChannelId) {
        let Some(lease) = self.leases.remove(id) else { return };
        if lease.pending.is_some() {
            self.go_back_to_tick(id);
        } else if let Ok(channel) = self.ready(id) {
            let total = channel.machine.spent();
            let is_at_rest = channel.machine.started() == total
                && channel.machine.reserve_ends_at_ms().is_none();
            if !is_at_rest {
                self.pay(id, None, Act::Spend { total, end: true, outcome: None });
            }
        }
        self.answer_awaiting(id);
        self.wake_copies(id);
    }

    fn keep_outcome(&mut self, id: ChannelId, outcome: Option<Outcome>) {
        let request = self.state.channels.get(id).and_then(|channel| channel.request);
        if let Some((outcome, request)) = outcome.zip(request) {
            self.fleeting.keep(request.key.payment(id), outcome);
        }
    }

    /// Settles a channel of which more is unsettled than its payee's limits allow.
    fn settle_beyond_limits(&mut self, id: ChannelId) {
        let Some(channel) = self.state.channels.get(id) else { return };
        let payee = channel.terms().payee;
        let limits = self.limits_of(payee);
        let unsettled = channel.machine.unsettled();
        let is_beyond = unsettled > limits.unsettled_max
            || self.state.channels.exposure_of(payee) > limits.exposure_max;
        if is_beyond && unsettled > 0 && !decide::is_any_closed(&self.state, &channel.opened) {
            let channel = channel.clone();
            self.settle_now(&channel);
        }
    }

    /// Whether so much more may be unsettled at a payee; if not, settles some of its channels first.
    fn make_room(&mut self, payee: AccountId, added: u128) -> Result<(), ChannelError> {
        let max = self.limits_of(payee).exposure_max;
        if self.has_exposure_left(payee, added, max) {
            return Ok(());
        }
        let settles = |channel: &&Channel| {
            channel.machine.unsettled() > 0 && !decide::is_any_closed(&self.state, &channel.opened)
        };
        let some = self.state.channels.of_payee(payee).filter(settles).take(RELIEF_COUNT_MAX);
        let some: Vec<Channel> = some.cloned().collect();
        for channel in &some {
            self.settle_now(channel);
        }
        let has_room = self.has_exposure_left(payee, added, max);
        if has_room { Ok(()) } else { Err(ChannelError::PayeeExposure) }
    }

    fn has_exposure_left(&self, payee: AccountId, added: u128, max: u128) -> bool {
        let exposure = self.state.channels.exposure_of(payee);
        added == 0 || exposure.checked_add(added).is_some_and(|exposure| exposure <= max)
    }

    pub(super) fn await_accepted(
        &mut self,
        id: ChannelId,
        lease: ClaimToken,
        above: u128,
        wait_ms: u32,
        reply: Reply<ChannelView, ChannelError>,
    ) {
        let waits_until_ns =
            |now_ns: u64| now_ns.saturating_add(u64::from(wait_ms.min(AWAIT_MS_MAX)) * 1_000_000);
        let found = self.ready(id).map(drop);
        let own = found.and_then(|()| match self.leases.get(id) {
            Some(found) if found.token == lease => Ok(()),
            _ => Err(ChannelError::LeaseLost),
        });
        if let Err(refused) = own {
            return self.answer(reply, Err(refused));
        }
        let until_ns = waits_until_ns(self.now_ns);
        self.leases.renew(id, until_ns);
        if let Some(before) = self.leases.set_awaiting(id, Awaiting { above, until_ns, reply }) {
            let view = self.view_of(id);
            self.answer(before.reply, view);
        }
        if wait_ms == 0 {
            self.answer_awaiting(id);
        } else {
            self.notify(id);
        }
    }

    /// Answers who waits for more to be accepted, if there is, or if there will not be.
    pub(super) fn notify(&mut self, id: ChannelId) {
        let Some(awaiting) = self.leases.awaiting(id) else { return };
        let has_come = self.running(id).map_or(true, |(_, machine)| {
            machine.accepted() > awaiting.above || machine.phase() != Phase::Open
        });
        if has_come {
            self.answer_awaiting(id);
        }
    }

    pub(super) fn answer_awaiting(&mut self, id: ChannelId) {
        if let Some(awaiting) = self.leases.take_awaiting(id) {
            let view = match self.running(id) {
                Ok((channel, machine)) => {
                    let begun = self.leases.get(id).and_then(|lease| lease.pending.as_ref());
                    Ok(seen_with(channel, &machine, begun))
                }
                Err(_) => self.view_of(id),
            };
            self.answer(awaiting.reply, view);
        }
    }

    /// Lets the copies that waited try again: the first may proceed, or all get the outcome.
    pub(super) fn wake_copies(&mut self, id: ChannelId) {
        for copy in self.leases.take_copies(id) {
            self.present(copy.command, copy.proof, copy.reply);
        }
    }
}

/// The channel as a request sees it that is being served; `begun` if that is not durable yet.
fn seen_with(channel: &Channel, machine: &Machine, begun: Option<&BegunRequest>) -> ChannelView {
    let signature = match begun.map(|begun| &begun.proof) {
        Some(PaidProof::Voucher { signature, .. }) => Some(signature),
        Some(PaidProof::Tick(_)) | None => channel.signature.as_ref(),
    };
    let voucher =
        signature.map(|signature| (machine.sequence(), machine.voucher_cumulative(), signature));
    ChannelView::with(channel, machine, voucher)
}
