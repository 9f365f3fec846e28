//! The rules for creating an account, in the order of [`CreateAccountStatus`].

use crate::batch::Event;
use crate::books::Ledger;
use crate::event::Account;
use crate::state::AccountState;
use crate::status::CreateAccountStatus;

impl Event for Account {
    type Status = CreateAccountStatus;
    const CREATED: Self::Status = CreateAccountStatus::Created;
    const LINKED_EVENT_FAILED: Self::Status = CreateAccountStatus::LinkedEventFailed;
    const LINKED_EVENT_CHAIN_OPEN: Self::Status = CreateAccountStatus::LinkedEventChainOpen;

    fn linked(&self) -> bool {
        self.linked
    }

    fn create(&self, ledger: &mut Ledger, timestamp_ns: u64) -> CreateAccountStatus {
        if let Some(existing) = ledger.account(self.id) {
            return compare(self, &existing.account);
        }
        if self.code == 0 {
            return CreateAccountStatus::CodeMustNotBeZero;
        }
        ledger.push_account(AccountState::new(*self, timestamp_ns));
        CreateAccountStatus::Created
    }

    fn undo_last(ledger: &mut Ledger) {
        ledger.pop_account();
    }
}

fn compare(account: &Account, existing: &Account) -> CreateAccountStatus {
    if account.limit != existing.limit || account.linked != existing.linked {
        CreateAccountStatus::ExistsWithDifferentFlags
    } else if account.user_data != existing.user_data {
        CreateAccountStatus::ExistsWithDifferentUserData
    } else if account.asset != existing.asset {
        CreateAccountStatus::ExistsWithDifferentAsset
    } else if account.code != existing.code {
        CreateAccountStatus::ExistsWithDifferentCode
    } else {
        CreateAccountStatus::Exists
    }
}

impl Ledger {
    fn push_account(&mut self, state: AccountState) {
        let totals = self.totals_of(state.account.asset);
        totals.accounts = totals.accounts.saturating_add(1);
        self.account_positions.insert(state.id(), self.accounts.len());
        self.accounts.push(state);
    }

    /// Takes back the last account, which no transfer can have touched: a batch holds events of
    /// one kind.
    fn pop_account(&mut self) {
        let Some(state) = self.accounts.pop() else {
            return;
        };
        self.account_positions.remove(&state.id());
        let asset = state.account.asset;
        let totals = self.totals_of(asset);
        totals.accounts = totals.accounts.saturating_sub(1);
        if totals.accounts == 0 {
            self.totals.remove(&(asset.code, asset.scale));
        }
    }
}
