//! The open channels and the lists that follow from them.
//!
//! Invariants: every open channel stands once in the list of its payer, of its payee and of what is
//! due; a payee's exposure is the sum of its channels'. All of that follows from the channels, so a
//! snapshot holds only them.

use std::collections::{BTreeMap, BTreeSet};

use money::{AccountId, ChannelId};

use super::channel::Channel;

/// Of each account its channels in the order in which they were opened.
type Lists = BTreeMap<AccountId, BTreeSet<(u64, ChannelId)>>;

/// Open channels by id, by account and by time.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    open: BTreeMap<ChannelId, Box<Channel>>,
    of_payer: Lists,
    of_payee: Lists,
    /// Unix milliseconds.
    due: BTreeSet<(u64, ChannelId)>,
    exposure: BTreeMap<AccountId, u128>,
}

impl Channels {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Channel> {
        self.open.values().map(|channel| &**channel)
    }

    pub(crate) fn get(&self, id: ChannelId) -> Option<&Channel> {
        self.open.get(&id).map(|channel| &**channel)
    }

    pub(crate) fn insert(&mut self, channel: Channel) {
        let (id, at_ns) = (channel.id(), channel.opened_at_ns);
        let (payer, payee) = (channel.terms().payer, channel.terms().payee);
        self.of_payer.entry(payer).or_default().insert((at_ns, id));
        self.of_payee.entry(payee).or_default().insert((at_ns, id));
        self.due.insert((channel.due_at_ms(), id));
        self.expose(payee, 0, channel.exposure());
        self.open.insert(id, Box::new(channel));
    }

    pub(crate) fn remove(&mut self, id: ChannelId) -> Option<Channel> {
        let channel = *self.open.remove(&id)?;
        let at_ns = channel.opened_at_ns;
        let (payer, payee) = (channel.terms().payer, channel.terms().payee);
        unlist(&mut self.of_payer, payer, (at_ns, id));
        unlist(&mut self.of_payee, payee, (at_ns, id));
        self.due.remove(&(channel.due_at_ms(), id));
        self.expose(payee, channel.exposure(), 0);
        Some(channel)
    }

    /// Changes a channel; the lists follow.
    pub(crate) fn update(&mut self, id: ChannelId, change: impl FnOnce(&mut Channel)) {
        let Some(channel) = self.open.get_mut(&id) else { return };
        let (due, exposure) = (channel.due_at_ms(), channel.exposure());
        change(channel);
        let (due_now, exposure_now) = (channel.due_at_ms(), channel.exposure());
        let payee = channel.terms().payee;
        if due != due_now {
            self.due.remove(&(due, id));
            self.due.insert((due_now, id));
        }
        self.expose(payee, exposure, exposure_now);
    }

    fn expose(&mut self, payee: AccountId, before: u128, now: u128) {
        if before == now {
            return;
        }
        let sum = self.exposure.entry(payee).or_default();
        // Each is at most what the ledger holds, whose sums were checked.
        *sum = sum.saturating_sub(before).saturating_add(now);
        if *sum == 0 {
            self.exposure.remove(&payee);
        }
    }

    /// Spent and not settled in all channels of a payee.
    pub(crate) fn exposure_of(&self, payee: AccountId) -> u128 {
        self.exposure.get(&payee).copied().unwrap_or(0)
    }

    /// Payees with something spent and not settled, and how much.
    pub(crate) fn exposures(&self) -> impl Iterator<Item = (AccountId, u128)> {
        self.exposure.iter().map(|(payee, units)| (*payee, *units))
    }

    pub(crate) fn count_of_payer(&self, payer: AccountId) -> usize {
        self.of_payer.get(&payer).map_or(0, BTreeSet::len)
    }

    /// Newest first.
    pub(crate) fn of_payer(&self, payer: AccountId) -> impl Iterator<Item = &Channel> {
        self.listed(&self.of_payer, payer)
    }

    /// Newest first.
    pub(crate) fn of_payee(&self, payee: AccountId) -> impl Iterator<Item = &Channel> {
        self.listed(&self.of_payee, payee)
    }

    fn listed<'a>(
        &'a self,
        lists: &'a Lists,
        account: AccountId,
    ) -> impl Iterator<Item = &'a Channel> {
        let own = lists.get(&account).into_iter().flatten().rev();
        own.filter_map(|(_, id)| self.get(*id))
    }

    /// Channels that are due by then, the first to be so first.
    pub(crate) fn due(&self, now_ms: u64) -> Vec<ChannelId> {
        let due = self.due.iter().take_while(|(due_ms, _)| *due_ms <= now_ms);
        due.map(|(_, id)| *id).collect()
    }
}

fn unlist(lists: &mut Lists, account: AccountId, place: (u64, ChannelId)) {
    if let Some(list) = lists.get_mut(&account) {
        list.remove(&place);
        if list.is_empty() {
            lists.remove(&account);
        }
    }
}
