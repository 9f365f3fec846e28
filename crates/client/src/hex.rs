//! 32 bytes as 64 lowercase hex digits: one text for one value.

use instrument::PublicKey;

pub(crate) fn text(bytes: &[u8; 32]) -> String {
    PublicKey(*bytes).to_string()
}

pub(crate) fn parse(text: &str) -> Option<[u8; 32]> {
    instrument::PurchaseDigest::from_hex(text).map(|digest| digest.0)
}
