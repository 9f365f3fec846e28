//! Commands about a channel as a whole: opened, topped up, settled, closed, by somebody or by time.
//!
//! Each entry is decided at the very moment that it will be stamped with, on the state that it will
//! be folded into, so that the fold takes the same step of the channel's machine.

use instrument::Signed;
use instrument::channel::{Close, Effects, Event, Machine, Phase, TopUp};
use money::{AccountId, ChannelId};

use super::core::Core;
use crate::channel::{
    ChannelCommand, ChannelLimits, ChannelView, Checked, CheckedClosing, OpenChannel,
};
use crate::decide;
use crate::entry::{Act, ChannelEntry, CloseCause, Entry};
use crate::error::{ChannelError, OpenChannelError, Unavailable};
use crate::keys::ChannelKeys;
use crate::state::Channel;

impl Core {
    /// Commands of any channels, in this order.
    pub(super) fn channels(&mut self, commands: Vec<ChannelCommand>) {
        for command in commands {
            self.channel(command);
        }
    }

    pub(super) fn channel(&mut self, command: ChannelCommand) {
        match command {
            ChannelCommand::Open(command, reply) => {
                let result = self.open_channel(&command);
                self.answer(reply, result);
            }
            ChannelCommand::TopUp(top_up, reply) => {
                let result = self.top_up(&top_up);
                self.answer(reply, result);
            }
            ChannelCommand::Present(command, proof, reply) => self.present(command, proof, reply),
            ChannelCommand::Accept(proof, reply) => {
                let result = self.accept(&proof);
                self.answer(reply, result);
            }
            ChannelCommand::Claim(proof, reply) => {
                let result = self.claim(&proof);
                self.answer(reply, result);
            }
            ChannelCommand::Spend(command, reply) => {
                let result = self.spend(*command);
                self.answer(reply, result);
            }
            ChannelCommand::GiveUp(channel, lease, outcome, reply) => {
                let result = self.give_up(channel, lease, outcome);
                self.answer(reply, result);
            }
            ChannelCommand::Await(channel, lease, above, wait_ms, reply) => {
                self.await_accepted(channel, lease, above, wait_ms, reply);
            }
            ChannelCommand::Settle(channel, reply) => {
                let result = self.settle_channel(channel);
                self.answer(reply, result);
            }
            ChannelCommand::Close(closing, reply) => {
                let result = self.close_channel(&closing);
                self.answer(reply, result);
            }
        }
    }

    /// The moment that the next entry will carry, Unix milliseconds.
    pub(super) fn entry_ms(&self) -> u64 {
        self.entry_ns() / 1_000_000
    }

    pub(super) fn limits_of(&self, payee: AccountId) -> ChannelLimits {
        self.channel_limits.get(&payee).copied().unwrap_or_default()
    }

    /// The open channel, after what its time has done to it.
    pub(super) fn ready(&mut self, id: ChannelId) -> Result<&Channel, ChannelError> {
        self.catch_up(id)?;
        match self.state.channels.get(id) {
            Some(channel) => Ok(channel),
            None if self.state.is_closed_channel(id) => Err(ChannelError::Closed),
            None => Err(ChannelError::Unknown),
        }
    }

    /// What the machine would do now.
    pub(super) fn stepped(
        &self,
        channel: &Channel,
        machine: &Machine,
        event: Event,
    ) -> Result<(Machine, Effects), ChannelError> {
        Ok(machine.step(channel.terms(), event, self.entry_ms())?)
    }

    pub(super) fn view_of(&self, id: ChannelId) -> Result<ChannelView, ChannelError> {
        // An entry that did not fit has stopped the writer.
        Ok(self.state.channel(id).ok_or(Unavailable::Stopped)?)
    }

    fn open_channel(&mut self, command: &OpenChannel) -> Result<ChannelView, OpenChannelError> {
        let terms = command.terms.get();
        if terms.node != self.state.node {
            return Err(OpenChannelError::WrongNode);
        }
        let id = command.terms.channel();
        // It stays as it is if it cannot be closed now.
        let _ = self.catch_up(id);
        if let Some(view) = self.state.channel(id) {
            return Ok(view);
        }
        self.trust_clock()?;
        let limits = self.limits_of(terms.payee);
        let new = decide::open_channel(&self.state, command, &limits, self.entry_ns())?;
        let hold = decide::free_hold(&self.state, id, 0, new.leg_count());
        self.write(Entry::Channel(ChannelEntry::Opened { channel: Box::new(new), hold }));
        self.share_keys(id);
        Ok(self.state.channel(id).ok_or(Unavailable::Stopped)?)
    }

    /// Lets signatures of a channel be checked before they come here.
    fn share_keys(&self, id: ChannelId) {
        if let Some(channel) = self.state.channels.get(id) {
            let (terms, newest) = (*channel.terms(), channel.machine.tick());
            self.keys.insert(id, ChannelKeys::new(terms, self.state.closers(id), newest));
        }
    }

    /// As [`Core::share_keys`], for all channels of a state that was loaded.
    pub(super) fn share_all_keys(&self) {
        self.state.channels.iter().for_each(|channel| self.share_keys(channel.id()));
    }

    fn top_up(&mut self, top_up: &Checked<TopUp>) -> Result<ChannelView, ChannelError> {
        let TopUp { channel: id, deposit } = *top_up.unverified().unverified();
        self.ready(id)?;
        let channel = self.state.channels.get(id).ok_or(ChannelError::Unknown)?;
        let top_up = top_up.proven(channel.terms())?;
        if deposit == channel.machine.deposit() {
            return Ok(ChannelView::of(channel));
        }
        self.trust_clock()?;
        let (_, effects) = self.stepped(channel, &channel.machine, Event::TopUp { deposit })?;
        decide::check_delegate(&self.state, channel, decide::Use::Pay, self.entry_ms())?;
        let limits = self.limits_of(channel.terms().payee);
        let units = (deposit, effects.hold);
        decide::check_top_up(&self.state, channel, &limits, units, self.entry_ns())?;
        let hold = self.next_hold(channel);
        self.write(Entry::Channel(ChannelEntry::ToppedUp { top_up, hold }));
        self.view_of(id)
    }

    fn next_hold(&self, channel: &Channel) -> u64 {
        let from = channel.hold.saturating_add(1);
        decide::free_hold(&self.state, channel.id(), from, channel.opened.leg_count())
    }

    fn settle_channel(&mut self, id: ChannelId) -> Result<ChannelView, ChannelError> {
        let channel = self.ready(id)?;
        if channel.machine.unsettled() > 0 {
            let channel = channel.clone();
            if decide::is_any_closed(&self.state, &channel.opened) {
                return Err(ChannelError::AccountClosed);
            }
            self.settle_now(&channel);
        }
        self.view_of(id)
    }

    /// Settles; the accounts must be open.
    pub(super) fn settle_now(&mut self, channel: &Channel) {
        let hold = self.next_hold(channel);
        let channel = channel.id();
        self.write(Entry::Channel(ChannelEntry::Settled { channel, hold }));
        // At the end of its life the settlement was the closing.
        if self.state.channels.get(channel).is_none() {
            self.channel_ended(channel);
        }
    }

    fn close_channel(&mut self, closing: &CheckedClosing) -> Result<ChannelView, ChannelError> {
        let id = closing.channel();
        let is_open = match self.ready(id) {
            Ok(_) => true,
            Err(ChannelError::Closed) => false,
            Err(refused) => return Err(refused),
        };
        let close = match closing {
            CheckedClosing::Agreed(close) | CheckedClosing::ByPayer(close) => {
                Some(close.proven(&self.state.closers(id))?)
            }
            CheckedClosing::ByPayee(_) => None,
        };
        match (closing, close) {
            (CheckedClosing::ByPayer(_), Some(close)) if is_open => self.ask_to_close(id, close)?,
            (CheckedClosing::Agreed(_), _) if is_open => {
                if self.leases.get(id).is_some() {
                    return Err(ChannelError::Busy);
                }
                self.close_now(id, Event::Agree, CloseCause::Agreed, close)?;
            }
            (CheckedClosing::ByPayee(_), _) if is_open => {
                self.close_now(id, Event::Agree, CloseCause::ByPayee, None)?;
            }
            // It is closed, and stays as it ended.
            _ => {}
        }
        self.view_of(id)
    }

    fn ask_to_close(&mut self, id: ChannelId, close: Signed<Close>) -> Result<(), ChannelError> {
        let channel = self.ready(id)?;
        if channel.machine.phase() != Phase::Open {
            return Ok(());
        }
        // A request that has begun may go on; a closing channel would not let it begin later.
        if let Some(begun) = self.leases.take_pending(id) {
            let act = Act::Begin;
            self.write(Entry::Channel(ChannelEntry::Paid { channel: id, begun: Some(begun), act }));
            self.ready(id)?;
        }
        self.write(Entry::Channel(ChannelEntry::Closing { close }));
        self.notify(id);
        Ok(())
    }

    /// Closes at once, if the machine and the accounts let it.
    fn close_now(
        &mut self,
        id: ChannelId,
        event: Event,
        cause: CloseCause,
        close: Option<Signed<Close>>,
    ) -> Result<(), ChannelError> {
        let channel = self.state.channels.get(id).ok_or(ChannelError::Unknown)?;
        let (_, effects) = self.stepped(channel, &channel.machine, event)?;
        // Without anything to pay the hold is only given back, which a closed account takes.
        if effects.pay > 0 && decide::is_any_closed(&self.state, &channel.opened) {
            return Err(ChannelError::AccountClosed);
        }
        self.write(Entry::Channel(ChannelEntry::Closed { channel: id, cause, close }));
        self.channel_ended(id);
        Ok(())
    }

    /// Lets time do what is due: gives back what was set aside, or closes.
    pub(super) fn catch_up(&mut self, id: ChannelId) -> Result<(), ChannelError> {
        let Some(channel) = self.state.channels.get(id) else { return Ok(()) };
        if channel.due_at_ms() > self.entry_ms() {
            return Ok(());
        }
        let (machine, _) = self.stepped(channel, &channel.machine, Event::Time)?;
        if machine.phase() == Phase::Closed {
            return self.close_now(id, Event::Time, CloseCause::Time, None);
        }
        let entry = ChannelEntry::Paid { channel: id, begun: None, act: Act::Lapse };
        self.write(Entry::Channel(entry));
        if self.leases.get(id).is_none() {
            self.wake_copies(id);
        }
        Ok(())
    }

    /// Whoever has to do with the channel learns that it is closed.
    fn channel_ended(&mut self, id: ChannelId) {
        self.leases.forget(id);
        self.keys.remove(id);
        self.notify(id);
        self.wake_copies(id);
    }

    /// Closes and gives back what is due, ends leases that ran out, answers who has waited enough.
    pub(super) fn sweep_channels(&mut self) {
        for id in self.state.channels.due(self.entry_ms()) {
            if self.is_batch_filled() {
                return;
            }
            // An account is closed: the channel waits until it is open again.
            let _ = self.catch_up(id);
        }
        for id in self.leases.expired(self.now_ns) {
            if self.is_batch_filled() {
                return;
            }
            self.end_lost_lease(id);
        }
        for id in self.leases.waited(self.now_ns) {
            self.answer_awaiting(id);
        }
    }
}
