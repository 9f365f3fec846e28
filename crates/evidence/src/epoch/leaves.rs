//! The leaves of an epoch's tree, hashed for many accounts at once.

use super::account::{
    AccountState, BLIND_MESSAGE_BYTES, KEYS_MESSAGE_BYTES, LABEL_MESSAGE_BYTES, LEAF_MESSAGE_BYTES,
    VALUE_MESSAGE_BYTES, blind_message, blind_of, halves, keys_message, label_message,
    leaf_message, shares, value_message,
};
use super::{Blind, Summed};
use crate::digest::{Column, half};

/// So many accounts are hashed together: enough to fill every lane, little enough to stay in cache.
const ACCOUNTS_AT_ONCE: usize = 256;

/// A leaf with its key.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    pub key: u128,
    pub summed: Summed,
}

/// The leaves of all accounts, two for each, in their order.
pub fn leaves(epoch: u64, accounts: impl Iterator<Item = AccountState>) -> Vec<Leaf> {
    let mut hasher = Hasher::new(epoch);
    let mut leaves = Vec::with_capacity(accounts.size_hint().0.saturating_mul(2));
    let mut together = Vec::with_capacity(ACCOUNTS_AT_ONCE);
    for account in accounts {
        together.push(account);
        if together.len() == ACCOUNTS_AT_ONCE {
            hasher.push_leaves(&together, &mut leaves);
            together.clear();
        }
    }
    hasher.push_leaves(&together, &mut leaves);
    leaves
}

struct Hasher {
    epoch: u64,
    labels: Column<LABEL_MESSAGE_BYTES>,
    keys: Column<KEYS_MESSAGE_BYTES>,
    blinds: Column<BLIND_MESSAGE_BYTES>,
    values: Column<VALUE_MESSAGE_BYTES>,
    leaves: Column<LEAF_MESSAGE_BYTES>,
}

impl Hasher {
    const fn new(epoch: u64) -> Self {
        Self {
            epoch,
            labels: Column::new(),
            keys: Column::new(),
            blinds: Column::new(),
            values: Column::new(),
            leaves: Column::new(),
        }
    }

    fn push_leaves(&mut self, accounts: &[AccountState], out: &mut Vec<Leaf>) {
        for AccountState { secret, account, .. } in accounts {
            self.labels.push(label_message(secret, *account));
            self.blinds.push(blind_message(secret, self.epoch));
        }
        for label in self.labels.hash() {
            self.keys.push(keys_message(&half(label), self.epoch));
        }
        let blinds: Vec<Blind> = self.blinds.hash().iter().map(blind_of).collect();
        for (state, blind) in accounts.iter().zip(&blinds) {
            let AccountState { account, balances, head, .. } = state;
            self.values.push(value_message(&blind.value_salt, *account, balances, *head));
        }
        let first = out.len();
        let nothing = Summed::NOTHING;
        let keys = self.keys.hash();
        let values = self.values.hash();
        for (((state, blind), keys), value) in accounts.iter().zip(&blinds).zip(keys).zip(values) {
            let shares = shares(blind.r, state.balances.owed());
            for (key, sum) in halves(keys).into_iter().zip(shares) {
                self.leaves.push(leaf_message(key, value, sum));
                out.push(Leaf { key, summed: Summed { sum, ..nothing } });
            }
        }
        for (leaf, hash) in out.iter_mut().skip(first).zip(self.leaves.hash()) {
            leaf.summed.hash = *hash;
        }
    }
}
