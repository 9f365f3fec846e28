//! What the lines of all formats are made of: decimals, base64, hashes, and a head before a note.
//!
//! Invariant: one value has one text. A decimal has no sign and no leading zero, base64 is the
//! standard alphabet of RFC 4648, section 4, with padding and without stray bits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::hash::Hash;

/// A number as all formats write it; `None` for every other text and beyond 2^64-1.
pub fn parse_decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if !digits || leading_zero {
        return None;
    }
    text.parse().ok()
}

pub fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub fn parse_base64(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// 44 characters of base64.
pub fn parse_hash(text: impl AsRef<[u8]>) -> Option<Hash> {
    Hash::try_from(parse_base64(text)?.as_slice()).ok()
}

/// Each hash on a line of its own.
pub fn push_hashes(text: &mut String, hashes: &[Hash]) {
    for hash in hashes {
        text.push_str(&encode_base64(&hash.0));
        text.push('\n');
    }
}

/// Parts what stands before the first empty line, its last newline left out, from the note behind.
pub fn split_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    Some((bytes.get(..end)?, bytes.get(end.checked_add(2)?..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_text() {
        for (text, number) in [("0", 0), ("7", 7), ("70000", 70_000)] {
            assert_eq!(parse_decimal(text), Some(number), "{text}");
        }
        assert_eq!(parse_decimal("18446744073709551615"), Some(u64::MAX));
        for text in ["", "00", "07", "+7", "-7", " 7", "7 ", "7a", "٣", "18446744073709551616"] {
            assert_eq!(parse_decimal(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_have_one_base64() {
        assert_eq!(parse_base64("/+8="), Some(vec![0xff, 0xef]));
        for text in ["/+8", "/+9=", "_-8=", "/+8==", "/+8=\n", "/ +8="] {
            assert_eq!(parse_base64(text), None, "{text}");
        }
        assert_eq!(parse_hash(encode_base64(&[7; 32])), Some(Hash([7; 32])));
        assert_eq!(parse_hash(encode_base64(&[7; 31])), None);
        assert_eq!(parse_hash(encode_base64(&[7; 33])), None);
    }

    #[test]
    fn the_first_empty_line_ends_the_head() {
        let parted: (&[u8], &[u8]) = (b"a", b"b\n\nc");
        assert_eq!(split_head(b"a\n\nb\n\nc"), Some(parted));
        assert_eq!(split_head(b"a\nb\n"), None);
        assert_eq!(split_head(b""), None);
    }
}
