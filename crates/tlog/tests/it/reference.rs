//! The tree as RFC 6962 defines it, by plain recursion, and a store of all hashes of a tree.

use std::collections::HashMap;
use std::convert::Infallible;

use tlog::{Hash, Layer, Node, Tile, Tree, leaf_hash};

/// `leaf-1`, `leaf-2`, ...: the entries of all vectors.
pub fn entry(index: u64) -> Vec<u8> {
    format!("leaf-{}", index + 1).into_bytes()
}

pub fn leaves(size: usize) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&entry(index as u64))).collect()
}

/// MTH of section 2.1, written against `sha2` alone.
pub fn tree_hash(leaves: &[Hash]) -> Hash {
    use sha2::{Digest, Sha256};
    match leaves {
        [] => Hash(Sha256::digest(b"").into()),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            let halves = [tree_hash(left).0, tree_hash(right).0].concat();
            Hash(Sha256::digest([&[1], halves.as_slice()].concat()).into())
        }
    }
}

/// PATH of section 2.1.1.
pub fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, sibling) = if index < left.len() {
        (path(index, left), right)
    } else {
        (path(index - left.len(), right), left)
    };
    path.push(tree_hash(sibling));
    path
}

/// SUBPROOF of section 2.1.2.
pub fn subproof(old: usize, leaves: &[Hash], is_known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_known { Vec::new() } else { vec![tree_hash(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut proof, sibling) = if old <= left.len() {
        (subproof(old, left, is_known), right)
    } else {
        (subproof(old - left.len(), right, false), left)
    };
    proof.push(tree_hash(sibling));
    proof
}

fn split(size: usize) -> usize {
    let mut power = 1;
    while power * 2 < size {
        power *= 2;
    }
    power
}

/// A tree with every hash that was ever finished.
#[derive(Default)]
pub struct Stored {
    pub tree: Tree,
    pub hashes: HashMap<Node, Hash>,
}

impl Stored {
    pub fn with_leaves(size: u64) -> Self {
        let mut stored = Self::default();
        (0..size).for_each(|index| stored.append(&entry(index)));
        stored
    }

    pub fn append(&mut self, entry: &[u8]) {
        let hashes = &mut self.hashes;
        let finished = |node, hash| assert_eq!(hashes.insert(node, hash), None);
        self.tree.append(entry, finished).unwrap();
    }

    /// A source of hashes that stops the test where it is asked for a hash that is not there.
    pub fn source(&self) -> impl FnMut(Node) -> Result<Hash, Infallible> {
        |node| Ok(self.hashes[&node])
    }

    /// The hashes of a tile.
    pub fn tile(&self, tile: Tile) -> Vec<Hash> {
        let Layer::Hashes(level) = tile.layer() else { panic!("{tile} has no hashes") };
        let first = tile.index() * 256;
        (first..first + tile.width() as u64)
            .map(|index| self.hashes[&Node::new(level * 8, index).unwrap()])
            .collect()
    }
}

/// All hashes with one bit changed, each bit in turn.
pub fn flips(hash: Hash) -> impl Iterator<Item = Hash> {
    (0..256).map(move |bit| {
        let mut changed = hash;
        changed.0[bit / 8] ^= 1 << (bit % 8);
        changed
    })
}
