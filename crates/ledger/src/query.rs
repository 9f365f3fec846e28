//! Questions about the past: transfers and accounts by what they carry, balances at a time, and the
//! feed of changes.
//!
//! Answers are pages of copies in order of time, and a cursor or position leads from one page to the
//! next; nothing in a question or an answer refers to memory, so the same can be answered from disk.
//! Invariants: following the cursors gives each row exactly once, also while the ledger grows; a
//! question that cannot be answered is an error and never an empty page. Asking changes nothing.
//!
//! Transfers and accounts are sought one by one from where the page begins until it is full.

mod feed;
mod page;

use money::{AccountId, Asset};

pub use self::feed::{Change, ChangeKind, Changes};
pub use self::page::{Cursor, Order, PAGE_ROWS_MAX, Page, Rows};
use crate::books::Ledger;
use crate::event::{Account, Sides, Transfer};
use crate::history::BalancesAt;
use crate::state::{AccountState, Balances, Entry, TransferState};

/// What rows must carry. `None` stands for anything, so that zero can be sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    /// The asset.
    pub asset: Option<Asset>,
    /// The code.
    pub code: Option<u16>,
    /// User data of 128 bits.
    pub user_data: Option<u128>,
    /// User data of 64 bits.
    pub user_data_64: Option<u64>,
    /// User data of 32 bits.
    pub user_data_32: Option<u32>,
}

impl Filter {
    /// Lets every row through.
    pub const ANY: Self =
        Self { asset: None, code: None, user_data: None, user_data_64: None, user_data_32: None };

    fn fits_account(&self, account: &Account) -> bool {
        is_sought(self.asset, account.asset)
            && is_sought(self.code, account.code)
            && is_sought(self.user_data, account.user_data)
            && is_sought(self.user_data_64, account.user_data_64)
            && is_sought(self.user_data_32, account.user_data_32)
    }

    fn fits_transfer(&self, transfer: &Transfer) -> bool {
        is_sought(self.asset, transfer.asset)
            && is_sought(self.code, transfer.code)
            && is_sought(self.user_data, transfer.user_data)
            && is_sought(self.user_data_64, transfer.user_data_64)
            && is_sought(self.user_data_32, transfer.user_data_32)
    }
}

fn is_sought<T: Copy + PartialEq>(sought: Option<T>, carried: T) -> bool {
    sought.is_none_or(|sought| sought == carried)
}

/// Why a question has no answer, in order of precedence. Asking again does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum QueryError {
    /// A page of no rows.
    #[error("a page has at least one row")]
    LimitMustNotBeZero,
    /// A page of more than [`PAGE_ROWS_MAX`] rows.
    #[error("a page has at most {PAGE_ROWS_MAX} rows")]
    LimitTooLarge,
    /// The time ends before it begins.
    #[error("the time ends before it begins")]
    TimeEndsBeforeItBegins,
    /// Transfers on neither side of an account.
    #[error("neither debits nor credits are asked for")]
    SidesMustNotBeEmpty,
    /// No such account, or not yet at that time.
    #[error("there is no such account at that time")]
    AccountNotFound,
    /// The account was created without `history`.
    #[error("the account keeps no history")]
    AccountHasNoHistory,
    /// The position is one that the feed has not reached: it is of another ledger or of a future.
    #[error("the feed has not reached that position")]
    PositionNotReached,
}

impl QueryError {
    /// Stable name for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::LimitMustNotBeZero => "limit_must_not_be_zero",
            Self::LimitTooLarge => "limit_too_large",
            Self::TimeEndsBeforeItBegins => "time_ends_before_it_begins",
            Self::SidesMustNotBeEmpty => "sides_must_not_be_empty",
            Self::AccountNotFound => "account_not_found",
            Self::AccountHasNoHistory => "account_has_no_history",
            Self::PositionNotReached => "position_not_reached",
        }
    }
}

impl Ledger {
    /// Transfers on an account: where it is debited, credited, or both.
    pub fn transfers_of(
        &self,
        account: AccountId,
        sides: Sides,
        filter: &Filter,
        page: &Page,
    ) -> Result<Rows<TransferState>, QueryError> {
        page.check()?;
        if sides == Sides::NONE {
            return Err(QueryError::SidesMustNotBeEmpty);
        }
        let position = self.find_account(account)?;
        let is_on = |entry: &Entry| {
            (sides.debit && entry.debit == position) || (sides.credit && entry.credit == position)
        };
        Ok(page.of(&self.transfers, |entry| {
            is_on(entry) && filter.fits_transfer(&entry.state.transfer)
        }))
    }

    /// Transfers on any account.
    pub fn transfers_by(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Rows<TransferState>, QueryError> {
        page.check()?;
        Ok(page.of(&self.transfers, |entry| filter.fits_transfer(&entry.state.transfer)))
    }

    /// Accounts by the time of their creation, as they are now.
    pub fn accounts_by(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Rows<AccountState>, QueryError> {
        page.check()?;
        Ok(page.of(&self.accounts, |state| filter.fits_account(&state.account)))
    }

    /// The balances of a `history` account after each of its transfers.
    pub fn history_of(
        &self,
        account: AccountId,
        page: &Page,
    ) -> Result<Rows<BalancesAt>, QueryError> {
        page.check()?;
        let position = self.find_history(account)?;
        Ok(page.of(self.histories.of(position), |_| true))
    }

    /// The balances of a `history` account after the last transfer at or before this time, Unix
    /// nanoseconds; all zero if there was none. What expired since that transfer still counts as
    /// pending.
    pub fn balances_at(
        &self,
        account: AccountId,
        timestamp_ns: u64,
    ) -> Result<BalancesAt, QueryError> {
        let position = self.find_history(account)?;
        let created_ns = self.accounts[position].timestamp_ns;
        if timestamp_ns < created_ns {
            return Err(QueryError::AccountNotFound);
        }
        let moments = self.histories.of(position);
        let until = moments.partition_point(|moment| moment.timestamp_ns <= timestamp_ns);
        let created = BalancesAt { timestamp_ns: created_ns, balances: Balances::default() };
        Ok(moments[..until].last().copied().unwrap_or(created))
    }

    fn find_account(&self, id: AccountId) -> Result<usize, QueryError> {
        self.account_positions.get(&id).copied().ok_or(QueryError::AccountNotFound)
    }

    fn find_history(&self, id: AccountId) -> Result<usize, QueryError> {
        let position = self.find_account(id)?;
        if self.accounts[position].account.history {
            Ok(position)
        } else {
            Err(QueryError::AccountHasNoHistory)
        }
    }
}
