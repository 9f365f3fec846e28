//! Notes, vkeys, checkpoints and cosignatures: every refusal by name, and what must be accepted.

use curve25519_dalek::scalar::{Scalar, clamp_integer};
use proptest::prelude::*;
use sha2::{Digest, Sha512};
use tlog::{
    AppendError, COSIGNATURE_SECONDS_MAX, Checkpoint, CheckpointError, CosignError, Cosigner,
    KeyError, KeyId, KeyType, NOTE_BYTES_MAX, NameError, Note, NoteError, NoteRefused,
    SIGNATURES_COUNT_MAX, SignatureError, VerifierKey,
};

use crate::golden_notes::{CHECKPOINT, LOG_VKEY};
use crate::keys::{LOG, TIME, WITNESS, cosigned, head, log, name, signed, witness, witness_number};

fn check(bytes: impl AsRef<[u8]>, expected: NoteError, code: &str) {
    let bytes = bytes.as_ref();
    assert_eq!(Note::parse(bytes), Err(expected), "{}", String::from_utf8_lossy(bytes));
    assert_eq!(expected.code(), code);
    assert!(!expected.to_string().is_empty());
}

#[test]
fn malformed_notes_are_refused_by_name() {
    use NoteError as E;
    check(vec![b'a'; NOTE_BYTES_MAX + 1], E::TooLarge, "note_too_large");
    check(b"a\xff\n\n\xe2\x80\x94 n AAAAAAA=\n", E::NotUtf8, "note_not_utf8");
    let control = E::ControlCharacter { at: 1 };
    check("a\r\n\n— n AAAAAAA=\n", control, "note_control_character");
    check("a\t\n\n— n AAAAAAA=\n", control, "note_control_character");
    for text in ["", "a", "a\n", "a\n\n", "\n\n", "— n AAAAAAA=\n", "\n— n AAAAAAA=\n"] {
        check(text, E::NoSignature, "note_no_signature");
    }
    check("a\n\n— n AAAAAAA=", E::Unterminated, "note_unterminated");
    let line = "— n AAAAAAA=\n";
    let many = format!("a\n\n{}", line.repeat(SIGNATURES_COUNT_MAX + 1));
    check(many, E::TooManySignatures, "note_too_many_signatures");
    let form = E::SignatureForm { line: 2 };
    for bad in ["- n AAAAAAA=", "—n AAAAAAA=", "— nAAAAAAA=", "-- n AAAAAAA=", " — n AAAAAAA="]
    {
        check(format!("a\n\n{line}{bad}\n"), form, "note_signature_form");
    }
    let named = E::SignatureName { line: 1 };
    for bad in ["—  AAAAAAA=", "— a+b AAAAAAA=", "— a\u{a0}b AAAAAAA="] {
        check(format!("a\n\n{bad}\n"), named, "note_signature_name");
    }
    let base64 = E::SignatureBase64 { line: 1 };
    for bad in ["AAAAAAA", "AAAAAAB=", "AAAA AAA=", "AAAAA_A=", " AAAAAAA=", "AAAAAAA= "] {
        check(format!("a\n\n— n {bad}\n"), base64, "note_signature_base64");
    }
    for bad in ["", "AAAA", "AAAAAA=="] {
        let short = E::SignatureShort { line: 1 };
        check(format!("a\n\n— n {bad}\n"), short, "note_signature_short");
    }
}

#[test]
fn the_last_empty_line_ends_the_text() {
    for text in ["\n", "a\n", "a\n\nb\n", "a\n\n", "a\n\n\n", "\u{2014} n AAAAAAA=\n", "ä—\u{7f}\n"]
    {
        let whole = format!("{text}\n— n AAAAAAA=\n");
        let note = Note::parse(whole.as_bytes()).unwrap();
        assert_eq!((note.text(), note.signatures().len()), (text, 1));
        assert_eq!(note.to_string(), whole);
        assert_eq!(Note::new(text.to_owned(), note.signatures().to_vec()), Ok(note));
    }
}

#[test]
fn a_note_that_could_not_be_read_is_not_built() {
    let line = signed(head(1)).signatures().to_vec();
    for text in ["", "a", "a\n\nb", "a\n\n— n AAAAAAA="] {
        let built = Note::new(text.to_owned(), line.clone());
        assert_eq!(built, Err(NoteError::Unterminated), "{text:?}");
        assert_eq!(log().sign(text.to_owned()), Err(NoteError::Unterminated), "{text:?}");
    }
    assert_eq!(Note::new("a\n".to_owned(), vec![]), Err(NoteError::NoSignature));
    assert_eq!(
        Note::new("a\0\n".to_owned(), line.clone()).unwrap_err().code(),
        "note_control_character"
    );
    let long = "a".repeat(NOTE_BYTES_MAX) + "\n";
    assert_eq!(Note::new(long, line), Err(NoteError::TooLarge));
}

#[test]
fn as_many_signatures_as_allowed_are_read_and_verified() {
    let note = signed(head(3));
    let lines: Vec<_> = (0..SIGNATURES_COUNT_MAX - 1)
        .map(|number| witness_number(u8::try_from(number).unwrap()).cosign(&note, TIME).unwrap())
        .collect();
    let full = note.with_signatures(&lines).unwrap();
    assert_eq!(Note::parse(full.to_string().as_bytes()).as_ref(), Ok(&full));
    let known: Vec<_> = (0..20).map(|number| witness_number(number).verifier().clone()).collect();
    assert_eq!(full.verify(&known).unwrap().len(), 20);
    let one_more = witness().cosign(&note, TIME).unwrap();
    assert_eq!(full.with_signatures(&[one_more]), Err(NoteError::TooManySignatures));
}

#[test]
fn there_is_room_for_many_long_signatures_of_unknown_types() {
    // Signatures that withstand quantum computers have up to nearly 5,000 bytes.
    let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, [0xa5; 5_000]);
    let lines: String =
        (0..32).map(|number| format!("\u{2014} w{number} {base64}\n")).collect::<Vec<_>>().concat();
    let text = format!("{}{lines}", signed(head(3)));
    let note = Note::parse(text.as_bytes()).unwrap();
    assert_eq!(note.signatures().len(), 33);
    assert_eq!(note.verify([log().verifier()]).unwrap().len(), 1);
}

#[test]
fn unknown_keys_count_for_nothing_and_known_ones_must_hold() {
    let note = cosigned(&signed(head(3)), &[witness()]);
    assert_eq!(note.verify([log().verifier()]).unwrap().len(), 1);
    assert_eq!(note.verify([]), Err(NoteRefused::Unsigned));
    assert_eq!(NoteRefused::Unsigned.code(), "note_unsigned");
    // The same name with another id, and the same id with another name, are other keys.
    let other = VerifierKey::new(name(LOG), KeyType::Note, witness().verifier().bytes()).unwrap();
    assert_eq!(note.verify([&other]), Err(NoteRefused::Unsigned));
    // A line that claims a known key and fails spoils the note, whoever else has signed.
    let forged = note.to_string().replace("\n3\n", "\n4\n");
    let forged = Note::parse(forged.as_bytes()).unwrap();
    let (log, witness) = (log(), witness());
    for known in [vec![log.verifier()], vec![witness.verifier()]] {
        let refused = forged.verify(known.clone()).unwrap_err();
        assert_eq!(refused.code(), "note_signature_mismatch");
        let name = known[0].name().clone();
        let (id, cause) = (known[0].id(), SignatureError::Mismatch);
        assert_eq!(refused, NoteRefused::Signature { name, id, cause });
    }
    let line = cosigned(&signed(head(4)), std::slice::from_ref(&witness)).signatures()[1].clone();
    let mixed = Note::new(note.text().to_owned(), vec![note.signatures()[0].clone(), line]);
    let mixed = mixed.unwrap();
    assert_eq!(mixed.verify([log.verifier()]).unwrap().len(), 1);
    assert!(mixed.verify([log.verifier(), witness.verifier()]).is_err());
}

#[test]
fn signatures_of_a_wrong_length_or_time_are_refused_by_name() {
    let note = cosigned(&signed(head(3)), &[witness()]);
    let (log, witness) = (log(), witness());
    let known = [log.verifier(), witness.verifier()];
    let with = |which: usize, bytes: &[u8]| {
        let line = &note.signatures()[which];
        let whole = [line.id().0.as_slice(), bytes].concat();
        let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, whole);
        let text = format!("{}\n— {} {base64}\n", note.text(), line.name());
        let parsed = Note::parse(text.as_bytes()).unwrap();
        parsed.verify(known).map(|signed| signed.len()).map_err(|error| error.code())
    };
    for (which, length) in [(0, 64), (1, 72)] {
        let bytes = note.signatures()[which].bytes();
        assert_eq!(bytes.len(), length);
        assert_eq!(with(which, bytes), Ok(1));
        assert_eq!(with(which, &bytes[..length - 1]), Err("note_signature_length"));
        assert_eq!(with(which, &bytes[..1]), Err("note_signature_length"));
        assert_eq!(with(which, &[bytes, &[0]].concat()), Err("note_signature_length"));
    }
    let mut late = note.signatures()[1].bytes().to_vec();
    late[0] = 0x80;
    assert_eq!(with(1, &late), Err("note_signature_time"));
}

#[test]
fn no_bit_of_a_signature_or_text_can_change() {
    let note = cosigned(&signed(head(3)), &[witness()]);
    let (log, witness) = (log(), witness());
    for which in 0..2 {
        let line = &note.signatures()[which];
        for place in 0..line.bytes().len() {
            let mut bytes = [line.id().0.as_slice(), line.bytes()].concat();
            bytes[4 + place] ^= 1 << (place % 8);
            let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
            let text = format!("{}\n— {} {base64}\n", note.text(), line.name());
            let changed = Note::parse(text.as_bytes()).unwrap();
            assert!(changed.verify([log.verifier(), witness.verifier()]).is_err(), "{place}");
        }
    }
}

/// Who signs with the nonce 0 makes an `R` of small order, which lax verifiers take and strict ones
/// refuse: one of the two is wrong for somebody.
#[test]
fn a_nonce_of_small_order_is_refused() {
    let text = signed(head(3)).text().to_owned();
    let log = log();
    let digest: [u8; 64] = Sha512::digest([7; 32]).into();
    let secret: [u8; 32] = digest[..32].try_into().unwrap();
    let secret = Scalar::from_bytes_mod_order(clamp_integer(secret));
    let r = [[1].as_slice(), &[0; 31]].concat();
    let challenge = Sha512::new()
        .chain_update(&r)
        .chain_update(log.verifier().bytes())
        .chain_update(&text)
        .finalize();
    let s = Scalar::from_bytes_mod_order_wide(&challenge.into()) * secret;
    let signature = [r.as_slice(), s.as_bytes()].concat();
    let lax = ed25519_dalek::VerifyingKey::from_bytes(log.verifier().bytes()).unwrap();
    let taken = ed25519_dalek::Signature::from_slice(&signature).unwrap();
    assert!(ed25519_dalek::Verifier::verify(&lax, text.as_bytes(), &taken).is_ok());
    let whole = [log.verifier().id().0.as_slice(), &signature].concat();
    let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, whole);
    let note = Note::parse(format!("{text}\n\u{2014} {LOG} {base64}\n").as_bytes()).unwrap();
    assert_eq!(note.verify([log.verifier()]).unwrap_err().code(), "note_signature_mismatch");
}

#[test]
fn a_new_signature_takes_the_place_of_the_old_one_of_its_key() {
    let (note, witness) = (signed(head(3)), witness());
    let old = cosigned(&note, &[witness_number(1), witness.clone()]);
    let fresh = witness.cosign(&note, TIME + 60).unwrap();
    let stranger = witness_number(2).cosign(&note, TIME).unwrap();
    let new = old.with_verified(&[stranger.clone(), fresh.clone()], [witness.verifier()]).unwrap();
    let names: Vec<_> = new.signatures().iter().map(|line| line.name().as_str()).collect();
    assert_eq!(names, [LOG, "witness.example/number1", WITNESS]);
    assert_eq!(new.verify([witness.verifier()]).unwrap()[0].time, Some(TIME + 60));
    // Another key of the same name has a line of its own.
    let other = Cosigner::from_seed(name(WITNESS), &[10; 32]);
    let both = new.with_signatures(&[other.cosign(&note, TIME).unwrap()]).unwrap();
    assert_eq!(both.verify([witness.verifier(), other.verifier()]).unwrap().len(), 2);
    // Nothing of a bad answer is taken over.
    let wrong = witness.cosign(&signed(head(4)), TIME).unwrap();
    for bad in [vec![], vec![stranger.clone()], vec![fresh, wrong]] {
        let refused = old.with_verified(&bad, [witness.verifier()]).unwrap_err();
        let expected = if bad.len() == 2 { "note_signature_mismatch" } else { "note_unsigned" };
        assert_eq!(refused.code(), expected);
    }
    let full = vec![stranger.clone(); SIGNATURES_COUNT_MAX];
    let refused = old.with_verified(&full, [witness_number(2).verifier()]).unwrap_err();
    assert_eq!(refused, AppendError::Note(NoteError::TooManySignatures));
    assert_eq!(refused.code(), "note_too_many_signatures");
}

fn check_vkey(text: &str, expected: KeyError, code: &str) {
    assert_eq!(VerifierKey::parse(text), Err(expected), "{text}");
    assert_eq!(expected.code(), code);
}

#[test]
fn malformed_vkeys_are_refused_by_name() {
    use KeyError as E;
    let key = "AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
    for text in ["", "a", "a+654be5a4", key] {
        check_vkey(text, E::Form, "vkey_form");
    }
    check_vkey(&LOG_VKEY.replace("ledger", "led ger"), E::Name(NameError), "key_name");
    check_vkey(&format!("+654be5a4+{key}"), E::Name(NameError), "key_name");
    for id in ["654BE5A4", "654be5a", "654be5a40", "+54be5a4", "654be5g4", ""] {
        check_vkey(&format!("{LOG}+{id}+{key}"), E::Id, "vkey_id");
    }
    for key in ["", "AepK ", "A", "AepKbA", "AepKb+_="] {
        check_vkey(&format!("{LOG}+654be5a4+{key}"), E::Base64, "vkey_base64");
    }
    for (key, found) in [("AA==", 0), ("Bg==", 6), ("/w==", 255)] {
        check_vkey(&format!("{LOG}+654be5a4+{key}"), E::Type { found }, "vkey_type");
    }
    for (key, found) in [("AQ==", 0), ("AQID", 2), ("BAAA", 2)] {
        check_vkey(&format!("{LOG}+654be5a4+{key}"), E::Length { found }, "vkey_length");
    }
    check_vkey(&LOG_VKEY.replace("654be5a4", "654be5a5"), E::IdMismatch, "vkey_id_mismatch");
    check_vkey(&LOG_VKEY.replace("log1", "log2"), E::IdMismatch, "vkey_id_mismatch");
    // Off the curve; the neutral element, for which anybody can sign; another point of small order.
    let mut small = [0_u8; 32];
    for (first, key_type) in [(2, KeyType::Note), (1, KeyType::Note), (0, KeyType::Cosignature)] {
        small[0] = first;
        assert_eq!(VerifierKey::new(name(LOG), key_type, &small), Err(E::Point), "{first}");
    }
    assert_eq!(E::Point.code(), "vkey_point");
}

#[test]
fn name_type_and_key_make_the_id() {
    let key = *log().verifier().bytes();
    let id = KeyId::of(&name(LOG), KeyType::Note, &key);
    assert_eq!(id, log().verifier().id());
    assert_ne!(id, KeyId::of(&name(LOG), KeyType::Cosignature, &key));
    assert_ne!(id, KeyId::of(&name(WITNESS), KeyType::Note, &key));
    // One key in two roles: the signature of one is none of the other.
    let as_witness = VerifierKey::new(name(LOG), KeyType::Cosignature, &key).unwrap();
    assert_eq!(signed(head(1)).verify([&as_witness]), Err(NoteRefused::Unsigned));
}

#[test]
fn malformed_checkpoints_are_refused_by_name() {
    use CheckpointError as E;
    let root = "GdFfT0r+DloVve6fvpvyYrFoGrmuHLeK50J+P01BO+8=";
    let check = |text: String, expected: E, code: &str| {
        assert_eq!(Checkpoint::parse(&text), Err(expected), "{text:?}");
        assert_eq!(expected.code(), code);
    };
    for text in ["", "\n", "o\n", "o\n5\n", "o"] {
        check(text.to_owned(), E::Lines, "checkpoint_lines");
    }
    check(format!("o\n5\n{root}"), E::Lines, "checkpoint_lines");
    for (line, text) in [
        (1, format!("\n5\n{root}\n")),
        (2, format!("o\n\n{root}\n")),
        (3, "o\n5\n\n".to_owned()),
        (4, format!("o\n5\n{root}\n\n")),
        (5, format!("o\n5\n{root}\nmore\n\nmore\n")),
    ] {
        check(text, E::EmptyLine { line }, "checkpoint_empty_line");
    }
    for size in ["05", "+5", "-5", " 5", "5 ", "five", "18446744073709551616"] {
        check(format!("o\n{size}\n{root}\n"), E::Size, "checkpoint_size");
    }
    for root in ["GdFf", &root[..43], "Gd", &format!("{root}="), &format!(" {root}")] {
        check(format!("o\n5\n{root}\n"), E::Root, "checkpoint_root");
    }
}

#[test]
fn further_lines_are_read_past_but_signed() {
    let text = format!("{}written later\n", Checkpoint::new(&name(LOG), head(3)));
    let note = cosigned(&log().sign(text.clone()).unwrap(), &[witness()]);
    assert_eq!(Checkpoint::parse(note.text()).unwrap().head(), head(3));
    let (log, witness) = (log(), witness());
    assert_eq!(note.verify([log.verifier(), witness.verifier()]).unwrap().len(), 2);
    let changed = note.to_string().replace("later", "never");
    let changed = Note::parse(changed.as_bytes()).unwrap();
    assert!(changed.verify([log.verifier()]).is_err());
    assert!(changed.verify([witness.verifier()]).is_err());
}

#[test]
fn only_checkpoints_are_cosigned_and_only_at_times_that_exist() {
    let note = signed(head(3));
    assert!(witness().cosign(&note, COSIGNATURE_SECONDS_MAX).is_ok());
    let refused = witness().cosign(&note, COSIGNATURE_SECONDS_MAX + 1).unwrap_err();
    assert_eq!((refused, refused.code()), (CosignError::Time, "cosignature_time"));
    let note = log().sign("no checkpoint\n".to_owned()).unwrap();
    let refused = witness().cosign(&note, TIME).unwrap_err();
    let expected = CosignError::Checkpoint(CheckpointError::Lines);
    assert_eq!((refused, refused.code()), (expected, "checkpoint_lines"));
}

proptest! {
    #[test]
    fn what_is_read_is_written_back(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = CHECKPOINT.as_bytes().to_vec();
        for (place, value) in places {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
            if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
                prop_assert!(note.text().starts_with(&checkpoint.to_string()));
            }
        }
    }

    #[test]
    fn any_text_of_lines_can_be_signed_and_read(text in "[a-z —ä\n]{0,40}\n", seed: [u8; 32]) {
        let signer = tlog::LogSigner::from_seed(name("any"), &seed);
        let note = signer.sign(text.clone()).unwrap();
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        prop_assert_eq!(read.text(), &text);
        prop_assert_eq!(read.verify([signer.verifier()]).unwrap().len(), 1);
        let vkey = signer.verifier().to_string();
        prop_assert_eq!(&VerifierKey::parse(&vkey).unwrap(), signer.verifier());
    }
}
