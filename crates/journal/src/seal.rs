//! The sealed block of 128 bytes that opens every file of this crate. Pure.
//!
//! It holds a tag, a format version, up to 68 bytes of content and a checksum. Every version keeps
//! these four in place, so that a newer file can be told from a damaged one.

/// The size of a sealed block.
pub const SEALED_BYTES: usize = 128;
/// The most content that fits into one.
pub const CONTENT_BYTES_MAX: usize = 68;
/// The format version written, and the only one read.
pub const VERSION: u32 = 1;

const TAG_BYTES: usize = 24;
const CONTENT_AT: usize = TAG_BYTES + 4;
const CHECKSUM_AT: usize = CONTENT_AT + CONTENT_BYTES_MAX;

/// Why a block could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsealed {
    /// Not this kind of block, or not the bytes that were sealed.
    Damaged,
    /// An intact block of a format version that is not known here.
    Version(u32),
}

/// Seals `content`, padded with zeros, under `tag`.
pub(crate) fn seal(tag: &str, content: &[u8]) -> [u8; SEALED_BYTES] {
    debug_assert!(tag.len() <= TAG_BYTES && content.len() <= CONTENT_BYTES_MAX);
    let mut block = [0; SEALED_BYTES];
    block[..tag.len()].copy_from_slice(tag.as_bytes());
    block[TAG_BYTES..CONTENT_AT].copy_from_slice(&VERSION.to_be_bytes());
    block[CONTENT_AT..CONTENT_AT + content.len()].copy_from_slice(content);
    let checksum = blake3::hash(&block[..CHECKSUM_AT]);
    block[CHECKSUM_AT..].copy_from_slice(checksum.as_bytes());
    block
}

/// The checksum of a sealed block.
pub(crate) fn checksum(block: &[u8; SEALED_BYTES]) -> [u8; 32] {
    Fields(&block[CHECKSUM_AT..]).take()
}

/// The content of the block that `bytes` begin with, and its checksum.
pub(crate) fn unseal<'a>(tag: &str, bytes: &'a [u8]) -> Result<(Fields<'a>, [u8; 32]), Unsealed> {
    let block: &[u8; SEALED_BYTES] = bytes.first_chunk().ok_or(Unsealed::Damaged)?;
    let (sealed, checksum) = block.split_at(CHECKSUM_AT);
    let expected = blake3::hash(sealed);
    let mut fields = Fields(sealed);
    let named: [u8; TAG_BYTES] = fields.take();
    let (name, padding) = named.split_at(tag.len());
    let named = name == tag.as_bytes() && padding.iter().all(|byte| *byte == 0);
    if !named || checksum != expected.as_bytes() {
        return Err(Unsealed::Damaged);
    }
    match u32::from_be_bytes(fields.take()) {
        VERSION => Ok((fields, *expected.as_bytes())),
        other => Err(Unsealed::Version(other)),
    }
}

/// Reads fixed-size fields one after the other; past the end it gives zeros.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    /// The next `N` bytes.
    pub(crate) fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_at(N.min(self.0.len()));
        self.0 = rest;
        let mut taken = [0; N];
        taken[..field.len()].copy_from_slice(field);
        taken
    }

    /// The next 8 bytes as a number.
    pub(crate) fn take_u64(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }
}
