//! Sorts the terms of a chunk.
//!
//! A term and the offset of its row are one number of 64 bits: 40 of the term, 24 of the offset.
//! They come in by ascending offset, so a stable sort by the term alone orders them wholly.

use crate::narrow;
use crate::record::TermRecord;

const OFFSET_BITS: u32 = 24;
const DIGIT_BITS: u32 = 10;
const DIGITS: usize = 4;
const VALUES: usize = 1 << DIGIT_BITS;

/// One number for a record; the offset has to be below 2^24.
pub(crate) const fn pack(record: TermRecord) -> u64 {
    record.term << OFFSET_BITS | record.offset as u64
}

/// The record of a number.
pub(crate) const fn unpack(packed: u64) -> TermRecord {
    let offset = narrow::low(packed) & ((1 << OFFSET_BITS) - 1);
    TermRecord { term: packed >> OFFSET_BITS, offset }
}

/// Sorts packed records that ascend by their offsets. `spare` is overwritten.
pub(crate) fn sort(records: &mut Vec<u64>, spare: &mut Vec<u64>) {
    let mut counts = vec![[0_usize; VALUES]; DIGITS];
    for record in &*records {
        for (place, counts) in counts.iter_mut().enumerate() {
            counts[digit(*record, place)] += 1;
        }
    }
    spare.resize(records.len(), 0);
    for (place, counts) in counts.iter_mut().enumerate() {
        if counts.contains(&records.len()) {
            continue;
        }
        let mut start = 0;
        for count in counts.iter_mut() {
            start += core::mem::replace(count, start);
        }
        for record in &*records {
            let at = &mut counts[digit(*record, place)];
            spare[*at] = *record;
            *at += 1;
        }
        core::mem::swap(records, spare);
    }
}

fn digit(record: u64, place: usize) -> usize {
    let shift = OFFSET_BITS + narrow::count(place) * DIGIT_BITS;
    narrow::index(record >> shift) & (VALUES - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sorted_as_the_library_sorts(terms in prop::collection::vec(any::<u64>(), 0..2_000), bits in 0..40_u32) {
            let mut records: Vec<u64> = (0..)
                .zip(&terms)
                .map(|(offset, term)| TermRecord { term: term >> 24 >> bits << (bits / 2), offset })
                .map(pack)
                .collect();
            let mut expected = records.clone();
            expected.sort_unstable();
            sort(&mut records, &mut Vec::new());
            prop_assert_eq!(&records, &expected);
            prop_assert!(records.iter().all(|record| pack(unpack(*record)) == *record));
        }
    }
}
