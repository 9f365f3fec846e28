//! The naive way of a channel: who may serve from it, who waits, what is charged, and how it ends.
//!
//! Invariant: one request at a time is served from a channel; copies wait for it or get its answer.
//! What it moves is in `channel_money`, what its numbers become in `stream`.

use engine::{ChannelPhase, ClaimToken, Closing, OpenChannel, Present, PresentMode, Proof};
use instrument::channel::{Close, TopUp};
use instrument::{PublicKey, PurchaseDigest, Signed};
use money::ChannelId;

use super::model::{Claimed, Given, Model};
use super::payments::CLOCK_BEHIND_NS;
use super::stream::{Good, Stream, follow};
use crate::request::{Answer, Step};

/// A channel, open or closed.
#[derive(Debug, Clone)]
pub struct Channel {
    pub command: Box<OpenChannel>,
    pub stream: Stream,
    /// Number of the ledger's hold.
    pub hold: u64,
    /// The last request that was begun durably.
    pub(super) bought: Option<Bought>,
    pub(super) lease: Option<Lease>,
    /// The last lease and the total with which it ended.
    ended: Option<(ClaimToken, u128)>,
    pub(super) copies: Vec<(u64, Box<Present>)>,
    pub(super) awaiting: Option<Awaiting>,
}

/// A request that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bought {
    proof: Named,
    purchase: PurchaseDigest,
    charged: u128,
}

/// What a request is told apart by: voucher or tick, its number, and all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Named {
    number: (bool, u64),
    content: [u8; 16],
}

#[derive(Debug, Clone)]
pub(super) struct Lease {
    token: Option<ClaimToken>,
    proof: Named,
    purchase: PurchaseDigest,
    /// Gone with the process, until something is charged.
    pending: Option<Good>,
    seconds: u64,
    ends_ns: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Awaiting {
    pub number: u64,
    above: u128,
    until_ns: u64,
}

/// A refusal is its code.
type Done<T> = Result<T, &'static str>;

impl Channel {
    /// What outlives the process.
    pub fn kept(&self) -> impl PartialEq + use<> {
        (self.stream, self.hold, self.bought)
    }

    /// The numbers, the request that is being served taken into account.
    pub fn running(&self) -> Stream {
        let mut stream = self.stream;
        if let Some(good) = self.lease.as_ref().and_then(|lease| lease.pending) {
            // It began with the same proof, so it begins again.
            let _ = stream.begin(self.command.terms.get(), good, 0);
        }
        stream
    }

    /// The process has ended.
    pub(super) fn restart(&mut self) {
        (self.lease, self.ended, self.awaiting) = (None, None, None);
        self.copies.clear();
    }

    fn answer(&self) -> Answer {
        Answer::Channel(self.stream.seen())
    }

    /// Whether a proof is good.
    fn good(&self, proof: &Proof) -> Done<Good> {
        let terms = self.command.terms.get();
        match proof {
            Proof::Voucher(voucher) => {
                let wrong = "voucher_signature";
                voucher.verify_with(&terms.voucher_key).map_err(|_| wrong)?;
                let voucher = voucher.unverified();
                Ok(Good::Voucher(voucher.sequence, voucher.cumulative))
            }
            Proof::Tick { tick, .. } => follow(terms, self.running().tick, *tick),
        }
    }

    fn has_ended(&self, token: ClaimToken, total: Option<u128>) -> bool {
        self.ended == Some((token, self.stream.spent))
            && total.is_none_or(|total| total == self.stream.spent)
    }

    fn check_lease(&self, token: ClaimToken) -> Done<()> {
        let is_own = match &self.lease {
            Some(lease) => lease.token == Some(token),
            None => self.stream.reserve_ends_ms.is_some(),
        };
        if is_own { Ok(()) } else { Err("lease_lost") }
    }

    /// What the running request began with outlives the process from now on.
    fn keep_begun(&mut self) {
        let running = self.running();
        if let Some(lease) = &mut self.lease
            && lease.pending.take().is_some()
        {
            let (proof, purchase) = (lease.proof, lease.purchase);
            self.stream = running;
            self.bought = Some(Bought { proof, purchase, charged: 0 });
        }
    }

    /// What the request has cost follows what is spent.
    fn charge(&mut self, before: u128) {
        let spent = self.stream.spent;
        if let Some(bought) = &mut self.bought {
            bought.charged = (bought.charged + spent).saturating_sub(before);
        }
    }

    fn renew(&mut self, from_ns: u64) {
        if let Some(lease) = &mut self.lease {
            lease.ends_ns = from_ns + lease.seconds * 1_000_000_000;
        }
    }

    fn may_close(&self, close: &Signed<Close>) -> Done<()> {
        let terms = self.command.terms.get();
        let fits = |key: &PublicKey| close.verify_with(key).is_ok();
        if [terms.voucher_key, terms.signer].iter().any(fits) {
            Ok(())
        } else {
            Err("close_signature")
        }
    }
}

impl Named {
    fn of(proof: &Proof) -> Self {
        match proof {
            Proof::Voucher(voucher) => {
                let voucher = voucher.unverified();
                let number = (false, voucher.sequence);
                Self { number, content: voucher.cumulative.to_be_bytes() }
            }
            Proof::Tick { tick, .. } => {
                Self { number: (true, u64::from(tick.index)), content: tick.link.0 }
            }
        }
    }
}

impl Model {
    pub(super) fn channel_step(
        &mut self,
        number: u64,
        step: &Step,
        claimed: &Claimed<'_>,
    ) -> Given {
        let mut given = Given::new();
        let done = match step {
            Step::Present(command) => {
                self.present(number, command.clone(), claimed, &mut given);
                return given;
            }
            Step::Await(id, token, above, wait_ms) => {
                let wait = (*token, *above, *wait_ms);
                match self.await_accepted(number, *id, wait, claimed, &mut given) {
                    Ok(()) => return given,
                    Err(why) => Err(why),
                }
            }
            Step::Open(command) => self.open_channel(command, claimed, &mut given),
            Step::TopUp(top_up) => self.top_up(top_up, claimed, &mut given),
            Step::Accept(proof) => self.accept(proof, claimed, &mut given),
            Step::Claim(proof) => self.claim(proof, claimed, &mut given),
            Step::Spend(id, token, total, end) => {
                self.spend(*id, *token, (*total, *end), claimed, &mut given)
            }
            Step::GiveUp(id, token) => self.give_up(*id, *token, claimed, &mut given),
            Step::Settle(id) => self.settle_channel(*id, claimed, &mut given),
            Step::Close(closing) => self.close_channel(closing, claimed, &mut given),
        };
        given.push((number, done.unwrap_or_else(refused)));
        given
    }

    /// The moment that the node's next entry carries, Unix milliseconds.
    pub fn entry_ms(&self) -> u64 {
        self.entry_ms_at(self.now_ns)
    }

    fn entry_ms_at(&self, now_ns: u64) -> u64 {
        let past_ns = self.books.past.last().map_or(0, |past| past.timestamp_ns);
        now_ns.max(self.last_ns).max(past_ns) / 1_000_000
    }

    /// Whether time does something to a channel within a second of this time.
    pub fn is_about_due(&self, now_ns: u64) -> bool {
        let now_ms = self.entry_ms_at(now_ns);
        let open = self.channels.values().map(|channel| channel.stream);
        let mut open = open.filter(|stream| stream.phase != ChannelPhase::Closed);
        open.any(|stream| stream.due_ms().abs_diff(now_ms) < 1_000)
    }

    /// An entry was written.
    fn wrote(&mut self) {
        self.last_ns = self.last_ns.max(self.now_ns);
    }

    fn trust_clock(&self) -> Done<()> {
        if self.seen_ns.saturating_sub(self.now_ns) >= CLOCK_BEHIND_NS {
            return Err("node_clock_behind");
        }
        Ok(())
    }

    /// The open channel, after what its time has done to it.
    fn ready(
        &mut self,
        id: ChannelId,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<&mut Channel> {
        self.catch_up(id, claimed, given);
        match self.channels.get_mut(&id) {
            None => Err("channel_unknown"),
            Some(channel) if channel.stream.phase == ChannelPhase::Closed => Err("channel_closed"),
            Some(channel) => Ok(channel),
        }
    }

    /// Gives back what was set aside for too long, and closes what has lived long enough.
    fn catch_up(&mut self, id: ChannelId, claimed: &Claimed<'_>, given: &mut Given) {
        let now_ms = self.entry_ms();
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if channel.stream.phase == ChannelPhase::Closed || channel.stream.due_ms() > now_ms {
            return;
        }
        if channel.stream.closes_at_ms <= now_ms {
            return self.end(id, claimed, given);
        }
        channel.stream.lapse();
        let is_free = channel.lease.is_none();
        self.wrote();
        if is_free {
            self.wake_copies(id, claimed, given);
        }
    }

    /// Closes a channel; whoever waits on it learns that.
    fn end(&mut self, id: ChannelId, claimed: &Claimed<'_>, given: &mut Given) {
        self.wrote();
        self.pay_and_close(id);
        if let Some(channel) = self.channels.get_mut(&id) {
            (channel.lease, channel.ended) = (None, None);
        }
        self.answer_awaiting(id, given);
        self.wake_copies(id, claimed, given);
    }

    fn open_channel(
        &mut self,
        command: &OpenChannel,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<Answer> {
        let terms = *command.terms.get();
        if terms.node != crate::purchases::node() {
            return Err("channel_wrong_node");
        }
        let id = command.terms.channel();
        self.catch_up(id, claimed, given);
        if let Some(channel) = self.channels.get(&id) {
            return Ok(channel.answer());
        }
        self.trust_clock()?;
        if terms.expires_at_ms <= self.entry_ms() || terms.deposit.units() == 0 {
            return Err("channel_terms");
        }
        let payees = command.split.iter().flat_map(|(accounts, _)| accounts);
        let mut payees = payees.chain([&terms.payee]);
        if payees.any(|account| !self.books.accounts.contains_key(account)) {
            return Err("unknown_payee");
        }
        if self.available(terms.payer) < terms.deposit.units() {
            return Err("insufficient_funds");
        }
        let channel = Channel {
            command: Box::new(command.clone()),
            stream: Stream::open(command),
            hold: 0,
            bought: None,
            lease: None,
            ended: None,
            copies: Vec::new(),
            awaiting: None,
        };
        let answer = channel.answer();
        self.channels.insert(id, channel);
        self.wrote();
        self.hold_first(id);
        Ok(answer)
    }

    fn top_up(
        &mut self,
        top_up: &Signed<TopUp>,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<Answer> {
        let TopUp { channel: id, deposit } = *top_up.unverified();
        let channel = self.ready(id, claimed, given)?;
        let terms = *channel.command.terms.get();
        let wrong = "top_up_signature";
        top_up.verify_with(&terms.signer).map_err(|_| wrong)?;
        let Stream { phase, deposit: before, .. } = channel.stream;
        if deposit == before {
            return Ok(channel.answer());
        }
        self.trust_clock()?;
        if phase == ChannelPhase::Closing {
            return Err("channel_closing");
        }
        if deposit < before {
            return Err("top_up_lower");
        }
        if self.available(terms.payer) < deposit - before {
            return Err("insufficient_funds");
        }
        self.wrote();
        self.hold_more(id, deposit);
        self.seen(id)
    }

    fn seen(&self, id: ChannelId) -> Done<Answer> {
        let channel = self.channels.get(&id);
        channel.map(Channel::answer).ok_or("channel_unknown")
    }

    fn present(
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
    fn present_now(
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

    fn accept(&mut self, proof: &Proof, claimed: &Claimed<'_>, given: &mut Given) -> Done<Answer> {
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

    fn claim(&mut self, proof: &Proof, claimed: &Claimed<'_>, given: &mut Given) -> Done<Answer> {
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

    fn spend(
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

    fn give_up(
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

    fn end_lease(
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

    fn await_accepted(
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

    fn notify(&mut self, id: ChannelId, given: &mut Given) {
        let Some(channel) = self.channels.get(&id) else { return };
        let running = channel.running();
        let has_come = channel.awaiting.is_some_and(|awaiting| {
            running.accepted > awaiting.above || running.phase != ChannelPhase::Open
        });
        if has_come {
            self.answer_awaiting(id, given);
        }
    }

    fn answer_awaiting(&mut self, id: ChannelId, given: &mut Given) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if let Some(awaiting) = channel.awaiting.take() {
            given.push((awaiting.number, Answer::Channel(channel.running().seen())));
        }
    }

    fn settle_channel(
        &mut self,
        id: ChannelId,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<Answer> {
        if self.ready(id, claimed, given)?.stream.unsettled() > 0 {
            self.wrote();
            self.settle_now(id);
        }
        self.seen(id)
    }

    fn close_channel(
        &mut self,
        closing: &Closing,
        claimed: &Claimed<'_>,
        given: &mut Given,
    ) -> Done<Answer> {
        let id = closing.channel();
        let is_open = match self.ready(id, claimed, given) {
            Ok(_) => true,
            Err("channel_closed") => false,
            Err(refused) => return Err(refused),
        };
        let now_ms = self.entry_ms();
        let channel = self.channels.get_mut(&id).ok_or("channel_unknown")?;
        if let Closing::Agreed(close) | Closing::ByPayer(close) = closing {
            channel.may_close(close)?;
        }
        if !is_open {
            return Ok(channel.answer());
        }
        let is_served = channel.lease.is_some();
        let is_reserved = channel.stream.reserve_ends_ms.is_some();
        match closing {
            Closing::ByPayer(_) if channel.stream.phase == ChannelPhase::Open => {
                channel.keep_begun();
                let delay_ms = u64::from(channel.command.terms.get().close_delay_seconds) * 1_000;
                let stream = &mut channel.stream;
                stream.phase = ChannelPhase::Closing;
                stream.closes_at_ms = stream.closes_at_ms.min(now_ms + delay_ms);
                self.wrote();
                self.notify(id, given);
            }
            Closing::ByPayer(_) => {}
            Closing::Agreed(_) if is_served => return Err("channel_busy"),
            _ if is_reserved => return Err("channel_busy"),
            Closing::Agreed(_) | Closing::ByPayee(_) => self.end(id, claimed, given),
        }
        self.seen(id)
    }

    /// The copies that wait get their turn, first come first.
    fn wake_copies(&mut self, id: ChannelId, claimed: &Claimed<'_>, given: &mut Given) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        for (number, command) in std::mem::take(&mut channel.copies) {
            self.present(number, command, claimed, given);
        }
    }

    /// Does what time has made due: closes, ends leases without a sign of life, answers who waits.
    pub(super) fn sweep_channels(&mut self, claimed: &Claimed<'_>, given: &mut Given) {
        let (now_ms, now_ns) = (self.entry_ms(), self.now_ns);
        let all = self.channels.iter();
        let open = all.filter(|(_, channel)| channel.stream.phase != ChannelPhase::Closed);
        let mut due: Vec<_> = open.map(|(id, channel)| (channel.stream.due_ms(), *id)).collect();
        due.sort_unstable();
        for (_, id) in due.into_iter().filter(|(due_ms, _)| *due_ms <= now_ms) {
            self.catch_up(id, claimed, given);
        }
        let all = self.channels.iter();
        let leases = all.filter_map(|(id, channel)| Some((channel.lease.as_ref()?.ends_ns, *id)));
        let mut over: Vec<_> = leases.filter(|(ends_ns, _)| *ends_ns <= now_ns).collect();
        over.sort_unstable();
        for (_, id) in over {
            self.lose_lease(id, claimed, given);
        }
        let all = self.channels.iter();
        let waits = all.filter_map(|(id, channel)| Some((channel.awaiting?.until_ns, *id)));
        let over: Vec<_> = waits.filter(|(until_ns, _)| *until_ns <= now_ns).collect();
        for (_, id) in over {
            self.answer_awaiting(id, given);
        }
    }

    /// A lease without a sign of life: what was charged stays.
    fn lose_lease(&mut self, id: ChannelId, claimed: &Claimed<'_>, given: &mut Given) {
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

fn refused(code: &'static str) -> Answer {
    if code.starts_with("node_") { Answer::Unavailable(code) } else { Answer::Refused(code) }
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
