//! The tree of one asset in one epoch: built once, asked for proofs.
//!
//! Kept are the sorted leaves, 64 bytes each and so 128 for an account, and the nodes near the root.
//! A proof computes the others anew from some two thousand leaves, which takes about 0.3 ms.

use super::Summed;
use super::account::{AccountState, NODE_MESSAGE_BYTES, node_message};
use super::leaves::{Leaf, leaves};
use super::subtree::Builder;
use crate::digest::Column;

/// About so many leaves are below each of the lowest nodes that are kept.
const LEAVES_BELOW_CROWN: usize = 1024;

/// The tree of one asset in one epoch.
#[derive(Debug)]
pub struct EpochTree {
    pub(super) leaves: Vec<Leaf>,
    /// By depth, from the root down; at depth d there are 2^d places.
    pub(super) crown: Vec<Vec<Summed>>,
    root: Summed,
}

/// Why there is no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochTreeError {
    /// Two places have one key: an account was given twice, or 128 bits of SHA-256 collided.
    #[error("two places of the epoch have one key")]
    SameKey,
    /// The liabilities are beyond 2^128-1.
    #[error("the liabilities of the epoch are beyond 2^128-1 base units")]
    Overflow,
}

impl EpochTreeError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SameKey => "epoch_same_key",
            Self::Overflow => "epoch_overflow",
        }
    }
}

impl EpochTree {
    /// The tree of all accounts of an asset in the epoch of this number.
    pub fn build(
        epoch: u64,
        accounts: impl IntoIterator<Item = AccountState>,
    ) -> Result<Self, EpochTreeError> {
        Self::of(leaves(epoch, accounts.into_iter()))
    }

    pub(super) fn of(mut leaves: Vec<Leaf>) -> Result<Self, EpochTreeError> {
        leaves.sort_unstable_by_key(|leaf| leaf.key);
        let same = |pair: &[Leaf]| matches!(pair, [a, b] if a.key == b.key);
        if leaves.windows(2).any(same) {
            return Err(EpochTreeError::SameKey);
        }
        let crown = crown(&leaves).ok_or(EpochTreeError::Overflow)?;
        let root = crown.first().and_then(|top| top.first());
        let root = *root.unwrap_or(&Summed::NOTHING);
        Ok(Self { leaves, crown, root })
    }

    /// Hash and sum at the root. The sum is what the operator owes to all accounts.
    pub const fn root(&self) -> Summed {
        self.root
    }

    /// How many leaves there are, two for each account.
    pub fn leaves_count(&self) -> usize {
        self.leaves.len()
    }
}

/// The nodes near the root; `None` if a sum is beyond 2^128-1.
fn crown(leaves: &[Leaf]) -> Option<Vec<Vec<Summed>>> {
    let depth = (leaves.len() / LEAVES_BELOW_CROWN).checked_ilog2().unwrap_or(0);
    let mut builder = Builder::new();
    let mut lowest = Vec::with_capacity(1 << depth);
    let mut counts = Vec::with_capacity(1 << depth);
    let mut rest = leaves;
    for place in 0..1_u128 << depth {
        let is_here = |leaf: &Leaf| leaf.key.checked_shr(128 - depth).unwrap_or(0) == place;
        let (here, later) = rest.split_at(rest.partition_point(is_here));
        lowest.push(builder.top(here, depth)?);
        counts.push(here.len());
        rest = later;
    }
    let mut levels = vec![lowest];
    let mut nodes = Column::new();
    for _ in 0..depth {
        let below = levels.last()?;
        counts = counts.chunks(2).map(|pair| pair.iter().sum()).collect();
        let level = join(below, &counts, &mut nodes)?;
        levels.push(level);
    }
    levels.reverse();
    Some(levels)
}

/// The level above one, with the number of leaves below each of its places.
fn join(
    below: &[Summed],
    counts: &[usize],
    nodes: &mut Column<NODE_MESSAGE_BYTES>,
) -> Option<Vec<Summed>> {
    let mut level = Vec::with_capacity(counts.len());
    for pair in below.chunks(2) {
        let [left, right] = pair else { return None };
        nodes.push(node_message(left, right));
        let sum = left.sum.checked_add(right.sum)?;
        level.push(Summed { sum, ..Summed::NOTHING });
    }
    for (((summed, hash), count), pair) in
        level.iter_mut().zip(nodes.hash()).zip(counts).zip(below.chunks(2))
    {
        summed.hash = match (count, pair) {
            (0, _) => Summed::NOTHING.hash,
            // One leaf is the subtree; the other half is nothing, whose hash is the smallest.
            (1, [left, right]) => left.hash.max(right.hash),
            _ => *hash,
        };
    }
    Some(level)
}
