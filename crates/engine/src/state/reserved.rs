//! Ids of transfers that held payments and open channels have used or will use.
//!
//! Invariant: exactly the ids of the holds of every held payment, and of the posts or voids that will
//! resolve them; and those that the hold of every open channel can make. It follows from payments and
//! channels, so it is in no snapshot; it is asked and never
//! listed, so its order is nobody's.

use std::collections::HashSet;

use ledger::Seed;
use money::{ChannelId, PaymentId, TransferId};

use super::channel::channel_transfers;
use super::payment::leg_transfers;
use super::seed;

#[derive(Debug)]
pub(crate) struct Reserved(HashSet<TransferId, Seed>);

impl Reserved {
    pub(crate) fn new() -> Self {
        Self(HashSet::with_hasher(seed()))
    }

    /// The payment is held.
    pub(crate) fn add(&mut self, payment: PaymentId, legs: usize) {
        self.0.extend(leg_transfers(payment, legs));
    }

    /// The payment is held no more.
    pub(crate) fn remove(&mut self, payment: PaymentId, legs: usize) {
        for id in leg_transfers(payment, legs) {
            self.0.remove(&id);
        }
    }

    /// The channel's money lies in the hold of this number, and settles to so many legs.
    pub(crate) fn add_channel(&mut self, channel: ChannelId, hold: u64, legs: usize) {
        self.0.extend(channel_transfers(channel, hold, legs));
    }

    /// The hold of this number is resolved.
    pub(crate) fn remove_channel(&mut self, channel: ChannelId, hold: u64, legs: usize) {
        for id in channel_transfers(channel, hold, legs) {
            self.0.remove(&id);
        }
    }

    pub(crate) fn contains(&self, id: TransferId) -> bool {
        self.0.contains(&id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
