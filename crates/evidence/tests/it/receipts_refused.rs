//! Receipts that prove nothing, each for its reason.

use evidence::record::{Facts, Opening, Posting};
use evidence::verdict::verify_receipt;
use serde_json::{Value, json};
use tlog::policy::Policy;
use tlog::{Cosigner, KeyName, LogSigner, Note, Receipt};

use crate::books::{Books, SEEN, WITNESS, log, other_log, policy, policy_text, witness};
use crate::receipts::{Case, PAYMENT, books, unknown_line, verify};

/// The receipt that all others here are made from.
fn good() -> String {
    let books = books();
    books.receipt(PAYMENT, &books.note(70), false, true).to_string()
}

fn with(name: &'static str, receipt: String) -> Case {
    Case { name, receipt, policy: policy_text(), now: Some(SEEN + 5) }
}

/// The lines of a text, changed.
fn lines(text: &str, change: impl Fn(&mut Vec<&str>)) -> String {
    let mut lines: Vec<_> = text.split('\n').collect();
    change(&mut lines);
    lines.join("\n")
}

/// The texts that are no receipts.
fn malformed() -> Vec<Case> {
    let good = good();
    let opening = good.lines().nth(1).unwrap().to_owned();
    let changed = |name, from: &str, to: &str| {
        assert!(good.contains(from), "{name}");
        with(name, good.replacen(from, to, 1))
    };
    let hash = good.lines().nth(3).unwrap().to_owned();
    let seventh = good.lines().nth(9).unwrap().to_owned();
    vec![
        with("nothing", String::new()),
        changed("another first line", "@v1", "@v2"),
        changed("lines that end with carriage return and newline", "\n", "\r\n"),
        with("cut behind the first line", lines(&good, |all| all.truncate(1))),
        with("cut behind the opening", lines(&good, |all| all.truncate(2))),
        with("cut behind the index", lines(&good, |all| all.truncate(3))),
        with("cut inside a hash", good[..good.find(&hash).unwrap() + 20].to_owned()),
        with("cut behind the proof", lines(&good, |all| all.truncate(10))),
        with("cut behind the empty line", lines(&good, |all| all.truncate(11)) + "\n"),
        with("cut behind the checkpoint's root", lines(&good, |all| all.truncate(14)) + "\n"),
        with("cut behind the signatures' empty line", lines(&good, |all| all.truncate(15)) + "\n"),
        with("cut inside the last line", good[..good.len() - 10].to_owned()),
        with("cut before the last newline", good[..good.len() - 1].to_owned()),
        changed("an index with a leading zero", "index 4", "index 04"),
        changed("an index with a sign", "index 4", "index +4"),
        changed("an index beyond 64 bits", "index 4", "index 18446744073709551616"),
        with("no index", lines(&good, |all| _ = all.remove(2))),
        with("index and opening have changed places", lines(&good, |all| all.swap(1, 2))),
        with("a second opening", good.replacen("index", &format!("{opening}\nindex"), 1)),
        changed("an opening of nothing", &opening, "extra "),
        changed("an opening without padding", &opening, opening.trim_end_matches('=')),
        changed("a hash without padding", &hash, hash.trim_end_matches('=')),
        with("a hash with a stray bit", good.replacen(&hash, &stray_bit(&hash), 1)),
        changed("a hash of 31 bytes", &hash, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="),
        with("64 hashes", good.replacen(&seventh, &vec![seventh.as_str(); 58].join("\n"), 1)),
        with("a space behind a hash", good.replacen(&hash, &format!("{hash} "), 1)),
        with("a line behind the signatures", format!("{good}more\n")),
        with("an empty line behind the signatures", format!("{good}\n")),
        with("bytes before the first line", format!("\u{feff}{good}")),
        changed("a size with a leading zero", "\n70\n", "\n070\n"),
        changed("a hyphen in the place of the dash", "\u{2014}", "-"),
    ]
}

/// The same 32 bytes for readers that overlook the two last bits.
fn stray_bit(hash: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let last = hash.as_bytes()[42];
    let place = ALPHABET.iter().position(|byte| *byte == last).unwrap();
    format!("{}{}=", &hash[..42], char::from(ALPHABET[place + 1]))
}

fn encoded(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

/// What stands in the line `extra` opens no row.
fn not_openings() -> Vec<Case> {
    let good = good();
    let line = good.lines().nth(1).unwrap().to_owned();
    let books = books();
    let opening = books.opening(PAYMENT).showing(false, true);
    let bytes = opening.encode();
    let extra = |bytes: &[u8]| good.replacen(&line, &format!("extra {}", encoded(bytes)), 1);
    let changed = |name, place: usize, part: &[u8]| {
        let mut changed = bytes.clone();
        changed[place..place + part.len()].copy_from_slice(part);
        with(name, extra(&changed))
    };
    let creation = books.opening(1).encode();
    let mut two_sides = creation.clone();
    let last = two_sides.len() - 1;
    two_sides[last] = 1;
    let mut by_another = creation.clone();
    by_another[2 + 53] = 9;
    let mut no_first = creation.clone();
    no_first[2 + 102 + 32 + 7] = 0;
    vec![
        with("no opening", good.replacen(&format!("{line}\n"), "", 1)),
        with("an opening of other software", extra(b"leaf-5")),
        changed("an opening of another version", 0, &[2]),
        changed("an opening with a reserved bit", 1, &[6]),
        changed("an opening that shows less than it says", 1, &[3]),
        with("an opening that is cut", extra(&bytes[..bytes.len() - 1])),
        with("an opening with a byte more", extra(&[bytes.as_slice(), &[0]].concat())),
        changed("facts of an unknown kind", 2, &[4]),
        changed("facts with a scale that is none", 3, &[31]),
        changed("facts with a code that is no asset", 2 + 14, b"usd"),
        changed("facts with a reserved flag", 4, &[1]),
        changed("facts of a post that voids", 5, &[12]),
        changed("facts of a transfer that closes without holding", 5, &[0x40]),
        changed("facts with the id zero", 2 + 38, &[0; 16]),
        changed("facts of a payment with the id of a hold", 2 + 54 + 15, &[1]),
        changed("facts of a post without the id of a hold", 5, &[4]),
        changed("facts of a payment with a timeout", 2 + 9, &[1]),
        changed("an account with a reserved id", 2 + 102 + 32 + 16, &[0; 16]),
        changed("a payment without a payer's side", 2 + 102, &[0; 32]),
        with("the creation of an account with two sides", extra(&two_sides)),
        with("the creation of an account by another", extra(&by_another)),
        with("the creation of an account that is not its first leaf", extra(&no_first)),
    ]
}

/// Whole receipts that do not hold.
fn unproven() -> Vec<Case> {
    let (good, books) = (good(), books());
    let line = good.lines().nth(1).unwrap().to_owned();
    let opening = books.opening(PAYMENT).showing(false, true);
    let extra = |opening: &Opening| {
        good.replacen(&line, &format!("extra {}", encoded(&opening.encode())), 1)
    };
    let more = Facts { amount: 2_000_001, ..*opening.facts() };
    let more = Opening::new(more, *opening.debit(), *opening.credit()).unwrap();
    let mallory =
        Posting::Opened { salt: [1; 16], account: crate::records::account(666), prev: Some(2) };
    let mallory = Opening::new(*opening.facts(), *opening.debit(), mallory).unwrap();
    let hash = good.lines().nth(5).unwrap().to_owned();
    let at = |index: &str| good.replacen("index 4\n", &format!("index {index}\n"), 1);
    vec![
        with("an opening with another amount", extra(&more)),
        with("an opening with another payee", extra(&mallory)),
        with("an opening of another row", extra(books.opening(PAYMENT + 1))),
        with("the index of another row", at("5")),
        with("the index behind the last", at("70")),
        with("the largest index", at("18446744073709551615")),
        with("two hashes have changed places", lines(&good, |all| all.swap(3, 4))),
        with("a hash is missing", good.replacen(&format!("{hash}\n"), "", 1)),
        with("a hash is there twice", good.replacen(&hash, &format!("{hash}\n{hash}"), 1)),
        with("a hash is another", good.replacen(&hash, &encoded(&[1; 32]), 1)),
        with("the proof is of another size of the log", {
            let (proof, opening) = (books.inclusion(PAYMENT, 69), Some(opening.encode()));
            Receipt::new(PAYMENT, proof, books.note(70), opening).unwrap().to_string()
        }),
    ]
}

/// Whole receipts of checkpoints that the policy does not accept.
fn unacceptable() -> Vec<Case> {
    let (good, books) = (good(), books());
    let of = |name, note: &Note| with(name, books.receipt(PAYMENT, note, false, true).to_string());
    let text = books.checkpoint(70);
    let seen_at = |note: &Note, witness: &Cosigner, time| {
        note.with_signatures(&[witness.cosign(note, time).unwrap()]).unwrap()
    };
    let foreign = LogSigner::from_seed(KeyName::new("other.example/log").unwrap(), &[7; 32]);
    let foreign = foreign.sign(text.replace("ledger.example/log1", "other.example/log")).unwrap();
    let stranger = Cosigner::from_seed(KeyName::new("witness.example/w9").unwrap(), &[19; 32]);
    let impostor = Cosigner::from_seed(KeyName::new(WITNESS).unwrap(), &[19; 32]);
    let other = seen_at(&other_log().sign(text.clone()).unwrap(), &witness(), SEEN);
    let without = |start| lines(&good, |all| all.retain(|line| !line.starts_with(start)));
    let by_witness_alone = without("\u{2014} ledger");
    let unknown_alone = without("\u{2014}");
    let future = |name, now| Case { now: Some(now), ..with(name, good.clone()) };
    let mut fork = Books::clone(&books);
    fork.entries[69] = b"another".to_vec();
    let signature = good.lines().find(|line| line.starts_with("\u{2014} ledger")).unwrap();
    let seen = good.lines().last().unwrap();
    vec![
        of("a log that the policy does not know", &seen_at(&foreign, &witness(), SEEN)),
        of("a log of the same name with another key", &other),
        with("signatures of the witness alone", by_witness_alone),
        with("signatures of unknown types alone", unknown_alone + &unknown_line()),
        with("the log's signature is changed", good.replacen(signature, &flipped(signature), 1)),
        with("the witness's signature is changed", good.replacen(seen, &flipped(seen), 1)),
        with("the root is another", {
            let root = text.lines().nth(2).unwrap();
            good.replacen(root, &encoded(&[2; 32]), 1)
        }),
        with("the size is another", good.replacen("\n70\n", "\n71\n", 1)),
        of("no witness", &books.signed(70)),
        of("a witness that the policy does not know", &seen_at(&books.signed(70), &stranger, SEEN)),
        of("a witness's name with another key", &seen_at(&books.signed(70), &impostor, SEEN)),
        Case {
            policy: policy_text().replace("quorum w1", &two_witnesses()),
            ..with("one of two witnesses where both are asked for", good.clone())
        },
        of("another history of the log", &fork.note(70)),
        future("a cosignature from the future", SEEN - 61),
        future("a cosignature from the far future", 0),
    ]
}

fn two_witnesses() -> String {
    let second = Cosigner::from_seed(KeyName::new("witness.example/w2").unwrap(), &[10; 32]);
    format!("witness w2 {}\ngroup g all w1 w2\nquorum g", second.verifier())
}

/// A signature line with one bit of the signature changed.
fn flipped(line: &str) -> String {
    let (head, base64) = line.rsplit_once(' ').unwrap();
    let engine = &base64::engine::general_purpose::STANDARD;
    let mut bytes = base64::Engine::decode(engine, base64).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    format!("{head} {}", encoded(&bytes))
}

fn all() -> Vec<Case> {
    [malformed(), not_openings(), unproven(), unacceptable()].into_iter().flatten().collect()
}

/// The table of `conformance/receipts.json`.
pub fn rows() -> Vec<Value> {
    let row = |case: &Case| {
        json!({
            "name": case.name,
            "policy": case.policy,
            "now": case.now.map(|now| now.to_string()),
            "receipt": case.receipt,
            "wantErr": verify(case).unwrap_err().code(),
        })
    };
    all().iter().map(row).collect()
}

/// Policies that are none.
pub fn policies() -> Vec<Value> {
    let good = policy_text();
    let (own, first) = (log().verifier().to_string(), witness().verifier().to_string());
    let texts = [
        String::new(),
        good.replace("quorum w1\n", ""),
        good.trim_end().to_owned(),
        good.replace('\n', "\r\n"),
        format!("{good}quorum none\n"),
        good.replace("quorum w1", "quorum w2"),
        good.replace("log ", "logs "),
        format!("log {own} url more\nquorum none\n"),
        format!("log {own}\nlog {own}\nquorum none\n"),
        format!("log {first}\nquorum none\n"),
        format!("log {own}x\nquorum none\n"),
        format!("log {}\nquorum none\n", own.replacen('+', "+0", 1)),
        format!("witness w {own}\nquorum none\n"),
        format!("witness none {first}\nquorum none\n"),
        good.replace("quorum w1", "group g 0 w1\nquorum g"),
        good.replace("quorum w1", "group g 2 w1\nquorum g"),
        good.replace("quorum w1", "group g any w1\ngroup h any w1\nquorum h"),
        good.replace("quorum w1", "group w1 any w1\nquorum w1"),
    ];
    let row = |policy: &String| {
        let code = Policy::parse(policy.as_bytes()).unwrap_err();
        json!({"policy": policy, "wantErr": code.code()})
    };
    texts.iter().map(row).collect()
}

#[test]
fn each_is_refused_for_its_reason() {
    let code = |cases: Vec<Case>, name: &str| {
        let case = cases.into_iter().find(|case| case.name == name).unwrap();
        verify(&case).unwrap_err().code()
    };
    for (name, expected) in [
        ("cut behind the proof", "receipt_no_checkpoint"),
        ("no index", "receipt_index"),
        ("a hash with a stray bit", "receipt_hash"),
        ("a line behind the signatures", "note_signature_form"),
    ] {
        assert_eq!(code(malformed(), name), expected, "{name}");
    }
    assert_eq!(code(not_openings(), "no opening"), "receipt_no_opening");
    for case in not_openings().iter().skip(1) {
        let code = verify(case).unwrap_err().code();
        assert!(code.starts_with("opening_") || code.starts_with("facts_"), "{}", case.name);
    }
    for case in unproven() {
        let expected =
            if case.name.contains("behind the last") || case.name.contains("largest index") {
                "receipt_beyond_tree"
            } else {
                "receipt_not_included"
            };
        assert_eq!(verify(&case).unwrap_err().code(), expected, "{}", case.name);
    }
    for (name, expected) in [
        ("a log that the policy does not know", "unknown_log"),
        ("a log of the same name with another key", "log_signature_missing"),
        ("signatures of unknown types alone", "note_unsigned"),
        ("the log's signature is changed", "note_signature_mismatch"),
        ("no witness", "quorum_unmet"),
        ("another history of the log", "receipt_not_included"),
        ("a cosignature from the future", "cosignature_from_future"),
    ] {
        assert_eq!(code(unacceptable(), name), expected, "{name}");
    }
}

#[test]
fn every_flipped_bit_is_refused_or_says_the_same() {
    let (good, policy) = (good(), policy());
    let verdict = verify_receipt(good.as_bytes(), &policy, None).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // A signature that claims an unknown key counts for nothing and changes nothing.
        if let Ok(other) = verify_receipt(&bytes, &policy, None) {
            assert_eq!(other, verdict, "bit {bit}");
        }
    }
}
