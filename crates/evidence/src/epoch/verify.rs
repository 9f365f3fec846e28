//! Checks that a place is counted in an epoch's liabilities.
//!
//! Built from the definition alone; nothing of the tree's own code is used but the messages that are
//! hashed. Invariant: sums only grow on the way to the root, so a share is part of the whole.

use serde::{Deserialize, Serialize};
use tlog::Hash;

use super::Summed;
use super::account::{leaf_message, node_message};
use super::subtree::bit;
use crate::digest::sha256;
use crate::text;

/// Most siblings of a place: one for each bit of its key.
pub const PLACE_DEPTH_MAX: usize = 128;

/// A share and the siblings on the way from its leaf up to the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceProof {
    /// The share in this place, base units.
    #[serde(rename = "units", with = "text::decimal")]
    pub share: u128,
    /// The siblings, leaf side first.
    pub path: Vec<Summed>,
}

/// Why a place is not proven. The first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// More siblings than a key has bits.
    #[error("a place has at most {PLACE_DEPTH_MAX} siblings")]
    TooDeep,
    /// A sibling without leaves has a sum, or the lowest one has no leaves: then the leaf would
    /// stand higher.
    #[error("the siblings are not those of a tree")]
    Shape,
    /// A sum on the way is beyond 2^128-1.
    #[error("a sum of the tree is beyond 2^128-1")]
    Overflow,
    /// The way does not lead to the root.
    #[error("the place is not in the tree of the epoch: its way does not lead to the root")]
    Root,
    /// The root is right and the sum of all shares is not.
    #[error("the shares of the tree do not add up to the liabilities of the epoch")]
    Sum,
}

impl PlaceError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooDeep => "place_too_deep",
            Self::Shape => "place_shape",
            Self::Overflow => "place_overflow",
            Self::Root => "place_root",
            Self::Sum => "place_sum",
        }
    }
}

/// Checks that the place with this key holds this value and share below this root, whose sum is the
/// liabilities.
pub fn verify_place(
    key: u128,
    value: &Hash,
    proof: &PlaceProof,
    root: &Summed,
) -> Result<(), PlaceError> {
    if proof.path.len() > PLACE_DEPTH_MAX {
        return Err(PlaceError::TooDeep);
    }
    let is_nothing = |sibling: &Summed| sibling.hash == Summed::NOTHING.hash;
    let is_odd = |sibling: &Summed| is_nothing(sibling) && sibling.sum != 0;
    if proof.path.first().is_some_and(is_nothing) || proof.path.iter().any(is_odd) {
        return Err(PlaceError::Shape);
    }
    let mut here =
        Summed { hash: sha256(&leaf_message(key, value, proof.share)), sum: proof.share };
    let depths = (0..u32::try_from(proof.path.len()).unwrap_or(0)).rev();
    for (sibling, depth) in proof.path.iter().zip(depths) {
        let (left, right) = if bit(key, depth) { (sibling, &here) } else { (&here, sibling) };
        let hash = sha256(&node_message(left, right));
        let sum = here.sum.checked_add(sibling.sum).ok_or(PlaceError::Overflow)?;
        here = Summed { hash, sum };
    }
    match (here.hash == root.hash, here.sum == root.sum) {
        (true, true) => Ok(()),
        (false, _) => Err(PlaceError::Root),
        (true, false) => Err(PlaceError::Sum),
    }
}
