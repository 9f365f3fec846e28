//! What a ledger remembers of accounts and transfers, and how postings change balances.
//!
//! Invariant: a [`Postings`] touches the debit side of one account and the credit side of another by
//! the same change, so it cannot create or destroy money. This module decides nothing: whether
//! postings are allowed is settled before.

use money::{AccountId, TransferId};

use crate::event::{Account, Kind, Limit, Transfer};

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
    /// When it was created, Unix nanoseconds, unique in the ledger.
    pub timestamp_ns: u64,
}

impl AccountState {
    /// What a customer can still spend: `credits_posted - debits_posted - debits_pending`. Zero if
    /// the debits exceed the credits, which an account without limit may do.
    pub const fn available(&self) -> u128 {
        self.credits_posted.saturating_sub(self.debits_posted).saturating_sub(self.debits_pending)
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

/// A transfer as it was created. Amount and user data of a post or void are the actual ones, no
/// longer [`AMOUNT_MAX`](crate::AMOUNT_MAX) or zero for those of the pending transfer.
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
    Expired,
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

/// Sums over all accounts of one asset, base units. Debits equal credits, pending and posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// How many accounts there are.
    pub accounts: usize,
    /// Sum of `debits_pending`.
    pub debits_pending: u128,
    /// Sum of `debits_posted`.
    pub debits_posted: u128,
    /// Sum of `credits_pending`.
    pub credits_pending: u128,
    /// Sum of `credits_posted`.
    pub credits_posted: u128,
}

impl Totals {
    /// Debits equal credits.
    pub const fn is_balanced(&self) -> bool {
        self.debits_pending == self.credits_pending && self.debits_posted == self.credits_posted
    }

    /// Replaces what an account contributes.
    pub(crate) fn follow(&mut self, before: &AccountState, after: &AccountState) {
        let follow = |column: &mut u128, before: u128, after: u128| {
            *column = Change { add: after, take: before }.apply(*column);
        };
        follow(&mut self.debits_pending, before.debits_pending, after.debits_pending);
        follow(&mut self.debits_posted, before.debits_posted, after.debits_posted);
        follow(&mut self.credits_pending, before.credits_pending, after.credits_pending);
        follow(&mut self.credits_posted, before.credits_posted, after.credits_posted);
    }
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
        let (pending, posted) = match self.state.transfer.kind {
            Kind::Single => (Change::NONE, Change::add(amount)),
            Kind::Pending { .. } => (Change::add(amount), Change::NONE),
            Kind::Post { .. } => (Change::take(held), Change::add(amount)),
            Kind::Void { .. } => (Change::take(held), Change::NONE),
        };
        Postings { pending, posted }
    }

    /// What releasing a hold does to the balances.
    pub(crate) const fn release(&self) -> Postings {
        Postings { pending: Change::take(self.state.transfer.amount), posted: Change::NONE }
    }
}

/// The change of a pending and a posted column, the same on the debit and the credit side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Postings {
    pending: Change,
    posted: Change,
}

impl Postings {
    pub(crate) const fn inverse(self) -> Self {
        Self { pending: self.pending.inverse(), posted: self.posted.inverse() }
    }

    pub(crate) fn apply(self, pending: &mut u128, posted: &mut u128) {
        *pending = self.pending.apply(*pending);
        *posted = self.posted.apply(*posted);
    }
}

#[derive(Debug, Clone, Copy)]
struct Change {
    add: u128,
    take: u128,
}

impl Change {
    const NONE: Self = Self { add: 0, take: 0 };

    const fn add(amount: u128) -> Self {
        Self { add: amount, take: 0 }
    }

    const fn take(amount: u128) -> Self {
        Self { add: 0, take: amount }
    }

    const fn inverse(self) -> Self {
        Self { add: self.take, take: self.add }
    }

    fn apply(self, column: u128) -> u128 {
        column
            .checked_sub(self.take)
            .and_then(|rest| rest.checked_add(self.add))
            .expect("postings stay within the columns because they were checked before")
    }
}

/// Sum, unless it passes 2^128-1.
pub(crate) fn sum<const N: usize>(amounts: [u128; N]) -> Option<u128> {
    amounts.into_iter().try_fold(0_u128, u128::checked_add)
}
