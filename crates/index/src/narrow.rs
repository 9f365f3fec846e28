//! Conversions to smaller numbers, where the value is known to fit.
//!
//! Every caller has a limit that keeps the value in range; debug builds check it. Nothing here may
//! meet a number that comes from a file and was not checked before.

/// A size or index on a machine of 64 bits, or one bounded far below 2^32.
#[expect(clippy::cast_possible_truncation, reason = "the callers' limits keep it in range")]
pub(crate) fn index(number: u64) -> usize {
    debug_assert!(usize::try_from(number).is_ok());
    number as usize
}

/// A number below 2^32.
#[expect(clippy::cast_possible_truncation, reason = "the callers' limits keep it in range")]
pub(crate) fn half(number: u64) -> u32 {
    debug_assert!(u32::try_from(number).is_ok());
    number as u32
}

/// A count below 2^32.
pub(crate) fn count(number: usize) -> u32 {
    half(number as u64)
}

/// The low 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the rest is to be cut off")]
pub(crate) const fn low(number: u64) -> u32 {
    number as u32
}

/// The low byte.
#[expect(clippy::cast_possible_truncation, reason = "the rest is to be cut off")]
pub(crate) const fn low_byte(number: u32) -> u8 {
    number as u8
}

/// The low 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the rest is to be cut off")]
pub(crate) const fn low_half(number: u128) -> u64 {
    number as u64
}

/// The low 16 bits.
#[expect(clippy::cast_possible_truncation, reason = "the rest is to be cut off")]
pub(crate) const fn low_short(number: usize) -> u16 {
    number as u16
}
