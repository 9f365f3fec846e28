//! What callers ask of a channel.

use instrument::channel::{Close, SignedVoucher, Tick, VerifiedTerms};
use instrument::{PurchaseDigest, Signed, UnitPrice};
use money::{AccountId, Amount, ChannelId, Shares};

use super::view::ChannelView;
use crate::command::ClaimToken;
use crate::outcome::Outcome;
use crate::tags::Tags;

/// Request to open a channel: the deposit is held at once.
#[derive(Debug, Clone)]
pub struct OpenChannel {
    /// The terms; their signature is checked by type.
    pub terms: VerifiedTerms,
    /// Who receives how much of each settlement, one account for each share, 64 at most; the payee
    /// of the terms alone receives all if `None`. Fixed for the life of the channel.
    pub split: Option<(Vec<AccountId>, Shares)>,
    /// One line for the payer's and payee's history, at most 120 bytes; longer text is cut.
    pub description: String,
    /// Origin at which it is opened, for mandates that are bound to one; `None` if unknown.
    pub origin: Option<String>,
    /// What its settlements are counted by in reports; decides nothing.
    pub tags: Tags,
}

/// What raises the accepted total of a channel. Its signature or link is checked by the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A signed running total.
    Voucher(SignedVoucher),
    /// A link of the tick chain.
    Tick {
        /// The channel whose chain it is.
        channel: ChannelId,
        /// The link.
        tick: Tick,
    },
}

impl Proof {
    /// The channel that it pays from.
    pub fn channel(&self) -> ChannelId {
        match self {
            Self::Voucher(voucher) => voucher.unverified().channel,
            Self::Tick { channel, .. } => *channel,
        }
    }
}

/// Request to serve one purchase from a channel.
#[derive(Debug, Clone)]
pub struct Present {
    /// A voucher with a sequence, or a tick with an index, that no request has carried before.
    pub proof: Proof,
    /// What is bought; the same proof for another purchase is refused.
    pub purchase: PurchaseDigest,
    /// Account that the offer pays; must be the channel's payee.
    pub pay_to: AccountId,
    /// The offer's split; must be the channel's.
    pub split: Option<(Vec<AccountId>, Shares)>,
    /// What the first step costs; so much must be accepted and unspent. Its asset must be the
    /// channel's.
    pub start: Amount,
    /// What one unit costs at most if it is paid by the unit, for mandates that limit that.
    pub unit_price: Option<UnitPrice>,
    /// What is kept of the request until it is paid.
    pub mode: PresentMode,
    /// The lease or reserve ends after this time unless a spend renews it; at most
    /// [`super::LEASE_SECONDS_MAX`].
    pub lease_seconds: u32,
    /// Origin at which it is bought, for mandates that are bound to one; `None` if unknown.
    pub origin: Option<String>,
}

/// How a request that pays from a channel is kept apart from its copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentMode {
    /// In memory: for safe methods, which can be fetched again, and for streams.
    Lease,
    /// Durably, with `start` set aside: for unsafe methods, which must execute once.
    Reserve,
}

/// Answer to a request that was presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The caller alone may serve from the channel: spend, then deliver.
    Proceed {
        /// Names the lease in later calls.
        lease: ClaimToken,
        /// The channel, the presented proof taken into account.
        channel: ChannelView,
    },
    /// The request was served before: give the first answer again, do not execute, do not charge.
    Replay {
        /// The channel as it is now.
        channel: ChannelView,
        /// What the request cost.
        charged: Amount,
        /// The first answer, if it is kept.
        outcome: Option<Outcome>,
    },
}

/// Report of what a request has used so far. Repeating it is harmless: it names a total.
#[derive(Debug, Clone)]
pub struct Spend {
    /// The channel.
    pub channel: ChannelId,
    /// The lease of the request.
    pub lease: ClaimToken,
    /// Base units spent in all since the channel opened. Above the last report: the next step is
    /// about to be delivered. Below it: so much was delivered, and not all of the last step.
    pub spent: u128,
    /// The request is over; the lease ends.
    pub end: bool,
    /// The answer, for copies of the request; looked at with `end` only.
    pub outcome: Option<Outcome>,
    /// The outcome is journaled with the entry, else it is kept in memory.
    pub durable_outcome: bool,
}

/// Who closes a channel.
#[derive(Debug, Clone, Copy)]
pub enum Closing {
    /// The payer asks and the payee agrees: at once.
    Agreed(Signed<Close>),
    /// The payer alone: after the delay that the terms name.
    ByPayer(Signed<Close>),
    /// The payee: at once.
    ByPayee(ChannelId),
}

impl Closing {
    /// The channel to close.
    pub fn channel(&self) -> ChannelId {
        match self {
            Self::Agreed(close) | Self::ByPayer(close) => close.unverified().channel,
            Self::ByPayee(channel) => *channel,
        }
    }
}
