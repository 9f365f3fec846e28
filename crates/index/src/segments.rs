//! The filters of a run: one for each segment of keys that follow each other.
//!
//! The filter of a segment is written behind its keys and has as many blocks as those need, so a
//! run of any size is written with one segment's filter in memory. Where each segment begins and
//! where its filter is stays in memory while the run is open: 24 bytes for [`SEGMENT_KEYS`] keys.

use crate::block::{self, Block, Head, Kind};
use crate::error::Error;
use crate::filter::{FILTER_BLOCK_KEYS, Spot};
use crate::narrow;
use crate::record::hash;
use crate::run::Run;
use crate::tree::Sink;

/// Blocks of the filter of a full segment: 384 KiB.
const SEGMENT_BLOCKS: usize = 96;
/// Keys of a segment; the last of a run may have fewer.
pub(crate) const SEGMENT_KEYS: u64 = (SEGMENT_BLOCKS * FILTER_BLOCK_KEYS) as u64;

const BYTES: usize = 24;
const PER_BLOCK: usize = block::CONTENT_BYTES / BYTES;

/// Keys that follow each other, and their filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Its lowest key.
    first: u128,
    /// The first block of its filter.
    block: u32,
    /// Blocks of its filter.
    blocks: u32,
}

impl Segment {
    /// Blocks of its filter.
    pub(crate) fn blocks(self) -> usize {
        self.blocks as usize
    }

    /// Where a key would be, and in which block of the run.
    pub(crate) fn spot(self, hash: u64) -> (u32, Spot) {
        let spot = Spot::new(hash, self.blocks as usize);
        (self.block + narrow::count(spot.block), spot)
    }
}

/// The segments of a run, by ascending keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Segments(Vec<Segment>);

impl Segments {
    /// How many blocks the segments of so many keys take, filters not counted.
    pub(crate) fn blocks_of(keys: u64) -> u64 {
        keys.div_ceil(SEGMENT_KEYS).div_ceil(PER_BLOCK as u64)
    }

    /// The segment that has a key if any has: `None` if the key is below them all.
    pub(crate) fn of(&self, key: u128) -> Option<Segment> {
        let after = self.0.partition_point(|segment| segment.first <= key);
        Some(self.0[after.checked_sub(1)?])
    }

    /// Each segment with those of `keys`, which ascend, that it may have.
    pub(crate) fn split<'a, T>(
        &'a self,
        keys: &'a [T],
        key: impl Fn(&T) -> u128 + 'a,
    ) -> impl Iterator<Item = (Segment, &'a [T])> {
        let ends = self.0.iter().skip(1).map(|next| Some(next.first)).chain([None]);
        let mut at =
            self.0.first().map_or(0, |first| keys.partition_point(|k| key(k) < first.first));
        self.0.iter().zip(ends).filter_map(move |(segment, end)| {
            let rest = &keys[at..];
            let count = end.map_or(rest.len(), |end| rest.partition_point(|k| key(k) < end));
            at += count;
            (count > 0).then_some((*segment, &rest[..count]))
        })
    }

    /// Writes where they are.
    pub(crate) fn write(&self, sink: &mut impl Sink) -> Result<(), Error> {
        for segments in self.0.chunks(PER_BLOCK) {
            let mut block = block::empty();
            let content = block::content_mut(&mut block);
            for (bytes, segment) in content.chunks_exact_mut(BYTES).zip(segments) {
                bytes[..16].copy_from_slice(&segment.first.to_be_bytes());
                bytes[16..20].copy_from_slice(&segment.block.to_be_bytes());
                bytes[20..].copy_from_slice(&segment.blocks.to_be_bytes());
            }
            sink.put(Head { kind: Kind::Segments, level: 0, count: segments.len() }, &mut block)?;
        }
        Ok(())
    }

    /// Reads what was written before the footer of a run.
    pub(crate) fn read(run: &Run) -> Result<Self, Error> {
        let mut segments = Vec::new();
        for number in run.head.segments_start()..run.head.blocks - 1 {
            let block = run.block(number)?;
            let damaged = |what| run.damaged(number, what);
            let count = block::expect(&block, Kind::Segments, PER_BLOCK).map_err(damaged)?;
            for bytes in block::content(&block).chunks_exact(BYTES).take(count) {
                let part = |from: usize, to: usize| {
                    bytes[from..to].iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
                };
                let short = |from| narrow::low(narrow::low_half(part(from, from + 4)));
                let segment = Segment { first: part(0, 16), block: short(16), blocks: short(20) };
                let end = u64::from(segment.block) + u64::from(segment.blocks);
                if segment.blocks == 0 || end > u64::from(run.head.blocks) {
                    return Err(damaged("a filter is not in the file"));
                }
                segments.push(segment);
            }
        }
        if segments.len() as u64 != run.head.keys.records.div_ceil(SEGMENT_KEYS)
            || !segments.is_sorted_by_key(|segment| segment.first)
        {
            return Err(run.damaged(run.head.segments_start(), "the segments of keys"));
        }
        Ok(Self(segments))
    }
}

/// Makes the filters of a run while its keys are written.
#[derive(Debug)]
pub(crate) struct SegmentsWriter {
    /// Keys that are yet to come.
    left: u64,
    /// Of the present segment: its lowest key, its filter, and how many keys it has.
    first: u128,
    filter: Vec<Block>,
    keys: u64,
    done: Segments,
}

impl SegmentsWriter {
    /// For a run of so many keys; with another number of them the filters are larger or smaller
    /// than they should be, but right.
    pub(crate) fn new(keys: u64) -> Self {
        Self { left: keys, first: 0, filter: Vec::new(), keys: 0, done: Segments::default() }
    }

    /// Adds a key that is above all before it.
    #[inline]
    pub(crate) fn add(&mut self, key: u128, sink: &mut impl Sink) -> Result<(), Error> {
        if self.keys == SEGMENT_KEYS {
            self.put(sink)?;
        }
        if self.keys == 0 {
            self.begin(key);
        }
        let spot = Spot::new(hash(key), self.filter.len());
        spot.add(&mut self.filter[spot.block]);
        self.keys += 1;
        Ok(())
    }

    /// Writes the last filter.
    pub(crate) fn finish(&mut self, sink: &mut impl Sink) -> Result<Segments, Error> {
        if self.keys > 0 {
            self.put(sink)?;
        }
        Ok(core::mem::take(&mut self.done))
    }

    fn begin(&mut self, key: u128) {
        let keys = self.left.clamp(1, SEGMENT_KEYS);
        self.left = self.left.saturating_sub(keys);
        self.first = key;
        let blocks = narrow::index(keys).div_ceil(FILTER_BLOCK_KEYS);
        self.filter.resize(blocks, [0; block::BLOCK_BYTES]);
    }

    fn put(&mut self, sink: &mut impl Sink) -> Result<(), Error> {
        let blocks = narrow::count(self.filter.len());
        let mut start = None;
        for block in &mut self.filter {
            let head = Head { kind: Kind::Filter, level: 0, count: narrow::index(self.keys) };
            let number = sink.put(head, block)?;
            start.get_or_insert(number);
        }
        let block = start.unwrap_or(0);
        self.done.0.push(Segment { first: self.first, block, blocks });
        self.filter.clear();
        self.keys = 0;
        Ok(())
    }
}
