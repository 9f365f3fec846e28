//! SHA-256 over messages of fixed length.
//!
//! Invariant: messages of different meaning begin with different tags or first bytes, so that no
//! hash of one can pass for a hash of another.

use hashes::sha256_many;
use sha2::{Digest, Sha256};
use tlog::Hash;

/// Digests that are made in one call: few enough to stay in the processor's nearest cache.
const AT_ONCE: usize = 64;

/// SHA-256 of a message.
pub fn sha256(message: &[u8]) -> Hash {
    Hash(Sha256::digest(message).into())
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
        self.hashes.clear();
        let mut digests = [[0; 32]; AT_ONCE];
        for messages in self.messages.chunks(AT_ONCE * N) {
            let digests = &mut digests[..messages.len() / N];
            sha256_many(messages, N, digests);
            self.hashes.extend(digests.iter().copied().map(Hash));
        }
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
