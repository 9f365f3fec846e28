//! Lowercase hex digits of keys, digests and signatures.

use core::fmt;

/// Digits of the longest value that is written, a signature.
const DIGITS_COUNT: usize = 128;

/// Writes two digits for each byte, in one piece: this runs once for every payment.
pub(crate) fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0_u8; DIGITS_COUNT];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    let length = bytes.len().saturating_mul(2).min(text.len());
    f.write_str(core::str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)
}
