//! How a message of known length ends in blocks: the padding of SHA-256 (FIPS 180-4, section 5.1.1).
//!
//! All messages of one call have one length, so their padding is made once. Invariant: a message is
//! its full blocks, then one block that holds its last bytes and the begin of the padding, then, if
//! the length had no place there, one block of padding alone.

/// Bytes that SHA-256 takes in one step.
pub(crate) const BLOCK_BYTES: usize = 64;
/// Where the length stands in the last block, in bits, big-endian.
const LENGTH_AT: usize = BLOCK_BYTES - 8;

pub(crate) type Block = [u8; BLOCK_BYTES];

/// The blocks of every message of one length.
pub(crate) struct Shape {
    /// How many blocks are bytes of the message alone.
    pub(crate) full: usize,
    /// Ones over the bytes of the message in the block behind those.
    pub(crate) mask: Block,
    /// What stands behind these bytes in the same block.
    pub(crate) padding: Block,
    /// One more block, if there is one.
    pub(crate) last: Option<Block>,
}

impl Shape {
    pub(crate) fn new(length: usize) -> Self {
        let rest = length % BLOCK_BYTES;
        let mut mask = [0; BLOCK_BYTES];
        mask[..rest].fill(0xff);
        let mut padding = [0; BLOCK_BYTES];
        padding[rest] = 0x80;
        let bits = (8 * length as u64).to_be_bytes();
        let mut last = None;
        if rest < LENGTH_AT {
            padding[LENGTH_AT..].copy_from_slice(&bits);
        } else {
            let mut block = [0; BLOCK_BYTES];
            block[LENGTH_AT..].copy_from_slice(&bits);
            last = Some(block);
        }
        Self { full: length / BLOCK_BYTES, mask, padding, last }
    }
}

/// The block that begins at `at`: whatever follows there, zeros behind the end. Beyond the end of
/// its own message a caller covers it with the mask.
#[inline]
pub(crate) fn block(messages: &[u8], at: usize) -> Block {
    let rest = messages.get(at..).unwrap_or_default();
    rest.first_chunk().copied().unwrap_or_else(|| short(rest))
}

#[cold]
fn short(rest: &[u8]) -> Block {
    let mut block = [0; BLOCK_BYTES];
    block[..rest.len()].copy_from_slice(rest);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_has_a_block_of_its_own_when_it_must() {
        for (length, full, has_last) in
            [(0, 0, false), (55, 0, false), (56, 0, true), (63, 0, true), (64, 1, false)]
        {
            let shape = Shape::new(length);
            assert_eq!((shape.full, shape.last.is_some()), (full, has_last), "{length}");
            let rest = length % BLOCK_BYTES;
            assert_eq!(shape.padding[rest], 0x80);
            assert!(shape.mask[..rest].iter().all(|byte| *byte == 0xff));
            assert!(shape.mask[rest..].iter().all(|byte| *byte == 0));
            let end = shape.last.unwrap_or(shape.padding);
            assert_eq!(end[LENGTH_AT..], (8 * length as u64).to_be_bytes());
        }
    }

    #[test]
    fn behind_the_end_there_are_zeros() {
        let bytes: Vec<u8> = (1..=70).collect();
        assert_eq!(block(&bytes, 0)[..], bytes[..64]);
        assert_eq!(block(&bytes, 6)[..], bytes[6..]);
        assert_eq!(block(&bytes, 69), {
            let mut block = [0; 64];
            block[0] = 70;
            block
        });
        assert_eq!(block(&bytes, 70), [0; 64]);
        assert_eq!(block(&bytes, 71), [0; 64]);
    }
}
