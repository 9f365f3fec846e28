//! What a channel moves in the books: one hold for what is not settled, resolved and opened again in
//! one chain whenever that changes.

use engine::{ChannelPhase, system_account};
use ledger::{AMOUNT_MAX, Kind, Transfer};
use money::{AccountId, ChannelId, TransferId};
use sha2::{Digest, Sha256};

use super::channel::Channel;
use super::model::Model;

/// Code of a transfer of a channel.
pub const CHANNEL_CODE: u16 = 3;

/// Parts of a share.
const MILLION: u128 = 1_000_000;

/// Spent and not settled in one channel of the payee that has a limit; beyond it the channel is
/// settled.
pub const UNSETTLED_MAX: u128 = 300;

/// Which transfer of a hold: it itself, its end, and from 2 on what each account gets.
const HOLD: u64 = 0;
const END: u64 = 1;
const FIRST_LEG: u64 = 2;

impl Model {
    /// What an account can spend.
    pub(super) fn available(&self, account: AccountId) -> u128 {
        self.books.accounts.get(&account).map_or(0, |state| state.balances.available())
    }

    /// The first hold of a channel.
    pub(super) fn hold_first(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        let hold = holding(id, channel, channel.hold, channel.stream.deposit);
        self.books.create_transfers(&[hold]);
    }

    /// The deposit rises.
    pub(super) fn hold_more(&mut self, id: ChannelId, deposit: u128) {
        self.change(id, 0, true, |channel| channel.stream.deposit = deposit);
    }

    /// Everything but the last step of the running request is paid.
    pub(super) fn settle_now(&mut self, id: ChannelId) {
        let pay = self.channels.get(&id).map_or(0, |channel| channel.stream.unsettled());
        self.change(id, pay, true, |channel| {
            let stream = &mut channel.stream;
            stream.settled = stream.delivered;
            stream.started = stream.started.max(stream.settled);
        });
    }

    pub(super) fn settle_beyond_limit(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        let is_limited = Some(channel.command.terms.get().payee) == crate::streams::limited_payee();
        if is_limited && channel.stream.unsettled() > UNSETTLED_MAX {
            self.settle_now(id);
        }
    }

    /// All that is spent is paid, all else is the payer's again.
    pub(super) fn pay_and_close(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get(&id) else { return };
        let pay = channel.stream.spent - channel.stream.settled;
        self.change(id, pay, false, |channel| {
            let stream = &mut channel.stream;
            stream.rest();
            stream.settled = stream.spent;
            stream.phase = ChannelPhase::Closed;
        });
    }

    /// Ends the hold, pays out of it, and holds what is left if the channel goes on.
    fn change(
        &mut self,
        id: ChannelId,
        pay: u128,
        goes_on: bool,
        change: impl FnOnce(&mut Channel),
    ) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let held = transfer_id(id, channel.hold, HOLD);
        let Some(hold) = self.books.transfers.get(&held).map(|state| state.transfer) else {
            return;
        };
        let mut chain = resolving(id, channel, &hold, pay);
        change(channel);
        if goes_on {
            let left = channel.stream.deposit - channel.stream.settled;
            channel.hold += 1;
            chain.push(holding(id, channel, channel.hold, left));
        }
        let last = chain.len() - 1;
        chain.iter_mut().take(last).for_each(|transfer| transfer.linked = true);
        self.books.create_transfers(&chain);
    }

    /// Ids that no batch of the ledger's own may name, because a channel has or will have them.
    pub(super) fn channel_ids(&self) -> impl Iterator<Item = TransferId> {
        let all = self.channels.iter();
        let open = all.filter(|(_, channel)| channel.stream.phase != ChannelPhase::Closed);
        open.flat_map(|(id, channel)| {
            let legs = channel.command.split.as_ref().map_or(0, |(accounts, _)| accounts.len() + 1);
            (0..FIRST_LEG + legs as u64).map(|part| transfer_id(*id, channel.hold, part))
        })
    }

    /// Checks that the books hold for each channel what it has not settled.
    pub fn check_channels(&self) -> Result<(), String> {
        for (id, channel) in &self.channels {
            let hold = transfer_id(*id, channel.hold, HOLD);
            let held = self.books.transfers.get(&hold).map(|state| state.transfer.amount);
            let held = held.filter(|_| self.books.open.contains(&hold));
            let stream = &channel.stream;
            let right =
                (stream.phase != ChannelPhase::Closed).then_some(stream.deposit - stream.settled);
            if held != right {
                return Err(format!("{id} holds {held:?}, right is {right:?}"));
            }
        }
        Ok(())
    }
}

fn holding(id: ChannelId, channel: &Channel, number: u64, units: u128) -> Transfer {
    let payee = channel.command.terms.get().payee;
    let kind = Kind::pending(0);
    Transfer { id: transfer_id(id, number, HOLD), kind, ..moving(id, channel, payee, units) }
}

fn moving(id: ChannelId, channel: &Channel, to: AccountId, units: u128) -> Transfer {
    let terms = channel.command.terms.get();
    Transfer {
        id: transfer_id(id, channel.hold, HOLD),
        kind: Kind::SINGLE,
        debit_account: terms.payer,
        credit_account: to,
        asset: terms.deposit.asset(),
        amount: units,
        code: CHANNEL_CODE,
        user_data: id.get(),
        user_data_64: 0,
        user_data_32: 0,
        linked: false,
    }
}

fn resolving(id: ChannelId, channel: &Channel, hold: &Transfer, pay: u128) -> Vec<Transfer> {
    let end = transfer_id(id, channel.hold, END);
    if pay == 0 {
        return vec![hold.void(end)];
    }
    let Some((accounts, shares)) = &channel.command.split else {
        return vec![hold.post(end, if pay == hold.amount { AMOUNT_MAX } else { pay })];
    };
    let parts = shares.parts_per_million().iter();
    let parts = parts.map(|share| pay * u128::from(*share) / MILLION);
    let mut legs: Vec<_> = accounts.iter().copied().zip(parts).collect();
    let rest = pay - legs.iter().map(|(_, units)| units).sum::<u128>();
    legs.push((system_account("residue", hold.asset), rest));
    let legs = legs.into_iter().zip(FIRST_LEG..).filter(|((_, units), _)| *units > 0);
    let legs = legs.map(|((account, units), part)| Transfer {
        id: transfer_id(id, channel.hold, part),
        ..moving(id, channel, account, units)
    });
    std::iter::once(hold.void(end)).chain(legs).collect()
}

fn transfer_id(channel: ChannelId, hold: u64, part: u64) -> TransferId {
    let digest = Sha256::new()
        .chain_update(b"farthing/channel-transfer/1")
        .chain_update(channel.to_be_bytes())
        .chain_update(hold.to_be_bytes())
        .chain_update(part.to_be_bytes())
        .finalize();
    TransferId::from_digest(&digest.into())
}
