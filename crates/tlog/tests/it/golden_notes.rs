//! A log of five leaves whose checkpoint programs of others have accepted, byte for byte.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tlog::policy::Policy;
use tlog::{Checkpoint, Hash, KeyType, Note, Receipt, TreeHead, VerifierKey};

use crate::keys::{LOG, TIME, WITNESS, cosigned, log, name, signed, witness};

pub const LOG_VKEY: &str =
    "ledger.example/log1+654be5a4+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
pub const WITNESS_VKEY: &str =
    "witness.example/w1+24b5d9fe+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";
pub const CHECKPOINT: &str = "\
ledger.example/log1
5
GdFfT0r+DloVve6fvpvyYrFoGrmuHLeK50J+P01BO+8=

— ledger.example/log1 ZUvlpMeC5Ux2nzvZnaQcgPZoRxyWlcbdg6dZqGsC3qTYqNB0LDy9PTYMQdv1CFes8D2MITj+MQ8DT60lBkXaqWAl/wU=
— witness.example/w1 JLXZ/gAAAABlU/EA+QVALIB6Qp6CMOxe7CbO/HP/FEiI4k9r2eP/BNd++/vDJDLxeVfrJfodAy1r4Kfnwno0oA5bM4AbazXZnwEoAA==
";
/// The sibling hashes of the leaf with index 3.
pub const INCLUSION: [&str; 3] = [
    "92g2MlrsVpnY1x+OQunUfFwpsIBZuiljhPfKQK06QK4=",
    "rvym7Pc9Tp0c4FIjxKgP2MqX57i/ZnTBvlHpFV2tDYk=",
    "jxWTy5L0Kdk0C5u8HwuxIq34AmxCpKQhQuIWiTFycjY=",
];
/// The proof that the tree of five leaves continues that of three.
pub const CONSISTENCY: [&str; 4] = [
    "92g2MlrsVpnY1x+OQunUfFwpsIBZuiljhPfKQK06QK4=",
    "6p/BobbhkbRg0NYwbj6HDBc/OTMPE82htwz8cr3DmLo=",
    "rvym7Pc9Tp0c4FIjxKgP2MqX57i/ZnTBvlHpFV2tDYk=",
    "jxWTy5L0Kdk0C5u8HwuxIq34AmxCpKQhQuIWiTFycjY=",
];
/// The root of the tree of 70,000 leaves that begins with these five.
pub const ROOT_OF_70_000: &str = "hQIOOXPNj7om5+DomR7pWz1j53MevOBShpfNK53ovmc=";

pub fn hash(base64: &str) -> Hash {
    Hash::try_from(BASE64_STANDARD.decode(base64).unwrap().as_slice()).unwrap()
}

pub fn golden_head() -> TreeHead {
    Checkpoint::parse(Note::parse(CHECKPOINT.as_bytes()).unwrap().text()).unwrap().head()
}

pub fn policy() -> Policy {
    let text = format!("log {LOG_VKEY}\nwitness w {WITNESS_VKEY}\nquorum w\n");
    Policy::parse(text.as_bytes()).unwrap()
}

#[test]
fn keys_have_their_text() {
    assert_eq!(log().verifier().to_string(), LOG_VKEY);
    assert_eq!(witness().verifier().to_string(), WITNESS_VKEY);
    let (log_key, witness_key) =
        (VerifierKey::parse(LOG_VKEY).unwrap(), VerifierKey::parse(WITNESS_VKEY).unwrap());
    assert_eq!(&log_key, log().verifier());
    assert_eq!(&witness_key, witness().verifier());
    assert_eq!(log_key.key_type(), KeyType::Note);
    assert_eq!(witness_key.key_type(), KeyType::Cosignature);
    assert_eq!(log_key.name().as_str(), LOG);
    assert_eq!(log_key.id().to_string(), "654be5a4");
}

#[test]
fn the_checkpoint_is_made_and_read_byte_for_byte() {
    let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    assert_eq!(note.to_string(), CHECKPOINT);
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.head().size), (LOG, 5));
    assert_eq!(checkpoint, Checkpoint::new(&name(LOG), golden_head()));
    assert_eq!(cosigned(&signed(golden_head()), &[witness()]).to_string(), CHECKPOINT);
}

#[test]
fn both_have_signed() {
    let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    let (log, witness) = (log(), witness());
    let signed = note.verify([log.verifier(), witness.verifier()]).unwrap();
    let found: Vec<_> = signed.iter().map(|one| (one.key.name().as_str(), one.time)).collect();
    assert_eq!(found, [(LOG, None), (WITNESS, Some(TIME))]);
}

#[test]
fn a_cosignature_signs_these_bytes() {
    use ed25519_dalek::{Signature, VerifyingKey};
    let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    let bytes = note.signatures()[1].bytes();
    assert_eq!(bytes[..8], TIME.to_be_bytes());
    let message = format!("cosignature/v1\ntime 1700000000\n{}", note.text());
    let key = VerifyingKey::from_bytes(witness().verifier().bytes()).unwrap();
    let signature = Signature::from_slice(&bytes[8..]).unwrap();
    assert!(key.verify_strict(message.as_bytes(), &signature).is_ok());
}

#[test]
fn a_receipt_has_this_form() {
    let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    let lines = INCLUSION.join("\n");
    let text = format!("c2sp.org/tlog-proof@v1\nextra AQID\nindex 3\n{lines}\n\n{CHECKPOINT}");
    let receipt = Receipt::parse(text.as_bytes()).unwrap();
    assert_eq!(receipt.to_string(), text);
    assert_eq!((receipt.index(), receipt.extra()), (3, Some([1, 2, 3].as_slice())));
    assert_eq!(receipt.note(), &note);
    let again = Receipt::new(3, receipt.proof().to_vec(), note, Some(vec![1, 2, 3]));
    assert_eq!(again, Ok(receipt));
}

/// What the bytes prove under the golden policy, if anything.
fn accepted(bytes: &[u8]) -> Result<(), String> {
    let note = Note::parse(bytes).map_err(|error| error.code().to_owned())?;
    assert_eq!(note.to_string().as_bytes(), bytes);
    policy().judge(&note).map(drop).map_err(|error| error.code().to_owned())
}

#[test]
fn no_bit_of_the_checkpoint_can_change() {
    assert_eq!(accepted(CHECKPOINT.as_bytes()), Ok(()));
    let mut codes = std::collections::BTreeMap::new();
    for place in 0..CHECKPOINT.len() {
        for bit in 0..8 {
            let mut bytes = CHECKPOINT.as_bytes().to_vec();
            bytes[place] ^= 1 << bit;
            let refused = accepted(&bytes);
            let code = refused.expect_err(&format!("bit {bit} of byte {place}"));
            *codes.entry(code).or_insert(0) += 1;
        }
    }
    // Each guard has caught something, so that none stands in for another.
    for code in ["unknown_log", "note_signature_mismatch", "log_signature_missing", "quorum_unmet"]
    {
        assert!(codes.contains_key(code), "{code} of {codes:?}");
    }
}

#[test]
fn no_part_can_be_cut_off() {
    for length in 0..CHECKPOINT.len() {
        assert!(accepted(&CHECKPOINT.as_bytes()[..length]).is_err(), "{length} bytes");
    }
    for more in ["\n", " ", "a", "\0"] {
        assert!(accepted(format!("{CHECKPOINT}{more}").as_bytes()).is_err(), "{more:?}");
    }
}
