//! Leaves appended many at a time, against the same leaves one by one.

use std::collections::HashMap;

use proptest::prelude::*;
use tlog::{Hash, Node, Tree, leaf_hash, leaf_hashes};

use crate::reference::{Stored, leaves};

/// Appends `batch` to both; every node must be told once, level by level, with the same hash.
fn check(one_by_one: &mut Stored, tree: &mut Tree, batch: &[Hash]) {
    let before = one_by_one.hashes.clone();
    for leaf in batch {
        let hashes = &mut one_by_one.hashes;
        one_by_one
            .tree
            .append_hash(*leaf, |node, hash| assert_eq!(hashes.insert(node, hash), None))
            .unwrap();
    }
    let mut told: Vec<(Node, Hash)> = Vec::new();
    tree.append_many(batch, |node, hash| told.push((node, hash))).unwrap();
    assert_eq!(*tree, one_by_one.tree);
    assert!(told.is_sorted_by_key(|(node, _)| (node.level(), node.index())));
    let count = told.len();
    let told: HashMap<Node, Hash> = told.into_iter().collect();
    assert_eq!(told.len(), count, "a node was told twice");
    let mut all = before;
    for (node, hash) in told {
        assert_eq!(all.insert(node, hash), None, "an old node was told again");
    }
    assert_eq!(all, one_by_one.hashes);
}

#[test]
fn every_small_batch_on_every_small_tree() {
    let all = leaves(70);
    for size in 0..=35 {
        for count in 0..=35 {
            let mut one_by_one = Stored::with_leaves(size);
            let mut tree = one_by_one.tree.clone();
            let start = size as usize;
            check(&mut one_by_one, &mut tree, &all[start..start + count]);
        }
    }
}

#[test]
fn many_leaves_of_rows_are_those_of_each() {
    let entries: Vec<[u8; 33]> = (0..300_u32)
        .map(|index| {
            let mut entry = [1; 33];
            entry[29..].copy_from_slice(&index.to_be_bytes());
            entry
        })
        .collect();
    let each: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    assert_eq!(leaf_hashes(&entries), each);
}

proptest! {
    #[test]
    fn any_batches_in_a_row(counts in prop::collection::vec(0_usize..300, 1..8)) {
        let all = leaves(counts.iter().sum());
        let (mut one_by_one, mut tree) = (Stored::default(), Tree::new());
        let mut rest = all.as_slice();
        for count in counts {
            let (batch, others) = rest.split_at(count);
            check(&mut one_by_one, &mut tree, batch);
            rest = others;
        }
    }
}
