//! The check of everything that a manifest names, for those who have time.
//!
//! Every block is read. A run is checked by making its trees once more from their records: then
//! order, counts, fences and filters are right if and only if each block is the same. What rows,
//! keys and terms there are comes back as a fingerprint, to be compared with that of the rows as
//! the journal has them. Nothing is changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::Disk;

use crate::block::{self, BLOCK_BYTES, Block, Family, Head};
use crate::cache::Cache;
use crate::error::{Error, OpenError};
use crate::fingerprint::Fingerprint;
use crate::leaves::Leaves;
use crate::manifest::{Manifest, same_shape};
use crate::merge::Merging;
use crate::options::{Schema, Shape};
use crate::record::{BURNED, KeyRecord, Record, TermRecord};
use crate::rows::{RowFiles, has_pair};
use crate::run::Run;
use crate::segments::Segments;
use crate::tree::{Sink, Tree, TreeWriter};

/// Faults after which a check stops.
pub const FAULTS_COUNT_MAX: usize = 100;

const CACHE_BYTES: usize = 1 << 20;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Of the rows and pairs on disk, and of the keys and terms of the runs. Without meaning if
    /// there are faults.
    pub fingerprint: Fingerprint,
    /// What is wrong, each with the file, the block where there is one, and what to do.
    pub faults: Vec<String>,
}

/// Checks all files of an index.
pub fn verify(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    schema: &Schema,
    manifest: &Manifest,
) -> Result<Verified, OpenError> {
    let shape = Shape::new(schema.row_bytes, schema.pair_bytes, manifest.shape.file_blocks)?;
    same_shape(manifest, shape)?;
    let cache = Arc::new(Cache::new(CACHE_BYTES));
    let mut check = Check { faults: Vec::new(), found: Fingerprint::default() };
    let mut runs = Vec::new();
    for head in &manifest.runs {
        match Run::open(&**disk, dir, *head, &cache) {
            Ok(run) => runs.push(Arc::new(run)),
            Err(error) => check.fault(&error),
        }
    }
    for run in &runs {
        check.run(run);
    }
    if check.faults.is_empty() {
        check.keys_are_unique(&runs);
    }
    let files = RowFiles::new(Arc::clone(disk), dir.to_owned(), shape, cache);
    check.rows(schema, manifest, &files);
    Ok(Verified { fingerprint: check.found, faults: check.faults })
}

struct Check {
    faults: Vec<String>,
    found: Fingerprint,
}

impl Check {
    fn fault(&mut self, fault: &dyn ToString) {
        if self.faults.len() < FAULTS_COUNT_MAX {
            self.faults.push(fault.to_string());
        }
    }

    fn run(&mut self, run: &Arc<Run>) {
        let mut found = self.found;
        let head = run.head;
        let (mut burned, mut lowest, mut highest) = (0, None, 0);
        let keys = walk(run, head.keys, 0, |record: KeyRecord| {
            lowest.get_or_insert(record.key);
            highest = record.key;
            if record.offset == BURNED {
                burned += 1;
                found.add_burned(record.key);
            } else {
                found.add_key(record.key, head.first + u64::from(record.offset));
            }
            record.offset == BURNED || u64::from(record.offset) < head.rows()
        });
        let terms = walk(run, head.terms, head.terms_start(), |record: TermRecord| {
            found.add_term(record.term, head.first + u64::from(record.offset));
            u64::from(record.offset) < head.rows()
        });
        let whole = keys.and_then(|segments| {
            terms?;
            segments.write(&mut Compare { run, next: head.segments_start() })?;
            let keys = (burned, lowest.unwrap_or(0), highest);
            if keys == (head.burned, head.lowest_key, head.highest_key) {
                return Ok(());
            }
            Err(run.damaged(head.blocks - 1, "it says another range of keys than there is"))
        });
        match whole {
            Ok(()) => self.found = found,
            Err(error) => self.fault(&error),
        }
    }

    fn keys_are_unique(&mut self, runs: &[Arc<Run>]) {
        if let Err(error) = first_twin(runs).map(|twin| {
            if let Some((path, key)) = twin {
                self.fault(&format!(
                    "{}: key {key:032x} is there twice; the index is damaged; \
                     start with a rebuilt index",
                    path.display()
                ));
            }
        }) {
            self.fault(&error);
        }
    }

    fn rows(&mut self, schema: &Schema, manifest: &Manifest, files: &RowFiles) {
        let mut made = Fingerprint::default();
        let before = self.faults.len();
        for number in 0..manifest.blocks() {
            if let Err(error) = add_block(schema, &manifest.shape, files, number, &mut made) {
                self.fault(&error);
                if self.faults.len() == FAULTS_COUNT_MAX {
                    return;
                }
            }
        }
        let pair_bytes = schema.pair_bytes.max(1);
        let mut pairs = manifest.last_pairs.chunks_exact(pair_bytes);
        let start = manifest.shape.block_start(manifest.rows);
        for (position, row) in (start..).zip(manifest.last_rows.chunks_exact(schema.row_bytes)) {
            made.add_row(schema, position, row, pairs.next());
        }
        if self.faults.len() == before
            && before == 0
            && (made.keys, made.key_sum, made.terms, made.term_sum)
                != (self.found.keys, self.found.key_sum, self.found.terms, self.found.term_sum)
        {
            self.fault(
                &"the runs have other keys or terms than the rows; the index is damaged; \
                 start with a rebuilt index",
            );
        }
        self.found.rows = made.rows;
        self.found.row_sum = made.row_sum;
    }
}

fn add_block(
    schema: &Schema,
    shape: &Shape,
    files: &RowFiles,
    number: u64,
    made: &mut Fingerprint,
) -> Result<(), Error> {
    let rows = files.block(Family::Rows, number)?;
    let has_any = (0..shape.per_block).any(|slot| has_pair(&rows, slot, shape));
    let pairs = if has_any { Some(files.block(Family::Pairs, number)?) } else { None };
    let first = number * shape.per_block as u64;
    let slots = block::content(&rows).chunks_exact(shape.row_bytes).take(shape.per_block);
    for (slot, row) in slots.enumerate() {
        let pair = pairs.as_ref().filter(|_| has_pair(&rows, slot, shape)).map(|pairs| {
            let start = slot * shape.pair_bytes;
            &block::content(pairs)[start..start + shape.pair_bytes]
        });
        made.add_row(schema, first + slot as u64, row, pair);
    }
    Ok(())
}

/// Goes through the records of a tree and makes the tree once more; `is_good` sees each record.
/// Gives back its segments.
fn walk<R: Record>(
    run: &Arc<Run>,
    tree: Tree,
    start: u32,
    mut is_good: impl FnMut(R) -> bool,
) -> Result<Segments, Error> {
    let mut leaves = Leaves::new(Arc::clone(run), tree, start);
    let mut compare = Compare { run, next: start };
    let (mut writer, mut records, mut before) = (TreeWriter::new(tree.records), Vec::new(), None);
    loop {
        leaves.next::<R>(&mut records)?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            if before >= Some(record.order()) || !is_good(*record) {
                return Err(run.damaged(compare.next, "its records are not in order"));
            }
            before = Some(record.order());
            writer.push(*record, &mut compare)?;
        }
    }
    let (made, segments) = writer.finish(&mut compare)?;
    if made == tree {
        return Ok(segments);
    }
    Err(run.damaged(compare.next, "the tree does not end where the footer says"))
}

/// Takes the blocks of a tree and compares them with those on disk.
struct Compare<'a> {
    run: &'a Run,
    next: u32,
}

impl Sink for Compare<'_> {
    fn put(&mut self, head: Head, block: &mut Block) -> Result<u32, Error> {
        let number = self.next;
        block::seal(block, head, self.run.place(number));
        let mut found = [0; BLOCK_BYTES];
        self.run.read_ahead(number, &mut found)?;
        if found != *block {
            return Err(self.run.damaged(number, "it does not follow from the records"));
        }
        self.next += 1;
        Ok(number)
    }
}

/// A key that two runs have, or one run twice, with the path of the run.
fn first_twin(runs: &[Arc<Run>]) -> Result<Option<(PathBuf, u128)>, Error> {
    let trees = runs.iter().map(|run| (Leaves::new(Arc::clone(run), run.head.keys, 0), 0));
    let mut merging = Merging::<KeyRecord>::new(trees)?;
    let mut before = None;
    while let Some((record, source)) = merging.next()? {
        if before == Some(record.key) {
            return Ok(Some((runs[source].path().to_owned(), record.key)));
        }
        before = Some(record.key);
    }
    Ok(None)
}
