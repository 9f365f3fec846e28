//! Lowercase Crockford base32 of 128-bit numbers: 26 characters, most significant first.
//!
//! Source: <https://www.crockford.com/base32.html>. Only the canonical lowercase form is accepted,
//! so that one id has one text.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Length of the text form of a 128-bit number.
pub(crate) const TEXT_LEN: usize = 26;

pub(crate) fn encode(value: u128) -> [u8; TEXT_LEN] {
    let mut text = [0_u8; TEXT_LEN];
    let mut rest = value;
    for slot in text.iter_mut().rev() {
        let digit = usize::try_from(rest & 31).unwrap_or(0);
        *slot = ALPHABET[digit];
        rest >>= 5;
    }
    text
}

/// `None` when the text is not the canonical form of a 128-bit number.
pub(crate) fn decode(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    // 26 digits carry 130 bits: the first may only use the low three.
    if bytes.len() != TEXT_LEN || !(b'0'..=b'7').contains(&bytes[0]) {
        return None;
    }
    let mut value = 0_u128;
    for &byte in bytes {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        value = (value << 5) | u128::try_from(digit).ok()?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_one_text() {
        for value in [0, 1, 31, 32, u128::MAX, 0x0123_4567_89ab_cdef] {
            let text = encode(value);
            let text = core::str::from_utf8(&text).unwrap();
            assert_eq!(decode(text), Some(value));
        }
        assert_eq!(decode("80000000000000000000000000"), None);
        assert_eq!(decode("0000000000000000000000000"), None);
        assert_eq!(decode("0000000000000000000000000A"), None);
        assert_eq!(decode("0000000000000000000000000u"), None);
    }
}
