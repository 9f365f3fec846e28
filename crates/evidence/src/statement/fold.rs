//! An account's sums from its rows, one after the other.
//!
//! Invariant: a hold is resolved once, by its own side and for no more than it holds; no id counts
//! twice. It knows nothing of the log.

use std::collections::{BTreeMap, BTreeSet};

use crate::epoch::Balances;
use crate::record::{Action, Facts};

/// On which side of a row the account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It gives; or it is created.
    Debit,
    /// It receives.
    Credit,
}

/// What follows from the rows so far.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    balances: Balances,
    holds: BTreeMap<u128, (Side, u128)>,
    ids: BTreeSet<u128>,
    is_created: bool,
}

/// Why a row cannot follow those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The first row is not the creation of the account, or a later one is.
    #[error("an account begins with its creation, and is created once")]
    Creation,
    /// A transfer with this id was there before.
    #[error("a transfer has an id that was used before")]
    IdTwice,
    /// No hold of this id is open on this side, or less is held than is posted.
    #[error("a hold is resolved that is not open on this side, or for more than it holds")]
    Hold,
    /// A sum is beyond 2^128-1.
    #[error("a sum of the account is beyond 2^128-1")]
    Overflow,
}

impl FoldError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Creation => "statement_creation",
            Self::IdTwice => "statement_id_twice",
            Self::Hold => "statement_hold",
            Self::Overflow => "statement_overflow",
        }
    }
}

impl Fold {
    /// The sums.
    pub const fn balances(&self) -> Balances {
        self.balances
    }

    /// How many holds are open.
    pub fn holds_count(&self) -> usize {
        self.holds.len()
    }

    /// The next row, in which the account stands on this side. After an error the fold is not to be
    /// used further.
    pub fn apply(&mut self, facts: &Facts, side: Side) -> Result<(), FoldError> {
        let action = facts.action();
        if (action == Action::Create) == self.is_created {
            return Err(FoldError::Creation);
        }
        // An expiry has the id of its hold.
        if !matches!(action, Action::Create | Action::Expire) && !self.ids.insert(facts.id) {
            return Err(FoldError::IdTwice);
        }
        match action {
            Action::Create => self.is_created = true,
            Action::Move => add(self.posted(side), facts.amount)?,
            Action::Hold => {
                self.holds.insert(facts.id, (side, facts.amount));
                add(self.pending(side), facts.amount)?;
            }
            Action::Post => {
                let held = self.release(facts.pending_id, side)?;
                if facts.amount > held {
                    return Err(FoldError::Hold);
                }
                add(self.posted(side), facts.amount)?;
            }
            Action::Void => drop(self.release(facts.pending_id, side)?),
            Action::Expire => drop(self.release(facts.id, side)?),
        }
        Ok(())
    }

    /// Takes a hold out and tells how much it held.
    fn release(&mut self, id: u128, side: Side) -> Result<u128, FoldError> {
        match self.holds.remove(&id) {
            Some((of, held)) if of == side => {
                let pending = self.pending(side);
                *pending = pending.checked_sub(held).ok_or(FoldError::Hold)?;
                Ok(held)
            }
            _ => Err(FoldError::Hold),
        }
    }

    const fn posted(&mut self, side: Side) -> &mut u128 {
        match side {
            Side::Debit => &mut self.balances.debits_posted,
            Side::Credit => &mut self.balances.credits_posted,
        }
    }

    const fn pending(&mut self, side: Side) -> &mut u128 {
        match side {
            Side::Debit => &mut self.balances.debits_pending,
            Side::Credit => &mut self.balances.credits_pending,
        }
    }
}

fn add(sum: &mut u128, amount: u128) -> Result<(), FoldError> {
    *sum = sum.checked_add(amount).ok_or(FoldError::Overflow)?;
    Ok(())
}
