//! Reads every row of `conformance/openings.json`, which another program wrote from the formats.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use evidence::record::Opening;
use serde_json::Value;

const VECTORS: &str = include_str!("../../../../conformance/openings.json");

#[test]
fn openings() {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let rows = all["openings"].as_array().unwrap();
    assert!(rows.len() >= 60, "{} rows", rows.len());
    for row in rows {
        let bytes = BASE64_STANDARD.decode(row["opening"].as_str().unwrap()).unwrap();
        match Opening::decode(&bytes) {
            Ok(opening) => {
                let digits = row["entry"].as_str().unwrap();
                let entry: Vec<_> = (0..digits.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
                    .collect();
                assert_eq!(opening.entry().as_slice(), entry, "{row}");
                assert_eq!(opening.encode(), bytes, "{row}");
                let is_payment = opening.facts().payment().is_some();
                assert_eq!(Value::from(is_payment), row["is_payment"], "{row}");
            }
            Err(error) => assert_eq!(Value::from(error.code()), row["code"], "{row}"),
        }
    }
}
