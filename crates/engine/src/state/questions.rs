//! Questions about the ledger itself: accounts, transfers, balances and changes, payments' or not.
//!
//! Invariant: what the past cannot answer is noted in the state's fault and is an error here, never an
//! empty page. Asking changes nothing.

use ledger::{
    AccountState, Asked, BalancesAt, Changes, Filter, PAGE_ROWS_MAX, Page, QueryError, Rows, Sides,
    TransferState,
};
use money::{AccountId, TransferId};

use super::State;
use crate::error::{AskError, Unavailable};
use crate::event::{self, Event};

impl State {
    /// Accounts of the ledger with these ids, [`PAGE_ROWS_MAX`] at most; `None` where there is none.
    pub fn lookup_accounts(
        &self,
        ids: &[AccountId],
    ) -> Result<Vec<Option<AccountState>>, AskError> {
        check_count(ids.len())?;
        ids.iter().map(|id| self.readable(self.ledger.account_state(*id))).collect()
    }

    /// Transfers with these ids, [`PAGE_ROWS_MAX`] at most; `None` where there is none.
    pub fn lookup_transfers(
        &self,
        ids: &[TransferId],
    ) -> Result<Vec<Option<TransferState>>, AskError> {
        check_count(ids.len())?;
        ids.iter().map(|id| self.readable(self.ledger.transfer(*id))).collect()
    }

    /// Transfers on an account: where it is debited, credited, or both.
    pub fn transfers_of(
        &self,
        account: AccountId,
        sides: Sides,
        filter: &Filter,
        page: &Page,
    ) -> Result<Rows<TransferState>, AskError> {
        self.asked(self.ledger.transfers_of(account, sides, filter, page))
    }

    /// Transfers on any account.
    pub fn transfers_by(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Rows<TransferState>, AskError> {
        self.asked(self.ledger.transfers_by(filter, page))
    }

    /// Accounts by the time of their creation, as they are now.
    pub fn accounts_by(
        &self,
        filter: &Filter,
        page: &Page,
    ) -> Result<Rows<AccountState>, AskError> {
        self.asked(self.ledger.accounts_by(filter, page))
    }

    /// The balances of a `history` account after each of its transfers.
    pub fn history_of(
        &self,
        account: AccountId,
        page: &Page,
    ) -> Result<Rows<BalancesAt>, AskError> {
        self.asked(self.ledger.history_of(account, page))
    }

    /// The balances of a `history` account at a time, Unix nanoseconds.
    pub fn balances_at(
        &self,
        account: AccountId,
        timestamp_ns: u64,
    ) -> Result<BalancesAt, AskError> {
        self.asked(self.ledger.balances_at(account, timestamp_ns))
    }

    /// The feed of changes from a position on, oldest first.
    pub fn changes(&self, position: u64, limit: usize) -> Result<Changes, AskError> {
        self.asked(self.ledger.changes(position, limit))
    }

    /// The events at these positions; `None` if the past cannot be read.
    pub(crate) fn events(&self, range: std::ops::Range<u64>) -> Option<Vec<Event>> {
        self.answer(event::page(self, range).map(Some))
    }

    fn asked<T>(&self, found: Result<T, Asked<index::Error>>) -> Result<T, AskError> {
        match found {
            Ok(found) => Ok(found),
            Err(Asked::Refused(why)) => Err(why.into()),
            Err(Asked::Past(error)) => self.readable(Err(error)),
        }
    }

    fn readable<T>(&self, found: Result<T, index::Error>) -> Result<T, AskError> {
        found.map_err(|error| {
            self.note(&error);
            Unavailable::Stopped.into()
        })
    }
}

fn check_count(ids: usize) -> Result<(), QueryError> {
    if ids > PAGE_ROWS_MAX { Err(QueryError::LimitTooLarge) } else { Ok(()) }
}
