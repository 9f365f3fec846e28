//! The events that a ledger takes: create an account, create a transfer.
//!
//! What a flag could contradict is a type here: a transfer has one [`Kind`], an account one
//! [`Limit`], an id is never zero. So an event that can be built has no contradictory flags.
//! This module holds data only; the rules are in `accounts` and `transfers`.

use money::{AccountId, Asset, TransferId};

/// As the amount of a post: everything that is pending.
pub const AMOUNT_MAX: u128 = u128::MAX;

/// Creates an account. Everything but its balances is fixed for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Chosen by the caller; the same id again with the same content is `exists`.
    pub id: AccountId,
    /// The one asset that the account holds.
    pub asset: Asset,
    /// What kind of account it is, in the caller's numbering; not zero.
    pub code: u16,
    /// Free for the caller.
    pub user_data: u128,
    /// Which side may not outgrow the other.
    pub limit: Limit,
    /// Tied to the next event of the batch: both are created or none.
    pub linked: bool,
}

/// Which side of an account may not outgrow the other. Pending amounts count on the limited side
/// and never as income.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Neither side is limited, as for a treasury.
    None,
    /// `debits_pending + debits_posted <= credits_posted`: no overdraft, as for a customer.
    DebitsMustNotExceedCredits,
    /// `credits_pending + credits_posted <= debits_posted`: the mirror image.
    CreditsMustNotExceedDebits,
}

/// Creates a transfer of `amount` base units from `debit_account` to `credit_account`.
///
/// A post or void states accounts, asset and code as well, and they must equal those of the pending
/// transfer; [`Transfer::post`] and [`Transfer::void`] copy them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Chosen by the caller; the same id again with the same content is `exists`.
    pub id: TransferId,
    /// Whether it moves, holds, posts or voids.
    pub kind: Kind,
    /// The account that gives.
    pub debit_account: AccountId,
    /// The account that receives.
    pub credit_account: AccountId,
    /// Asset of the amount, equal to that of both accounts.
    pub asset: Asset,
    /// Base units; zero is allowed. For a post at most the pending amount, or [`AMOUNT_MAX`] for
    /// all of it, and the rest is released. For a void zero or exactly the pending amount.
    pub amount: u128,
    /// Why the transfer is made, in the caller's numbering; not zero.
    pub code: u16,
    /// Free for the caller. In a post or void zero stands for that of the pending transfer.
    pub user_data: u128,
    /// Tied to the next event of the batch: both are created or none.
    pub linked: bool,
}

/// What a transfer does to the balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Posts the amount at once.
    Single,
    /// Holds the amount until a post or void, or until it expires.
    Pending {
        /// Seconds until the hold expires; zero for never.
        timeout_seconds: u32,
    },
    /// Posts a pending transfer, fully or partly, and releases the rest.
    Post {
        /// The pending transfer.
        pending_id: TransferId,
    },
    /// Releases a pending transfer.
    Void {
        /// The pending transfer.
        pending_id: TransferId,
    },
}

impl Kind {
    /// The pending transfer that a post or void resolves.
    pub const fn pending_id(self) -> Option<TransferId> {
        match self {
            Self::Post { pending_id } | Self::Void { pending_id } => Some(pending_id),
            Self::Single | Self::Pending { .. } => None,
        }
    }

    /// Seconds until a pending transfer expires; zero for never and for the other kinds.
    pub const fn timeout_seconds(self) -> u32 {
        match self {
            Self::Pending { timeout_seconds } => timeout_seconds,
            Self::Single | Self::Post { .. } | Self::Void { .. } => 0,
        }
    }
}

impl Transfer {
    /// The event that posts `amount` of this pending transfer; [`AMOUNT_MAX`] for all, zero to
    /// release all.
    #[must_use]
    pub const fn post(&self, id: TransferId, amount: u128) -> Self {
        let kind = Kind::Post { pending_id: self.id };
        Self { id, kind, amount, user_data: 0, linked: false, ..*self }
    }

    /// The event that voids this pending transfer.
    #[must_use]
    pub const fn void(&self, id: TransferId) -> Self {
        let kind = Kind::Void { pending_id: self.id };
        Self { id, kind, amount: 0, user_data: 0, linked: false, ..*self }
    }
}
