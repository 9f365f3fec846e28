//! Lowercase hex digits of keys, digests and signatures: one text for one value.

use core::fmt;

/// Bytes that are written in one piece: the longest value, a signature.
const PIECE_BYTES: usize = 64;

/// Bytes that display as lowercase hex digits, two for each.
#[derive(Clone, Copy)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chunks(PIECE_BYTES).try_for_each(|piece| write_piece(piece, f))
    }
}

/// Not digit by digit: this runs once for every payment.
fn write_piece(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [[0_u8; 2]; PIECE_BYTES];
    for (pair, byte) in text.iter_mut().zip(bytes) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
    let digits = text[..bytes.len().min(PIECE_BYTES)].as_flattened();
    f.write_str(core::str::from_utf8(digits).map_err(|_| fmt::Error)?)
}

/// Reads 64 lowercase hex digits.
pub fn parse_32(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0_u8; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
}
