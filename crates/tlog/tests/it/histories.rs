//! Two histories of one log, which part after some leaves: heads and proofs of their trees.

use tlog::{Hash, TreeHead, prove_consistency, prove_inclusion, root};

use crate::reference::{Stored, entry};

/// How many leaves both histories begin with.
pub const FORK: u64 = 4;
/// How many leaves each has at its end.
pub const LEAVES: u64 = 9;

pub struct History(Stored);

impl History {
    /// The one whose entries are those of all vectors.
    pub fn first() -> Self {
        Self(Stored::with_leaves(LEAVES))
    }

    /// The one with other leaves behind the fork.
    pub fn second() -> Self {
        let mut stored = Stored::with_leaves(FORK);
        (FORK..LEAVES).for_each(|index| stored.append(&[&entry(index), b"'".as_slice()].concat()));
        Self(stored)
    }

    pub fn head(&self, size: u64) -> TreeHead {
        TreeHead { size, root: root(&mut self.0.source(), size).unwrap() }
    }

    pub fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        prove_inclusion(&mut self.0.source(), index, size).unwrap()
    }

    pub fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        prove_consistency(&mut self.0.source(), old, new).unwrap()
    }
}
