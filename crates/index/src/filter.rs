//! A Bloom filter in lines of 64 bytes: tells for most keys that were not added that they were not.
//!
//! It never denies a key that was added. All bits of a key are in one line of one block, so a
//! question touches one place in memory. Which line and bits a key has is part of the format.

use crate::block::{Block, CONTENT_BYTES, CONTENT_START};
use crate::narrow;

/// Keys of one block of a filter that is full: 12 bits for each.
pub(crate) const FILTER_BLOCK_KEYS: usize = LINES * LINE_BYTES * 8 / BITS_OF_KEY;

const BITS_OF_KEY: usize = 12;
const LINE_BYTES: usize = 64;
const LINES: usize = CONTENT_BYTES / LINE_BYTES;
const PROBES: u32 = 7;
/// Bits that say which bit of a line.
const PROBE_BITS: u32 = (LINE_BYTES * 8).ilog2();

/// Where the bits of a key are in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Which of the filter's blocks.
    pub(crate) block: usize,
    /// Where in the block its line begins.
    start: usize,
    /// Which bits of the line, [`PROBE_BITS`] for each.
    bits: u64,
}

impl Spot {
    /// The place of a key, by its hash, in a filter of so many blocks.
    pub(crate) fn new(hash: u64, blocks: usize) -> Self {
        let lines = (blocks * LINES) as u128;
        let line = narrow::index(narrow::low_half((u128::from(hash) * lines) >> 64));
        Self {
            block: line / LINES,
            start: CONTENT_START + line % LINES * LINE_BYTES,
            // The line takes the high bits of the hash; these shall not depend on them alone.
            bits: hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 1,
        }
    }

    /// Adds the key to its block.
    pub(crate) fn add(self, block: &mut Block) {
        for (byte, mask) in self.bits() {
            block[byte] |= mask;
        }
    }

    /// Whether the key may have been added to its block.
    // Within its caller it takes half as long again, by measurement.
    #[inline(never)]
    pub(crate) fn may_be_in(self, block: &Block) -> bool {
        self.bits().all(|(byte, mask)| block[byte] & mask != 0)
    }

    fn bits(self) -> impl Iterator<Item = (usize, u8)> {
        (0..PROBES).map(move |probe| {
            let bit = narrow::index(self.bits >> (probe * PROBE_BITS)) % (LINE_BYTES * 8);
            (self.start + bit / 8, 1 << (bit % 8))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block;
    use crate::record::hash;

    #[test]
    fn the_bits_of_a_key_are_those_of_the_format() {
        for (key, expected) in [
            (1, [0, 1_096, 441, 71, 353, 320, 234, 372, 266]),
            (7 << 64 | 9, [1, 72, 146, 335, 300, 309, 143, 294, 488]),
        ] {
            let spot = Spot::new(hash(key), 3);
            let bits = spot.bits().map(|(byte, mask)| {
                (byte - spot.start) * 8 + usize::try_from(mask.ilog2()).unwrap()
            });
            let found: Vec<usize> = [spot.block, spot.start].into_iter().chain(bits).collect();
            assert_eq!(found, expected, "{key}");
        }
    }

    #[test]
    fn what_was_added_is_found_and_few_others() {
        let blocks = 5;
        let keys = (blocks * FILTER_BLOCK_KEYS) as u128;
        for scale in [1, 1 << 40, 1 << 64, (1 << 64) + 1, 1 << 100] {
            let mut filter = vec![*block::empty(); blocks];
            let spot = |key: u128| Spot::new(hash(key * scale), blocks);
            (0..keys).map(spot).for_each(|spot| spot.add(&mut filter[spot.block]));
            let may_have = |key: &u128| spot(*key).may_be_in(&filter[spot(*key).block]);
            assert!((0..keys).all(|key| may_have(&key)));
            let wrong = (keys..keys + 100_000).filter(may_have).count();
            assert!((100..800).contains(&wrong), "{wrong} of 100,000 at {scale}");
        }
    }
}
