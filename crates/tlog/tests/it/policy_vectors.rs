//! Reads every row of `conformance/policies.json`, which another program wrote from the definitions.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use tlog::policy::Policy;
use tlog::{Note, VerifierKey};

const VECTORS: &str = include_str!("../../../../conformance/policies.json");

fn check(table: &str, at_least: usize, outcome: impl Fn(&Value) -> Result<(), String>) {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let rows = all[table].as_array().unwrap();
    assert!(rows.len() >= at_least, "{table} has {} rows", rows.len());
    for row in rows {
        let expected = row["code"].as_str().map_or(Ok(()), |code| Err(code.to_owned()));
        assert_eq!(outcome(row), expected, "{row}");
    }
}

fn bytes(text: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap()
}

#[test]
fn vkeys() {
    check("vkeys", 40, |row| {
        let text = row["vkey"].as_str().unwrap();
        let key = VerifierKey::parse(text).map_err(|error| error.code().to_owned())?;
        assert_eq!(key.to_string(), text);
        Ok(())
    });
}

#[test]
fn refused_policies() {
    check("refused_policies", 40, |row| {
        Policy::parse(&bytes(&row["policy"])).map(drop).map_err(|error| error.code().to_owned())
    });
}

#[test]
fn what_policies_say_of_checkpoints() {
    check("judged", 60, |row| {
        let policy = Policy::parse(&bytes(&row["policy"])).unwrap();
        let note = Note::parse(&bytes(&row["note"])).map_err(|error| error.code().to_owned())?;
        let judged = policy.judge(&note).map_err(|error| error.code().to_owned())?;
        let cosigned = judged.cosigned.iter().map(|one| {
            let name = str::from_utf8(one.witness.name()).unwrap();
            json!({ "name": name, "time": one.time.to_string() })
        });
        assert_eq!(cosigned.collect::<Value>(), row["cosigned"], "{row}");
        Ok(())
    });
}
