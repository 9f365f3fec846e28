//! Verdicts on receipts: the shared vectors through the command line.

use std::fs::{File, read_to_string, write};

use serde_json::Value;

use crate::process::{farthing, run};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance");

fn vectors(kind: &str, name: &str) -> Vec<Value> {
    let file = format!("{VECTORS}/{kind}s.json");
    let vectors: Value = serde_json::from_str(&read_to_string(file).unwrap()).unwrap();
    let found = vectors[name].as_array().unwrap().clone();
    assert!(!found.is_empty());
    found
}

fn codes(said: &Value) -> Vec<&str> {
    said.as_array().unwrap().iter().map(|said| said["code"].as_str().unwrap()).collect()
}

/// Runs all vectors of a kind; `facts` compares what is proven.
fn run_all(kind: &str, facts: impl Fn(&Value, &Value)) {
    let dir = tempfile::tempdir().unwrap();
    let verdict = |vector: &Value| {
        write(dir.path().join("file"), vector[kind].as_str().unwrap()).unwrap();
        write(dir.path().join("policy"), vector["policy"].as_str().unwrap()).unwrap();
        let args = ["verify", kind, "file", "--policy", "policy", "--json"];
        run(farthing(dir.path()).args(args))
    };
    for vector in vectors(kind, &format!("{kind}s")) {
        let answer = verdict(&vector).succeeded().json();
        for said in ["proven", "not_proven"] {
            let expected = vector[said].as_array().unwrap();
            let expected: Vec<&str> = expected.iter().map(|code| code.as_str().unwrap()).collect();
            assert_eq!(codes(&answer[said]), expected, "{}", vector["name"]);
        }
        facts(&answer["facts"], &vector);
    }
    for vector in vectors(kind, "rejected") {
        let code = vector["wantErr"].as_str().unwrap();
        // The command judges by its own clock, for which these times have come.
        if code == "cosignature_from_future" {
            continue;
        }
        let ran = verdict(&vector);
        assert_eq!((ran.code, &ran.json()["code"]), (5, &Value::from(code)), "{ran:#?}");
        assert!(ran.err.contains(code), "{ran:#?}");
    }
}

#[test]
fn every_receipt_of_the_vectors_gets_the_verdict_that_it_must() {
    run_all("receipt", |facts, vector| {
        assert_eq!(facts["row"], vector["facts"], "{}", vector["name"]);
        for name in ["index", "payer", "payee"] {
            assert_eq!(facts[name], vector[name], "{name} of {}", vector["name"]);
        }
        for name in ["log", "size", "witnesses", "known_witnesses", "needs_witnesses"] {
            assert_eq!(facts["vouched"][name], vector[name], "{name} of {}", vector["name"]);
        }
    });
}

#[test]
fn every_statement_of_the_vectors_gets_the_verdict_that_it_must() {
    run_all("statement", |facts, vector| {
        assert_eq!(facts["account"], vector["account"]);
        for name in ["debits_posted", "credits_posted", "debits_pending", "credits_pending"] {
            assert_eq!(facts["balances"][name], vector[name], "{name} of {}", vector["name"]);
        }
        assert_eq!(facts["holds_count"], vector["holds"]);
        let entries = facts["entries"].as_array().unwrap();
        assert_eq!(Value::from(entries.len()), vector["entries"]);
        assert_eq!(entries.last().unwrap()["balances"], facts["balances"]);
        assert_eq!(facts["epoch"].is_null(), vector["epoch"].is_null());
        for name in ["number", "size", "liabilities"] {
            assert_eq!(facts["epoch"][name], vector["epoch"][name], "{}", vector["name"]);
        }
    });
}

#[test]
fn people_read_what_is_proven_and_what_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let vector = vectors("receipt", "receipts").swap_remove(0);
    let policy = vector["policy"].as_str().unwrap();
    let receipt = vector["receipt"].as_str().unwrap();
    let key = policy.lines().next().unwrap().strip_prefix("log ").unwrap();
    write(dir.path().join("receipt"), receipt).unwrap();
    let verify = |args: &[&str]| run(farthing(dir.path()).args(["verify", "receipt"]).args(args));
    let texts: Vec<&str> =
        vector["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    write(dir.path().join("policy"), policy).unwrap();
    let told = verify(&["receipt", "--policy", "policy"]).succeeded();
    let lines: Vec<&str> = told.out.lines().map(str::trim).collect();
    assert!(lines.contains(&"Proven:") && lines.contains(&"Not proven:"), "{told:#?}");
    assert!(texts.iter().all(|text| lines.contains(text)), "{told:#?}");
    assert!(told.err.is_empty(), "{told:#?}");

    let of_log = verify(&["receipt", "--log", key]).succeeded();
    assert!(of_log.out.contains("no witness cosigned"), "{of_log:#?}");
    let mut command = farthing(dir.path());
    command.args(["verify", "receipt", "-", "--log", key]);
    command.stdin(File::open(dir.path().join("receipt")).unwrap());
    assert_eq!(run(&mut command).succeeded().out, of_log.out);

    verify(&["receipt"]).failed(2).says("--log VKEY").says("from somewhere else");
    verify(&["receipt", "--log", "no key"]).failed(2).says("name+id+key");
    verify(&["receipt", "--policy", "receipt"]).failed(2).says("policy_keyword");
    verify(&["receipt", "--log", key, "--policy", "policy"]).failed(2);
    verify(&["missing", "--log", key]).failed(1).says("missing cannot be read");
    let other = key.replace("log1", "log2");
    verify(&["receipt", "--log", &other]).failed(2).says("id");
    write(dir.path().join("receipt"), &receipt[..receipt.len() - 9]).unwrap();
    let ran = verify(&["receipt", "--log", key]);
    assert_eq!(ran.code, 5, "{ran:#?}");
    assert!(ran.out.starts_with("Nothing is proven"), "{ran:#?}");
}
