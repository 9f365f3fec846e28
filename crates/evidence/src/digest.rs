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

/// SHA-256 of messages of one length that stand one behind the other.
pub fn sha256_many(messages: &[u8], length: usize, out: &mut [Hash]) {
    debug_assert_eq!(messages.len(), length * out.len());
    for (message, hash) in messages.chunks_exact(length).zip(out) {
        *hash = sha256(message);
    }
}

/// Messages of `N` bytes one behind the other, and their hashes.
pub struct Column<const N: usize> {
    messages: Vec<u8>,
    hashes: Vec<Hash>,
}

impl<const N: usize> Column<N> {
    pub const fn new() -> Self {
        Self { messages: Vec::new(), hashes: Vec::new() }
    }

    pub fn push(&mut self, message: [u8; N]) {
        self.messages.extend_from_slice(&message);
    }

    /// Hashes all that was pushed since the last time, in the order of pushing.
    pub fn hash(&mut self) -> &[Hash] {
        self.hashes.resize(self.messages.len() / N, Hash([0; 32]));
        sha256_many(&self.messages, N, &mut self.hashes);
        self.messages.clear();
        &self.hashes
    }
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
