//! What keys belong to, in everything that was sealed.
//!
//! Runs are asked from the newest to the oldest. A run that does not have a key says so, almost
//! always, by one block of its filters. Of many keys each run is asked at once: then a block of a
//! filter is fetched once for all of them.

use std::sync::Arc;

use crate::block::Block;
use crate::error::Error;
use crate::record::{Found, hash};
use crate::run::Run;
use crate::search;
use crate::store::View;

/// What a key belongs to.
pub(crate) fn one(view: &View, key: u128) -> Result<Option<Found>, Error> {
    if let Some(found) = view.sealed.iter().rev().find_map(|chunk| chunk.find(key)) {
        return Ok(Some(found));
    }
    let hash = hash(key);
    for run in view.runs.iter().rev() {
        if key <= run.head.highest_key
            && let Some(segment) = run.segments.of(key)
        {
            let (number, spot) = segment.spot(hash);
            if run.may_have(number, spot)?
                && let Some(found) = in_run(run, key)?
            {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// A key that is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) key: u128,
    /// Where its answer goes.
    pub(crate) at: usize,
}

/// What keys belong to that are not in memory; `wanted` is used up.
pub(crate) fn many(
    view: &View,
    wanted: &mut Vec<Wanted>,
    found: &mut [Option<Found>],
) -> Result<(), Error> {
    let mut lacking = |wanted: &Wanted| {
        found[wanted.at] = view.sealed.iter().rev().find_map(|chunk| chunk.find(wanted.key));
        found[wanted.at].is_none()
    };
    wanted.retain(&mut lacking);
    wanted.sort_unstable_by_key(|wanted| wanted.key);
    let mut possible = Vec::new();
    for run in view.runs.iter().rev() {
        possible_in(run, wanted, &mut possible)?;
        for wanted in &possible {
            found[wanted.at] = in_run(run, wanted.key)?;
        }
        if !possible.is_empty() {
            wanted.retain(|wanted| found[wanted.at].is_none());
        }
    }
    Ok(())
}

/// Puts those of `wanted`, which ascend, into `possible` that a run may have.
fn possible_in(run: &Run, wanted: &[Wanted], possible: &mut Vec<Wanted>) -> Result<(), Error> {
    possible.clear();
    let mut blocks: Vec<Option<Arc<Block>>> = Vec::new();
    for (segment, wanted) in run.segments.split(wanted, |wanted| wanted.key) {
        blocks.clear();
        blocks.resize(segment.blocks(), None);
        for wanted in wanted {
            let (number, spot) = segment.spot(hash(wanted.key));
            let block = match &mut blocks[spot.block] {
                Some(block) => block,
                none => none.insert(run.filter(number)?),
            };
            if spot.may_be_in(block) {
                possible.push(*wanted);
            }
        }
    }
    Ok(())
}

fn in_run(run: &Run, key: u128) -> Result<Option<Found>, Error> {
    let record = search::key(run, key)?;
    Ok(record.map(|record| Found::at(run.head.first, record.offset)))
}
