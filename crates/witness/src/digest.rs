//! SHA-256 as lowercase hex, as names of files and paths carry it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// 64 hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
