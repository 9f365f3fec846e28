//! Questions about the ledger, for the operator's own programs: all that batches of accounts and
//! transfers have made, and what payments have made beside them.
//!
//! Invariants: an answer shows what is durable, at its place in the order of commands; what cannot be
//! read is an error, never an empty page. A question is answered on the writer: one that nothing
//! narrows but an asset looks at every row until its page is full, and holds the writer up meanwhile.

use ledger::{AccountState, BalancesAt, Changes, Filter, Page, Rows, Sides, TransferState};
use money::{AccountId, TransferId};

use super::Engine;
use crate::error::AskError;
use crate::state::State;

impl Engine {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&State) -> Result<T, AskError> + Send + 'static,
    ) -> Result<T, AskError> {
        self.read(question).await?
    }

    /// Accounts of the ledger with these ids, in their order, `None` where there is none. At most
    /// [`ledger::PAGE_ROWS_MAX`] ids.
    pub async fn lookup_accounts(
        &self,
        ids: Vec<AccountId>,
    ) -> Result<Vec<Option<AccountState>>, AskError> {
        self.ask(move |state| state.lookup_accounts(&ids)).await
    }

    /// Transfers with these ids, in their order, `None` where there is none. At most
    /// [`ledger::PAGE_ROWS_MAX`] ids.
    pub async fn lookup_transfers(
        &self,
        ids: Vec<TransferId>,
    ) -> Result<Vec<Option<TransferState>>, AskError> {
        self.ask(move |state| state.lookup_transfers(&ids)).await
    }

    /// A page of the transfers on an account: where it is debited, credited, or both.
    pub async fn transfers_of(
        &self,
        account: AccountId,
        sides: Sides,
        filter: Filter,
        page: Page,
    ) -> Result<Rows<TransferState>, AskError> {
        self.ask(move |state| state.transfers_of(account, sides, &filter, &page)).await
    }

    /// A page of the transfers on any account.
    pub async fn transfers_by(
        &self,
        filter: Filter,
        page: Page,
    ) -> Result<Rows<TransferState>, AskError> {
        self.ask(move |state| state.transfers_by(&filter, &page)).await
    }

    /// A page of accounts by the time of their creation, as they are now.
    pub async fn accounts_by(
        &self,
        filter: Filter,
        page: Page,
    ) -> Result<Rows<AccountState>, AskError> {
        self.ask(move |state| state.accounts_by(&filter, &page)).await
    }

    /// A page of the balances of a `history` account, one after each of its transfers.
    pub async fn history_of(
        &self,
        account: AccountId,
        page: Page,
    ) -> Result<Rows<BalancesAt>, AskError> {
        self.ask(move |state| state.history_of(account, &page)).await
    }

    /// The balances of a `history` account after the last transfer at or before this time, Unix
    /// nanoseconds; all zero if there was none.
    pub async fn balances_at(
        &self,
        account: AccountId,
        timestamp_ns: u64,
    ) -> Result<BalancesAt, AskError> {
        self.ask(move |state| state.balances_at(account, timestamp_ns)).await
    }

    /// The feed of changes from a position on, oldest first, at most `limit` of them. The first
    /// position is 0; the answer says where to ask next, now or later.
    pub async fn changes(&self, position: u64, limit: usize) -> Result<Changes, AskError> {
        self.ask(move |state| state.changes(position, limit)).await
    }
}
