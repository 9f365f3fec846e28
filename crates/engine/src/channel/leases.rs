//! Leases: which request is served from a channel now, who waits for its outcome, and who waits for
//! the payer's next voucher.
//!
//! All of it lives in memory only and moves no money: after a crash what was durable of a request is
//! in the state, the rest never happened. Invariant: at most one caller at a time has been told to
//! proceed with a channel.

use std::collections::{BTreeMap, BTreeSet};

use instrument::PurchaseDigest;
use money::ChannelId;

use super::{Begun, CHANNEL_COPIES_COUNT_MAX, ChannelView, CheckedProof, Present};
use crate::command::ClaimToken;
use crate::entry::BegunRequest;
use crate::error::ChannelError;
use crate::handle::Reply;
use crate::state::RequestKey;

/// A request that is being served.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub token: ClaimToken,
    pub key: RequestKey,
    pub purchase: PurchaseDigest,
    /// What is not durable yet; it becomes so with the first thing that is charged.
    pub pending: Option<BegunRequest>,
    /// Its outcome is journaled even if nothing is charged: it must not be executed again.
    pub executes_once: bool,
    pub seconds: u32,
    pub ends_at_ns: u64,
}

/// A copy of a request that waits.
pub(crate) struct WaitingCopy {
    pub command: Box<Present>,
    pub proof: CheckedProof,
    pub reply: Reply<Begun, ChannelError>,
}

/// A request that waits for more to be accepted.
pub(crate) struct Awaiting {
    pub above: u128,
    pub until_ns: u64,
    pub reply: Reply<ChannelView, ChannelError>,
}

/// Leases and who waits, by channel. Each is of a channel that is open, so there are no more.
#[derive(Default)]
pub(crate) struct Leases {
    held: BTreeMap<ChannelId, Lease>,
    /// When each lease ends, the first to do so first.
    ends: BTreeSet<(u64, ChannelId)>,
    copies: BTreeMap<ChannelId, Vec<WaitingCopy>>,
    awaiting: BTreeMap<ChannelId, Awaiting>,
    waits: BTreeSet<(u64, ChannelId)>,
    /// The last lease of a channel and the total with which it ended, so that the end can be
    /// repeated.
    ended: BTreeMap<ChannelId, (ClaimToken, u128)>,
}

impl Leases {
    pub(crate) fn get(&self, channel: ChannelId) -> Option<&Lease> {
        self.held.get(&channel)
    }

    pub(crate) fn insert(&mut self, channel: ChannelId, lease: Lease) {
        self.remove(channel);
        self.ends.insert((lease.ends_at_ns, channel));
        self.held.insert(channel, lease);
    }

    pub(crate) fn remove(&mut self, channel: ChannelId) -> Option<Lease> {
        let lease = self.held.remove(&channel)?;
        self.ends.remove(&(lease.ends_at_ns, channel));
        Some(lease)
    }

    /// What the request began with is durable now.
    pub(crate) fn take_pending(&mut self, channel: ChannelId) -> Option<BegunRequest> {
        self.held.get_mut(&channel)?.pending.take()
    }

    /// A sign of life: the lease lasts its seconds from this moment on.
    pub(crate) fn renew(&mut self, channel: ChannelId, from_ns: u64) {
        let Some(lease) = self.held.get_mut(&channel) else { return };
        self.ends.remove(&(lease.ends_at_ns, channel));
        lease.ends_at_ns = from_ns.saturating_add(u64::from(lease.seconds) * 1_000_000_000);
        self.ends.insert((lease.ends_at_ns, channel));
    }

    /// Channels whose lease ran out.
    pub(crate) fn expired(&self, now_ns: u64) -> Vec<ChannelId> {
        over(&self.ends, now_ns)
    }

    pub(crate) fn remember_end(&mut self, channel: ChannelId, token: ClaimToken, spent: u128) {
        self.ended.insert(channel, (token, spent));
    }

    pub(crate) fn has_ended(&self, channel: ChannelId, token: ClaimToken, spent: u128) -> bool {
        self.ended.get(&channel) == Some(&(token, spent))
    }

    pub(crate) fn wait(&mut self, channel: ChannelId, copy: WaitingCopy) {
        let copies = self.copies.entry(channel).or_default();
        copies.retain(|copy| !copy.reply.is_closed());
        if copies.len() < CHANNEL_COPIES_COUNT_MAX {
            copies.push(copy);
        } else {
            // The receiver may be gone, which needs no answer.
            let _ = copy.reply.send(Err(ChannelError::TooManyCopies));
        }
    }

    /// Everybody who waits for the request's outcome, first come first.
    pub(crate) fn take_copies(&mut self, channel: ChannelId) -> Vec<WaitingCopy> {
        self.copies.remove(&channel).unwrap_or_default()
    }

    /// Waits; whoever waited before in the same lease is given back to be answered.
    pub(crate) fn set_awaiting(
        &mut self,
        channel: ChannelId,
        awaiting: Awaiting,
    ) -> Option<Awaiting> {
        let before = self.take_awaiting(channel);
        self.waits.insert((awaiting.until_ns, channel));
        self.awaiting.insert(channel, awaiting);
        before
    }

    pub(crate) fn awaiting(&self, channel: ChannelId) -> Option<&Awaiting> {
        self.awaiting.get(&channel)
    }

    pub(crate) fn take_awaiting(&mut self, channel: ChannelId) -> Option<Awaiting> {
        let awaiting = self.awaiting.remove(&channel)?;
        self.waits.remove(&(awaiting.until_ns, channel));
        Some(awaiting)
    }

    /// Channels on which somebody has waited long enough.
    pub(crate) fn waited(&self, now_ns: u64) -> Vec<ChannelId> {
        over(&self.waits, now_ns)
    }

    /// The channel is closed: nothing is left to be repeated.
    pub(crate) fn forget(&mut self, channel: ChannelId) {
        self.remove(channel);
        self.ended.remove(&channel);
    }
}

fn over(times: &BTreeSet<(u64, ChannelId)>, now_ns: u64) -> Vec<ChannelId> {
    let over = times.iter().take_while(|(time_ns, _)| *time_ns <= now_ns);
    over.map(|(_, channel)| *channel).collect()
}
