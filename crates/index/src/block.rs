//! Blocks of 4,096 bytes, of which every file of an index is made.
//!
//! A block is a header of 8 bytes, 4,080 bytes of content and a checksum of 8 bytes. The checksum
//! is seeded with the block's place, so a block that lies intact in the wrong place is found too.
//! Nothing may use the content of a block from disk before [`check`] has passed it.

use twox_hash::XxHash3_64;

/// Size of a block.
pub(crate) const BLOCK_BYTES: usize = 4096;
/// Where the content begins.
pub(crate) const CONTENT_START: usize = 8;
/// Size of the content.
pub(crate) const CONTENT_BYTES: usize = CHECKSUM_START - CONTENT_START;
const CHECKSUM_START: usize = BLOCK_BYTES - 8;

/// A whole block.
pub(crate) type Block = [u8; BLOCK_BYTES];

/// A block of zeros, to be filled.
pub(crate) fn empty() -> Box<Block> {
    Box::new([0; BLOCK_BYTES])
}

/// What the content of a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rows.
    Rows = 1,
    /// The pairs beside a block of rows.
    Pairs = 2,
    /// Keys with their positions, ascending.
    Keys = 3,
    /// Where to find the blocks of keys.
    KeyFences = 4,
    /// A part of the filter of a segment of keys.
    Filter = 5,
    /// Terms with their positions, ascending.
    Terms = 6,
    /// Where to find the blocks of terms.
    TermFences = 7,
    /// Where the segments of keys begin and their filters are.
    Segments = 8,
    /// The last block of a run.
    Footer = 9,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Rows,
        Self::Pairs,
        Self::Keys,
        Self::KeyFences,
        Self::Filter,
        Self::Terms,
        Self::TermFences,
        Self::Segments,
        Self::Footer,
    ];
}

/// The kind of file that a block is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    /// Rows.
    Rows = 0,
    /// Pairs.
    Pairs = 1,
    /// Keys and terms.
    Run = 2,
}

impl Family {
    /// The ending of the file's name.
    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Pairs => "pairs",
            Self::Run => "run",
        }
    }
}

/// Where a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) family: Family,
    /// Number of the file, below 2^30.
    pub(crate) file: u64,
    /// Number of the block in it.
    pub(crate) block: u32,
}

impl Place {
    /// One number for it, unlike that of any other place; the seed of the checksum.
    pub(crate) const fn tag(self) -> u64 {
        (self.family as u64) << 62 | (self.file & 0x3FFF_FFFF) << 32 | self.block as u64
    }
}

/// What a block says about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    /// Fences: how far above the records; else 0.
    pub(crate) level: u8,
    /// How many records are in it.
    pub(crate) count: usize,
}

/// Writes the header and the checksum around the content.
pub(crate) fn seal(block: &mut Block, head: Head, place: Place) {
    let count = crate::narrow::count(head.count).to_be_bytes();
    block[..CONTENT_START].fill(0);
    block[0] = head.kind as u8;
    block[1] = head.level;
    block[2..6].copy_from_slice(&count);
    let sum = checksum(block, place);
    block[CHECKSUM_START..].copy_from_slice(&sum);
}

/// The header of a block that is whole and in its place; else what is wrong.
pub(crate) fn check(block: &Block, place: Place) -> Result<Head, &'static str> {
    if block[CHECKSUM_START..] != checksum(block, place) {
        return Err("its checksum does not match");
    }
    head(block)
}

/// The header of a block that has been checked before.
pub(crate) fn head(block: &Block) -> Result<Head, &'static str> {
    let unknown = "its header is unknown";
    let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == block[0]).ok_or(unknown)?;
    Ok(Head { kind, level: block[1], count: count(block) })
}

/// The header of a block that must be of `kind` and hold no more than `records`.
pub(crate) fn expect(block: &Block, kind: Kind, records: usize) -> Result<usize, &'static str> {
    if block[0] != kind as u8 {
        return Err("it is of another kind than it should be");
    }
    let count = count(block);
    if count > records {
        return Err("it claims more records than fit");
    }
    Ok(count)
}

fn count(block: &Block) -> usize {
    u32::from_be_bytes([block[2], block[3], block[4], block[5]]) as usize
}

/// The content.
pub(crate) fn content(block: &Block) -> &[u8] {
    &block[CONTENT_START..CHECKSUM_START]
}

/// The content, to be written.
pub(crate) fn content_mut(block: &mut Block) -> &mut [u8] {
    &mut block[CONTENT_START..CHECKSUM_START]
}

fn checksum(block: &Block, place: Place) -> [u8; 8] {
    XxHash3_64::oneshot_with_seed(place.tag(), &block[..CHECKSUM_START]).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { family: Family::Run, file: 3, block: 7 };

    #[test]
    fn a_block_is_good_in_its_place_alone() {
        let mut block = empty();
        content_mut(&mut block).fill(0xA5);
        let head = Head { kind: Kind::Terms, level: 0, count: 300 };
        seal(&mut block, head, PLACE);
        assert_eq!(check(&block, PLACE), Ok(head));
        assert_eq!(expect(&block, Kind::Terms, 300), Ok(300));
        assert!(expect(&block, Kind::Terms, 299).is_err());
        assert!(expect(&block, Kind::Keys, 300).is_err());
        for place in [
            Place { block: 8, ..PLACE },
            Place { file: 2, ..PLACE },
            Place { family: Family::Rows, ..PLACE },
        ] {
            assert!(check(&block, place).is_err(), "{place:?}");
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let mut block = empty();
        seal(&mut block, Head { kind: Kind::Rows, level: 0, count: 1 }, PLACE);
        for bit in 0..BLOCK_BYTES * 8 {
            block[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&block, PLACE).is_err(), "bit {bit}");
            block[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
