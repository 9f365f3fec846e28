//! Several runs become one.
//!
//! The runs cover adjacent ranges of positions. Records come out in their order; where terms are
//! alike, those of the earlier run first, which is also the order of their positions. A merge goes
//! on in steps, so that a small one need not wait for the end of a large one.

use std::path::Path;
use std::sync::Arc;

use disk::{Access, Disk, DiskFile, During};

use crate::block::Family;
use crate::cache::Cache;
use crate::error::Error;
use crate::leaves::Leaves;
use crate::narrow;
use crate::output::Output;
use crate::record::{BURNED, KeyRecord, Record, TermRecord};
use crate::run::{Run, RunHead, run_path};
use crate::segments::Segments;
use crate::tree::{Sink, Tree, TreeWriter};

const STEP_RECORDS: usize = 1 << 16;

/// A merge of runs that is under way.
pub(crate) struct Merge {
    inputs: Vec<Arc<Run>>,
    number: u64,
    output: Output<Box<dyn DiskFile>>,
    phase: Phase,
}

enum Phase {
    Keys(Merging<KeyRecord>),
    Terms((Tree, Segments), Merging<TermRecord>),
    Done((Tree, Segments), Tree),
}

impl Merge {
    /// Begins to merge `inputs`, oldest first, into run `number`.
    pub(crate) fn start(
        disk: &dyn Disk,
        dir: &Path,
        inputs: Vec<Arc<Run>>,
        number: u64,
    ) -> Result<Self, Error> {
        let path = run_path(dir, number);
        let file = disk.open(&path, Access::Create).during("create", &path)?;
        let output = Output::new(file, &path, Family::Run, number, 0);
        let keys = Merging::new(sources(&inputs, |head| (head.keys, 0)))?;
        Ok(Self { inputs, number, output, phase: Phase::Keys(keys) })
    }

    /// Does a part of the work; true: all is done.
    pub(crate) fn step(&mut self) -> Result<bool, Error> {
        match &mut self.phase {
            Phase::Keys(merging) => {
                if merging.step(&mut self.output)? {
                    let keys = merging.take_writer().finish(&mut self.output)?;
                    let terms = sources(&self.inputs, |head| (head.terms, head.terms_start()));
                    self.phase = Phase::Terms(keys, Merging::new(terms)?);
                }
                Ok(false)
            }
            Phase::Terms(keys, merging) => {
                if merging.step(&mut self.output)? {
                    let terms = merging.take_writer().finish(&mut self.output)?;
                    self.phase = Phase::Done(core::mem::take(keys), terms.0);
                }
                Ok(matches!(self.phase, Phase::Done(..)))
            }
            Phase::Done(..) => Ok(true),
        }
    }

    /// The merged run, durable but for its name.
    pub(crate) fn finish(self, dir: &Path, cache: &Arc<Cache>) -> Result<Run, Error> {
        let heads = || self.inputs.iter().map(|run| run.head);
        let with_keys = || heads().filter(|head| head.keys.records > 0);
        let ((keys, segments), terms) = match self.phase {
            Phase::Done(keys, terms) => (keys, terms),
            _ => Default::default(),
        };
        let head = RunHead {
            number: self.number,
            level: heads().map(|head| head.level).max().unwrap_or(0).saturating_add(1),
            first: heads().map(|head| head.first).min().unwrap_or(0),
            end: heads().map(|head| head.end).max().unwrap_or(0),
            keys,
            burned: heads().map(|head| head.burned).sum(),
            lowest_key: with_keys().map(|head| head.lowest_key).min().unwrap_or(0),
            highest_key: with_keys().map(|head| head.highest_key).max().unwrap_or(0),
            terms,
            blocks: 0,
        };
        Run::finish(self.output, head, segments, dir, cache)
    }

    pub(crate) fn inputs(&self) -> &[Arc<Run>] {
        &self.inputs
    }
}

/// The merge of one kind of records.
pub(crate) struct Merging<R: Record> {
    sources: Vec<Source<R>>,
    tournament: Tournament<R>,
    writer: TreeWriter<R>,
}

impl<R: Record> Merging<R> {
    /// Merges trees, the earlier run first, each with the rows by which its run begins later than
    /// the merged run.
    pub(crate) fn new(trees: impl IntoIterator<Item = (Leaves, u32)>) -> Result<Self, Error> {
        let (mut sources, mut records) = (Vec::new(), 0);
        for (leaves, moved) in trees {
            records += leaves.records();
            let mut source = Source { leaves, moved, records: Vec::new(), at: 0 };
            source.refill()?;
            sources.push(source);
        }
        let ranks = (0_u16..).zip(&sources).map(|(number, source)| source.rank(number));
        let tournament = Tournament::new(ranks.collect());
        Ok(Self { sources, tournament, writer: TreeWriter::new(records) })
    }

    /// The next record of all with the number of its run; `None`: there are no more.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(R, usize)>, Error> {
        let winner = self.tournament.winner;
        if winner == R::NONE_LEFT {
            return Ok(None);
        }
        let number = R::source(winner);
        let source = &mut self.sources[number];
        let record = source.records[source.at].moved(source.moved);
        source.at += 1;
        if source.at == source.records.len() {
            source.refill()?;
        }
        let next = source.rank(narrow::low_short(number));
        self.tournament.replace(number, next);
        Ok(Some((record, number)))
    }

    fn step(&mut self, sink: &mut impl Sink) -> Result<bool, Error> {
        for _ in 0..STEP_RECORDS {
            let Some((record, _)) = self.next()? else { return Ok(true) };
            self.writer.push(record, sink)?;
        }
        Ok(false)
    }

    fn take_writer(&mut self) -> TreeWriter<R> {
        core::mem::replace(&mut self.writer, TreeWriter::new(0))
    }
}

/// Of each run the tree that `tree` gives with its first block.
fn sources(
    inputs: &[Arc<Run>],
    tree: impl Fn(&RunHead) -> (Tree, u32),
) -> impl Iterator<Item = (Leaves, u32)> {
    let first = inputs.first().map_or(0, |run| run.head.first);
    inputs.iter().map(move |run| {
        let (tree, start) = tree(&run.head);
        (Leaves::new(Arc::clone(run), tree, start), narrow::half(run.head.first - first))
    })
}

/// What is left of one run.
struct Source<R> {
    leaves: Leaves,
    /// By how many rows the run begins after the first run.
    moved: u32,
    records: Vec<R>,
    at: usize,
}

impl<R: Record> Source<R> {
    fn refill(&mut self) -> Result<(), Error> {
        self.at = 0;
        self.leaves.next(&mut self.records)
    }

    #[inline]
    fn rank(&self, number: u16) -> R::Rank {
        self.records.get(self.at).map_or(R::NONE_LEFT, |record| record.rank(number))
    }
}

/// Keeps the lowest of several ranks at hand: each inner node holds the loser of its two sides.
struct Tournament<R: Record> {
    winner: R::Rank,
    losers: Vec<R::Rank>,
}

impl<R: Record> Tournament<R> {
    fn new(ranks: Vec<R::Rank>) -> Self {
        let width = ranks.len().next_power_of_two().max(2);
        let mut tournament = Self { winner: R::NONE_LEFT, losers: vec![R::NONE_LEFT; width] };
        let mut winners = vec![R::NONE_LEFT; width];
        winners.extend(ranks);
        winners.resize(2 * width, R::NONE_LEFT);
        for node in (1..width).rev() {
            let (left, right) = (winners[2 * node], winners[2 * node + 1]);
            winners[node] = left.min(right);
            tournament.losers[node] = left.max(right);
        }
        tournament.winner = winners[1];
        tournament
    }

    /// The winner came from `source`; its next rank takes part in its place.
    #[inline]
    fn replace(&mut self, source: usize, rank: R::Rank) {
        let mut winner = rank;
        let mut node = usize::midpoint(self.losers.len(), source);
        while node > 0 {
            let loser = &mut self.losers[node];
            let other = *loser;
            *loser = other.max(winner);
            winner = other.min(winner);
            node /= 2;
        }
        self.winner = winner;
    }
}

/// Writes the run of a chunk: `keys` with their offsets and `terms`, both ascending.
pub(crate) fn write_run(
    disk: &dyn Disk,
    dir: &Path,
    cache: &Arc<Cache>,
    head: RunHead,
    keys: Vec<KeyRecord>,
    terms: impl IntoIterator<Item = TermRecord>,
) -> Result<Run, Error> {
    let path = run_path(dir, head.number);
    let file = disk.open(&path, Access::Create).during("create", &path)?;
    let mut output = Output::new(file, &path, Family::Run, head.number, 0);
    let mut head = head;
    let (mut writer, mut lowest) = (TreeWriter::new(keys.len() as u64), None);
    for record in keys {
        lowest.get_or_insert(record.key);
        head.highest_key = record.key;
        head.burned += u64::from(record.offset == BURNED);
        writer.push(record, &mut output)?;
    }
    head.lowest_key = lowest.unwrap_or(0);
    let (tree, segments) = writer.finish(&mut output)?;
    head.keys = tree;
    let mut writer = TreeWriter::new(0);
    terms.into_iter().try_for_each(|record| writer.push(record, &mut output))?;
    head.terms = writer.finish(&mut output)?.0;
    Run::finish(output, head, segments, dir, cache)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tournament_gives_the_lowest_rank_each_time() {
        for width in 1..20_u64 {
            let mut queues: Vec<Vec<u64>> = (0..width)
                .map(|queue| {
                    let numbers = (0..queue * 3 % 7).map(|i| (i * 37 + queue * 11) % 50);
                    let mut numbers: Vec<u64> = numbers.map(|n| n << 16 | queue).collect();
                    numbers.sort_unstable();
                    numbers
                })
                .collect();
            let mut expected: Vec<u64> = queues.concat();
            expected.sort_unstable();
            let ranks = queues.iter().map(|q| q.first().copied().unwrap_or(u64::MAX)).collect();
            let mut tournament = Tournament::<TermRecord>::new(ranks);
            let mut found = Vec::new();
            while tournament.winner != u64::MAX {
                found.push(tournament.winner);
                let source = TermRecord::source(tournament.winner);
                queues[source].remove(0);
                let next = queues[source].first().copied().unwrap_or(u64::MAX);
                tournament.replace(source, next);
            }
            assert_eq!(found, expected);
        }
    }
}
