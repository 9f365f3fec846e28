//! Epochs: at times the node states what it owes in each asset, and every holder can check that
//! what is owed to them is part of it.
//!
//! An epoch record is an entry of the log and public. Per asset it holds the root of a tree in which
//! every account has two places. Invariants: a place that verifies is counted in the liabilities;
//! a proof shows of other accounts nothing but hashes and sums of random shares.
//!
//! | value | bytes | made of |
//! | --- | --- | --- |
//! | label | 16 | first 16 of H(`farthing/labl/1`, secret 16, account 16) |
//! | key 0, key 1 | 16 each | H(`farthing/plce/1`, label 16, number of the epoch 8) |
//! | r, value salt | 16 each | H(`farthing/blnd/1`, secret 16, number of the epoch 8) |
//! | share 0 | 16 | r mod (balance + 1); r itself if the balance is 2^128-1 |
//! | share 1 | 16 | balance - share 0 |
//! | value | 32 | H(`farthing/acct/1`, value salt 16, account 16, posted debits 16, posted credits 16, pending debits 16, pending credits 16, head 8) |
//! | leaf i | 32 | H(`02`, key i 16, value 32, share i 16), with the sum share i |
//! | node | 32 | H(`03`, left hash 32, left sum 16, right hash 32, right sum 16), with both sums' sum |
//!
//! The tree is the binary trie over the bits of the keys, most significant first: nothing is 32 zero
//! bytes with the sum 0, a subtree of one leaf is that leaf, every other is a node of both halves.

mod account;
mod leaves;
mod prove;
mod record;
mod subtree;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use account::{
    AccountState, Balances, Blind, Label, account_value, blind, keys, label, shares,
};
pub use record::{EPOCH_ASSETS_COUNT_MAX, EPOCH_ENTRY, EpochAsset, EpochRecord, EpochRecordError};
pub use tree::{EpochTree, EpochTreeError};
pub use verify::{PLACE_DEPTH_MAX, PlaceError, PlaceProof, verify_place};

use serde::{Deserialize, Serialize};
use tlog::Hash;

use crate::text;

/// What stands in a place of the tree: a hash and the sum of all shares below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summed {
    /// Of a leaf or node; zeros of nothing.
    #[serde(with = "text::hash")]
    pub hash: Hash,
    /// Base units.
    #[serde(with = "text::decimal")]
    pub sum: u128,
}

impl Summed {
    /// A subtree without leaves.
    pub const NOTHING: Self = Self { hash: Hash([0; 32]), sum: 0 };
}
