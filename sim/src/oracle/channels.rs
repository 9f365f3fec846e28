//! The naive way of a channel as a whole: opened, topped up, settled, closed, by somebody or by time.
//!
//! What requests do with it is in `requests`, what it moves in `channel_money`, what its numbers
//! become in `stream`.

use engine::{ChannelPhase, Closing, OpenChannel};
use instrument::Signed;
use instrument::channel::TopUp;
use money::ChannelId;

use super::channel::{Channel, Done};
use super::model::{Claimed, Given, Model};
use super::payments::CLOCK_BEHIND_NS;
use super::stream::Stream;
use crate::request::{Answer, Step};

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
        now_ns.max(self.newest_ns()) / 1_000_000
    }

    /// Whether time does something to a channel within a second of this time.
    pub fn is_about_due(&self, now_ns: u64) -> bool {
        let now_ms = self.entry_ms_at(now_ns);
        let open = self.channels.values().map(|channel| channel.stream);
        let open = open.filter(|stream| stream.phase != ChannelPhase::Closed);
        // A request may end early, and what it has set aside with it.
        let mut times = open.flat_map(|stream| [stream.due_ms(), stream.closes_at_ms]);
        times.any(|time_ms| time_ms.abs_diff(now_ms) < 1_000)
    }

    /// An entry was written.
    pub(super) fn wrote(&mut self) {
        self.last_ns = self.last_ns.max(self.now_ns);
    }

    pub(super) fn trust_clock(&self) -> Done<()> {
        if self.seen_ns.saturating_sub(self.now_ns) >= CLOCK_BEHIND_NS {
            return Err("node_clock_behind");
        }
        Ok(())
    }

    /// The open channel, after what its time has done to it.
    pub(super) fn ready(
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

    pub(super) fn seen(&self, id: ChannelId) -> Done<Answer> {
        let channel = self.channels.get(&id);
        channel.map(Channel::answer).ok_or("channel_unknown")
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

    /// Does what time has made due, until nothing is: a request that ends can let its channel end.
    pub(super) fn sweep_channels(&mut self, claimed: &Claimed<'_>, given: &mut Given) {
        loop {
            self.sweep_channels_once(claimed, given);
            if self.due_channels().is_empty() {
                return;
            }
        }
    }

    /// Open channels that time does something to now, the first to be due first.
    fn due_channels(&self) -> Vec<ChannelId> {
        let now_ms = self.entry_ms();
        let open = self.channels.iter().map(|(id, channel)| (channel.stream, *id));
        let open = open.filter(|(stream, _)| stream.phase != ChannelPhase::Closed);
        let due = open.map(|(stream, id)| (stream.due_ms(), id));
        let mut due: Vec<_> = due.filter(|(due_ms, _)| *due_ms <= now_ms).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// Closes, ends leases without a sign of life, answers who waits.
    fn sweep_channels_once(&mut self, claimed: &Claimed<'_>, given: &mut Given) {
        let now_ns = self.now_ns;
        for id in self.due_channels() {
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
}

pub(super) fn refused(code: &'static str) -> Answer {
    if code.starts_with("node_") { Answer::Unavailable(code) } else { Answer::Refused(code) }
}
