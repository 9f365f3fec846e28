//! Ticks: one link of a hash chain each, 23 bytes on the wire.
//!
//! Wire form: the CBOR array `[index, link]` with the index always in four bytes,
//! `82 1a IIIIIIII 50 LLLL…`, so that any CBOR reader takes it (RFC 8949).

use crate::layout::DecodeError;

/// Bytes of a link: SHA-256 cut to 128 bits.
pub const TICK_LINK_BYTES: usize = 16;

/// One link of a tick chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickLink(pub [u8; TICK_LINK_BYTES]);

/// A link that the payer reveals: it pays for every tick up to its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Its place in the chain, from 1.
    pub index: u32,
    /// The link.
    pub link: TickLink,
}

impl Tick {
    /// Length of the wire form.
    pub const BYTES: usize = 23;

    /// Writes the wire form.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..2].copy_from_slice(&[0x82, 0x1a]);
        bytes[2..6].copy_from_slice(&self.index.to_be_bytes());
        bytes[6] = 0x50;
        bytes[7..].copy_from_slice(&self.link.0);
        bytes
    }

    /// Reads the wire form; accepts exactly what [`Tick::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let length = DecodeError::Length { expected: Self::BYTES, found: bytes.len() };
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| length)?;
        let [0x82, 0x1a, i0, i1, i2, i3, 0x50, link @ ..] = bytes else {
            return Err(DecodeError::Tag { expected: "821a........50" });
        };
        Ok(Self { index: u32::from_be_bytes([*i0, *i1, *i2, *i3]), link: TickLink(*link) })
    }
}
