//! Builds proofs from stored hashes, by the definitions of RFC 6962, sections 2.1.1 and 2.1.2.
//!
//! From the root down, each split leaves one half behind: its hash is in the proof. It must not
//! judge what its source answers; that is what verification is for.

use crate::hash::Hash;
use crate::tree::{HashSource, range_hash};

/// Why there is no such proof. In the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// The tree has no leaf at this index.
    #[error("a tree of {size} leaves has no leaf {index}")]
    IndexBeyond {
        /// The index that was asked for.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// Every tree continues the empty one; that needs no proof.
    #[error("nothing is to be proven about the empty tree")]
    FromEmpty,
    /// The older tree is the larger one.
    #[error("a tree of {new} leaves does not continue one of {old}")]
    Shrinks {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// A hash could not be read.
    #[error("a hash of the tree could not be read")]
    Source(#[source] E),
}

impl<E> ProveError<E> {
    /// Stable name of the kind of error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::IndexBeyond { .. } => "tlog_index_beyond_tree",
            Self::FromEmpty => "tlog_consistency_from_empty",
            Self::Shrinks { .. } => "tlog_tree_shrinks",
            Self::Source(_) => "tlog_hash_unreadable",
        }
    }
}

/// The proof that leaf `index` is in the tree of the first `size` leaves: the siblings on its way
/// to the root, leaf side first.
pub fn prove_inclusion<S: HashSource>(
    source: &mut S,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ProveError<S::Error>> {
    if index >= size {
        return Err(ProveError::IndexBeyond { index, size });
    }
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = split(start, end);
        if index < middle {
            proof.push(range_hash(source, middle, end).map_err(ProveError::Source)?);
            end = middle;
        } else {
            proof.push(range_hash(source, start, middle).map_err(ProveError::Source)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of the first `new` leaves continues the tree of the first `old` ones.
/// Of a tree with itself it is empty.
pub fn prove_consistency<S: HashSource>(
    source: &mut S,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, ProveError<S::Error>> {
    if old == 0 {
        return Err(ProveError::FromEmpty);
    }
    if old > new {
        return Err(ProveError::Shrinks { old, new });
    }
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, new);
    while end > old {
        let middle = split(start, end);
        if old <= middle {
            proof.push(range_hash(source, middle, end).map_err(ProveError::Source)?);
            end = middle;
        } else {
            proof.push(range_hash(source, start, middle).map_err(ProveError::Source)?);
            start = middle;
        }
    }
    // A subtree that begins with the tree is the older tree itself, whose root the verifier has.
    if start > 0 {
        proof.push(range_hash(source, start, end).map_err(ProveError::Source)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Where a subtree of more than one leaf splits.
const fn split(start: u64, end: u64) -> u64 {
    start + (1 << (end - start - 1).ilog2())
}
