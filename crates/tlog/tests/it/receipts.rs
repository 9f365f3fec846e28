//! Receipts: every refusal by name, in order, and no bit that can change.

use proptest::prelude::*;
use tlog::policy::Policy;
use tlog::{
    Hash, Note, RECEIPT_BYTES_MAX, Receipt, ReceiptError, ReceiptRefused, TreeHead, VerifyError,
    empty_root, leaf_hash,
};

use crate::golden_notes::{CHECKPOINT, INCLUSION, LOG_VKEY, policy};
use crate::histories::History;
use crate::keys::{LOG, signed};
use crate::reference::flips;

fn golden() -> String {
    format!("c2sp.org/tlog-proof@v1\nindex 3\n{}\n\n{CHECKPOINT}", INCLUSION.join("\n"))
}

fn leaf() -> Hash {
    leaf_hash(b"leaf-4")
}

fn verified(bytes: &[u8], leaf: Hash) -> Result<(), &'static str> {
    let receipt = Receipt::parse(bytes).map_err(ReceiptError::code)?;
    assert_eq!(receipt.to_string().as_bytes(), bytes);
    receipt.verify(&leaf, &policy()).map(drop).map_err(|error| error.code())
}

#[test]
fn the_golden_receipt_holds() {
    assert_eq!(verified(golden().as_bytes(), leaf()), Ok(()));
    let receipt = Receipt::parse(golden().as_bytes()).unwrap();
    assert_eq!((receipt.index(), receipt.extra(), receipt.proof().len()), (3, None, 3));
    assert_eq!(receipt.checkpoint().origin(), LOG);
    let policy = policy();
    let judged = receipt.verify(&leaf(), &policy).unwrap();
    assert_eq!((judged.cosigned.len(), judged.checkpoint.head().size), (1, 5));
    // No signature covers `extra`.
    let with_extra = golden().replace("index 3", "extra AQID\nindex 3");
    assert_eq!(verified(with_extra.as_bytes(), leaf()), Ok(()));
}

#[test]
fn no_bit_of_a_receipt_can_change() {
    let golden = golden().into_bytes();
    for place in 0..golden.len() {
        for bit in 0..8 {
            let mut bytes = golden.clone();
            bytes[place] ^= 1 << bit;
            assert!(verified(&bytes, leaf()).is_err(), "bit {bit} of byte {place}");
        }
    }
    for other in flips(leaf()) {
        assert_eq!(verified(&golden, other), Err("receipt_not_included"));
    }
    for length in 0..golden.len() {
        assert!(verified(&golden[..length], leaf()).is_err(), "{length} bytes");
    }
}

#[test]
fn malformed_receipts_are_refused_by_name() {
    let check = |text: String, code: &str| {
        assert_eq!(Receipt::parse(text.as_bytes()).unwrap_err().code(), code, "{text}");
    };
    let (golden, hash) = (golden(), INCLUSION[0]);
    check("x".repeat(RECEIPT_BYTES_MAX + 1), "receipt_too_large");
    for text in [
        "",
        "\n",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\r\n",
        "c2sp.org/tlog-proof@v2\n",
    ] {
        check(text.to_owned(), "receipt_first_line");
    }
    check(format!("\u{feff}{golden}"), "receipt_first_line");
    check("c2sp.org/tlog-proof@v1\nindex 3\n".to_owned(), "receipt_no_checkpoint");
    for extra in ["", "A", "AQI", "AQ ID", "AQID\r", "AQJ="] {
        check(golden.replace("index", &format!("extra {extra}\nindex")), "receipt_extra");
    }
    let twice = golden.replace("index", "extra AQID\nextra AQID\nindex");
    check(twice, "receipt_index");
    check(golden.replace("index 3", "index 3\nextra AQID"), "receipt_hash");
    for index in ["index", "index ", "index 03", "index -3", "Index 3", "index 3 ", "index  3", ""]
    {
        let text = format!("c2sp.org/tlog-proof@v1\n{index}\n{hash}\n\n{CHECKPOINT}");
        check(text, "receipt_index");
    }
    check(golden.replace("index 3\n", ""), "receipt_index");
    for line in ["x", "AQID", &hash[..43], &format!("{hash} "), &format!("{hash}="), "index 3"] {
        check(golden.replace("index 3\n", &format!("index 3\n{line}\n")), "receipt_hash");
    }
    let many = format!("index 3\n{}", format!("{hash}\n").repeat(61));
    check(golden.replace("index 3\n", &many), "receipt_too_many_hashes");
    check(golden.trim().to_owned(), "note_unterminated");
    check(golden.replace("\n5\n", "\n05\n"), "checkpoint_size");
    check(golden.replace(&format!("\n\n{LOG}"), &format!("\n\n\n{LOG}")), "checkpoint_empty_line");
}

#[test]
fn a_receipt_that_could_not_be_read_is_not_built() {
    let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    let build = |count, extra| Receipt::new(3, vec![leaf(); count], note.clone(), extra);
    assert!(build(0, None).is_ok() && build(63, Some(vec![1])).is_ok());
    assert_eq!(build(64, None), Err(ReceiptError::TooManyHashes));
    assert_eq!(build(0, Some(vec![])), Err(ReceiptError::Extra));
    assert_eq!(build(0, Some(vec![1; RECEIPT_BYTES_MAX])), Err(ReceiptError::TooLarge));
}

#[test]
fn what_is_wrong_is_told_in_order() {
    let history = History::first();
    let receipt = |index, head| Receipt::new(index, vec![], signed(head), None).unwrap();
    let refused =
        |receipt: &Receipt, policy: &Policy| receipt.verify(&leaf(), policy).unwrap_err().code();
    let other = Policy::parse(b"quorum none\n").unwrap();
    let alone = alone();
    // Foreign log, too few witnesses, beyond the tree, not included.
    assert_eq!(refused(&receipt(7, history.head(5)), &other), "unknown_log");
    assert_eq!(refused(&receipt(7, history.head(5)), &policy()), "quorum_unmet");
    assert_eq!(refused(&receipt(5, history.head(5)), &alone), "receipt_beyond_tree");
    assert_eq!(refused(&receipt(0, history.head(0)), &alone), "receipt_beyond_tree");
    assert_eq!(refused(&receipt(4, history.head(5)), &alone), "receipt_not_included");
}

#[test]
fn a_refused_proof_says_where_it_fails() {
    use ReceiptRefused::{BeyondTree, NotIncluded};
    let (first, second, policy) = (History::first(), History::second(), alone());
    let verified = |index, proof, head: TreeHead| {
        let receipt = Receipt::new(index, proof, signed(head), None).unwrap();
        receipt.verify(&leaf(), &policy).map(drop)
    };
    let good = || first.inclusion(3, 5);
    let longer = || [good(), vec![empty_root()]].concat();
    let length = |found| Err(NotIncluded(VerifyError::Length { expected: 3, found }));
    let root = Err(NotIncluded(VerifyError::Root));
    assert_eq!(verified(3, good(), first.head(5)), Ok(()));
    assert_eq!(verified(3, vec![], first.head(5)), length(0));
    assert_eq!(verified(3, longer(), first.head(5)), length(4));
    assert_eq!(verified(2, good(), first.head(5)), root);
    // The same leaf of another history has another way to the root.
    assert_eq!(verified(3, good(), second.head(5)), root);
    assert_eq!(verified(3, second.inclusion(3, 5), second.head(5)), Ok(()));
    let beyond = BeyondTree { index: 3, size: 3 };
    assert_eq!(verified(3, good(), first.head(3)), Err(beyond));
}

/// The policy that needs no witness.
fn alone() -> Policy {
    Policy::parse(format!("log {LOG_VKEY}\nquorum none\n").as_bytes()).unwrap()
}

proptest! {
    #[test]
    fn changed_receipts_are_read_to_the_same_bytes_or_not_at_all(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = golden().replace("index 3", "extra AQID\nindex 3").into_bytes();
        for (place, value) in places {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(receipt) = Receipt::parse(&bytes) {
            prop_assert_eq!(receipt.to_string().into_bytes(), bytes);
        }
    }
}
