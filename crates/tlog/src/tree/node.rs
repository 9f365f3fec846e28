//! Places of complete subtrees: level and index, and the tile that keeps their hash.
//!
//! The node (level, index) covers the leaves from `index * 2^level` to before
//! `(index + 1) * 2^level`. Invariant: this range ends at 2^64 - 1 or before.

use crate::tile::{Layer, TILE_LEVELS, TILE_WIDTH};

/// A complete subtree of 2^level leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    level: u8,
    index: u64,
}

impl Node {
    /// The node at this level and index; `None` if no tree is large enough to have it.
    pub fn new(level: u8, index: u64) -> Option<Self> {
        let after = index.checked_add(1)?;
        let fits = level < 64 && after <= u64::MAX >> level;
        fits.then_some(Self { level, index })
    }

    /// The leaf at this index, which is below 2^64 - 1.
    pub(crate) const fn leaf(index: u64) -> Self {
        Self { level: 0, index }
    }

    /// Its height above the leaves.
    pub const fn level(self) -> u8 {
        self.level
    }

    /// Its place among the nodes of its level, from 0.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// Whether it is the right child of its parent.
    pub const fn is_right(self) -> bool {
        self.index & 1 == 1
    }

    /// The node to its right, at the same level.
    pub(crate) const fn next(self) -> Self {
        Self { level: self.level, index: self.index + 1 }
    }

    /// The node above.
    pub(crate) const fn parent(self) -> Self {
        Self { level: self.level + 1, index: self.index >> 1 }
    }

    /// The first leaf that it covers.
    pub const fn first_leaf(self) -> u64 {
        self.index << self.level
    }

    /// The leaf after the last one that it covers: the size from which on a tree has this node.
    pub const fn leaf_after(self) -> u64 {
        (self.index + 1) << self.level
    }

    /// The complete subtrees that a tree of `size` leaves consists of, largest first.
    pub fn peaks(size: u64) -> impl Iterator<Item = Self> {
        Self::covering(0, size)
    }

    /// The complete subtrees that cover the leaves from `start` to before `end`, largest first.
    /// `start` must be a multiple of the largest power of two within the range.
    pub(crate) fn covering(start: u64, end: u64) -> impl Iterator<Item = Self> {
        let mut next = start;
        std::iter::from_fn(move || {
            let level = (end - next).checked_ilog2()?;
            let node = Self { level: u8::try_from(level).ok()?, index: next >> level };
            debug_assert_eq!(node.first_leaf(), next);
            next = node.leaf_after();
            Some(node)
        })
    }

    /// Where tiles keep its hash: level of the tile, index of the tile, place within the tile.
    /// `None` for the levels between, whose hashes follow from those below them.
    pub fn stored(self) -> Option<(Layer, u64, usize)> {
        let place = usize::try_from(self.index % TILE_WIDTH).ok()?;
        let is_kept = self.level.is_multiple_of(TILE_LEVELS);
        is_kept.then_some((Layer::Hashes(self.level / TILE_LEVELS), self.index / TILE_WIDTH, place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_no_tree_can_have_are_none() {
        assert!(Node::new(0, u64::MAX - 1).is_some());
        assert!(Node::new(0, u64::MAX).is_none());
        assert!(Node::new(63, 0).is_some());
        assert!(Node::new(63, 1).is_none());
        assert!(Node::new(64, 0).is_none());
        assert!(Node::new(8, (1 << 56) - 2).is_some());
        assert!(Node::new(8, (1 << 56) - 1).is_none());
    }

    #[test]
    fn peaks_are_the_digits_of_the_size() {
        let places = |size| Node::peaks(size).map(|n| (n.level(), n.index())).collect::<Vec<_>>();
        assert_eq!(places(0), []);
        assert_eq!(places(1), [(0, 0)]);
        assert_eq!(places(7), [(2, 0), (1, 2), (0, 6)]);
        assert_eq!(places(70_000).len(), 70_000_u64.count_ones() as usize);
        assert_eq!(places(u64::MAX).len(), 64);
        assert_eq!(places(u64::MAX).last(), Some(&(0, u64::MAX - 1)));
    }

    #[test]
    fn every_eighth_level_is_kept_in_tiles() {
        let stored = |level, index| Node::new(level, index).unwrap().stored();
        assert_eq!(stored(0, 0), Some((Layer::Hashes(0), 0, 0)));
        assert_eq!(stored(0, 1_000), Some((Layer::Hashes(0), 3, 232)));
        assert_eq!(stored(16, 256), Some((Layer::Hashes(2), 1, 0)));
        for level in [1, 7, 9, 15] {
            assert_eq!(stored(level, 5), None);
        }
    }
}
