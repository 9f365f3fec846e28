//! How balances change: postings of a transfer, and the sums that they must leave balanced.
//!
//! Invariant: a [`Postings`] touches the debit side of one account and the credit side of another by
//! the same change, so it cannot create or destroy money. This module decides nothing: whether
//! postings are allowed is settled before.

use crate::state::Balances;

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

    /// Counts one more account; `None` if a sum does not fit.
    pub(crate) fn add(&mut self, balances: &Balances) -> Option<()> {
        self.accounts = self.accounts.checked_add(1)?;
        self.debits_pending = self.debits_pending.checked_add(balances.debits_pending)?;
        self.debits_posted = self.debits_posted.checked_add(balances.debits_posted)?;
        self.credits_pending = self.credits_pending.checked_add(balances.credits_pending)?;
        self.credits_posted = self.credits_posted.checked_add(balances.credits_posted)?;
        Some(())
    }

    /// Replaces what an account contributes.
    #[inline]
    pub(crate) fn follow(&mut self, before: &Balances, after: &Balances) {
        // Cannot wrap: a sum is at least each of its parts, and has room for what is admitted.
        let follow = |column: &mut u128, before: u128, after: u128| {
            *column = column.wrapping_sub(before).wrapping_add(after);
        };
        follow(&mut self.debits_pending, before.debits_pending, after.debits_pending);
        follow(&mut self.debits_posted, before.debits_posted, after.debits_posted);
        follow(&mut self.credits_pending, before.credits_pending, after.credits_pending);
        follow(&mut self.credits_posted, before.credits_posted, after.credits_posted);
    }
}

/// The change of a pending and a posted column, the same on the debit and the credit side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Postings {
    pending: ColumnChange,
    posted: ColumnChange,
}

impl Postings {
    pub(crate) const fn single(amount: u128) -> Self {
        Self { pending: ColumnChange::NONE, posted: ColumnChange::add(amount) }
    }

    pub(crate) const fn hold(amount: u128) -> Self {
        Self { pending: ColumnChange::add(amount), posted: ColumnChange::NONE }
    }

    pub(crate) const fn post(held: u128, amount: u128) -> Self {
        Self { pending: ColumnChange::take(held), posted: ColumnChange::add(amount) }
    }

    pub(crate) const fn release(held: u128) -> Self {
        Self { pending: ColumnChange::take(held), posted: ColumnChange::NONE }
    }

    /// Panics if a column would pass its ends: what is applied must have been checked before.
    pub(crate) fn apply(self, pending: &mut u128, posted: &mut u128) {
        let applied = self.pending.apply(*pending).zip(self.posted.apply(*posted));
        (*pending, *posted) = applied.expect("postings are checked before they are applied");
    }
}

#[derive(Debug, Clone, Copy)]
struct ColumnChange {
    add: u128,
    take: u128,
}

impl ColumnChange {
    const NONE: Self = Self { add: 0, take: 0 };

    const fn add(amount: u128) -> Self {
        Self { add: amount, take: 0 }
    }

    const fn take(amount: u128) -> Self {
        Self { add: 0, take: amount }
    }

    const fn apply(self, column: u128) -> Option<u128> {
        match column.checked_sub(self.take) {
            Some(rest) => rest.checked_add(self.add),
            None => None,
        }
    }
}

/// Sum, unless it passes 2^128-1.
pub(crate) fn sum<const N: usize>(amounts: [u128; N]) -> Option<u128> {
    amounts.into_iter().try_fold(0_u128, u128::checked_add)
}
