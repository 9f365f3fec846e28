//! What an account puts into an epoch's tree: where its two places are and what stands there.
//!
//! Messages are built apart from hashing, so that the tree hashes many at once and a holder one.

use money::AccountId;
use tlog::Hash;

use super::Summed;
use crate::Secret;
use crate::digest::{Message, half, sha256};

pub(super) const LABEL_MESSAGE_BYTES: usize = 15 + 16 + 16;
pub(super) const KEYS_MESSAGE_BYTES: usize = 15 + 16 + 8;
pub(super) const BLIND_MESSAGE_BYTES: usize = 15 + 16 + 8;
pub(super) const VALUE_MESSAGE_BYTES: usize = 15 + 16 + 16 + 4 * 16 + 8;
pub(super) const LEAF_MESSAGE_BYTES: usize = 1 + 16 + 32 + 16;
pub(super) const NODE_MESSAGE_BYTES: usize = 1 + 32 + 16 + 32 + 16;

const LEAF: u8 = 0x02;
const NODE: u8 = 0x03;
/// In the place of an index: the account is in no leaf.
const NO_LEAF: u64 = u64::MAX;

/// An account's name in all epochs. Its holder learns it and can keep it: as long as it stays the
/// same, so does the way to the account's places.
pub type Label = [u8; 16];

/// The four sums of an account, base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balances {
    /// What it gave.
    pub debits_posted: u128,
    /// What it received.
    pub credits_posted: u128,
    /// What is held to be given.
    pub debits_pending: u128,
    /// What is held to be received.
    pub credits_pending: u128,
}

/// An account at the time of an epoch.
#[derive(Debug, Clone, Copy)]
pub struct AccountState {
    /// Its secret.
    pub secret: Secret,
    /// Its id.
    pub account: AccountId,
    /// Its sums.
    pub balances: Balances,
    /// The last leaf that the epoch covers in which the account takes part.
    pub head: Option<u64>,
}

/// What hides an account's share and value in one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blind {
    /// Splits the balance into shares.
    pub r: u128,
    /// Hides the account's numbers in its value.
    pub value_salt: [u8; 16],
}

impl Balances {
    /// What the operator owes the account: posted credits less posted debits, nothing if negative.
    pub const fn owed(&self) -> u128 {
        self.credits_posted.saturating_sub(self.debits_posted)
    }
}

/// The label of an account.
pub fn label(secret: &Secret, account: AccountId) -> Label {
    half(&sha256(&label_message(secret, account)))
}

/// The keys of an account's places in an epoch's tree.
pub fn keys(label: &Label, epoch: u64) -> [u128; 2] {
    halves(&sha256(&keys_message(label, epoch)))
}

/// What hides an account in an epoch.
pub fn blind(secret: &Secret, epoch: u64) -> Blind {
    blind_of(&sha256(&blind_message(secret, epoch)))
}

/// The two shares of a balance.
pub const fn shares(r: u128, balance: u128) -> [u128; 2] {
    let first = match balance.checked_add(1) {
        Some(bound) => r % bound,
        None => r,
    };
    [first, balance - first]
}

/// What an account's leaves say of its numbers.
pub fn account_value(
    value_salt: &[u8; 16],
    account: AccountId,
    balances: &Balances,
    head: Option<u64>,
) -> Hash {
    sha256(&value_message(value_salt, account, balances, head))
}

pub(super) fn label_message(secret: &Secret, account: AccountId) -> [u8; LABEL_MESSAGE_BYTES] {
    let message = Message::new().with(b"farthing/labl/1");
    message.with(secret.as_bytes()).with(&account.to_be_bytes()).bytes()
}

pub(super) fn keys_message(label: &Label, epoch: u64) -> [u8; KEYS_MESSAGE_BYTES] {
    Message::new().with(b"farthing/plce/1").with(label).with(&epoch.to_be_bytes()).bytes()
}

pub(super) fn blind_message(secret: &Secret, epoch: u64) -> [u8; BLIND_MESSAGE_BYTES] {
    let message = Message::new().with(b"farthing/blnd/1");
    message.with(secret.as_bytes()).with(&epoch.to_be_bytes()).bytes()
}

pub(super) fn value_message(
    value_salt: &[u8; 16],
    account: AccountId,
    balances: &Balances,
    head: Option<u64>,
) -> [u8; VALUE_MESSAGE_BYTES] {
    Message::new()
        .with(b"farthing/acct/1")
        .with(value_salt)
        .with(&account.to_be_bytes())
        .with(&balances.debits_posted.to_be_bytes())
        .with(&balances.credits_posted.to_be_bytes())
        .with(&balances.debits_pending.to_be_bytes())
        .with(&balances.credits_pending.to_be_bytes())
        .with(&head.unwrap_or(NO_LEAF).to_be_bytes())
        .bytes()
}

pub(super) fn leaf_message(key: u128, value: &Hash, share: u128) -> [u8; LEAF_MESSAGE_BYTES] {
    let message = Message::new().with(&[LEAF]).with(&key.to_be_bytes());
    message.with(&value.0).with(&share.to_be_bytes()).bytes()
}

pub(super) fn node_message(left: &Summed, right: &Summed) -> [u8; NODE_MESSAGE_BYTES] {
    let message = Message::new().with(&[NODE]).with(&left.hash.0).with(&left.sum.to_be_bytes());
    message.with(&right.hash.0).with(&right.sum.to_be_bytes()).bytes()
}

pub(super) fn halves(hash: &Hash) -> [u128; 2] {
    let (mut first, mut second) = ([0; 16], [0; 16]);
    first.copy_from_slice(&hash.0[..16]);
    second.copy_from_slice(&hash.0[16..]);
    [u128::from_be_bytes(first), u128::from_be_bytes(second)]
}

pub(super) fn blind_of(hash: &Hash) -> Blind {
    let [r, value_salt] = halves(hash);
    Blind { r, value_salt: value_salt.to_be_bytes() }
}
