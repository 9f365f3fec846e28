//! Against the package `signed_note`, written apart from this one: each reads and verifies what the
//! other made, and both refuse the same.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use signed_note::{
    Note as ForeignNote, NoteError, StandardSigner, StandardVerifier, Verifier, VerifierList,
};
use tlog::{Note, VerifierKey};

use crate::golden_notes::{CHECKPOINT, LOG_VKEY, WITNESS_VKEY};
use crate::keys::{LOG, WITNESS, cosigned, head, log, signed, witness};

fn known() -> VerifierList {
    VerifierList::new(vec![Box::new(StandardVerifier::new(LOG_VKEY).unwrap())])
}

fn foreign_signer() -> StandardSigner {
    let seed = BASE64_STANDARD.encode([[1].as_slice(), &[7; 32]].concat());
    StandardSigner::new(&format!("PRIVATE+KEY+{LOG}+{}+{seed}", log().verifier().id())).unwrap()
}

#[test]
fn it_verifies_our_log_and_leaves_the_witness_aside() {
    for size in [0, 1, 5, 70_000, u64::MAX] {
        let note = cosigned(&signed(head(size)), &[witness()]);
        let read = ForeignNote::from_bytes(note.to_string().as_bytes()).unwrap();
        assert_eq!(read.text(), note.text().as_bytes());
        let (verified, unverified) = read.verify(&known()).unwrap();
        let names = |lines: &[signed_note::Signature]| -> Vec<String> {
            lines.iter().map(|line| line.name().to_owned()).collect()
        };
        assert_eq!(
            (names(&verified), names(&unverified)),
            (vec![LOG.to_owned()], vec![WITNESS.to_owned()])
        );
        let ids = [verified[0].id(), unverified[0].id()];
        let own = note.signatures();
        assert_eq!(ids, [own[0].id(), own[1].id()].map(|id| u32::from_be_bytes(id.0)));
    }
}

#[test]
fn we_verify_its_notes_and_they_are_ours_to_the_byte() {
    for text in ["a\n", "a\n\nb\n", signed(head(9)).text()] {
        let mut note = ForeignNote::new(text.as_bytes(), &[]).unwrap();
        note.add_sigs(&[&foreign_signer()]).unwrap();
        let read = Note::parse(&note.to_bytes()).unwrap();
        assert_eq!(read.verify([log().verifier()]).unwrap().len(), 1);
        assert_eq!(read, log().sign(text.to_owned()).unwrap());
    }
}

#[test]
fn keys_are_read_alike() {
    let theirs = StandardVerifier::new(LOG_VKEY).unwrap();
    let ours = VerifierKey::parse(LOG_VKEY).unwrap();
    assert_eq!(
        (theirs.name(), theirs.key_id()),
        (ours.name().as_str(), u32::from_be_bytes(ours.id().0))
    );
    // It knows logs only.
    assert!(StandardVerifier::new(WITNESS_VKEY).is_err());
    for place in 0..LOG_VKEY.len() {
        let mut bytes = LOG_VKEY.as_bytes().to_vec();
        bytes[place] ^= 1;
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            StandardVerifier::new(&text).is_err() && VerifierKey::parse(&text).is_err(),
            "{text}"
        );
    }
}

#[test]
fn a_forged_note_is_refused_by_both() {
    let forged = CHECKPOINT.replace("\n5\n", "\n6\n");
    let theirs = ForeignNote::from_bytes(forged.as_bytes()).unwrap().verify(&known());
    assert!(matches!(theirs, Err(NoteError::InvalidSignature { .. })));
    let ours = Note::parse(forged.as_bytes()).unwrap();
    assert_eq!(ours.verify([log().verifier()]).unwrap_err().code(), "note_signature_mismatch");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn both_read_the_same_notes(
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[ \n+=A\u{2014}\u{a0}\t]"), 1..4),
        insert: bool,
    ) {
        let mut chars: Vec<char> = CHECKPOINT.chars().collect();
        for (place, change) in changes {
            let (place, change) = (place.index(chars.len()), change.chars().next().unwrap());
            if insert { chars.insert(place, change) } else { chars[place] = change }
        }
        let text: String = chars.into_iter().collect();
        let (ours, theirs) = (Note::parse(text.as_bytes()), ForeignNote::from_bytes(text.as_bytes()));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}", text);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.text().as_bytes(), theirs.text());
            let verified = theirs.verify(&known()).is_ok();
            prop_assert_eq!(ours.verify([log().verifier()]).is_ok(), verified, "{}", text);
        }
    }
}
