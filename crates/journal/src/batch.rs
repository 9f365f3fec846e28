//! What a journal hands out: batches and their chain hashes.
//!
//! A [`Batch`] that comes from a journal has been checked against its hash. Nothing here does I/O.

use core::fmt;

use crate::error::ReadError;

/// A BLAKE3 chain hash: it stands for one batch and all batches before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The head of an empty journal.
    pub const ZERO: Self = Self([0; 32]);

    /// Reads what [`fmt::Display`] writes; nothing else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return None,
                };
                *byte = *byte << 4 | value;
            }
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    /// 64 lowercase hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// One durable batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its place in the order; the first is 1.
    pub sequence: u64,
    /// The chain hash up to and including this batch.
    pub hash: Hash,
    /// The bytes that were appended.
    pub body: Vec<u8>,
}

/// Batches in order. After an error it yields nothing more.
pub struct Batches(Box<dyn Iterator<Item = Result<Batch, ReadError>> + Send>);

impl Batches {
    /// Wraps what a journal reads; the source must stop by itself after its first error.
    pub fn new(source: impl Iterator<Item = Result<Batch, ReadError>> + Send + 'static) -> Self {
        Self(Box::new(source))
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Batches")
    }
}
