//! Reads `conformance/formats.json`: hex, ids and numbers as it writes them.

use instrument::{KeyPair, PublicKey, Signature};
use money::{Amount, Asset};
use serde_json::Value;

const VECTORS: &str = include_str!("../../../../conformance/formats.json");

/// The rows of one table; at least one.
pub fn rows(table: &str) -> Vec<Value> {
    let mut all: Value = serde_json::from_str(VECTORS).unwrap();
    match all[table].take() {
        Value::Array(rows) if !rows.is_empty() => rows,
        other => panic!("{table}: {other}"),
    }
}

/// Names of all tables, so that a test can tell that none was forgotten.
pub fn tables() -> Vec<String> {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let tables = all.as_object().unwrap().iter();
    tables.filter(|(_, rows)| rows.is_array()).map(|(name, _)| name.clone()).collect()
}

pub fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_else(|| panic!("{field} of {row}"))
}

pub fn bytes(row: &Value, field: &str) -> Vec<u8> {
    let digits = text(row, field);
    assert!(digits.len().is_multiple_of(2), "{field} of {row}");
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

pub fn array<const N: usize>(row: &Value, field: &str) -> [u8; N] {
    bytes(row, field).try_into().unwrap()
}

/// An id; `None` for the zeros that stand for none.
pub fn optional_id<T, E: std::fmt::Debug>(
    row: &Value,
    field: &str,
    build: impl Fn([u8; 16]) -> Result<T, E>,
) -> Option<T> {
    let bytes = array(row, field);
    (bytes != [0; 16]).then(|| build(bytes).unwrap())
}

pub fn id<T, E: std::fmt::Debug>(
    row: &Value,
    field: &str,
    build: impl Fn([u8; 16]) -> Result<T, E>,
) -> T {
    build(array(row, field)).unwrap()
}

/// 32 bytes; `None` for the zeros that stand for none.
pub fn optional_digest(row: &Value, field: &str) -> Option<[u8; 32]> {
    Some(array(row, field)).filter(|digest| *digest != [0; 32])
}

pub fn key(row: &Value, field: &str) -> PublicKey {
    PublicKey(array(row, field))
}

pub fn key_pair(row: &Value) -> KeyPair {
    KeyPair::from_seed(&array(row, "seed"))
}

pub fn signature(row: &Value) -> Signature {
    Signature(array(row, "signature"))
}

pub fn number(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_else(|| text(row, field).parse().unwrap())
}

pub fn units(row: &Value, field: &str) -> u128 {
    money::parse_base_units(text(row, field)).unwrap()
}

pub fn asset(row: &Value) -> Asset {
    Asset::new(text(row, "asset"), u8::try_from(number(row, "scale")).unwrap()).unwrap()
}

pub fn amount(row: &Value) -> Amount {
    Amount::new(units(row, "amount"), asset(row))
}

/// Base64 without padding, with the two characters of its alphabet that differ between dialects.
pub fn base64(bytes: &[u8], last: [char; 2]) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(last).collect();
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = [0; 4];
        bits[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bits);
        for digit in 0..=group.len() {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(alphabet[usize::try_from(index).unwrap()]);
        }
    }
    text
}
