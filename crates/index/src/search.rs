//! Finding a record in a tree of blocks, from the root down.
//!
//! Blocks come through the cache, checked. A block that is whole but not what the tree must have
//! there counts as damage too; no block can send the search round in a circle.

use std::sync::Arc;

use crate::block::{Block, CONTENT_START, Kind, expect, head};
use crate::error::Error;
use crate::record::{KeyRecord, Record, TermRecord};
use crate::run::Run;

/// The record of a key in a run, if it is there: the filter should be asked first.
pub(crate) fn key(run: &Run, key: u128) -> Result<Option<KeyRecord>, Error> {
    let Some(mut number) = run.head.keys.root else { return Ok(None) };
    loop {
        let block = run.block(number)?;
        if head_kind(run, number, &block)? == Kind::Keys {
            let leaf = Leaf::<KeyRecord>::new(run, number, block)?;
            let at = leaf.lower(key);
            return Ok((at < leaf.count).then(|| leaf.record(at)).filter(|r| r.key == key));
        }
        let fences = Fences::<KeyRecord>::new(run, number, block)?;
        let Some(child) = fences.child(key) else { return Ok(None) };
        number = below(run, number, fences.number(child))?;
    }
}

/// The block of terms that holds the first record not below `(term, offset)`, or the last block
/// before it.
pub(crate) fn term_leaf(run: &Run, order: (u64, u32)) -> Result<Option<u32>, Error> {
    let Some(mut number) = run.head.terms.root else { return Ok(None) };
    loop {
        let block = run.block(number)?;
        if head_kind(run, number, &block)? == Kind::Terms {
            return Ok(Some(number));
        }
        let fences = Fences::<TermRecord>::new(run, number, block)?;
        let child = fences.child(order).unwrap_or(0);
        number = below(run, number, fences.number(child))?;
    }
}

/// A block of records.
pub(crate) struct Leaf<R> {
    block: Arc<Block>,
    pub(crate) count: usize,
    kind: core::marker::PhantomData<R>,
}

impl<R: Record> Leaf<R> {
    pub(crate) fn new(run: &Run, number: u32, block: Arc<Block>) -> Result<Self, Error> {
        let count =
            expect(&block, R::LEAF, R::PER_LEAF).map_err(|what| run.damaged(number, what))?;
        Ok(Self { block, count, kind: core::marker::PhantomData })
    }

    pub(crate) fn record(&self, at: usize) -> R {
        let start = CONTENT_START + at * R::BYTES;
        R::read(&self.block[start..start + R::BYTES])
    }

    /// Index of the first record not below `order`; `count` if there is none.
    pub(crate) fn lower(&self, order: R::Order) -> usize {
        partition(self.count, |at| self.record(at).order() < order)
    }
}

/// A block of fences.
struct Fences<R> {
    block: Arc<Block>,
    count: usize,
    kind: core::marker::PhantomData<R>,
}

impl<R: Record> Fences<R> {
    fn new(run: &Run, number: u32, block: Arc<Block>) -> Result<Self, Error> {
        let count =
            expect(&block, R::FENCES, R::PER_FENCES).map_err(|what| run.damaged(number, what))?;
        if count == 0 {
            return Err(run.damaged(number, "it has no fences"));
        }
        Ok(Self { block, count, kind: core::marker::PhantomData })
    }

    fn fence(&self, at: usize) -> &[u8] {
        let start = CONTENT_START + at * R::FENCE_BYTES;
        &self.block[start..start + R::FENCE_BYTES]
    }

    /// The last child that begins at or below `order`.
    fn child(&self, order: R::Order) -> Option<usize> {
        partition(self.count, |at| R::read_order(self.fence(at)) <= order).checked_sub(1)
    }

    fn number(&self, at: usize) -> u32 {
        let bytes = &self.fence(at)[R::ORDER_BYTES..];
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}

/// Children stand before their parents: so every search ends.
fn below(run: &Run, parent: u32, child: u32) -> Result<u32, Error> {
    if child < parent { Ok(child) } else { Err(run.damaged(parent, "a fence leads nowhere")) }
}

fn head_kind(run: &Run, number: u32, block: &Block) -> Result<Kind, Error> {
    head(block).map(|head| head.kind).map_err(|what| run.damaged(number, what))
}

/// The first index of `0..count` for which `is_before` does not hold.
fn partition(count: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        if is_before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}
