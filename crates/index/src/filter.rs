//! A Bloom filter in one block: tells for most keys that are not in the blocks before it that they
//! are not.
//!
//! It never denies a key that was added. Which bits a key has is part of the format.

use crate::block::{Block, CONTENT_BYTES, content, content_mut};

/// Blocks of keys that share a filter: 10 bits for each key.
pub(crate) const FILTER_LEAVES: usize = 16;

const BITS: u64 = CONTENT_BYTES as u64 * 8;
const PROBES: u64 = 6;

/// Adds a key by its hash.
pub(crate) fn add(block: &mut Block, hash: u64) {
    let content = content_mut(block);
    for bit in bits(hash) {
        content[bit / 8] |= 1 << (bit % 8);
    }
}

/// Whether the key of this hash may have been added.
pub(crate) fn may_have(block: &Block, hash: u64) -> bool {
    let content = content(block);
    bits(hash).all(|bit| content[bit / 8] & 1 << (bit % 8) != 0)
}

fn bits(hash: u64) -> impl Iterator<Item = usize> {
    let (start, step) = (hash & 0xFFFF_FFFF, hash >> 32 | 1);
    (0..PROBES).map(move |probe| {
        let spread = start.wrapping_add(probe.wrapping_mul(step)) & 0xFFFF_FFFF;
        crate::narrow::index((spread * BITS) >> 32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block;
    use crate::record::{KeyRecord, Record, hash};

    #[test]
    fn the_bits_of_a_key_are_those_of_the_format() {
        for (key, expected) in [
            (1, [20_118, 23_176, 26_234, 29_291, 32_349, 2_767]),
            (7 << 64 | 9, [14_066, 25_195, 3_684, 14_814, 25_943, 4_432]),
        ] {
            assert!(bits(hash(key)).eq(expected), "{key}");
        }
    }

    #[test]
    fn what_was_added_is_found_and_few_others() {
        let keys = (FILTER_LEAVES * KeyRecord::PER_LEAF) as u128;
        for scale in [1, 1 << 40, 1 << 64, (1 << 64) + 1, 1 << 100] {
            let mut filter = block::empty();
            (0..keys).for_each(|key| add(&mut filter, hash(key * scale)));
            assert!((0..keys).all(|key| may_have(&filter, hash(key * scale))));
            let wrong =
                (keys..keys + 10_000).filter(|key| may_have(&filter, hash(key * scale))).count();
            assert!((1..200).contains(&wrong), "{wrong} of 10,000 at {scale}");
        }
    }
}
