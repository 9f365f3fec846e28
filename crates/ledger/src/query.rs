//! Questions about the past: transfers and accounts by what they carry, balances at a time, and the
//! feed of changes.
//!
//! Answers are pages of copies in order of time, and a cursor or position leads from one page to the
//! next; nothing in a question or an answer refers to memory: accounts aside, all is answered from
//! the past. Invariants: following the cursors gives each row exactly once, also while the ledger grows; a
//! question that cannot be answered is an error and never an empty page. Asking changes nothing.
//!
//! What carries a field of the question other than zero is found by the rarest of those; where there
//! is none, as for an asset alone, rows are looked at one by one until the page is full.

mod feed;
mod page;

use std::convert::Infallible;

use money::{AccountId, Asset};

pub use self::feed::{Change, ChangeKind, Changes};
pub use self::page::{Cursor, Order, PAGE_ROWS_MAX, Page, Rows};
use crate::books::Ledger;
use crate::event::Sides;
use crate::past::Past;
use crate::row::{Row, RowKind};
use crate::seek::Seek;
use crate::state::{AccountState, Balances, TransferState};
use crate::term::{Field, term};

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

    /// The row carries what is sought; `asset` is the asset of its account or transfer.
    fn fits(&self, row: &Row, asset: Asset) -> bool {
        is_sought(self.asset, asset)
            && is_sought(self.code, row.code())
            && is_sought(self.user_data, row.user_data())
            && is_sought(self.user_data_64, row.user_data_64())
            && is_sought(self.user_data_32, row.user_data_32())
    }

    /// The term of the user data that is sought, of the widest first: few rows share it.
    fn data_term(&self, fields: [Field; 3]) -> Option<u64> {
        let data =
            [self.user_data, self.user_data_64.map(u128::from), self.user_data_32.map(u128::from)];
        let mut sought = fields.into_iter().zip(data);
        sought.find_map(|(field, value)| match value {
            None | Some(0) => None,
            Some(value) => Some(term(field, value)),
        })
    }
}

/// The balances of an account right after a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalancesAt {
    /// Timestamp of the transfer, Unix nanoseconds; of the account, if there was no transfer yet.
    pub timestamp_ns: u64,
    /// The balances from then until the next transfer. A release by expiry makes no entry of its
    /// own: it shows in the next one, and in the feed of changes.
    pub balances: Balances,
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

/// Why a question was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Asked<E> {
    /// It has no answer.
    #[error(transparent)]
    Refused(QueryError),
    /// The past could not be read. Reading changes nothing, so the ledger stays good.
    #[error("the past could not be read")]
    Past(E),
}

impl<E> From<QueryError> for Asked<E> {
    fn from(error: QueryError) -> Self {
        Self::Refused(error)
    }
}

impl From<Asked<Infallible>> for QueryError {
    fn from(asked: Asked<Infallible>) -> Self {
        match asked {
            Asked::Refused(error) => error,
        }
    }
}

const TRANSFER_DATA: [Field; 3] = [Field::UserData, Field::UserData64, Field::UserData32];
const ACCOUNT_DATA: [Field; 3] =
    [Field::AccountUserData, Field::AccountUserData64, Field::AccountUserData32];

impl<P: Past> Ledger<P> {
    /// Transfers on an account: where it is debited, credited, or both.
    pub fn transfers_of(
        &self,
        account: AccountId,
        sides: Sides,
        filter: &Filter,
        page: &Page,
    ) -> Result<Rows<TransferState>, Asked<P::Error>> {
        page.check()?;
        if sides == Sides::NONE {
            return Err(QueryError::SidesMustNotBeEmpty.into());
        }
        self.index_of(account)?;
        let is_on = |row: &Row| {
            (sides.debit && row.debit_account() == account.get())
                || (sides.credit && row.credit_account() == account.get())
        };
        let terms = match filter.data_term(TRANSFER_DATA) {
            Some(term) => vec![term],
            None => account_terms(account, sides),
        };
        self.transfers(&terms, filter, page, is_on).map_err(Asked::Past)
    }

    /// Transfers on any account.
    pub fn transfers_by(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Rows<TransferState>, Asked<P::Error>> {
        page.check()?;
        let code = || filter.code.map(|code| term(Field::Code, code.into()));
        let term = filter.data_term(TRANSFER_DATA).or_else(code);
        self.transfers(term.as_slice(), filter, page, |_| true).map_err(Asked::Past)
    }

    fn transfers(
        &self,
        terms: &[u64],
        filter: &Filter,
        page: &Page,
        is_on: impl Fn(&Row) -> bool,
    ) -> Result<Rows<TransferState>, P::Error> {
        let fits = |row: &Row| {
            row.kind() == Some(RowKind::TransferCreated)
                && is_on(row)
                && filter.fits(row, self.resident.asset(row.asset_number()))
        };
        let found = self.seek(terms, page)?.rows(&self.past, fits)?;
        page.of(found, |_, row| self.transfer_state(row))
    }

    /// Accounts by the time of their creation, as they are now.
    pub fn accounts_by(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Rows<AccountState>, Asked<P::Error>> {
        page.check()?;
        let fits = |row: &Row| {
            row.kind() == Some(RowKind::AccountCreated)
                && filter.fits(row, self.resident.asset(row.asset_number()))
        };
        let found = match filter.data_term(ACCOUNT_DATA) {
            Some(term) => self.seek(&[term], page).and_then(|seek| seek.rows(&self.past, fits)),
            None => self.resident_accounts(filter, page, fits),
        };
        let answer = |_, row: &Row| {
            let id = AccountId::new(row.id()).ok();
            let index = id.and_then(|id| self.find_account(id));
            Ok(self.account_state_of(index.expect("an account with a row is listed"), row))
        };
        page.of(found.map_err(Asked::Past)?, answer)
    }

    /// Rows of accounts, taken from the resident ones, which know their asset and code themselves.
    fn resident_accounts(
        &self,
        filter: &Filter,
        page: &Page,
        fits: impl Fn(&Row) -> bool,
    ) -> Result<Vec<(u64, Row)>, P::Error> {
        let within = page.positions(&self.past)?;
        let mut found = Vec::new();
        let mut add = |created: u64| -> Result<bool, P::Error> {
            let row = self.past.row(created)?;
            if fits(&row) {
                found.push((created, row));
            }
            Ok(found.len() >= page.limit_ahead())
        };
        let accounts = self.resident.accounts.iter().filter(|account| {
            is_sought(filter.asset, self.resident.asset(account.asset))
                && is_sought(filter.code, account.code)
        });
        let mut created = accounts.map(|account| account.created);
        loop {
            let next = match page.order {
                Order::NewestFirst => created.by_ref().rfind(|created| within.contains(created)),
                Order::OldestFirst => created.find(|created| within.contains(created)),
            };
            match next {
                Some(created) if !add(created)? => {}
                _ => return Ok(found),
            }
        }
    }

    /// The balances of a `history` account after each of its transfers.
    pub fn history_of(
        &self,
        account: AccountId,
        page: &Page,
    ) -> Result<Rows<BalancesAt>, Asked<P::Error>> {
        page.check()?;
        self.history_index(account)?;
        let terms = account_terms(account, Sides::BOTH);
        let found = self
            .seek(&terms, page)
            .and_then(|seek| seek.rows(&self.past, |row| is_on(row, account)));
        let found = found.map_err(Asked::Past)?;
        page.of(found, |position, row| self.balances_beside(account, position, row))
            .map_err(Asked::Past)
    }

    /// The balances of a `history` account after the last transfer at or before this time, Unix
    /// nanoseconds; all zero if there was none. What expired since that transfer still counts as
    /// pending.
    pub fn balances_at(
        &self,
        account: AccountId,
        timestamp_ns: u64,
    ) -> Result<BalancesAt, Asked<P::Error>> {
        let index = self.history_index(account)?;
        let created = self.resident.accounts.get(index).created;
        let created_ns = self.past.row(created).map_err(Asked::Past)?.timestamp_ns();
        if timestamp_ns < created_ns {
            return Err(QueryError::AccountNotFound.into());
        }
        let terms = account_terms(account, Sides::BOTH);
        let page = Page { until_ns: timestamp_ns, ..Page::newest(1) };
        let seek = Seek { limit: 1, ..self.seek(&terms, &page).map_err(Asked::Past)? };
        let found = seek.rows(&self.past, |row| is_on(row, account)).map_err(Asked::Past)?;
        match found.first() {
            None => Ok(BalancesAt { timestamp_ns: created_ns, balances: Balances::default() }),
            Some((position, row)) => {
                self.balances_beside(account, *position, row).map_err(Asked::Past)
            }
        }
    }

    /// The balances of one account of the transfer at this position, right after it.
    fn balances_beside(
        &self,
        account: AccountId,
        position: u64,
        row: &Row,
    ) -> Result<BalancesAt, P::Error> {
        let [debit, credit] = self.past.pair(position)?.unwrap_or_default();
        let balances = if row.debit_account() == account.get() { debit } else { credit };
        Ok(BalancesAt { timestamp_ns: row.timestamp_ns(), balances })
    }

    /// Where the rows of a page are sought, one row ahead.
    fn seek<'a>(&self, terms: &'a [u64], page: &Page) -> Result<Seek<'a>, P::Error> {
        let within = page.positions(&self.past)?;
        Ok(Seek { terms, within, order: page.order, limit: page.limit_ahead() })
    }

    fn index_of(&self, id: AccountId) -> Result<u32, QueryError> {
        self.find_account(id).ok_or(QueryError::AccountNotFound)
    }

    fn history_index(&self, id: AccountId) -> Result<u32, QueryError> {
        let index = self.index_of(id)?;
        if self.resident.side(index).keeps_history() {
            Ok(index)
        } else {
            Err(QueryError::AccountHasNoHistory)
        }
    }
}

/// The transfer's row is one on this account.
fn is_on(row: &Row, account: AccountId) -> bool {
    row.kind() == Some(RowKind::TransferCreated)
        && [row.debit_account(), row.credit_account()].contains(&account.get())
}

fn account_terms(account: AccountId, sides: Sides) -> Vec<u64> {
    let debit = sides.debit.then(|| term(Field::DebitAccount, account.get()));
    let credit = sides.credit.then(|| term(Field::CreditAccount, account.get()));
    debit.into_iter().chain(credit).collect()
}
