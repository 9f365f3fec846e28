//! The naive way of a request that pays from a channel: begun once, charged step by step, ended.
//!
//! Invariant: one request at a time is served from a channel; copies wait for it or get its answer.

use engine::{ChannelPhase, ClaimToken, Present, PresentMode, Proof};
use instrument::PurchaseDigest;
use money::ChannelId;

use super::channel::{Awaiting, Channel, Done, Lease, Named};
use super::channels::refused;
use super::model::{Claimed, Given, Model};
use crate::request::Answer;

impl Model {
    pub(super) fn present(
        &mut self,
        number: u64,
        command: Box<Present>,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) {
        let id = command.proof.channel();
        match self.present_now(number, &command, claimed, given) {
            Ok(Some(answer)) => given.push((number, answer)),
            Err(why) => given.push((number, refused(why))),
            Ok(None) => {
                if let Some(channel) = self.channels.get_mut(&id) {
                    channel.copies.push((number, command));
                }
            }
        }
    }

    /// The answer, or none if the request waits for the one that it is a copy of.
    pub(super) fn present_now(
        &mut self,
        number: u64,
        command: &Present,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<Option<Answer>> {
        let id = command.proof.channel();
        let channel = self.ready(id, claimed, given)?;
        let terms = *channel.command.terms.get();
        let same_split = channel.command.split == command.split;
        if command.pay_to != terms.payee || !same_split {
            return Err("channel_wrong_payee");
        }
        let named = Named::of(&command.proof);
        if matches!(command.proof, Proof::Voucher(_)) {
            channel.good(&command.proof)?;
        }
        if let Some(answer) = copy_of(channel, named, command.purchase)? {
            return Ok(answer);
        }
        let good = channel.good(&command.proof)?;
        if channel.lease.is_some() {
            channel.running().accept(&terms, good)?;
            return Err("channel_busy");
        }
        let mut stream = channel.stream;
        self.trust_clock()?;
        if stream.phase == ChannelPhase::Closing {
            return Err("channel_closing");
        }
        let start = command.start.units();
        stream.begin(&terms, good, start)?;
        let seconds = u64::from(command.lease_seconds);
        let reserve = (command.mode == PresentMode::Reserve)
            .then(|| (start, self.entry_ms() + seconds * 1_000));
        let token = claimed(number);
        let lease = Lease {
            token,
            proof: named,
            purchase: command.purchase,
            pending: Some(good),
            seconds,
            ends_ns: self.now_ns + seconds * 1_000_000_000,
        };
        if reserve.is_some() {
            self.wrote();
        }
        let channel = self.channels.get_mut(&id).ok_or("channel_unknown")?;
        channel.lease = Some(lease);
        if let Some((units, ends_ms)) = reserve {
            channel.keep_begun();
            (channel.stream.reserved, channel.stream.reserve_ends_ms) = (units, Some(ends_ms));
        }
        let seen = channel.running().seen();
        Ok(Some(Answer::Begun(id, token.unwrap_or(ClaimToken(0)), seen)))
    }

    pub(super) fn accept(
        &mut self,
        proof: &Proof,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<Answer> {
        let id = proof.channel();
        let channel = self.ready(id, claimed, given)?;
        let good = channel.good(proof)?;
        let terms = *channel.command.terms.get();
        let before = channel.running();
        let mut after = before;
        after.accept(&terms, good)?;
        if after != before {
            channel.keep_begun();
            channel.stream = after;
            self.wrote();
            self.notify(id, given);
        }
        self.seen(id)
    }

    pub(super) fn claim(
        &mut self,
        proof: &Proof,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<Answer> {
        let id = proof.channel();
        let channel = self.ready(id, claimed, given)?;
        let good = channel.good(proof)?;
        let terms = *channel.command.terms.get();
        let mut after = channel.running();
        after.claim(&terms, good)?;
        if channel.lease.is_some() || channel.stream.reserve_ends_ms.is_some() {
            return Err("channel_busy");
        }
        if after != channel.stream {
            channel.stream = after;
            self.wrote();
            self.settle_beyond_limit(id);
        }
        self.seen(id)
    }

    pub(super) fn spend(
        &mut self,
        id: ChannelId,
        token: ClaimToken,
        (total, end): (u128, bool),
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<Answer> {
        let channel = self.ready(id, claimed, given)?;
        if end && channel.has_ended(token, Some(total)) {
            return Ok(channel.answer());
        }
        channel.check_lease(token)?;
        let before = channel.running();
        let mut after = before;
        after.spend(total, end)?;
        if end || total != before.spent {
            channel.keep_begun();
            channel.stream = after;
            channel.charge(before.spent);
            self.wrote();
            self.settle_beyond_limit(id);
        }
        if end {
            self.end_lease(id, token, claimed, given);
        } else {
            let now_ns = self.now_ns;
            self.ready(id, claimed, given)?.renew(now_ns);
        }
        self.seen(id)
    }

    pub(super) fn give_up(
        &mut self,
        id: ChannelId,
        token: ClaimToken,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<Answer> {
        let channel = self.ready(id, claimed, given)?;
        if channel.has_ended(token, None) {
            return Ok(channel.answer());
        }
        channel.check_lease(token)?;
        if channel.lease.as_ref().is_none_or(|lease| lease.pending.is_none()) {
            let before = channel.stream.spent;
            channel.stream.give_up();
            channel.charge(before);
            self.wrote();
        }
        self.end_lease(id, token, claimed, given);
        self.seen(id)
    }

    pub(super) fn end_lease(
        &mut self,
        id: ChannelId,
        token: ClaimToken,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) {
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.lease = None;
            channel.ended = Some((token, channel.stream.spent));
        }
        self.answer_awaiting(id, given);
        self.wake_copies(id, claimed, given);
    }

    pub(super) fn await_accepted(
        &mut self,
        number: u64,
        id: ChannelId,
        (token, above, wait_ms): (ClaimToken, u128, u32),
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<()> {
        let until_ns = self.now_ns + u64::from(wait_ms) * 1_000_000;
        let channel = self.ready(id, claimed, given)?;
        if channel.lease.as_ref().is_none_or(|lease| lease.token != Some(token)) {
            return Err("lease_lost");
        }
        channel.renew(until_ns);
        if let Some(before) = channel.awaiting.replace(Awaiting { number, above, until_ns }) {
            given.push((before.number, channel.answer()));
        }
        if wait_ms == 0 {
            self.answer_awaiting(id, given);
        } else {
            self.notify(id, given);
        }
        Ok(())
    }

    pub(super) fn notify(&mut self, id: ChannelId, given: &mut Given) {
        let Some(channel) = self.channels.get(&id) else { return };
        let running = channel.running();
        let has_come = channel.awaiting.is_some_and(|awaiting| {
            running.accepted > awaiting.above || running.phase != ChannelPhase::Open
        });
        if has_come {
            self.answer_awaiting(id, given);
        }
    }

    pub(super) fn answer_awaiting(&mut self, id: ChannelId, given: &mut Given) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if let Some(awaiting) = channel.awaiting.take() {
            given.push((awaiting.number, Answer::Channel(channel.running().seen())));
        }
    }

    /// The copies that wait get their turn, first come first.
    pub(super) fn wake_copies(&mut self, id: ChannelId, claimed: &Claimed<'_>, given: &mut Given) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        for (number, command) in std::mem::take(&mut channel.copies) {
            self.present(number, command, claimed, given);
        }
    }

    /// A lease without a sign of life: what was charged stays.
    pub(super) fn lose_lease(&mut self, id: ChannelId, claimed: &Claimed<'_>, given: &mut Given) {
        let lease = self.channels.get_mut(&id).and_then(|channel| channel.lease.take());
        let is_pending = lease.is_none_or(|lease| lease.pending.is_some());
        if !is_pending && let Ok(channel) = self.ready(id, claimed, given) {
            let before = channel.stream;
            channel.stream.rest();
            if channel.stream != before {
                self.wrote();
            }
        }
        self.answer_awaiting(id, given);
        self.wake_copies(id, claimed, given);
    }
}

/// What a request that is known gets: `Some(None)` if it waits.
#[expect(clippy::option_option, reason = "known or not, and then answered or waiting")]
fn copy_of(
    channel: &Channel,
    named: Named,
    purchase: PurchaseDigest,
) -> Done<Option<Option<Answer>>> {
    let served = channel.lease.as_ref().map(|lease| (lease.proof, lease.purchase));
    let bought = channel.bought.map(|bought| (bought.proof, bought.purchase));
    let mut known = [served, bought].into_iter().flatten();
    let Some((known, its_purchase)) = known.find(|(known, _)| known.number == named.number) else {
        return Ok(None);
    };
    let is_tick = named.number.0;
    if known != named && is_tick {
        return Ok(None);
    }
    if known != named || its_purchase != purchase {
        return Err("voucher_reused");
    }
    let is_served = channel.lease.as_ref().is_some_and(|lease| lease.proof == named);
    let is_left = channel.lease.is_none() && channel.stream.reserve_ends_ms.is_some();
    if is_served || is_left {
        return Ok(Some(None));
    }
    let charged = channel.bought.map_or(0, |bought| bought.charged);
    Ok(Some(Some(Answer::Served(channel.stream.seen(), charged))))
}
