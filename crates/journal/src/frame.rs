//! The bytes around one batch: a header with its own check, the body, the chain hash. Pure.
//!
//! A header is valid only under the key of the segment it was written for, so bytes inside a body
//! cannot pass for one, nor can a frame that strayed from another file. The chain hash leaves the
//! key out: the same batches give the same hashes in every journal.

use crate::batch::Hash;
use crate::options::BATCH_BYTES_MAX;
use crate::seal::Fields;

/// The size of a frame header.
pub const HEADER_BYTES: usize = 64;
/// What a frame adds to the size of its batch.
pub const OVERHEAD_BYTES: u64 = HEADER_BYTES as u64 + 32;
/// How every frame begins.
pub const MAGIC: [u8; 8] = *b"FARBATCH";

const CHECKED_BYTES: usize = 56;

/// The header of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// The batch's place in the order.
    pub sequence: u64,
    /// The size of the batch.
    pub body_bytes: u32,
    /// The chain hash of the batch before.
    pub previous: Hash,
}

impl FrameHeader {
    /// The header's bytes under the key of a segment.
    pub fn encode(&self, key: &[u8; 32]) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.body_bytes.to_be_bytes());
        bytes[24..56].copy_from_slice(&self.previous.0);
        let check = check(&bytes, key);
        bytes[CHECKED_BYTES..].copy_from_slice(&check);
        bytes
    }

    /// The header that `bytes` begin with, if they begin with one of this segment.
    pub fn decode(bytes: &[u8], key: &[u8; 32]) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        if bytes[..8] != MAGIC || bytes[CHECKED_BYTES..] != check(bytes, key) {
            return None;
        }
        let mut fields = Fields(&bytes[8..]);
        let sequence = fields.take_u64();
        let body_bytes = u32::from_be_bytes(fields.take());
        let reserved: [u8; 4] = fields.take();
        let previous = Hash(fields.take());
        let known = reserved == [0; 4] && body_bytes <= BATCH_BYTES_MAX;
        known.then_some(Self { sequence, body_bytes, previous })
    }

    /// The chain hash of this frame with `body`.
    pub fn hash(&self, body: &[u8]) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&MAGIC);
        hasher.update(&self.sequence.to_be_bytes());
        hasher.update(&self.body_bytes.to_be_bytes());
        hasher.update(&[0; 4]);
        hasher.update(&self.previous.0);
        hasher.update(body);
        Hash(*hasher.finalize().as_bytes())
    }

    /// The size of the whole frame.
    pub fn frame_bytes(&self) -> u64 {
        OVERHEAD_BYTES + u64::from(self.body_bytes)
    }
}

fn check(header: &[u8; HEADER_BYTES], key: &[u8; 32]) -> [u8; HEADER_BYTES - CHECKED_BYTES] {
    let full = blake3::keyed_hash(key, &header[..CHECKED_BYTES]);
    Fields(full.as_bytes()).take()
}
