//! Verifies proofs. Format source: RFC 6962, section 2.1; nothing of this crate but its hashes is
//! used, and nothing is read but what the caller hands over.
//!
//! A hash climbs from its place to the root; its place and the last place of its level tell at
//! each level whether it has a sibling and on which side. Invariant: a proof has exactly as many
//! hashes as there are siblings, and only true statements have one.

use crate::hash::{Hash, node_hash};

/// Why a proof proves nothing. In the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The tree has no leaf at this index.
    #[error("a tree of {size} leaves has no leaf {index}")]
    IndexBeyond {
        /// The index of the leaf.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// Every tree continues the empty one: a proof of that would say nothing.
    #[error("a proof about the empty tree says nothing")]
    FromEmpty,
    /// The newer tree is smaller than the older one.
    #[error("a tree of {new} leaves does not continue one of {old}")]
    Shrinks {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// The proof has too few or too many hashes.
    #[error("the proof needs {expected} hashes and has {found}")]
    Length {
        /// How many hashes it needs.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// Two trees of one size have different roots: the log has two histories.
    #[error("two trees of {size} leaves have different roots")]
    Forked {
        /// Leaves of both trees.
        size: u64,
    },
    /// The proof does not lead to the root of the older tree.
    #[error("the proof does not lead to the root of the older tree")]
    OldRoot,
    /// The proof does not lead to the root of the tree, of two trees the newer.
    #[error("the proof does not lead to the root of the tree")]
    Root,
}

impl VerifyError {
    /// Stable name of the kind of error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::IndexBeyond { .. } => "tlog_index_beyond_tree",
            Self::FromEmpty => "tlog_consistency_from_empty",
            Self::Shrinks { .. } => "tlog_tree_shrinks",
            Self::Length { .. } => "tlog_proof_length",
            Self::Forked { .. } => "tlog_tree_forked",
            Self::OldRoot => "tlog_old_root_mismatch",
            Self::Root => "tlog_root_mismatch",
        }
    }
}

/// Checks that the leaf with this hash is leaf `index` of the tree of `size` leaves with this root.
/// The siblings in `proof` stand leaf side first.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), VerifyError> {
    if index >= size {
        return Err(VerifyError::IndexBeyond { index, size });
    }
    let climb = Climb { place: index, last: size - 1 };
    check_length(climb.clone().count(), proof.len())?;
    let reached = climb.zip(proof).fold(*leaf, |hash, (side, sibling)| side.join(&hash, sibling));
    if reached == *root { Ok(()) } else { Err(VerifyError::Root) }
}

/// Checks that the tree of `new` leaves begins with all leaves of the tree of `old` leaves. Of a
/// tree with itself the proof is empty and the roots are equal.
pub fn verify_consistency(
    old: u64,
    new: u64,
    proof: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), VerifyError> {
    if old == 0 {
        return Err(VerifyError::FromEmpty);
    }
    if old > new {
        return Err(VerifyError::Shrinks { old, new });
    }
    if old == new {
        check_length(0, proof.len())?;
        let is_same = old_root == new_root;
        return if is_same { Ok(()) } else { Err(VerifyError::Forked { size: new }) };
    }
    // The climb begins at the smallest complete subtree that the older tree ends with.
    let level = old.trailing_zeros();
    let climb = Climb { place: (old >> level) - 1, last: (new - 1) >> level };
    let siblings = climb.clone().count();
    let (begin, rest) = if old.is_power_of_two() {
        // That subtree is the older tree itself.
        check_length(siblings, proof.len())?;
        (old_root, proof)
    } else {
        check_length(siblings + 1, proof.len())?;
        let wrong = VerifyError::Length { expected: siblings + 1, found: 0 };
        proof.split_first().ok_or(wrong)?
    };
    let (mut before, mut after) = (*begin, *begin);
    for (side, sibling) in climb.zip(rest) {
        // What stands to the right is not in the older tree.
        if side == Side::Left {
            before = side.join(&before, sibling);
        }
        after = side.join(&after, sibling);
    }
    match (before == *old_root, after == *new_root) {
        (true, true) => Ok(()),
        (false, _) => Err(VerifyError::OldRoot),
        (true, false) => Err(VerifyError::Root),
    }
}

fn check_length(expected: usize, found: usize) -> Result<(), VerifyError> {
    if expected == found { Ok(()) } else { Err(VerifyError::Length { expected, found }) }
}

/// Where a sibling stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Side {
    fn join(self, hash: &Hash, sibling: &Hash) -> Hash {
        match self {
            Self::Left => node_hash(sibling, hash),
            Self::Right => node_hash(hash, sibling),
        }
    }
}

/// The way to the root: gives the sides of the siblings, lowest first. `place` is that of the hash
/// among those of its level, `last` the last one there.
#[derive(Clone)]
struct Climb {
    place: u64,
    last: u64,
}

impl Iterator for Climb {
    type Item = Side;

    fn next(&mut self) -> Option<Side> {
        while self.last > 0 {
            let side = match self.place {
                place if place & 1 == 1 => Some(Side::Left),
                place if place < self.last => Some(Side::Right),
                // The last hash of an odd number has no sibling here and goes up as it is.
                _ => None,
            };
            self.place >>= 1;
            self.last >>= 1;
            if side.is_some() {
                return side;
            }
        }
        None
    }
}
