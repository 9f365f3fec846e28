//! The fold of the entries about channels.
//!
//! Each entry is one or two steps of the channel's machine, and what the last of them moves is one
//! linked chain of transfers. A step that the machine refuses is damage: it was taken before the
//! entry was written, at the same time and on the same state.

use instrument::channel::{Effects, Event, Machine, Phase};
use ledger::{AMOUNT_MAX, Kind, Transfer};
use money::{AccountId, ChannelId};

use super::State;
use super::apply::{Broken, broken, code};
use super::channel::{Channel, Part, Request, RequestKey, channel_transfer};
use crate::entry::{Act, BegunRequest, ChannelEntry, CloseCause, NewChannel, PaidProof};
use crate::past::{ChannelPaid, ClosedChannel, LegsAt, OpenedChannel, Parties, Record};

impl State {
    pub(super) fn apply_channel(&mut self, entry: &ChannelEntry, at_ns: u64) -> Result<(), Broken> {
        match entry {
            ChannelEntry::Opened { channel, hold } => self.open_channel(channel, *hold, at_ns),
            ChannelEntry::ToppedUp { top_up, hold } => {
                let top_up = top_up.unverified();
                let event = Event::TopUp { deposit: top_up.deposit };
                self.step(top_up.channel, event, Some(*hold), CloseCause::Time, at_ns)
            }
            ChannelEntry::Paid { channel, begun, act } => {
                self.pay_from_channel(*channel, begun.as_ref(), act, at_ns)
            }
            ChannelEntry::Settled { channel, hold } => {
                self.step(*channel, Event::Settle, Some(*hold), CloseCause::Time, at_ns)
            }
            ChannelEntry::Closing { close } => {
                let channel = close.unverified().channel;
                self.step(channel, Event::AskToClose, None, CloseCause::Time, at_ns)
            }
            ChannelEntry::Closed { channel, cause, .. } => {
                let event = match cause {
                    CloseCause::Agreed | CloseCause::ByPayee => Event::Agree,
                    CloseCause::Time => Event::Time,
                };
                self.step(*channel, event, None, *cause, at_ns)?;
                if self.channels.get(*channel).is_some() {
                    return Err(broken("channel closed", "its time is not over"));
                }
                Ok(())
            }
        }
    }

    fn open_channel(&mut self, new: &NewChannel, hold: u64, at_ns: u64) -> Result<(), Broken> {
        let terms = *new.terms();
        if terms.node != self.node || self.channels.get(new.id).is_some() {
            return Err(broken("channel opened", "it is another node's or known"));
        }
        if !new.has_sound_split() {
            return Err(broken("channel opened", "its split is not whole"));
        }
        let units = terms.deposit.units();
        let mut channel = Channel {
            opened: Box::new(new.clone()),
            opened_at_ns: at_ns,
            machine: Machine::open(&terms),
            signature: None,
            request: None,
            hold,
        };
        channel.machine = step_of(&channel, Event::Time, at_ns)?.0;
        if channel.machine.phase() == Phase::Closed {
            return Err(broken("channel opened", "its life is over"));
        }
        self.transfer("channel opened", &[holding(&channel, hold, units)], at_ns)?;
        self.spend("channel opened", terms.mandate, units, at_ns)?;
        self.reserved.add_channel(new.id, hold, new.leg_count());
        let deposit = self.of_event(|| units);
        let opened = OpenedChannel { deposit, ..OpenedChannel::of(&channel) };
        self.put(&Record::ChannelOpened(Box::new(opened)))?;
        self.channels.insert(channel);
        Ok(())
    }

    /// One step of the machine, and what it moves in the ledger.
    fn step(
        &mut self,
        id: ChannelId,
        event: Event,
        next_hold: Option<u64>,
        cause: CloseCause,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let channel = self.channel_of(id)?;
        let (machine, effects) = step_of(channel, event, at_ns)?;
        let is_closed = machine.phase() == Phase::Closed;
        if effects != Effects::default() || is_closed {
            let next_hold = next_hold.filter(|_| !is_closed);
            if next_hold.is_none() && !is_closed {
                return Err(broken("channel", "its next hold has no number"));
            }
            self.move_money(id, &machine, effects, next_hold, at_ns)?;
        }
        self.channels.update(id, |channel| channel.machine = machine);
        if is_closed { self.close_channel(id, cause, at_ns) } else { Ok(()) }
    }

    /// Resolves the channel's hold as far as the step says, and opens the next one.
    fn move_money(
        &mut self,
        id: ChannelId,
        machine: &Machine,
        effects: Effects,
        next_hold: Option<u64>,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let channel = self.channel_of(id)?;
        let (hold, mandate) = (channel.hold, channel.terms().mandate);
        let opened_at_ns = channel.opened_at_ns;
        let legs = channel.opened.leg_count();
        let pending = self.ledger.open_hold(channel_transfer(id, hold, Part::Hold));
        let pending =
            pending.ok_or_else(|| broken("channel", "the ledger holds nothing for it"))?;
        let mut chain = resolving(channel, &pending, effects.pay)?;
        if let Some(next) = next_hold {
            let left = machine.deposit().saturating_sub(machine.settled());
            chain.push(holding(channel, next, left));
        }
        let last = chain.len().saturating_sub(1);
        for transfer in chain.iter_mut().take(last) {
            transfer.linked = true;
        }
        let paid = self.of_event(|| paid_out(channel, effects.pay, &chain, self.next_row(), at_ns));
        self.transfer("channel", &chain, at_ns)?;
        if let Some(paid) = paid.filter(|paid| paid.units > 0) {
            self.put(&Record::ChannelPaid(Box::new(paid)))?;
        }
        self.reserved.remove_channel(id, hold, legs);
        if let Some(next) = next_hold {
            self.reserved.add_channel(id, next, legs);
            self.channels.update(id, |channel| channel.hold = next);
        }
        self.spend("channel", mandate, effects.hold, at_ns)?;
        // What is added on a later day may be what comes back, so only the day and month in which
        // the channel was opened get it back, and only while they last: then all of it was theirs.
        self.give_back(mandate, effects.give_back, opened_at_ns);
        Ok(())
    }

    /// A closed channel leaves memory.
    fn close_channel(
        &mut self,
        id: ChannelId,
        cause: CloseCause,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let Some(channel) = self.channels.remove(id) else { return Ok(()) };
        let parties = self.of_event(|| Parties::of(&channel));
        let closed = ClosedChannel { parties, ..ClosedChannel::of(&channel, cause, at_ns) };
        self.put(&Record::ChannelClosed(Box::new(closed)))
    }

    fn pay_from_channel(
        &mut self,
        id: ChannelId,
        begun: Option<&BegunRequest>,
        act: &Act,
        at_ns: u64,
    ) -> Result<(), Broken> {
        if let Some(begun) = begun {
            self.begin(id, begun, at_ns)?;
        }
        let event = match act {
            Act::Begin => None,
            Act::Reserve { units, ends_at_ms } => {
                Some(Event::Reserve { units: *units, ends_at_ms: *ends_at_ms })
            }
            Act::Spend { total, end, .. } => Some(Event::Spend { total: *total, end: *end }),
            Act::GiveUp { .. } => Some(Event::GiveUp),
            Act::Accept(proof) => Some(Event::Accept(proof.proven())),
            Act::Claim(proof) => Some(Event::Claim(proof.proven())),
            Act::Lapse => Some(Event::Time),
        };
        if let Some(event) = event {
            let before = self.channel_of(id)?.machine.spent();
            self.step(id, event, None, CloseCause::Time, at_ns)?;
            match act {
                Act::Spend { .. } | Act::GiveUp { .. } => self.charge_request(id, before),
                Act::Accept(proof) | Act::Claim(proof) => self.keep_signature(id, proof),
                Act::Begin | Act::Reserve { .. } | Act::Lapse => {}
            }
        }
        if let Act::Spend { outcome: Some(outcome), .. } | Act::GiveUp { outcome: Some(outcome) } =
            act
            && let Some(request) = self.channel_of(id)?.request
        {
            self.outcomes.keep(request.key.payment(id), outcome.clone());
        }
        Ok(())
    }

    fn begin(&mut self, id: ChannelId, begun: &BegunRequest, at_ns: u64) -> Result<(), Broken> {
        let event = Event::Begin { proof: begun.proof.proven(), start: 0 };
        self.step(id, event, None, CloseCause::Time, at_ns)?;
        self.keep_signature(id, &begun.proof);
        let request =
            Request { key: RequestKey::of(&begun.proof), purchase: begun.purchase, charged: 0 };
        self.channels.update(id, |channel| channel.request = Some(request));
        Ok(())
    }

    /// What the running request has cost follows what is spent.
    fn charge_request(&mut self, id: ChannelId, before: u128) {
        self.channels.update(id, |channel| {
            let spent = channel.machine.spent();
            if let Some(request) = &mut channel.request {
                let gained = spent.saturating_sub(before);
                let lost = before.saturating_sub(spent);
                request.charged = request.charged.saturating_add(gained).saturating_sub(lost);
            }
        });
    }

    fn keep_signature(&mut self, id: ChannelId, proof: &PaidProof) {
        if let PaidProof::Voucher { sequence, signature, .. } = proof {
            self.channels.update(id, |channel| {
                if channel.machine.sequence() == *sequence {
                    channel.signature = Some(*signature);
                }
            });
        }
    }

    fn channel_of(&self, id: ChannelId) -> Result<&Channel, Broken> {
        self.channels.get(id).ok_or_else(|| broken("channel", "there is no such open channel"))
    }
}

fn step_of(channel: &Channel, event: Event, at_ns: u64) -> Result<(Machine, Effects), Broken> {
    let stepped = channel.machine.step(channel.terms(), event, at_ns / 1_000_000);
    stepped.map_err(|why| broken("channel", why.to_string()))
}

/// The pending transfer behind a channel. It never expires: the channel's own time ends it.
fn holding(channel: &Channel, hold: u64, units: u128) -> Transfer {
    let kind = Kind::pending(0);
    let id = channel_transfer(channel.id(), hold, Part::Hold);
    Transfer { id, kind, ..moving(channel, channel.terms().payee, units) }
}

fn moving(channel: &Channel, to: AccountId, units: u128) -> Transfer {
    Transfer {
        id: channel_transfer(channel.id(), channel.hold, Part::Hold),
        kind: Kind::SINGLE,
        debit_account: channel.terms().payer,
        credit_account: to,
        asset: channel.asset(),
        amount: units,
        code: code::CHANNEL,
        user_data: channel.id().get(),
        user_data_64: 0,
        user_data_32: 0,
        linked: false,
    }
}

/// What such a chain pays out. With a split the void of the hold stands before the legs.
fn paid_out(
    channel: &Channel,
    units: u128,
    chain: &[Transfer],
    first_row: u64,
    at_ns: u64,
) -> ChannelPaid {
    let is_leg = |transfer: &&Transfer| transfer.kind == Kind::SINGLE;
    let legs = chain.iter().filter(is_leg).count();
    let legs_at = if channel.opened.split.is_empty() {
        LegsAt::Alone
    } else {
        LegsAt::Row(first_row.saturating_add(1))
    };
    ChannelPaid {
        id: channel.id(),
        parties: Parties::of(channel),
        units,
        legs: u32::try_from(legs).unwrap_or(u32::MAX),
        legs_at,
        at_ns,
        description: channel.opened.description.clone(),
    }
}

/// The transfers that end a hold: so much is paid, the rest is free again.
fn resolving(channel: &Channel, pending: &Transfer, pay: u128) -> Result<Vec<Transfer>, Broken> {
    let id = |part| channel_transfer(channel.id(), channel.hold, part);
    if pay == 0 {
        return Ok(vec![pending.void(id(Part::Resolve))]);
    }
    if channel.opened.split.is_empty() {
        let units = if pay == pending.amount { AMOUNT_MAX } else { pay };
        return Ok(vec![pending.post(id(Part::Resolve), units)]);
    }
    let legs = channel.opened.legs(pay);
    let legs = legs.ok_or_else(|| broken("channel", "its split is not whole"))?;
    let mut chain = vec![pending.void(id(Part::Resolve))];
    chain.extend(legs.into_iter().enumerate().filter(|(_, (_, units))| *units > 0).map(
        |(index, (account, units))| Transfer {
            id: id(Part::Leg(index)),
            ..moving(channel, account, units)
        },
    ));
    Ok(chain)
}
