//! The rules for creating an account, in the order of [`CreateAccountStatus`].

use money::Asset;

use crate::batch::Event;
use crate::books::Ledger;
use crate::event::Account;
use crate::past::Past;
use crate::postings::Totals;
use crate::resident::{ASSETS_MAX, AccountRow, Book};
use crate::row::Row;
use crate::slots::LARGEST_NUMBER;
use crate::status::CreateAccountStatus;

/// Most accounts of one ledger.
pub const ACCOUNTS_MAX: u32 = LARGEST_NUMBER;

impl<P: Past> Event<P> for Account {
    type Status = CreateAccountStatus;
    const CREATED: Self::Status = CreateAccountStatus::Created;
    const LINKED_EVENT_FAILED: Self::Status = CreateAccountStatus::LinkedEventFailed;
    const LINKED_EVENT_CHAIN_OPEN: Self::Status = CreateAccountStatus::LinkedEventChainOpen;

    fn linked(&self) -> bool {
        self.linked
    }

    fn names(&self) -> usize {
        // Accounts are found in the resident part.
        0
    }

    fn prepare(_: &mut Ledger<P>, _: &[Self]) {}

    fn create(
        &self,
        ledger: &mut Ledger<P>,
        _: usize,
        timestamp_ns: u64,
        _: bool,
    ) -> Result<CreateAccountStatus, P::Error> {
        if let Some(index) = ledger.find_account(self.id) {
            let created = ledger.resident.accounts.get(index).created;
            let existing = ledger.row_at(created)?.account();
            return Ok(compare(self, &existing.expect("the past gives back what it absorbed")));
        }
        if let Err(status) = ledger.admit_account(self) {
            return Ok(status);
        }
        let row = ledger.account_row(self, timestamp_ns);
        ledger.push_account(self, &row);
        Ok(CreateAccountStatus::Created)
    }

    fn undo_last(ledger: &mut Ledger<P>) {
        ledger.pop_account();
    }
}

fn compare(account: &Account, existing: &Account) -> CreateAccountStatus {
    if account.flags() != existing.flags() {
        CreateAccountStatus::ExistsWithDifferentFlags
    } else if account.user_data != existing.user_data {
        CreateAccountStatus::ExistsWithDifferentUserData
    } else if account.user_data_64 != existing.user_data_64 {
        CreateAccountStatus::ExistsWithDifferentUserData64
    } else if account.user_data_32 != existing.user_data_32 {
        CreateAccountStatus::ExistsWithDifferentUserData32
    } else if account.asset != existing.asset {
        CreateAccountStatus::ExistsWithDifferentAsset
    } else if account.code != existing.code {
        CreateAccountStatus::ExistsWithDifferentCode
    } else {
        CreateAccountStatus::Exists
    }
}

impl<P: Past> Ledger<P> {
    /// Whether an account with an id that is free can be created.
    pub(crate) fn admit_account(&self, account: &Account) -> Result<(), CreateAccountStatus> {
        if account.code == 0 {
            return Err(CreateAccountStatus::CodeMustNotBeZero);
        }
        let asset_fits =
            self.asset_number(account.asset).is_some() || self.resident.books.len() < ASSETS_MAX;
        if !asset_fits || self.resident.accounts.len() >= ACCOUNTS_MAX {
            return Err(CreateAccountStatus::LedgerIsFull);
        }
        Ok(())
    }

    /// The row that creates an account which was admitted.
    pub(crate) fn account_row(&self, account: &Account, timestamp_ns: u64) -> Row {
        Row::of_account(account, self.number_for(account.asset), timestamp_ns)
    }

    /// The number of an asset, or the one that it will have.
    fn number_for(&self, asset: Asset) -> u16 {
        let next = || u16::try_from(self.resident.books.len()).expect("an asset was admitted");
        self.asset_number(asset).unwrap_or_else(next)
    }

    pub(crate) fn push_account(&mut self, account: &Account, row: &Row) {
        let number = self.number_for(account.asset);
        if usize::from(number) == self.resident.books.len() {
            self.asset_numbers.insert((account.asset.code, account.asset.scale), number);
            self.resident.books.push(Book { asset: account.asset, totals: Totals::default() });
        }
        let totals = &mut self.resident.books[usize::from(number)].totals;
        totals.accounts = totals.accounts.saturating_add(1);
        let account = AccountRow::new(account, number, self.resident.rows);
        self.list_account(account);
        self.call.fresh.push(row, None);
        self.count_row(row);
    }

    /// Adds the row of an account, and its id to the table.
    pub(crate) fn list_account(&mut self, account: AccountRow) {
        let index = self.resident.accounts.push(account);
        self.slots.insert(self.seed.hash(account.id.get()), index);
    }

    /// Takes back the last account, which no transfer can have touched: a batch holds events of
    /// one kind.
    fn pop_account(&mut self) {
        let Some(account) = self.resident.accounts.pop() else {
            return;
        };
        self.slots.remove(self.seed.hash(account.id.get()), self.resident.accounts.len());
        self.call.take_back_account();
        self.resident.rows = self.resident.rows.saturating_sub(1);
        let book = &mut self.resident.books[usize::from(account.asset)];
        book.totals.accounts = book.totals.accounts.saturating_sub(1);
        if book.totals.accounts == 0 {
            // The first account of an asset is taken back only after those that came later.
            self.asset_numbers.remove(&(book.asset.code, book.asset.scale));
            self.resident.books.pop();
        }
    }
}
