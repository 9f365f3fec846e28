//! Roots and proofs of every size up to 600, against the recursive definition.

use std::convert::Infallible;

use proptest::prelude::*;
use tlog::{
    Hash, Node, ProveError, Tree, VerifyError, prove_consistency, prove_inclusion, root,
    verify_consistency, verify_inclusion,
};

use crate::reference::{Stored, entry, flips, leaves, path, subproof, tree_hash};

const SIZES: u64 = 600;

#[test]
fn every_root_up_to_600_leaves() {
    let stored = Stored::with_leaves(SIZES);
    let all = leaves(600);
    let mut tree = Tree::new();
    assert_eq!(tree.root(), tree_hash(&[]));
    for size in 0..=SIZES {
        let expected = tree_hash(&all[..size as usize]);
        assert_eq!(tree.root(), expected, "{size} leaves");
        assert_eq!(root(&mut stored.source(), size), Ok(expected), "{size} leaves, stored");
        let peaks: Vec<_> = Node::peaks(size).map(|node| stored.hashes[&node]).collect();
        assert_eq!(Tree::from_peaks(size, peaks).as_ref(), Ok(&tree));
        tree.append(&entry(size), |_, _| ()).unwrap();
    }
}

#[test]
fn every_inclusion_up_to_600_leaves() {
    let stored = Stored::with_leaves(SIZES);
    let all = leaves(600);
    for size in 1..=SIZES {
        let root = tree_hash(&all[..size as usize]);
        for index in 0..size {
            let proof = prove_inclusion(&mut stored.source(), index, size).unwrap();
            let leaf = &all[index as usize];
            assert_eq!(verify_inclusion(leaf, index, size, &proof, &root), Ok(()));
            // The definition costs a whole tree each time.
            if size <= 40 || (index * 7 + size).is_multiple_of(97) {
                assert_eq!(proof, path(index as usize, &all[..size as usize]));
            }
        }
    }
}

#[test]
fn every_consistency_up_to_600_leaves() {
    let stored = Stored::with_leaves(SIZES);
    let all = leaves(600);
    let roots: Vec<_> = (0..=600).map(|size| tree_hash(&all[..size])).collect();
    for new in 1..=SIZES {
        for old in 1..=new {
            let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
            let proof = prove_consistency(&mut stored.source(), old, new).unwrap();
            assert_eq!(verify_consistency(old, new, &proof, old_root, new_root), Ok(()));
            if new <= 40 || (old * 7 + new).is_multiple_of(97) {
                assert_eq!(proof, subproof(old as usize, &all[..new as usize], true));
            }
        }
    }
}

#[test]
fn no_proof_holds_for_another_place_or_size() {
    let stored = Stored::with_leaves(40);
    let all = leaves(40);
    let roots: Vec<_> = (0..=40).map(|size| tree_hash(&all[..size])).collect();
    for (size, index) in (1..=24).flat_map(|size| (0..size).map(move |index| (size, index))) {
        let proof = prove_inclusion(&mut stored.source(), index, size).unwrap();
        let leaf = &all[index as usize];
        for (other_size, other_index) in (0..=25).flat_map(|s| (0..=25).map(move |i| (s, i))) {
            let root = &roots[other_size as usize];
            let verdict = verify_inclusion(leaf, other_index, other_size, &proof, root);
            assert_eq!(verdict.is_ok(), (other_size, other_index) == (size, index));
        }
    }
    for (new, old) in (2..=20).flat_map(|new| (1..new).map(move |old| (new, old))) {
        let proof = prove_consistency(&mut stored.source(), old, new).unwrap();
        for (other_new, other_old) in (0..=21).flat_map(|n| (0..=21).map(move |o| (n, o))) {
            let (old_root, new_root) = (&roots[other_old as usize], &roots[other_new as usize]);
            let verdict = verify_consistency(other_old, other_new, &proof, old_root, new_root);
            assert_eq!(verdict.is_ok(), (other_new, other_old) == (new, old));
        }
    }
}

#[test]
fn every_changed_bit_is_refused() {
    let stored = Stored::with_leaves(300);
    let all = leaves(300);
    let (index, size, old) = (150, 300, 203);
    let (leaf, root) = (all[index], tree_hash(&all));
    let proof = prove_inclusion(&mut stored.source(), index as u64, size).unwrap();
    let included = |leaf: &Hash, proof: &[Hash], root: &Hash| {
        verify_inclusion(leaf, index as u64, size, proof, root)
    };
    assert_eq!(included(&leaf, &proof, &root), Ok(()));
    assert!(flips(leaf).all(|leaf| included(&leaf, &proof, &root) == Err(VerifyError::Root)));
    assert!(flips(root).all(|root| included(&leaf, &proof, &root) == Err(VerifyError::Root)));
    for changed in changed(&proof) {
        assert_eq!(included(&leaf, &changed, &root), Err(VerifyError::Root));
    }
    let old_root = tree_hash(&all[..old]);
    let proof = prove_consistency(&mut stored.source(), old as u64, size).unwrap();
    let continued = |proof: &[Hash], old_root: &Hash, root: &Hash| {
        verify_consistency(old as u64, size, proof, old_root, root)
    };
    assert_eq!(continued(&proof, &old_root, &root), Ok(()));
    for old_root in flips(old_root) {
        assert_eq!(continued(&proof, &old_root, &root), Err(VerifyError::OldRoot));
    }
    assert!(flips(root).all(|root| continued(&proof, &old_root, &root) == Err(VerifyError::Root)));
    assert!(changed(&proof).all(|proof| continued(&proof, &old_root, &root).is_err()));
}

/// The proof with one bit changed, each in turn.
fn changed(proof: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
    (0..proof.len()).flat_map(move |at| {
        flips(proof[at]).map(move |hash| {
            let mut changed = proof.to_vec();
            changed[at] = hash;
            changed
        })
    })
}

#[test]
fn what_has_no_proof_is_named() {
    let mut source = |_: Node| -> Result<Hash, &str> { Err("the disk") };
    let inclusion = |index, size| prove_inclusion(&mut source, index, size).unwrap_err();
    let mut inclusion = inclusion;
    assert_eq!(inclusion(0, 0), ProveError::IndexBeyond { index: 0, size: 0 });
    assert_eq!(inclusion(7, 7), ProveError::IndexBeyond { index: 7, size: 7 });
    assert_eq!(inclusion(6, 7), ProveError::Source("the disk"));
    let mut consistency = |old, new| prove_consistency(&mut source, old, new).unwrap_err();
    assert_eq!(consistency(0, 7), ProveError::FromEmpty);
    assert_eq!(consistency(8, 7), ProveError::Shrinks { old: 8, new: 7 });
    assert_eq!(consistency(5, 7), ProveError::Source("the disk"));
    let codes = [(7, 7), (6, 7)]
        .map(|(index, size)| prove_inclusion(&mut source, index, size).unwrap_err().code());
    assert_eq!(codes, ["tlog_index_beyond_tree", "tlog_hash_unreadable"]);
    let codes = [(0, 7), (8, 7)]
        .map(|(old, new)| prove_consistency(&mut source, old, new).unwrap_err().code());
    assert_eq!(codes, ["tlog_consistency_from_empty", "tlog_tree_shrinks"]);
}

#[test]
fn of_two_faults_the_first_of_the_order_is_named() {
    let (a, b) = (tree_hash(&leaves(1)), tree_hash(&leaves(2)));
    let length = |expected, found| Err(VerifyError::Length { expected, found });
    assert_eq!(verify_inclusion(&a, 0, 2, &[], &a), length(1, 0));
    assert_eq!(
        verify_inclusion(&a, 2, 2, &[], &b),
        Err(VerifyError::IndexBeyond { index: 2, size: 2 })
    );
    assert_eq!(verify_consistency(0, 0, &[a], &a, &b), Err(VerifyError::FromEmpty));
    assert_eq!(
        verify_consistency(2, 1, &[a], &a, &b),
        Err(VerifyError::Shrinks { old: 2, new: 1 })
    );
    assert_eq!(verify_consistency(2, 2, &[a], &a, &b), length(0, 1));
    assert_eq!(verify_consistency(2, 2, &[], &a, &b), Err(VerifyError::Forked { size: 2 }));
    assert_eq!(verify_consistency(3, 4, &[a, a, a], &b, &b), Err(VerifyError::OldRoot));
}

proptest! {
    /// At any size a tree can have: the builder makes proofs that verification accepts, here in a
    /// tree whose leaves are all alike, so that each level has one hash.
    #[test]
    fn proofs_of_trees_of_any_size(size in 1..u64::MAX, at in any::<u64>(), to in any::<u64>()) {
        let mut alike = vec![tree_hash(&leaves(1))];
        while alike.len() < 64 {
            let below = alike[alike.len() - 1];
            alike.push(tree_hash(&[below, below]));
        }
        let mut source = |node: Node| Ok::<_, Infallible>(alike[usize::from(node.level())]);
        let index = at % size;
        let new_root = root(&mut source, size).unwrap();
        let proof = prove_inclusion(&mut source, index, size).unwrap();
        prop_assert_eq!(verify_inclusion(&alike[0], index, size, &proof, &new_root), Ok(()));
        let old = 1 + to % size;
        let old_root = root(&mut source, old).unwrap();
        let proof = prove_consistency(&mut source, old, size).unwrap();
        prop_assert_eq!(verify_consistency(old, size, &proof, &old_root, &new_root), Ok(()));
    }

    /// Whatever the numbers and however long the proof: a verdict, and a refusal.
    #[test]
    fn hashes_out_of_nowhere_prove_nothing(
        a in any::<u64>(),
        b in any::<u64>(),
        length in 0..70_usize,
    ) {
        let hash = tree_hash(&leaves(1));
        let proof = vec![hash; length];
        let root = tree_hash(&leaves(2));
        prop_assert!(verify_inclusion(&hash, a, b, &proof, &root).is_err());
        prop_assert!(verify_consistency(a, b, &proof, &hash, &root).is_err());
    }
}
