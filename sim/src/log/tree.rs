//! The tree of a log in naive code, from RFC 6962 and the project's own formats alone.
//!
//! Nothing here uses the engine's log or the crates under it, only SHA-256.

use ledger::{Account, ChangeKind, Limit, Transfer};
use money::{AccountId, Asset};
use sha2::{Digest, Sha256};

use crate::oracle::Happened;

/// A hash.
pub type Hash = [u8; 32];

/// In the place of an index: there is none.
const NO_LEAF: u64 = u64::MAX;

/// The root over the hashes of leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [leaf] => *leaf,
        _ => {
            let mut left = 1;
            while left * 2 < leaves.len() {
                left *= 2;
            }
            let (left, right) = leaves.split_at(left);
            digest(&[&[1], &root(left), &root(right)])
        }
    }
}

/// The hash of a leaf.
pub fn leaf(entry: &[u8]) -> Hash {
    digest(&[&[0], entry])
}

/// The posting of an account.
pub fn posting(salt: &[u8; 16], account: AccountId, prev: Option<u64>) -> Hash {
    let prev = prev.unwrap_or(NO_LEAF).to_be_bytes();
    digest(&[b"farthing/side/1", salt, &account.to_be_bytes(), &prev])
}

/// The entry of a row with these postings.
pub fn entry(debit: &Hash, credit: &Hash, facts: &[u8]) -> Vec<u8> {
    let commitment = digest(&[b"farthing/leaf/1", debit, credit, facts]);
    [&[1][..], &commitment].concat()
}

fn digest(parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The accounts that take part in a row: the debit's, and the credit's if there is one.
pub fn sides(happened: &Happened) -> (AccountId, Option<AccountId>) {
    match happened.kind {
        ChangeKind::AccountCreated(account) => (account.id, None),
        ChangeKind::TransferCreated(transfer) | ChangeKind::HoldExpired(transfer) => {
            (transfer.debit_account, Some(transfer.credit_account))
        }
    }
}

/// What every opening of a row shows.
pub fn facts(happened: &Happened) -> Vec<u8> {
    match happened.kind {
        ChangeKind::AccountCreated(account) => of_account(&account, happened.timestamp_ns),
        ChangeKind::TransferCreated(transfer) => of_transfer(2, &transfer, happened.timestamp_ns),
        ChangeKind::HoldExpired(transfer) => of_transfer(3, &transfer, happened.timestamp_ns),
    }
}

/// The fields of a row that stand in front of its id.
struct Front {
    kind: u8,
    asset: Asset,
    flags: u16,
    code: u16,
    timeout_seconds: u32,
    user_data_32: u32,
    timestamp_ns: u64,
    user_data_64: u64,
}

impl Front {
    fn bytes(&self) -> Vec<u8> {
        [
            &[self.kind, self.asset.scale][..],
            &self.flags.to_be_bytes(),
            &self.code.to_be_bytes(),
            &self.timeout_seconds.to_be_bytes(),
            &self.user_data_32.to_be_bytes(),
            &self.asset.code.to_bytes(),
            &self.timestamp_ns.to_be_bytes(),
            &self.user_data_64.to_be_bytes(),
        ]
        .concat()
    }
}

fn numbers(numbers: [u128; 4]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn of_account(account: &Account, timestamp_ns: u64) -> Vec<u8> {
    let limit = match account.limit {
        Limit::None => 0,
        Limit::DebitsMustNotExceedCredits => 2,
        Limit::CreditsMustNotExceedDebits => 4,
    };
    let flags = [(account.linked, 1), (account.history, 8), (account.closed, 32)];
    let front = Front {
        kind: 1,
        asset: account.asset,
        flags: limit + bits(&flags),
        code: account.code,
        timeout_seconds: 0,
        user_data_32: account.user_data_32,
        timestamp_ns,
        user_data_64: account.user_data_64,
    };
    [front.bytes(), numbers([account.id.get(), 0, 0, account.user_data])].concat()
}

fn of_transfer(kind: u8, transfer: &Transfer, timestamp_ns: u64) -> Vec<u8> {
    let way = transfer.kind;
    let (is_pending, is_post, is_void) = match way {
        ledger::Kind::Single { .. } => (false, false, false),
        ledger::Kind::Pending { .. } => (true, false, false),
        ledger::Kind::Post { .. } => (false, true, false),
        ledger::Kind::Void { .. } => (false, false, true),
    };
    let flags = [
        (transfer.linked, 1),
        (is_pending, 2),
        (is_post, 4),
        (is_void, 8),
        (way.balancing().debit, 16),
        (way.balancing().credit, 32),
        (way.closing().debit, 64),
        (way.closing().credit, 128),
    ];
    let front = Front {
        kind,
        asset: transfer.asset,
        flags: bits(&flags),
        code: transfer.code,
        timeout_seconds: way.timeout_seconds(),
        user_data_32: transfer.user_data_32,
        timestamp_ns,
        user_data_64: transfer.user_data_64,
    };
    let pending = way.pending_id().map_or(0, money::TransferId::get);
    let rest = [transfer.id.get(), pending, transfer.amount, transfer.user_data];
    [front.bytes(), numbers(rest)].concat()
}

fn bits(flags: &[(bool, u16)]) -> u16 {
    flags.iter().filter(|(is_set, _)| *is_set).map(|(_, bit)| bit).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_those_of_the_rfc() {
        let half = |hash: Hash| hash.first_chunk().map(|half| u128::from_be_bytes(*half));
        assert_eq!(half(root(&[])), Some(0xe3b0_c442_98fc_1c14_9afb_f4c8_996f_b924));
        // The leaves of the usual test vectors of certificate logs.
        let leaves = [&b""[..], b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43"];
        let leaves: Vec<Hash> = leaves.iter().map(|entry| leaf(entry)).collect();
        assert_eq!(half(root(&leaves)), Some(0x76e6_7dad_bcdf_1e10_e1b7_4ddc_608a_bd2f));
    }
}
