//! What a ledger says of accounts and transfers.
//!
//! Invariant: of an account only the four balances and `closed` ever change, of a transfer only what
//! has become of a hold. This module decides nothing: whether a change is allowed is settled before.

use money::{AccountId, Asset};

use crate::event::{Account, Limit, Transfer};

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// The four balances of an account, in base units of its asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balances {
    /// Held on the giving side.
    pub debits_pending: u128,
    /// Given; only grows.
    pub debits_posted: u128,
    /// Held on the receiving side.
    pub credits_pending: u128,
    /// Received; only grows.
    pub credits_posted: u128,
}

impl Balances {
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

    /// In the order in which they stand in bytes.
    pub(crate) const fn columns(&self) -> [u128; 4] {
        [self.debits_pending, self.debits_posted, self.credits_pending, self.credits_posted]
    }

    pub(crate) const fn of(columns: [u128; 4]) -> Self {
        let [debits_pending, debits_posted, credits_pending, credits_posted] = columns;
        Self { debits_pending, debits_posted, credits_pending, credits_posted }
    }
}

/// What an account is and where it stands: the part that is always at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The account.
    pub id: AccountId,
    /// The one asset that it holds.
    pub asset: Asset,
    /// What kind of account it is, in the caller's numbering.
    pub code: u16,
    /// Which side may not outgrow the other.
    pub limit: Limit,
    /// Its balances after each transfer are kept.
    pub history: bool,
    /// Takes nothing but the void of a hold: created so, or while a closing hold is open.
    pub closed: bool,
    /// Base units of the asset.
    pub balances: Balances,
}

/// An account with its balances, and everything that it was created with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountState {
    /// The account as it was created.
    pub account: Account,
    /// Base units of its asset.
    pub balances: Balances,
    /// Takes nothing but the void of a hold: created so, or while a closing hold is open.
    pub closed: bool,
    /// When it was created, Unix nanoseconds, unique in the ledger.
    pub timestamp_ns: u64,
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

/// When a timeout ends; `None` if after the last timestamp.
pub(crate) fn expiry_ns(timestamp_ns: u64, timeout_seconds: u32) -> Option<u64> {
    u64::from(timeout_seconds)
        .checked_mul(NANOSECONDS_PER_SECOND)
        .and_then(|timeout_ns| timestamp_ns.checked_add(timeout_ns))
}
