//! One leaf's way: appended, checkpointed, cosigned, put into a receipt, verified from bytes alone.

use tlog::policy::Policy;
use tlog::witness::{AddCheckpoint, Answer, Watched, cosigned_body, decide};
use tlog::{
    Checkpoint, Note, Receipt, Tree, TreeHead, empty_root, leaf_hash, verify_consistency,
    verify_inclusion,
};

use crate::golden_notes::{
    CHECKPOINT, CONSISTENCY, INCLUSION, LOG_VKEY, ROOT_OF_70_000, golden_head, hash,
};
use crate::histories::History;
use crate::keys::{LOG, TIME, log, name, signed, witness, witness_number};
use crate::reference::{Stored, entry};

/// What the log sends, the witness decides on and the log adds to its checkpoint.
fn witnessed(old: Option<TreeHead>, note: &Note) -> Note {
    let history = History::first();
    let size = Checkpoint::parse(note.text()).unwrap().head().size;
    let proof = old.map_or(vec![], |old| history.consistency(old.size, size));
    let sent = AddCheckpoint::new(old.map_or(0, |old| old.size), proof, note.clone()).unwrap();
    // What arrives is bytes, there and back.
    let request = AddCheckpoint::parse(sent.to_string().as_bytes()).unwrap();
    let keys = [log().verifier().clone()];
    let accepted = decide(&request, Some(Watched { keys: &keys, stored: old })).unwrap();
    let body = cosigned_body(&[accepted.cosign(&witness(), TIME).unwrap()]);
    let Answer::Cosigned(lines) = Answer::parse(200, "", body.as_bytes()).unwrap() else {
        panic!("200 means lines")
    };
    note.with_verified(&lines, [witness().verifier()]).unwrap()
}

#[test]
fn from_five_leaves_to_a_receipt_that_holds_offline() {
    let mut tree = Tree::new();
    let checkpoint = |tree: &Tree| {
        let head = TreeHead { size: tree.size(), root: tree.root() };
        (head, log().sign(Checkpoint::new(&name(LOG), head).to_string()).unwrap())
    };
    (0..3).for_each(|index| tree.append(&entry(index), |_, _| ()).unwrap());
    let (first_head, first) = checkpoint(&tree);
    let first = witnessed(None, &first);
    (3..5).for_each(|index| tree.append(&entry(index), |_, _| ()).unwrap());
    let (_, second) = checkpoint(&tree);
    let second = witnessed(Some(first_head), &second);
    assert_eq!(second.to_string(), CHECKPOINT);

    let text = format!(
        "log {LOG_VKEY}\nwitness a {}\nwitness b {}\ngroup g any a b\nquorum g\n",
        witness().verifier(),
        witness_number(1).verifier()
    );
    let policy = Policy::parse(text.as_bytes()).unwrap();
    for (size, note) in [(3, first), (5, second)] {
        for index in 0..size {
            let proof = History::first().inclusion(index, size);
            let opening = Some(entry(index));
            let built = Receipt::new(index, proof, note.clone(), opening).unwrap();
            let receipt = Receipt::parse(built.to_string().as_bytes()).unwrap();
            let leaf = leaf_hash(receipt.extra().unwrap());
            let judged = receipt.verify(&leaf, &policy).unwrap();
            assert_eq!(judged.checkpoint.head().size, size);
            assert_eq!((judged.cosigned.len(), judged.cosigned[0].time), (1, TIME));
            let other = leaf_hash(&entry(index + 1));
            assert_eq!(receipt.verify(&other, &policy).unwrap_err().code(), "receipt_not_included");
        }
    }
    // Without its witness the same log proves nothing under this policy.
    let alone = Receipt::new(3, INCLUSION.map(hash).to_vec(), signed(golden_head()), None).unwrap();
    let refused = alone.verify(&leaf_hash(b"leaf-4"), &policy).unwrap_err();
    assert_eq!(refused.code(), "quorum_unmet");
}

#[test]
fn hashes_and_proofs_are_the_golden_ones() {
    let history = History::first();
    assert_eq!(history.head(0).root, empty_root());
    assert_eq!(history.head(5), golden_head());
    let (inclusion, consistency) = (INCLUSION.map(hash), CONSISTENCY.map(hash));
    assert_eq!(history.inclusion(3, 5), inclusion);
    assert_eq!(history.consistency(3, 5), consistency);
    let (old, new) = (history.head(3).root, golden_head().root);
    assert_eq!(verify_inclusion(&leaf_hash(b"leaf-4"), 3, 5, &inclusion, &new), Ok(()));
    assert_eq!(verify_consistency(3, 5, &consistency, &old, &new), Ok(()));
    assert_eq!(Stored::with_leaves(70_000).tree.root(), hash(ROOT_OF_70_000));
}
