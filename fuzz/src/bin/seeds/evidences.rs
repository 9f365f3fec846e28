//! Seeds of what the log says of the books: from the golden vectors.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Done, write};

/// Openings, epoch records, receipts and statements.
pub fn evidences() -> Done {
    let receipts = vectors("receipts.json")?;
    let statements = vectors("statements.json")?;
    let whole = texts(&receipts["receipts"], "receipt", 8);
    let openings: Vec<Vec<u8>> = whole.iter().filter_map(|text| extra(text)).collect();
    let cut = openings.iter().map(|bytes| bytes[..40].to_vec()).take(1);
    write("evidence_opening", &openings.iter().cloned().chain(cut).collect::<Vec<_>>())?;
    let refused = texts(&receipts["rejected"], "receipt", 2);
    write("evidence_receipt", &whole.iter().take(4).chain(&refused).collect::<Vec<_>>())?;
    let whole = texts(&statements["statements"], "statement", 6);
    let records: Vec<Vec<u8>> = whole.iter().filter_map(|text| epoch_entry(text)).collect();
    let refused = vec![vec![2; 27]];
    write("evidence_epoch", &records.into_iter().take(2).chain(refused).collect::<Vec<_>>())?;
    let mut some = texts(&statements["rejected"], "statement", 2);
    some.extend(whole.into_iter().take(4));
    write("evidence_statement", &some)
}

fn vectors(name: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance").join(name);
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// The first files of a table.
fn texts(table: &Value, field: &str, count: usize) -> Vec<String> {
    let rows = table.as_array().into_iter().flatten().take(count);
    rows.filter_map(|row| Some(row[field].as_str()?.to_owned())).collect()
}

fn extra(receipt: &str) -> Option<Vec<u8>> {
    STANDARD.decode(receipt.lines().nth(1)?.strip_prefix("extra ")?).ok()
}

fn epoch_entry(statement: &str) -> Option<Vec<u8>> {
    let statement: Value = serde_json::from_str(statement).ok()?;
    STANDARD.decode(statement["epoch"]["entry"].as_str()?).ok()
}
