//! The two kinds of records that runs hold: keys and terms, each with the position of its row.
//!
//! Positions are kept as offsets from the first position of the run, in 32 bits; a run never spans
//! more rows. Numbers are big-endian, so bytes sort as the records do.

use crate::block::{CONTENT_BYTES, Kind};
use crate::narrow;

/// The offset of a burned key, which has no row.
pub(crate) const BURNED: u32 = u32::MAX;
/// Bits of a term that are kept.
pub(crate) const TERM_BITS: u32 = 40;

/// The part of a term that is kept.
pub(crate) const fn kept(term: u64) -> u64 {
    term >> (u64::BITS - TERM_BITS)
}

/// What a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The row at this position.
    Row(u64),
    /// No row, and none will ever have it.
    Burned,
}

impl Found {
    /// What an offset from the position `first` says.
    pub(crate) fn at(first: u64, offset: u32) -> Self {
        if offset == BURNED { Self::Burned } else { Self::Row(first + u64::from(offset)) }
    }
}

/// A record of a run. Records of one run are ascending by their order.
pub(crate) trait Record: Copy {
    /// What records are sorted by, no two of a run alike.
    type Order: Ord + Copy;
    /// What records of several runs are merged by: the order, then the run.
    type Rank: Ord + Copy;
    /// Size on disk.
    const BYTES: usize;
    /// The size of its order on disk, which is its beginning.
    const ORDER_BYTES: usize;
    /// The kind of block that holds the records.
    const LEAF: Kind;
    /// The kind of block that holds the order of the first record of each block below.
    const FENCES: Kind;
    /// Ranks above every record: an exhausted run.
    const NONE_LEFT: Self::Rank;
    /// Records of a block.
    const PER_LEAF: usize = CONTENT_BYTES / Self::BYTES;
    /// Size of a fence: an order and the number of a block.
    const FENCE_BYTES: usize = Self::ORDER_BYTES + 4;
    /// Fences of a block.
    const PER_FENCES: usize = CONTENT_BYTES / Self::FENCE_BYTES;

    fn order(self) -> Self::Order;
    /// What the filters of the run tell of; `None`: nothing.
    fn filtered(self) -> Option<u128>;
    fn read(bytes: &[u8]) -> Self;
    fn write(self, bytes: &mut [u8]);
    fn read_order(bytes: &[u8]) -> Self::Order;
    fn write_order(order: Self::Order, bytes: &mut [u8]);
    /// The same record in a run that begins `by` rows earlier.
    fn moved(self, by: u32) -> Self;
    fn rank(self, source: u16) -> Self::Rank;
    fn source(rank: Self::Rank) -> usize;
}

/// A key and the row that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyRecord {
    pub(crate) key: u128,
    /// From the first position of the run, or [`BURNED`].
    pub(crate) offset: u32,
}

/// A term and one row that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TermRecord {
    /// Its kept bits.
    pub(crate) term: u64,
    /// From the first position of the run.
    pub(crate) offset: u32,
}

impl Record for KeyRecord {
    type Order = u128;
    type Rank = (u128, u16);
    const BYTES: usize = 20;
    const ORDER_BYTES: usize = 16;
    const LEAF: Kind = Kind::Keys;
    const FENCES: Kind = Kind::KeyFences;
    const NONE_LEFT: (u128, u16) = (u128::MAX, u16::MAX);

    fn order(self) -> u128 {
        self.key
    }

    fn filtered(self) -> Option<u128> {
        Some(self.key)
    }

    fn read(bytes: &[u8]) -> Self {
        let (key, offset) = bytes.split_at(16);
        Self { key: Self::read_order(key), offset: u32::from_be_bytes(array(offset)) }
    }

    fn write(self, bytes: &mut [u8]) {
        let (key, offset) = bytes.split_at_mut(16);
        Self::write_order(self.key, key);
        offset[..4].copy_from_slice(&self.offset.to_be_bytes());
    }

    fn read_order(bytes: &[u8]) -> u128 {
        u128::from_be_bytes(array(bytes))
    }

    fn write_order(order: u128, bytes: &mut [u8]) {
        bytes[..16].copy_from_slice(&order.to_be_bytes());
    }

    fn moved(self, by: u32) -> Self {
        if self.offset == BURNED { self } else { Self { offset: self.offset + by, ..self } }
    }

    fn rank(self, source: u16) -> (u128, u16) {
        (self.key, source)
    }

    fn source(rank: (u128, u16)) -> usize {
        usize::from(rank.1)
    }
}

impl Record for TermRecord {
    type Order = (u64, u32);
    type Rank = u64;
    const BYTES: usize = 9;
    const ORDER_BYTES: usize = 9;
    const LEAF: Kind = Kind::Terms;
    const FENCES: Kind = Kind::TermFences;
    const NONE_LEFT: u64 = u64::MAX;

    fn order(self) -> (u64, u32) {
        (self.term, self.offset)
    }

    fn filtered(self) -> Option<u128> {
        None
    }

    fn read(bytes: &[u8]) -> Self {
        let high = u64::from_be_bytes(array(bytes));
        let offset = narrow::low(high << 8) | u32::from(bytes[8]);
        Self { term: high >> 24, offset }
    }

    fn write(self, bytes: &mut [u8]) {
        let high = self.term << 24 | u64::from(self.offset >> 8);
        bytes[..8].copy_from_slice(&high.to_be_bytes());
        bytes[8] = narrow::low_byte(self.offset);
    }

    fn read_order(bytes: &[u8]) -> (u64, u32) {
        Self::read(bytes).order()
    }

    fn write_order(order: (u64, u32), bytes: &mut [u8]) {
        Self { term: order.0, offset: order.1 }.write(bytes);
    }

    fn moved(self, by: u32) -> Self {
        Self { offset: self.offset + by, ..self }
    }

    fn rank(self, source: u16) -> u64 {
        self.term << 16 | u64::from(source)
    }

    fn source(rank: u64) -> usize {
        narrow::index(rank & 0xFFFF)
    }
}

/// A hash of a key for tables and filters. Part of the format.
pub(crate) fn hash(key: u128) -> u64 {
    let low = narrow::low_half(key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let high = narrow::low_half(key >> 64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    let mixed = low ^ high.rotate_left(32);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    mixed ^ mixed >> 32
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_their_bytes_sort_as_they_do() {
        let terms = [(0, 0), (0, 255), (0, 256), (1, 0), (7, u32::MAX), ((1 << TERM_BITS) - 1, 9)];
        let mut before = [0; 9];
        for (term, offset) in terms {
            let record = TermRecord { term, offset };
            let mut bytes = [0; 9];
            record.write(&mut bytes);
            assert_eq!(TermRecord::read(&bytes), record);
            assert_eq!(TermRecord::read_order(&bytes), record.order());
            assert!(before <= bytes);
            before = bytes;
        }
        for key in [0, 1, 1 << 64, u128::MAX] {
            let record = KeyRecord { key, offset: 77 };
            let mut bytes = [0; 20];
            record.write(&mut bytes);
            assert_eq!(KeyRecord::read(&bytes), record);
            assert_eq!(record.moved(3).offset, 80);
            assert!(record.rank(9) < KeyRecord::NONE_LEFT);
        }
        assert_eq!(KeyRecord { key: 1, offset: BURNED }.moved(5).offset, BURNED);
        assert_eq!((KeyRecord::PER_LEAF, KeyRecord::PER_FENCES), (204, 204));
        assert_eq!((TermRecord::PER_LEAF, TermRecord::PER_FENCES), (453, 313));
    }
}
