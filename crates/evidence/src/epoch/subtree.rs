//! What stands at the top of a subtree of the trie, computed from its leaves level by level.
//!
//! Between two neighbours in the order of keys lies one split: the depth at which their keys part.
//! Every node of two halves is one of these splits, so going from the deepest split up, each level's
//! nodes are made of leaves and of nodes of the level below, all at once.
//!
//! Invariant: the leaves are sorted, their keys differ, and all begin with the same `depth` bits.

use super::Summed;
use super::account::{NODE_MESSAGE_BYTES, node_message};
use super::leaves::Leaf;
use crate::digest::Column;

/// A node of at least two leaves, from the first to the one before `end`.
#[derive(Clone, Copy)]
struct Made {
    start: usize,
    end: usize,
    summed: Summed,
}

impl Made {
    fn leaf(leaves: &[Leaf], at: usize) -> Option<Self> {
        Some(Self { start: at, end: at + 1, summed: leaves.get(at)?.summed })
    }
}

/// What one subtree after another needs.
pub struct Builder {
    nodes: Column<NODE_MESSAGE_BYTES>,
    splits: Vec<(u32, usize)>,
    made: Vec<Made>,
    next: Vec<Made>,
}

impl Builder {
    pub const fn new() -> Self {
        Self { nodes: Column::new(), splits: Vec::new(), made: Vec::new(), next: Vec::new() }
    }

    /// What stands at the top; `None` if the sum is beyond 2^128-1.
    pub fn top(&mut self, leaves: &[Leaf], depth: u32) -> Option<Summed> {
        match leaves {
            [] => return Some(Summed::NOTHING),
            [leaf] => return Some(leaf.summed),
            _ => self.find_splits(leaves),
        }
        self.made.clear();
        let mut splits = std::mem::take(&mut self.splits);
        let deepest = splits.first().map_or(depth, |(depth, _)| *depth);
        let mut rest = splits.as_slice();
        for level in (depth..=deepest).rev() {
            let here = rest.partition_point(|(depth, _)| *depth == level);
            let (now, later) = rest.split_at(here);
            self.climb(leaves, level, now)?;
            rest = later;
        }
        splits.clear();
        self.splits = splits;
        self.made.first().map(|made| made.summed)
    }

    /// Depth of each split and the leaf left of it, deepest first, then in the order of keys.
    fn find_splits(&mut self, leaves: &[Leaf]) {
        self.splits.clear();
        let pairs = leaves.windows(2).enumerate();
        self.splits.extend(pairs.filter_map(|(left, pair)| match pair {
            [a, b] => Some(((a.key ^ b.key).leading_zeros(), left)),
            _ => None,
        }));
        self.splits.sort_unstable_by_key(|(depth, left)| (u32::MAX - depth, *left));
    }

    /// From the nodes one level deeper to those of this level.
    fn climb(&mut self, leaves: &[Leaf], level: u32, splits: &[(u32, usize)]) -> Option<()> {
        self.next.clear();
        let mut below = self.made.iter().peekable();
        for (_, left) in splits {
            let (middle, first) = (left + 1, *left);
            while let Some(made) = below.next_if(|made| made.end <= first) {
                push_alone(&mut self.nodes, &mut self.next, leaves, level, made);
            }
            let left = match below.next_if(|made| made.end == middle) {
                Some(made) => *made,
                None => Made::leaf(leaves, first)?,
            };
            let right = match below.next_if(|made| made.start == middle) {
                Some(made) => *made,
                None => Made::leaf(leaves, middle)?,
            };
            self.nodes.push(node_message(&left.summed, &right.summed));
            let sum = left.summed.sum.checked_add(right.summed.sum)?;
            let summed = Summed { sum, ..Summed::NOTHING };
            self.next.push(Made { start: left.start, end: right.end, summed });
        }
        for made in below {
            push_alone(&mut self.nodes, &mut self.next, leaves, level, made);
        }
        for (made, hash) in self.next.iter_mut().zip(self.nodes.hash()) {
            made.summed.hash = *hash;
        }
        std::mem::swap(&mut self.made, &mut self.next);
        Some(())
    }
}

/// A node whose other half has no leaves.
fn push_alone(
    nodes: &mut Column<NODE_MESSAGE_BYTES>,
    next: &mut Vec<Made>,
    leaves: &[Leaf],
    level: u32,
    made: &Made,
) {
    let is_right = leaves.get(made.start).is_some_and(|leaf| bit(leaf.key, level));
    let (left, right) =
        if is_right { (&Summed::NOTHING, &made.summed) } else { (&made.summed, &Summed::NOTHING) };
    nodes.push(node_message(left, right));
    next.push(*made);
}

/// Whether the bit at this depth is set, that is whether the key goes right. The first is 0.
pub const fn bit(key: u128, depth: u32) -> bool {
    key << depth >> 127 == 1
}
