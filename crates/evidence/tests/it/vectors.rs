//! Keeps files of `conformance/` equal to what the code makes and reads.
//!
//! `FARTHING_VECTORS=write cargo test -p evidence` writes them anew.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// Compares a file of vectors with what it should say.
pub fn compare(name: &str, expected: &Value) {
    let path = format!("{}/../../conformance/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut bytes = Vec::new();
    let format = PrettyFormatter::with_indent(b" ");
    expected.serialize(&mut Serializer::with_formatter(&mut bytes, format)).unwrap();
    let text = String::from_utf8(bytes).unwrap() + "\n";
    if std::env::var("FARTHING_VECTORS").is_ok_and(|mode| mode == "write") {
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == text,
        "conformance/{name} is not what the code makes; see tests/it/vectors.rs"
    );
}
