//! Rows of the past that fit a question, found by their terms or by looking at each.
//!
//! Invariants: rows come in the order that was asked for and each once, none that fits is left out
//! before the limit; memory is bounded by the limit. Rows are compared, so a term that two values
//! share makes a search longer and never wrong.

use std::ops::Range;

use crate::past::Past;
use crate::query::Order;
use crate::row::Row;

/// Fewest positions that are asked for at a time.
const POSITIONS_AT_ONCE: usize = 64;

/// Where to look.
pub(crate) struct Seek<'a> {
    /// Rows that carry one of these; any row if there are none.
    pub terms: &'a [u64],
    /// Positions to look at.
    pub within: Range<u64>,
    pub order: Order,
    /// Most rows.
    pub limit: usize,
}

impl Seek<'_> {
    /// The rows that fit, with their positions.
    pub(crate) fn rows<P: Past>(
        self,
        past: &P,
        fits: impl Fn(&Row) -> bool,
    ) -> Result<Vec<(u64, Row)>, P::Error> {
        let mut within = self.within.clone();
        let mut found = Vec::new();
        let step = self.limit.max(POSITIONS_AT_ONCE);
        while !within.is_empty() {
            let positions = self.positions(past, &within, step)?;
            for &position in &positions {
                let row = past.row(position)?;
                if fits(&row) {
                    found.push((position, row));
                    if found.len() >= self.limit {
                        return Ok(found);
                    }
                }
            }
            match (positions.last(), self.order) {
                (Some(&last), _) if positions.len() < step && !self.terms.is_empty() => {
                    debug_assert!(within.contains(&last));
                    break;
                }
                (None, _) => break,
                (Some(&last), Order::NewestFirst) => within.end = last,
                (Some(&last), Order::OldestFirst) => within.start = last.saturating_add(1),
            }
        }
        Ok(found)
    }

    /// The next positions, `step` at most; fewer only if there are no more.
    fn positions<P: Past>(
        &self,
        past: &P,
        within: &Range<u64>,
        step: usize,
    ) -> Result<Vec<u64>, P::Error> {
        let mut positions: Vec<u64> = Vec::new();
        if self.terms.is_empty() {
            match self.order {
                Order::NewestFirst => positions.extend(within.clone().rev().take(step)),
                Order::OldestFirst => positions.extend(within.clone().take(step)),
            }
            return Ok(positions);
        }
        for &term in self.terms {
            positions.extend(past.positions(term, within.clone(), self.order, step)?);
        }
        // Behind the first `step` of all, one of the terms may have more than it gave.
        match self.order {
            Order::NewestFirst => positions.sort_unstable_by(|left, right| right.cmp(left)),
            Order::OldestFirst => positions.sort_unstable(),
        }
        positions.dedup();
        positions.truncate(step);
        Ok(positions)
    }
}

/// The first position whose row is not `before`; rows that are stand in front of those that are not.
pub(crate) fn partition<P: Past>(past: &P, before: impl Fn(&Row) -> bool) -> Result<u64, P::Error> {
    let (mut start, mut end) = (0, past.len());
    while start < end {
        let middle = start.midpoint(end);
        if before(&past.row(middle)?) {
            start = middle.saturating_add(1);
        } else {
            end = middle;
        }
    }
    Ok(start)
}
