//! Roots of trees and of parts of trees, from stored hashes of complete subtrees.
//!
//! Reads as few nodes as there are; what a source answers is believed, so that a proof made from a
//! damaged source is one that verification refuses.

use super::{Node, fold_peaks};
use crate::hash::{Hash, empty_root};

/// Something that knows the hashes of complete subtrees. A closure is one.
pub trait HashSource {
    /// Why a hash could not be read.
    type Error;

    /// The hash of a node that the tree has.
    fn hash(&mut self, node: Node) -> Result<Hash, Self::Error>;
}

impl<F, E> HashSource for F
where
    F: FnMut(Node) -> Result<Hash, E>,
{
    type Error = E;

    fn hash(&mut self, node: Node) -> Result<Hash, E> {
        self(node)
    }
}

/// The root of the tree of the first `size` leaves.
pub fn root<S: HashSource>(source: &mut S, size: u64) -> Result<Hash, S::Error> {
    range_hash(source, 0, size)
}

/// The hash of the subtree over the leaves from `start` to before `end`, of none the empty root.
/// `start` must be a multiple of the largest power of two below the number of these leaves, as it
/// is where trees split.
pub(crate) fn range_hash<S: HashSource>(
    source: &mut S,
    start: u64,
    end: u64,
) -> Result<Hash, S::Error> {
    let peaks: Vec<_> =
        Node::covering(start, end).map(|node| source.hash(node)).collect::<Result<_, _>>()?;
    Ok(fold_peaks(&peaks).unwrap_or(empty_root()))
}
