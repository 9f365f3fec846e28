//! What a ledger remembers of accounts and transfers.
//!
//! Invariant: of an account only the four balances and `closed` ever change, of a transfer only what
//! has become of a hold. This module decides nothing: whether a change is allowed is settled before.

use money::{AccountId, TransferId};

use crate::event::{Account, Kind, Limit, Transfer};
use crate::postings::{Postings, sum};

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// An account with its balances, in base units of its asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountState {
    /// The account as it was created.
    pub account: Account,
    /// Held on the giving side.
    pub debits_pending: u128,
    /// Given; only grows.
    pub debits_posted: u128,
    /// Held on the receiving side.
    pub credits_pending: u128,
    /// Received; only grows.
    pub credits_posted: u128,
    /// Takes nothing but the void of a hold: created so, or while a closing hold is open.
    pub closed: bool,
    /// When it was created, Unix nanoseconds, unique in the ledger.
    pub timestamp_ns: u64,
}

/// The four balances of an account, in base units of its asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balances {
    /// Held on the giving side.
    pub debits_pending: u128,
    /// Given.
    pub debits_posted: u128,
    /// Held on the receiving side.
    pub credits_pending: u128,
    /// Received.
    pub credits_posted: u128,
}

impl AccountState {
    /// The four balances by themselves.
    pub const fn balances(&self) -> Balances {
        let Self { debits_pending, debits_posted, credits_pending, credits_posted, .. } = *self;
        Balances { debits_pending, debits_posted, credits_pending, credits_posted }
    }

    /// What a customer can still spend: `credits_posted - debits_posted - debits_pending`. Zero if
    /// the debits exceed the credits, which an account without limit may do.
    pub const fn available(&self) -> u128 {
        self.credits_posted.saturating_sub(self.debits_posted).saturating_sub(self.debits_pending)
    }

    /// The mirror image, `debits_posted - credits_posted - credits_pending`: what can be credited
    /// until the credits reach the debits. Zero if they exceed them.
    pub const fn creditable(&self) -> u128 {
        self.debits_posted.saturating_sub(self.credits_posted).saturating_sub(self.credits_pending)
    }

    /// The account's id.
    pub const fn id(&self) -> AccountId {
        self.account.id
    }

    pub(crate) const fn new(account: Account, timestamp_ns: u64) -> Self {
        Self {
            account,
            debits_pending: 0,
            debits_posted: 0,
            credits_pending: 0,
            credits_posted: 0,
            closed: account.closed,
            timestamp_ns,
        }
    }

    /// `amount` more debits would break the limit.
    pub(crate) fn debits_exceed_credits(&self, amount: u128) -> bool {
        let debits = sum([self.debits_pending, self.debits_posted, amount]);
        self.account.limit == Limit::DebitsMustNotExceedCredits
            && debits.is_none_or(|debits| debits > self.credits_posted)
    }

    /// `amount` more credits would break the limit.
    pub(crate) fn credits_exceed_debits(&self, amount: u128) -> bool {
        let credits = sum([self.credits_pending, self.credits_posted, amount]);
        self.account.limit == Limit::CreditsMustNotExceedDebits
            && credits.is_none_or(|credits| credits > self.debits_posted)
    }

    pub(crate) fn is_within_limit(&self) -> bool {
        !self.debits_exceed_credits(0) && !self.credits_exceed_debits(0)
    }
}

/// A transfer as it was created. Its amount and user data are the actual ones: that of a balancing
/// transfer is what it found to move, those of a post or void are no longer
/// [`AMOUNT_MAX`](crate::AMOUNT_MAX) or zero for what the pending transfer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferState {
    /// The transfer.
    pub transfer: Transfer,
    /// When it was created, Unix nanoseconds, unique in the ledger.
    pub timestamp_ns: u64,
    /// What has become of it, if it is of the pending kind.
    pub pending: PendingState,
}

/// What has become of a pending transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingState {
    /// The transfer is not of the pending kind.
    None,
    /// Neither posted, voided nor released by expiry.
    Pending,
    /// Posted; the rest was released.
    Posted {
        /// How much was posted, base units.
        amount: u128,
    },
    /// Voided.
    Voided,
    /// Released after its time had run out.
    Expired {
        /// When it was released, Unix nanoseconds: at its end or later.
        at_ns: u64,
    },
}

impl TransferState {
    /// When the hold ends, Unix nanoseconds: from then on it cannot be posted or voided. `None` for
    /// a hold without timeout and for other kinds.
    pub fn expires_at_ns(&self) -> Option<u64> {
        match self.transfer.kind.timeout_seconds() {
            0 => None,
            timeout_seconds => expiry_ns(self.timestamp_ns, timeout_seconds),
        }
    }
}

pub(crate) fn expiry_ns(timestamp_ns: u64, timeout_seconds: u32) -> Option<u64> {
    u64::from(timeout_seconds)
        .checked_mul(NANOSECONDS_PER_SECOND)
        .and_then(|timeout_ns| timestamp_ns.checked_add(timeout_ns))
}

/// A transfer with its references resolved to positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub state: TransferState,
    /// Position of the debit account.
    pub debit: usize,
    /// Position of the credit account.
    pub credit: usize,
    /// For a post or void: position of the pending transfer and the amount that it holds.
    pub resolves: Option<Hold>,
}

/// A pending transfer that a post or void resolves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    pub position: usize,
    pub amount: u128,
}

impl Entry {
    pub(crate) const fn id(&self) -> TransferId {
        self.state.transfer.id
    }

    /// What creating the transfer does to the balances.
    pub(crate) fn postings(&self) -> Postings {
        let amount = self.state.transfer.amount;
        let held = self.resolves.map_or(0, |hold| hold.amount);
        match self.state.transfer.kind {
            Kind::Single { .. } => Postings::single(amount),
            Kind::Pending { .. } => Postings::hold(amount),
            Kind::Post { .. } => Postings::post(held, amount),
            Kind::Void { .. } => Postings::release(held),
        }
    }

    /// What releasing a hold does to the balances.
    pub(crate) const fn release(&self) -> Postings {
        Postings::release(self.state.transfer.amount)
    }
}
