//! The tree against its definition by recursion, for chosen keys too; proofs and every flipped bit.

use money::AccountId;
use proptest::prelude::*;
use tlog::Hash;

use super::account::{leaf_message, node_message};
use super::leaves::{Leaf, leaves};
use super::*;
use crate::Secret;
use crate::digest::sha256;

const EPOCH: u64 = 3;

/// The definition: a subtree of the leaves whose keys begin with the same `depth` bits.
fn naive(leaves: &[Leaf], depth: u32) -> Summed {
    match leaves {
        [] => Summed { hash: Hash([0; 32]), sum: 0 },
        [leaf] => leaf.summed,
        _ => {
            let goes_right = |leaf: &Leaf| leaf.key >> (127 - depth) & 1 == 1;
            let (right, left): (Vec<_>, Vec<_>) = leaves.iter().partition(|leaf| goes_right(leaf));
            let (left, right) = (naive(&left, depth + 1), naive(&right, depth + 1));
            Summed {
                hash: sha256(&node_message(&left, &right)),
                sum: left.sum.checked_add(right.sum).unwrap(),
            }
        }
    }
}

fn value(key: u128) -> Hash {
    sha256(&key.to_le_bytes())
}

fn leaf(key: u128) -> Leaf {
    let sum = key >> 3 & 0xffff;
    Leaf { key, summed: Summed { hash: sha256(&leaf_message(key, &value(key), sum)), sum } }
}

/// The tree of these keys, and the proofs of some of them.
fn checked(keys: &[u128]) {
    let leaves: Vec<_> = keys.iter().map(|key| leaf(*key)).collect();
    let expected = naive(&leaves, 0);
    let tree = EpochTree::of(leaves).unwrap();
    assert_eq!(tree.root(), expected, "{} keys", keys.len());
    for key in keys.iter().step_by(keys.len() / 8 + 1) {
        let proof = tree.prove(*key).unwrap();
        assert_eq!(verify_place(*key, &value(*key), &proof, &expected), Ok(()));
        assert_eq!(tree.prove(key ^ 1).is_some(), keys.contains(&(key ^ 1)));
    }
}

/// Looks random, is always the same.
fn spread(number: u128) -> u128 {
    account::halves(&sha256(&number.to_be_bytes()))[0]
}

#[test]
fn every_small_tree_is_that_of_the_definition() {
    for count in 0..=200 {
        checked(&(0..count).map(spread).collect::<Vec<_>>());
    }
}

#[test]
fn keys_that_part_late_have_their_place_too() {
    checked(&[0, 1]);
    checked(&[u128::MAX, u128::MAX - 1]);
    checked(&[0, 1, 2, 3, 1 << 127]);
    checked(&[0, 1, u128::MAX, u128::MAX - 1, 1 << 64, 1 << 64 | 1]);
    checked(&(0..128).map(|bit| 1 << bit).collect::<Vec<_>>());
    checked(&(0..128).map(|bit| u128::MAX << bit).collect::<Vec<_>>());
}

#[test]
fn trees_with_a_crown_are_those_of_the_definition() {
    for count in [2047, 2048, 5000, 9000] {
        let keys: Vec<_> = (0..count).map(spread).collect();
        let leaves: Vec<_> = keys.iter().map(|key| leaf(*key)).collect();
        let tree = EpochTree::of(leaves.clone()).unwrap();
        assert_eq!(tree.root(), naive(&leaves, 0));
        for key in keys.iter().step_by(97) {
            let proof = tree.prove(*key).unwrap();
            assert_eq!(verify_place(*key, &value(*key), &proof, &tree.root()), Ok(()));
        }
    }
}

#[test]
fn places_of_the_crown_may_have_none_one_or_a_few_leaves() {
    let (first, half, last) = (1_u128 << 126, 1_u128 << 127, u128::MAX);
    let rests: [&[u128]; 6] =
        [&[], &[half], &[last], &[first], &[first, half], &[first, half, last, last - 1]];
    for rest in rests {
        // All others are in one corner.
        let corner = (0..5000).map(|number| spread(number) >> 40);
        let keys: Vec<_> = corner.chain(rest.iter().copied()).collect();
        let leaves: Vec<_> = keys.iter().map(|key| leaf(*key)).collect();
        let tree = EpochTree::of(leaves.clone()).unwrap();
        assert_eq!(tree.root(), naive(&leaves, 0), "{rest:?}");
        for key in keys.iter().rev().take(5) {
            let proof = tree.prove(*key).unwrap();
            assert_eq!(verify_place(*key, &value(*key), &proof, &tree.root()), Ok(()));
        }
        assert_eq!(tree.prove(last - 2), None);
    }
}

fn state(number: u128, balances: Balances) -> AccountState {
    AccountState {
        secret: Secret::new(spread(number).to_be_bytes()),
        account: AccountId::new(number).unwrap(),
        balances,
        head: Some(9),
    }
}

fn received(credits_posted: u128) -> Balances {
    Balances { credits_posted, ..Balances::default() }
}

#[test]
fn both_places_of_an_account_are_counted() {
    let accounts: Vec<_> = (1..=700).map(|number| state(number, received(number * 10))).collect();
    let tree = EpochTree::build(EPOCH, accounts.iter().copied()).unwrap();
    assert_eq!(tree.root().sum, accounts.iter().map(|account| account.balances.owed()).sum());
    assert_eq!(tree.leaves_count(), 1400);
    for state in accounts.iter().step_by(50) {
        let label = label(&state.secret, state.account);
        let blind = blind(&state.secret, EPOCH);
        let expected = shares(blind.r, state.balances.owed());
        let value = account_value(&blind.value_salt, state.account, &state.balances, state.head);
        for (key, share) in keys(&label, EPOCH).into_iter().zip(expected) {
            let proof = tree.prove(key).unwrap();
            assert_eq!(proof.share, share);
            assert_eq!(verify_place(key, &value, &proof, &tree.root()), Ok(()));
        }
        assert_eq!(expected.iter().sum::<u128>(), state.balances.owed());
    }
    // The next epoch has other places.
    let next = EpochTree::build(EPOCH + 1, accounts.iter().copied()).unwrap();
    assert_ne!(next.root().hash, tree.root().hash);
    let label = label(&accounts[0].secret, accounts[0].account);
    assert_eq!(next.prove(keys(&label, EPOCH)[0]), None);
}

#[test]
fn what_an_account_owes_is_not_a_liability() {
    let overdrawn = Balances { debits_posted: 50, credits_posted: 20, ..Balances::default() };
    let tree = EpochTree::build(EPOCH, [state(1, overdrawn), state(2, received(7))]).unwrap();
    assert_eq!(tree.root().sum, 7);
}

#[test]
fn liabilities_beyond_their_range_are_refused() {
    let build = |all: &[u128]| {
        let accounts = all.iter().zip(1..).map(|(units, number)| state(number, received(*units)));
        EpochTree::build(EPOCH, accounts).map(|tree| tree.root().sum)
    };
    assert_eq!(build(&[u128::MAX]), Ok(u128::MAX));
    assert_eq!(build(&[u128::MAX, 1]), Err(EpochTreeError::Overflow));
    assert_eq!(build(&[u128::MAX / 2 + 1; 2]), Err(EpochTreeError::Overflow));
    let many = vec![u128::MAX / 4096; 4097];
    assert_eq!(build(&many[..4096]), Ok(u128::MAX / 4096 * 4096));
    assert_eq!(build(&many), Err(EpochTreeError::Overflow));
    assert_eq!(build(&[]), Ok(0));
}

#[test]
fn an_account_is_counted_once() {
    let twice = [state(1, received(5)), state(1, received(5))];
    assert_eq!(EpochTree::build(EPOCH, twice).err(), Some(EpochTreeError::SameKey));
}

#[test]
fn the_leaf_at_the_end_of_a_block_is_like_every_other() {
    // 256 accounts are hashed together: one, all but one, all and one more must be the same.
    let accounts: Vec<_> = (1..=513).map(|number| state(number, received(number))).collect();
    let all = leaves(EPOCH, accounts.iter().copied());
    for (at, account) in accounts.iter().enumerate() {
        let alone = leaves(EPOCH, std::iter::once(*account));
        let there = &all[2 * at..2 * at + 2];
        let same = |a: &Leaf, b: &Leaf| a.key == b.key && a.summed == b.summed;
        assert!(alone.iter().zip(there).all(|(a, b)| same(a, b)), "account {at}");
    }
}

#[test]
fn every_flipped_bit_of_a_proof_is_seen() {
    let keys = [spread(1), spread(2), 5 << 117, 7 << 117, 1 << 120, spread(3), spread(4)];
    let tree = EpochTree::of(keys.iter().map(|key| leaf(*key)).collect()).unwrap();
    let root = tree.root();
    let key = keys[2];
    let value = value(key);
    let proof = tree.prove(key).unwrap();
    assert!(proof.path.len() > 8 && proof.path.contains(&Summed::NOTHING));
    let refused = |key, value: &Hash, proof: &PlaceProof, root: &Summed| {
        assert!(verify_place(key, value, proof, root).is_err());
    };
    for bit in 0..128 {
        let flip = 1_u128 << bit;
        refused(key ^ flip, &value, &proof, &root);
        refused(key, &value, &PlaceProof { share: proof.share ^ flip, ..proof.clone() }, &root);
        refused(key, &value, &proof, &Summed { sum: root.sum ^ flip, ..root });
        for at in 0..proof.path.len() {
            let mut other = proof.clone();
            other.path[at].sum ^= flip;
            refused(key, &value, &other, &root);
        }
    }
    for bit in 0..256 {
        let flip = |hash: Hash| {
            let mut bytes = hash.0;
            bytes[bit / 8] ^= 1 << (bit % 8);
            Hash(bytes)
        };
        refused(key, &flip(value), &proof, &root);
        refused(key, &value, &proof, &Summed { hash: flip(root.hash), ..root });
        for at in 0..proof.path.len() {
            let mut other = proof.clone();
            other.path[at].hash = flip(other.path[at].hash);
            refused(key, &value, &other, &root);
        }
    }
    for at in 0..proof.path.len() {
        let mut cut = proof.clone();
        cut.path.remove(at);
        refused(key, &value, &cut, &root);
    }
}

#[test]
fn places_are_refused_for_what_is_wrong() {
    let tree = EpochTree::of([1, 2, 1 << 127].map(leaf).to_vec()).unwrap();
    let good = tree.prove(1).unwrap();
    let check = |proof: &PlaceProof, root: Summed| verify_place(1, &value(1), proof, &root);
    assert_eq!(check(&good, tree.root()), Ok(()));
    let mut deep = good.clone();
    deep.path.resize(129, good.path[0]);
    assert_eq!(check(&deep, tree.root()), Err(PlaceError::TooDeep));
    let mut empty = good.clone();
    empty.path[0] = Summed::NOTHING;
    assert_eq!(check(&empty, tree.root()), Err(PlaceError::Shape));
    let mut phantom = good.clone();
    let at = phantom.path.iter().position(|sibling| *sibling == Summed::NOTHING).unwrap();
    phantom.path[at].sum = 1;
    assert_eq!(check(&phantom, tree.root()), Err(PlaceError::Shape));
    let mut large = good.clone();
    large.path[0].sum = u128::MAX;
    large.share = 1;
    assert_eq!(check(&large, tree.root()), Err(PlaceError::Overflow));
    let other = Summed { hash: Hash([1; 32]), ..tree.root() };
    assert_eq!(check(&good, other), Err(PlaceError::Root));
    let more = Summed { sum: tree.root().sum + 1, ..tree.root() };
    assert_eq!(check(&good, more), Err(PlaceError::Sum));
}

proptest! {
    #[test]
    fn any_keys_make_the_tree_of_the_definition(
        keys in prop::collection::btree_set(any::<u128>(), 0..60),
        // Shared beginnings: few high bits and few low bits.
        near in prop::collection::btree_set((0..4_u128, 0..8_u128), 0..20),
    ) {
        let near = near.into_iter().map(|(high, low)| high << 125 | low << 1 | 1 << 60);
        let mut all: Vec<u128> = keys.into_iter().chain(near).collect();
        all.sort_unstable();
        all.dedup();
        checked(&all);
    }

    #[test]
    fn shares_are_parts_of_the_balance(r in any::<u128>(), balance in any::<u128>()) {
        let [first, second] = shares(r, balance);
        prop_assert_eq!(first.checked_add(second), Some(balance));
        prop_assert_eq!(shares(r, u128::MAX), [r, u128::MAX - r]);
        prop_assert_eq!(shares(r, 0), [0, 0]);
    }
}
