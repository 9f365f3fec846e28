//! Positions of a term in one run, in either direction.

use core::ops::Range;

use crate::block::{Kind, head};
use crate::error::Error;
use crate::narrow;
use crate::record::{Record as _, TermRecord, kept};
use crate::run::Run;
use crate::search::{Leaf, term_leaf};

/// Adds to `found` at most `room` positions of the run's rows that have a term.
pub(crate) fn positions(
    run: &Run,
    term: u64,
    within: &Range<u64>,
    newest_first: bool,
    room: usize,
    found: &mut Vec<u64>,
) -> Result<(), Error> {
    let (first, end) = (run.head.first, run.head.end);
    let offset = |position: u64| narrow::half(position.clamp(first, end) - first);
    let (low, high) = (offset(within.start), offset(within.end));
    if low >= high || room == 0 {
        return Ok(());
    }
    let wanted = (kept(term), low)..(kept(term), high);
    let walk = Walk { run, wanted, until: found.len() + room };
    if newest_first { walk.back(found) } else { walk.forth(found) }
}

struct Walk<'a> {
    run: &'a Run,
    /// The orders of the records that are wanted.
    wanted: Range<(u64, u32)>,
    /// The number of positions to stop at.
    until: usize,
}

impl Walk<'_> {
    fn forth(&self, found: &mut Vec<u64>) -> Result<(), Error> {
        let Some(mut number) = term_leaf(self.run, self.wanted.start)? else { return Ok(()) };
        let mut leaf = self.leaf(number)?;
        let mut at = leaf.lower(self.wanted.start);
        loop {
            while at < leaf.count {
                let record = leaf.record(at);
                if record.order() >= self.wanted.end || found.len() == self.until {
                    return Ok(());
                }
                found.push(self.run.head.first + u64::from(record.offset));
                at += 1;
            }
            let last = self.run.head.terms.root.unwrap_or(0);
            let Some(next) = self.neighbour(number + 1..=last)? else { return Ok(()) };
            number = next;
            leaf = self.leaf(number)?;
            at = 0;
        }
    }

    fn back(&self, found: &mut Vec<u64>) -> Result<(), Error> {
        let Some(mut number) = term_leaf(self.run, self.wanted.end)? else { return Ok(()) };
        let mut leaf = self.leaf(number)?;
        let mut at = leaf.lower(self.wanted.end);
        loop {
            while at > 0 {
                at -= 1;
                let record = leaf.record(at);
                if record.order() < self.wanted.start || found.len() == self.until {
                    return Ok(());
                }
                found.push(self.run.head.first + u64::from(record.offset));
            }
            let before = (self.run.head.terms_start()..number).rev();
            let Some(next) = self.neighbour(before)? else { return Ok(()) };
            number = next;
            leaf = self.leaf(number)?;
            at = leaf.count;
        }
    }

    fn leaf(&self, number: u32) -> Result<Leaf<TermRecord>, Error> {
        Leaf::new(self.run, number, self.run.block(number)?)
    }

    /// The first of these blocks that holds terms; between two such there are only fences.
    fn neighbour(&self, numbers: impl Iterator<Item = u32>) -> Result<Option<u32>, Error> {
        for number in numbers {
            let block = self.run.block(number)?;
            let head = head(&block).map_err(|what| self.run.damaged(number, what))?;
            if head.kind == Kind::Terms {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }
}
