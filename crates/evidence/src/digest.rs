//! SHA-256 over messages of fixed length.
//!
//! Invariant: messages of different meaning begin with different tags or first bytes, so that no
//! hash of one can pass for a hash of another.

use sha2::{Digest, Sha256};
use tlog::Hash;

/// SHA-256 of a message.
pub fn sha256(message: &[u8]) -> Hash {
    Hash(Sha256::digest(message).into())
}

/// The first 16 bytes of a hash.
pub fn half(hash: &Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.0[..16]);
    half
}

/// Writes parts one behind the other into an array that they fill.
pub struct Message<const N: usize> {
    bytes: [u8; N],
    used: usize,
}

impl<const N: usize> Message<N> {
    pub const fn new() -> Self {
        Self { bytes: [0; N], used: 0 }
    }

    /// The next part.
    #[must_use]
    pub fn with(mut self, part: &[u8]) -> Self {
        let end = self.used + part.len();
        self.bytes[self.used..end].copy_from_slice(part);
        self.used = end;
        self
    }

    /// All of them.
    pub fn bytes(self) -> [u8; N] {
        debug_assert_eq!(self.used, N, "the parts fill the message");
        self.bytes
    }
}
