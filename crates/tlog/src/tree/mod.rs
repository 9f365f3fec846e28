//! A tree that only grows, kept as the few hashes that its next leaf needs.
//!
//! The shape is that of RFC 6962, section 2.1: a tree of n > 1 leaves splits at the largest power
//! of two below n. It is kept as its *peaks*, the complete subtrees that the binary digits of its
//! size name, largest first. Invariant: there are as many peaks as the size has ones.
//!
//! It must not remember hashes below its peaks; who wants them stores what an append finishes.

mod node;
mod read;
mod tiled;

pub use node::Node;
pub(crate) use read::range_hash;
pub use read::{HashSource, root};
pub use tiled::{TileReadError, TileReader};

use crate::hash::{Hash, empty_root, leaf_hash, node_hash, node_hashes};

/// Most leaves of a tree that is appended to. Trees of others are verified up to 2^64 - 1.
pub const LEAVES_COUNT_MAX: u64 = 1 << 62;

/// The right edge of a tree: enough to append to it and to tell its root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    size: u64,
    peaks: Vec<Hash>,
}

/// Why a tree could not be taken up again or grow. In the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The tree has, or would have, too many leaves.
    #[error("a tree has at most {LEAVES_COUNT_MAX} leaves")]
    TooLarge,
    /// The peaks are not those of a tree of this size.
    #[error("a tree of {size} leaves has {} peaks, not {found}", size.count_ones())]
    Peaks {
        /// Leaves of the tree.
        size: u64,
        /// How many peaks were given.
        found: usize,
    },
}

impl TreeError {
    /// Stable name of the kind of error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "tlog_tree_too_large",
            Self::Peaks { .. } => "tlog_tree_peaks",
        }
    }
}

impl Tree {
    /// The tree without leaves.
    pub const fn new() -> Self {
        Self { size: 0, peaks: Vec::new() }
    }

    /// Takes a tree up again from its size and peaks, as [`Tree::peaks`] gave them.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Result<Self, TreeError> {
        if size > LEAVES_COUNT_MAX {
            return Err(TreeError::TooLarge);
        }
        if usize::try_from(size.count_ones()) != Ok(peaks.len()) {
            return Err(TreeError::Peaks { size, found: peaks.len() });
        }
        Ok(Self { size, peaks })
    }

    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Hashes of the complete subtrees, largest first; [`Node::peaks`] names their places.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends an entry: see [`Tree::append_hash`].
    pub fn append(
        &mut self,
        entry: &[u8],
        finished: impl FnMut(Node, Hash),
    ) -> Result<(), TreeError> {
        self.append_hash(leaf_hash(entry), finished)
    }

    /// Appends a leaf by its hash and tells every node that it finishes, leaf first. Each node of a
    /// tree is told once, and never changes afterwards.
    pub fn append_hash(
        &mut self,
        leaf: Hash,
        mut finished: impl FnMut(Node, Hash),
    ) -> Result<(), TreeError> {
        if self.size >= LEAVES_COUNT_MAX {
            return Err(TreeError::TooLarge);
        }
        let mut node = Node::leaf(self.size);
        let mut hash = leaf;
        finished(node, hash);
        while node.is_right() {
            // A right child ends what its left sibling, the last peak, has begun.
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            node = node.parent();
            finished(node, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
        debug_assert_eq!(usize::try_from(self.size.count_ones()), Ok(self.peaks.len()));
        Ok(())
    }

    /// Appends leaves by their hashes, as one [`Tree::append_hash`] after the other does, but hashed
    /// level by level, which takes less than half of the time. Tells the same nodes in another
    /// order: all leaves, then all nodes above them, and so on, each level from left to right.
    /// Either all leaves are appended or none.
    pub fn append_many(
        &mut self,
        leaves: &[Hash],
        mut finished: impl FnMut(Node, Hash),
    ) -> Result<(), TreeError> {
        let added = u64::try_from(leaves.len()).map_err(|_| TreeError::TooLarge)?;
        let size = self.size.checked_add(added).filter(|size| *size <= LEAVES_COUNT_MAX);
        let size = size.ok_or(TreeError::TooLarge)?;
        let mut first = Node::leaf(self.size);
        let mut row = leaves.to_vec();
        let mut peaks: Vec<Hash> = Vec::new();
        // Each row is what is new of its level, beginning with `first`.
        while let [oldest, others @ ..] = row.as_slice() {
            let mut node = first;
            for hash in &row {
                finished(node, *hash);
                node = node.next();
            }
            let mut above = Vec::with_capacity(row.len() / 2 + 1);
            let mut pairs = row.as_slice();
            if first.is_right() {
                // The last peak has waited for it.
                above.extend(self.peaks.pop().map(|left| node_hash(&left, oldest)));
                pairs = others;
            }
            node_hashes(pairs, &mut above);
            if !pairs.len().is_multiple_of(2) {
                peaks.extend(pairs.last());
            }
            first = first.parent();
            row = above;
        }
        self.peaks.extend(peaks.into_iter().rev());
        self.size = size;
        debug_assert_eq!(usize::try_from(self.size.count_ones()), Ok(self.peaks.len()));
        Ok(())
    }

    /// The root of the tree as it is now.
    pub fn root(&self) -> Hash {
        fold_peaks(&self.peaks).unwrap_or(empty_root())
    }
}

/// Joins complete subtrees, largest first, into the hash of what they cover together.
fn fold_peaks(peaks: &[Hash]) -> Option<Hash> {
    let (last, larger) = peaks.split_last()?;
    Some(larger.iter().rfold(*last, |right, left| node_hash(left, &right)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_told_once_and_in_its_place() {
        let mut tree = Tree::new();
        let mut told = Vec::new();
        for index in 0..4_u8 {
            tree.append(&[index], |node, _| told.push((node.level(), node.index()))).unwrap();
        }
        assert_eq!(told, [(0, 0), (0, 1), (1, 0), (0, 2), (0, 3), (1, 1), (2, 0)]);
    }

    #[test]
    fn a_tree_taken_up_again_grows_as_if_it_had_never_been_left() {
        let mut tree = Tree::new();
        for index in 0..70_u8 {
            let mut again = Tree::from_peaks(tree.size(), tree.peaks().to_vec()).unwrap();
            tree.append(&[index], |_, _| ()).unwrap();
            again.append(&[index], |_, _| ()).unwrap();
            assert_eq!(again, tree);
            assert_eq!(again.root(), tree.root());
        }
    }

    #[test]
    fn peaks_must_be_as_many_as_the_size_has_ones() {
        let peak = leaf_hash(b"");
        for (size, count) in [(0, 1), (1, 0), (3, 1), (3, 3), (4, 2)] {
            let refused = Tree::from_peaks(size, vec![peak; count]).unwrap_err();
            assert_eq!(refused, TreeError::Peaks { size, found: count });
            assert_eq!(refused.code(), "tlog_tree_peaks");
        }
        // Too many leaves come before the wrong number of peaks.
        let refused = Tree::from_peaks(LEAVES_COUNT_MAX + 1, Vec::new()).unwrap_err();
        assert_eq!(refused.code(), "tlog_tree_too_large");
    }

    #[test]
    fn a_full_tree_takes_no_leaf_and_stays_as_it_is() {
        let mut tree = Tree::from_peaks(LEAVES_COUNT_MAX, vec![leaf_hash(b"")]).unwrap();
        let before = tree.clone();
        let refused = tree.append(b"one more", |_, _| panic!("finished"));
        assert_eq!(refused, Err(TreeError::TooLarge));
        assert_eq!(tree, before);
        // Nor does one with place for some take more than there is place for.
        let mut tree =
            Tree::from_peaks(LEAVES_COUNT_MAX - 1, vec![leaf_hash(b""); 61 + 1]).unwrap();
        let before = tree.clone();
        let refused = tree.append_many(&[leaf_hash(b"one more"); 2], |_, _| panic!("finished"));
        assert_eq!(refused, Err(TreeError::TooLarge));
        assert_eq!(tree, before);
        tree.append_many(&[leaf_hash(b"the last")], |_, _| ()).unwrap();
        assert_eq!((tree.size(), tree.peaks().len()), (LEAVES_COUNT_MAX, 1));
    }
}
