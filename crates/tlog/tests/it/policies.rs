//! Policies: a table of quorums, a table of what is refused, and what they say of checkpoints.

use proptest::prelude::*;
use tlog::policy::{POLICY_BYTES_MAX, POLICY_ENTRIES_COUNT_MAX, Policy, PolicyError, Unacceptable};
use tlog::{KeyName, LogSigner, Note};

use crate::golden_notes::{LOG_VKEY, WITNESS_VKEY};
use crate::keys::{LOG, TIME, cosigned, head, log, name, signed, witness_number};

/// Lines that define witnesses 1 to `count` under the names w1, w2, ...
fn witnesses(count: u8) -> String {
    let line = |number| format!("witness w{number} {}\n", witness_number(number).verifier());
    (1..=count).map(line).collect()
}

fn parse(text: &str) -> Policy {
    let policy = Policy::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(Policy::parse(&policy.to_bytes()).as_ref(), Ok(&policy), "{text}");
    policy
}

/// Whether these witnesses are enough, by `quorum_is_met` and by a checkpoint that they cosigned.
fn met(policy: &Policy, seen: &[u8]) -> bool {
    let names: Vec<String> = seen.iter().map(|number| format!("w{number}")).collect();
    let met =
        policy.quorum_is_met(|witness| names.iter().any(|name| name.as_bytes() == witness.name()));
    let seen: Vec<_> = seen.iter().map(|number| witness_number(*number)).collect();
    let note = cosigned(&signed(head(3)), &seen);
    match policy.judge(&note) {
        Ok(judged) => {
            assert_eq!(judged.checkpoint.head(), head(3));
            assert_eq!(judged.log.key(), log().verifier());
            let mut found: Vec<_> = judged.cosigned.iter().map(|one| one.witness.name()).collect();
            found.sort_unstable();
            let mut names: Vec<_> = names.iter().map(String::as_bytes).collect();
            names.sort_unstable();
            assert_eq!(found, names);
            assert!(judged.cosigned.iter().all(|one| one.time == TIME));
        }
        Err(error) => assert_eq!(error, Unacceptable::QuorumUnmet { found: seen.len() }),
    }
    assert_eq!(policy.judge(&note).is_ok(), met, "{names:?}");
    met
}

/// Each row: what follows the definitions, who cosigned, whether that is enough.
const QUORUMS: &[(&str, &[u8], bool)] = &[
    ("quorum none", &[], true),
    ("quorum none", &[2], true),
    ("quorum w2", &[], false),
    ("quorum w2", &[1, 3, 4, 5, 6], false),
    ("quorum w2", &[2], true),
    ("group g any w1 w2\nquorum g", &[], false),
    ("group g any w1 w2\nquorum g", &[3, 4], false),
    ("group g any w1 w2\nquorum g", &[2], true),
    ("group g all w1 w2\nquorum g", &[2], false),
    ("group g all w1 w2\nquorum g", &[2, 1], true),
    ("group g 2 w1 w2 w3\nquorum g", &[3], false),
    ("group g 2 w1 w2 w3\nquorum g", &[3, 1], true),
    ("group g 2 w1 w2 w3\nquorum g", &[1, 2, 3, 4], true),
    ("group g 2 w1 w2 w3\nquorum w5", &[1, 2, 3], false),
    ("group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup b all x y\nquorum b", &[1, 2, 3], false),
    ("group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup b all x y\nquorum b", &[1, 4, 5], false),
    ("group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup b all x y\nquorum b", &[1, 3, 5], true),
    ("group x all w1 w2\ngroup y 1 x w6\nquorum y", &[1], false),
    ("group x all w1 w2\ngroup y 1 x w6\nquorum y", &[1, 2], true),
    ("group x all w1 w2\ngroup y 1 x w6\nquorum y", &[6], true),
];

#[test]
fn quorums_as_the_table_says() {
    for (lines, seen, expected) in QUORUMS {
        let policy = parse(&format!("log {LOG_VKEY}\n{}{lines}\n", witnesses(6)));
        assert_eq!(met(&policy, seen), *expected, "{lines}: {seen:?}");
        assert_eq!(policy.needs_no_witness(), lines.contains("none"));
    }
}

#[test]
fn blanks_comments_and_any_bytes_in_names() {
    let text = [
        b"# a policy \xff\n\n \t\n\t log\t".as_slice(),
        LOG_VKEY.as_bytes(),
        b"  https://ledger.example/\xe4 \n   # more\nwitness \xff ",
        WITNESS_VKEY.as_bytes(),
        b" url\n#quorum none\nquorum \t\xff\t\n",
    ]
    .concat();
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.logs()[0].url(), Some(b"https://ledger.example/\xe4".as_slice()));
    assert_eq!(policy.logs()[0].key().to_string(), LOG_VKEY);
    assert_eq!(policy.witnesses()[0].name(), b"\xff");
    assert_eq!(policy.witnesses()[0].url(), Some(b"url".as_slice()));
    assert_eq!(policy.witnesses()[0].key().to_string(), WITNESS_VKEY);
    assert!(!policy.needs_no_witness());
    assert_eq!(Policy::parse(&policy.to_bytes()), Ok(policy));
}

/// Each row: what stands behind `log` and six witnesses, in which of its lines the fault is (the
/// first is 1), its code, and a part of its text.
const REFUSED: &[(&str, usize, &str, &str)] = &[
    ("quorum none", 1, "policy_unterminated", "newline"),
    ("quorum w1\r\n", 1, "policy_control_character", "control"),
    ("quorum w1\n#\u{7f}\n", 2, "policy_control_character", "control"),
    ("quorum w1\0\n", 1, "policy_control_character", "control"),
    ("Quorum w1\n", 1, "policy_keyword", "`Quorum`"),
    ("\nlogs\n", 2, "policy_keyword", "`logs`"),
    ("log\n", 1, "policy_form", "log <vkey>"),
    ("log a b c\n", 1, "policy_form", "log <vkey>"),
    ("witness w\n", 1, "policy_form", "witness <name>"),
    ("witness w a b c\n", 1, "policy_form", "witness <name>"),
    ("group g\n", 1, "policy_form", "group <name>"),
    ("group g any\n", 1, "policy_form", "group <name>"),
    ("quorum\n", 1, "policy_form", "quorum <name>"),
    ("quorum w1 w2\n", 1, "policy_form", "quorum <name>"),
    ("quorum none # no witness\n", 1, "policy_form", "quorum <name>"),
    ("witness w1 vkey\n", 1, "policy_name_taken", "`w1`"),
    ("witness none vkey\n", 1, "policy_name_taken", "`none`"),
    ("group w1 any w2\n", 1, "policy_name_taken", "`w1`"),
    ("group none any w2\n", 1, "policy_name_taken", "`none`"),
    ("group g any w1\ngroup g any w2\n", 2, "policy_name_taken", "`g`"),
    ("witness w vkey\n", 1, "vkey_form", "name+id+key"),
    (
        "log ledger.example/log1+654be5a5+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs\n",
        1,
        "vkey_id_mismatch",
        "vkey",
    ),
    ("witness w LOG\n", 1, "policy_key_type", "0x04"),
    ("log WITNESS\n", 1, "policy_key_type", "0x01"),
    ("log LOG\n", 1, "policy_duplicate_key", "twice"),
    ("log RENAMED\n", 1, "policy_duplicate_key", "twice"),
    ("witness w WITNESS\nwitness v WITNESS\n", 2, "policy_duplicate_key", "twice"),
    ("witness w SAME\n", 1, "policy_duplicate_key", "twice"),
    ("group g 0 w1\n", 1, "policy_threshold", "1 to 1"),
    ("group g 3 w1 w2\n", 1, "policy_threshold", "1 to 2"),
    ("group g 01 w1 w2\n", 1, "policy_threshold", "1 to 2"),
    ("group g +1 w1 w2\n", 1, "policy_threshold", "1 to 2"),
    ("group g All w1 w2\n", 1, "policy_threshold", "1 to 2"),
    ("group g w1 w2\n", 1, "policy_threshold", "1 to 1"),
    ("group g 18446744073709551617 w1\n", 1, "policy_threshold", "1 to 1"),
    ("group g any w7\n", 1, "policy_undefined", "`w7`"),
    ("group g any w1 none\n", 1, "policy_undefined", "`none`"),
    ("group g any g\n", 1, "policy_undefined", "`g`"),
    ("group g any h\ngroup h any w1\n", 1, "policy_undefined", "`h`"),
    ("quorum g\ngroup g any w1\n", 1, "policy_undefined", "`g`"),
    ("quorum W1\n", 1, "policy_undefined", "`W1`"),
    ("group g any w1 w1\n", 1, "policy_member_twice", "`w1`"),
    ("group g any w1\ngroup h any w2 w1\n", 2, "policy_member_twice", "`w1`"),
    ("group g any w1\ngroup h any g\ngroup i any g\n", 3, "policy_member_twice", "`g`"),
    ("quorum w1\nquorum w1\n", 2, "policy_quorum_twice", "twice"),
    ("quorum none\nquorum none\n", 2, "policy_quorum_twice", "twice"),
    ("", 1, "policy_no_quorum", "quorum none"),
    ("# quorum w1\n", 2, "policy_no_quorum", "quorum none"),
];

#[test]
fn malformed_policies_are_refused_with_line_and_name() {
    let definitions = format!("log {LOG_VKEY}\n{}", witnesses(6));
    let renamed = LogSigner::from_seed(name("ledger.example/log2"), &[7; 32]);
    let key = log().verifier().bytes().to_owned();
    let same = tlog::VerifierKey::new(name(LOG), tlog::KeyType::Cosignature, &key).unwrap();
    for (lines, line, code, part) in REFUSED {
        let lines = lines
            .replace("LOG", LOG_VKEY)
            .replace("WITNESS", WITNESS_VKEY)
            .replace("RENAMED", &renamed.verifier().to_string())
            .replace("SAME", &same.to_string());
        let refused = Policy::parse(format!("{definitions}{lines}").as_bytes()).unwrap_err();
        let PolicyError { line: found, .. } = refused;
        assert_eq!((found, refused.code()), (line + 7, *code), "{lines}");
        assert!(refused.to_string().contains(part), "{refused}");
        assert!(refused.to_string().starts_with(&format!("line {found} ")), "{refused}");
    }
    let empty = Policy::parse(b"").unwrap_err();
    assert_eq!((empty.line, empty.code()), (1, "policy_no_quorum"));
}

#[test]
fn limits_hold_and_less_is_read() {
    let large = vec![b'\n'; POLICY_BYTES_MAX + 1];
    assert_eq!(Policy::parse(&large).unwrap_err().code(), "policy_too_large");
    assert_eq!(Policy::parse(&large[1..]).unwrap_err().code(), "policy_no_quorum");
    let witness = |number: usize| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let witness = tlog::Cosigner::from_seed(name("w"), &seed);
        format!("witness w{number} {}\n", witness.verifier())
    };
    let full: String = (0..POLICY_ENTRIES_COUNT_MAX).map(witness).collect();
    let group = |number: usize| format!("group g{number} any w{number}\n");
    let groups: String = (0..POLICY_ENTRIES_COUNT_MAX).map(group).collect();
    let text = format!("{full}{groups}quorum g255\n");
    assert_eq!(parse(&text).witnesses().len(), POLICY_ENTRIES_COUNT_MAX);
    let one_more = format!("{text}{}", witness(POLICY_ENTRIES_COUNT_MAX));
    assert_eq!(Policy::parse(one_more.as_bytes()).unwrap_err().code(), "policy_too_many");
    let one_more = format!("{text}group h any g1\n");
    assert_eq!(Policy::parse(one_more.as_bytes()).unwrap_err().code(), "policy_too_many");
}

#[test]
fn checkpoints_of_others_are_refused_by_name() {
    let policy = parse(&format!("log {LOG_VKEY}\n{}quorum w1\n", witnesses(2)));
    let code = |note: &Note| policy.judge(note).unwrap_err().code();
    let good = cosigned(&signed(head(3)), &[witness_number(1)]);
    assert!(policy.judge(&good).is_ok());
    // In this order: what the note is, whose it is, what is forged, who is missing.
    assert_eq!(code(&log().sign("text\n".to_owned()).unwrap()), "checkpoint_lines");
    let other = LogSigner::from_seed(KeyName::new("other.example").unwrap(), &[8; 32]);
    let text = good.text().replace(LOG, "other.example");
    assert_eq!(code(&other.sign(text.clone()).unwrap()), "unknown_log");
    assert_eq!(code(&log().sign(text).unwrap()), "unknown_log");
    assert_eq!(code(&other.sign(good.text().to_owned()).unwrap()), "note_unsigned");
    let forged = Note::parse(good.to_string().replace("\n3\n", "\n4\n").as_bytes()).unwrap();
    assert_eq!(code(&forged), "note_signature_mismatch");
    let own = other.sign(good.text().to_owned()).unwrap();
    assert_eq!(code(&cosigned(&own, &[witness_number(1)])), "log_signature_missing");
    assert_eq!(code(&cosigned(&signed(head(3)), &[witness_number(2)])), "quorum_unmet");
}

#[test]
fn the_signature_of_another_log_of_the_policy_does_not_stand_in() {
    let other = LogSigner::from_seed(name("other.example"), &[8; 32]);
    let policy = parse(&format!("log {LOG_VKEY}\nlog {}\nquorum none\n", other.verifier()));
    let note = other.sign(signed(head(3)).text().to_owned()).unwrap();
    assert_eq!(policy.judge(&note).unwrap_err().code(), "log_signature_missing");
    let both = note.with_signatures(signed(head(3)).signatures()).unwrap();
    assert_eq!(policy.judge(&both).unwrap().log.key(), log().verifier());
}

#[test]
fn a_log_may_change_its_key() {
    let new = LogSigner::from_seed(name(LOG), &[8; 32]);
    let policy = parse(&format!("log {LOG_VKEY}\nlog {}\nquorum none\n", new.verifier()));
    let note = new.sign(signed(head(3)).text().to_owned()).unwrap();
    assert_eq!(policy.judge(&note).unwrap().log.key(), new.verifier());
    assert_eq!(policy.judge(&signed(head(3))).unwrap().log.key(), log().verifier());
}

#[test]
fn one_witness_counts_once_with_its_latest_time() {
    let policy = parse(&format!("log {LOG_VKEY}\n{}group g 2 w1 w2\nquorum g\n", witnesses(2)));
    let (note, witness) = (signed(head(3)), witness_number(1));
    let lines = [TIME + 5, TIME + 9, TIME].map(|time| witness.cosign(&note, time).unwrap());
    let three = note.with_signatures(&lines).unwrap();
    assert_eq!(policy.judge(&three), Err(Unacceptable::QuorumUnmet { found: 1 }));
    let enough = three.with_signatures(&[witness_number(2).cosign(&note, 1).unwrap()]).unwrap();
    let judged = policy.judge(&enough).unwrap();
    let times: Vec<_> = judged.cosigned.iter().map(|one| one.time).collect();
    assert_eq!(times, [TIME + 9, 1]);
}

proptest! {
    #[test]
    fn more_witnesses_never_hurt(
        threshold in 1_usize..=4,
        seen in prop::collection::btree_set(1_u8..=6, 0..6),
        one_more in 1_u8..=6,
    ) {
        let groups = format!("group g {threshold} w1 w2 w3 w4\ngroup h all g w5\nquorum h\n");
        let policy = parse(&format!("log {LOG_VKEY}\n{}{groups}", witnesses(6)));
        let reached = seen.range(1..=4).count() >= threshold && seen.contains(&5);
        let met = |seen: &std::collections::BTreeSet<u8>| {
            policy.quorum_is_met(|witness| seen.iter().any(|n| format!("w{n}").as_bytes() == witness.name()))
        };
        prop_assert_eq!(met(&seen), reached);
        let mut more = seen.clone();
        more.insert(one_more);
        prop_assert!(met(&more) >= met(&seen));
    }

    #[test]
    fn changed_policies_never_bring_the_reader_down(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let text = format!("log {LOG_VKEY} url\n{}group g 2 w1 w2 w3\nquorum g\n", witnesses(3));
        let mut bytes = text.into_bytes();
        for (place, value) in places {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(policy) = Policy::parse(&bytes) {
            prop_assert_eq!(Policy::parse(&policy.to_bytes()), Ok(policy));
        }
    }
}
