//! What the log knows of each account: its secret, since when, and its newest leaf.
//!
//! Invariants: every account of the ledger has a row here before its first leaf is made; the newest
//! leaf only moves forward. Secrets leave this module as salts only.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use evidence::Secret;

use super::NO_LEAF;

/// One account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountLog {
    /// Behind the salts of its postings.
    pub secret: Secret,
    /// The first leaf whose posting this secret salts; what came before is forgotten.
    pub since: u64,
    /// The newest leaf in which it takes part; [`NO_LEAF`] before the first.
    pub last: u64,
}

impl AccountLog {
    pub(super) const fn new(secret: Secret, since: u64) -> Self {
        Self { secret, since, last: NO_LEAF }
    }
}

/// All accounts by id. A clone is one copy of memory: rows hold no pointers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accounts(HashMap<u128, AccountLog, Seeds>);

impl Accounts {
    pub(crate) fn get(&self, account: u128) -> Option<&AccountLog> {
        self.0.get(&account)
    }

    pub(super) fn get_mut(&mut self, account: u128) -> Option<&mut AccountLog> {
        self.0.get_mut(&account)
    }

    /// Brings the rows of these accounts close to the processor, before they are asked for one by one:
    /// here no lookup waits for the one before.
    pub(super) fn touch(&self, accounts: impl Iterator<Item = u128>) {
        let rows = accounts.filter_map(|account| self.0.get(&account));
        std::hint::black_box(rows.fold(0, |sum, row| sum ^ row.last));
    }

    pub(super) fn insert(&mut self, account: u128, row: AccountLog) {
        self.0.insert(account, row);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// In the order of their ids: files say the same whatever the table's seeds are.
    pub(super) fn sorted(&self) -> Vec<(u128, AccountLog)> {
        let mut rows: Vec<_> = self.0.iter().map(|(id, row)| (*id, *row)).collect();
        rows.sort_unstable_by_key(|(id, _)| *id);
        rows
    }

    /// Forgets how far the log had come.
    pub(super) fn rewind(&mut self) {
        self.0.values_mut().for_each(|row| row.last = NO_LEAF);
    }
}

/// Two random numbers, so that nobody can choose ids that collide in the table.
#[derive(Debug, Clone, Copy)]
struct Seeds([u64; 2]);

impl Default for Seeds {
    fn default() -> Self {
        let random = RandomState::new();
        Self([random.hash_one(0_u8) | 1, random.hash_one(1_u8)])
    }
}

impl BuildHasher for Seeds {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        Mixer { seeds: self.0, state: 0 }
    }
}

/// A keyed multiply and fold of one id: two multiplications where the library's hash takes dozens.
struct Mixer {
    seeds: [u64; 2],
    state: u64,
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u128(u128::from(*byte));
        }
    }

    fn write_u128(&mut self, value: u128) {
        let [low, high] = [value & u128::from(u64::MAX), value >> 64];
        let fold = |left: u128, right: u64| {
            let product =
                (left ^ u128::from(right)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            product ^ (product >> 64)
        };
        let mixed = fold(fold(low, self.seeds[0] ^ self.state) ^ high, self.seeds[1]);
        self.state = u64::try_from(mixed & u128::from(u64::MAX)).unwrap_or(0);
    }
}
