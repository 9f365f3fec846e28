//! Balances of accounts in the past.
//!
//! Invariant: an account that was created with `history` has one entry for each transfer on it, in
//! order of time, with the balances right after that transfer; other accounts have none. A release
//! by expiry makes no entry: it shows in the next one, and in the change feed. What a rollback takes
//! back leaves no entry either.

use std::collections::BTreeMap;

use crate::state::{AccountState, Balances, Entry};

/// The balances of an account right after a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalancesAt {
    /// Timestamp of the transfer, Unix nanoseconds; of the account, if there was no transfer yet.
    pub timestamp_ns: u64,
    /// The balances from then until the next transfer, expiries aside.
    pub balances: Balances,
}

/// The entries of every account that has some, by its position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Histories(BTreeMap<usize, Vec<BalancesAt>>);

impl Histories {
    /// Adds what the accounts of a transfer came to by it.
    pub(crate) fn record(&mut self, entry: &Entry, accounts: &[AccountState]) {
        for position in [entry.debit, entry.credit] {
            let state = &accounts[position];
            if state.account.history {
                let timestamp_ns = entry.state.timestamp_ns;
                let balances = state.balances();
                self.0.entry(position).or_default().push(BalancesAt { timestamp_ns, balances });
            }
        }
    }

    /// Takes back what the last transfer added.
    pub(crate) fn forget(&mut self, entry: &Entry) {
        for position in [entry.debit, entry.credit] {
            if let Some(moments) = self.0.get_mut(&position) {
                moments.pop();
                if moments.is_empty() {
                    self.0.remove(&position);
                }
            }
        }
    }

    /// The entries of the account at this position, oldest first.
    pub(crate) fn of(&self, position: usize) -> &[BalancesAt] {
        self.0.get(&position).map_or(&[], Vec::as_slice)
    }
}
