//! The index itself: one owner appends, everybody who can reach it reads.
//!
//! Reads are exact: they see every row that was appended, on disk or not. The index never asks
//! whether a key is new when it takes a row; that is the caller's part, by [`Index::find`].

use core::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use disk::{Access, Disk, During, create_folder, numbered};

use crate::block::Family;
use crate::cache::Cache;
use crate::chunk::Chunk;
use crate::error::{Error, OpenError};
use crate::lookup::{self, Wanted};
use crate::manifest::{Manifest, same_shape};
use crate::options::{Options, Schema, Shape};
use crate::query;
use crate::reader::Reader;
use crate::record::Found;
use crate::run::{Run, open_whole};
use crate::store::{CLOSED, Job, Store, View};
use crate::threads;

/// Sealed chunks that may wait to be written.
const SEALED_CHUNKS: usize = 2;

/// Rows on disk, found by their position, by key and by term.
///
/// Dropping it writes the chunks that are sealed already and gives up what is not sealed.
#[derive(Debug)]
pub struct Index {
    store: Arc<Store>,
    chunk: Chunk,
    highest_key: Option<u128>,
    threads: Vec<JoinHandle<()>>,
}

/// Removes files of an index, from any thread: large files take their time to go.
#[derive(Debug, Clone)]
pub struct Keeper(Arc<Store>);

impl Keeper {
    /// As [`Index::keep_only`]; an error once the index is dropped.
    pub fn keep_only(&self, manifests: &[&Manifest]) -> Result<(), Error> {
        self.0.keep_only(manifests)
    }
}

/// A promise of the state up to a seal.
#[derive(Debug)]
pub struct Sealed {
    store: Arc<Store>,
    done: Receiver<Manifest>,
}

impl Sealed {
    /// Waits until every row and burned key up to the seal is durable, and names the files that
    /// hold exactly those. An error if the index has stopped before.
    pub fn manifest(self) -> Result<Manifest, Error> {
        self.done.recv().map_err(|_| {
            let cause = self.store.lock().failed.clone();
            Error::Stopped { cause: cause.unwrap_or_else(|| CLOSED.to_owned()) }
        })
    }
}

impl Index {
    /// An empty index in `dir`; an index that is there is removed.
    pub fn create(
        disk: Arc<dyn Disk>,
        dir: &Path,
        schema: Schema,
        options: Options,
    ) -> Result<Self, OpenError> {
        let shape = shape(&schema, &options)?;
        create_folder(&*disk, dir)?;
        for family in [Family::Run, Family::Rows, Family::Pairs] {
            for (_, path) in numbered(&*disk, dir, family.ending())? {
                disk.remove(&path).during("remove", &path)?;
            }
        }
        let store = Store::new(disk, dir.to_owned(), schema, shape, options);
        Self::begin(store, Chunk::default(), None)
    }

    /// The index exactly as `manifest` says. Its files must be there and long enough, and the runs
    /// must say of themselves what the manifest says of them; blocks are checked when they are
    /// read. Files are removed that neither it nor `keep` names; a manifest of `keep` with more
    /// rows does not count, for the index goes on from here.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        schema: Schema,
        options: Options,
        manifest: &Manifest,
        keep: &[Manifest],
    ) -> Result<Self, OpenError> {
        let shape = shape(&schema, &options)?;
        same_shape(manifest, shape)?;
        create_folder(&*disk, dir)?;
        let store = Store::new(disk, dir.to_owned(), schema, shape, options);
        let runs = open_files(&*store.disk, dir, manifest, &store.cache)?;
        remove_others(&store, manifest, keep)?;
        let highest = runs
            .iter()
            .filter(|run| run.head.keys.records > 0)
            .map(|run| run.head.highest_key)
            .max();
        store.load(runs, manifest.next_number);
        let mut chunk = Chunk::default();
        chunk.begin(manifest.rows, &shape, &manifest.last_rows, &manifest.last_pairs);
        Self::begin(store, chunk, highest)
    }

    /// Whether [`Index::open`] would find the files as `manifest` says. Nothing is removed, so that
    /// somebody with several indexes can ask for all before one of them is opened.
    pub fn probe(
        disk: &dyn Disk,
        dir: &Path,
        schema: &Schema,
        options: &Options,
        manifest: &Manifest,
    ) -> Result<(), OpenError> {
        same_shape(manifest, shape(schema, options)?)?;
        open_files(disk, dir, manifest, &Arc::new(Cache::new(0))).map(drop)
    }

    fn begin(store: Store, chunk: Chunk, highest_key: Option<u128>) -> Result<Self, OpenError> {
        let store = Arc::new(store);
        let threads = if store.options.background {
            threads::start(&store).map_err(OpenError::Thread)?
        } else {
            Vec::new()
        };
        Ok(Self { store, chunk, highest_key, threads })
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        self.chunk.end(&self.store.shape)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds rows, with the pairs beside them, all or none; a pair of zeros counts as none. The
    /// caller has made sure that their keys are new.
    pub fn append(&mut self, rows: &[u8], pairs: Option<&[u8]>) -> Result<(), Error> {
        let Store { schema, shape, .. } = &*self.store;
        let highest = self.chunk.append(schema, shape, rows, pairs)?;
        self.highest_key = self.highest_key.max(highest);
        Ok(())
    }

    /// Remembers a key that has no row and must never have one.
    pub fn burn(&mut self, key: u128) -> Result<(), Error> {
        self.chunk.burn(key);
        self.highest_key = self.highest_key.max(Some(key));
        Ok(())
    }

    /// What a key belongs to. A key above all that were ever seen is answered at once.
    pub fn find(&self, key: u128) -> Result<Option<Found>, Error> {
        if Some(key) > self.highest_key {
            return Ok(None);
        }
        if let Some(found) = self.chunk.find(key) {
            return Ok(Some(found));
        }
        lookup::one(&*self.store.view()?, key)
    }

    /// Appends to `found` what each of `keys` belongs to. For thousands of keys without an order
    /// this takes a fraction of the time that as many calls of [`Index::find`] take.
    pub fn find_many(&self, keys: &[u128], found: &mut Vec<Option<Found>>) -> Result<(), Error> {
        let start = found.len();
        let mut wanted = Vec::new();
        for (at, key) in (start..).zip(keys) {
            let is_above = Some(*key) > self.highest_key;
            let answer = if is_above { None } else { self.chunk.find(*key) };
            if !is_above && answer.is_none() {
                wanted.push(Wanted { key: *key, at });
            }
            found.push(answer);
        }
        if wanted.is_empty() {
            return Ok(());
        }
        lookup::many(&*self.store.view()?, &mut wanted, found)
    }

    /// Copies the row at a position; `row` has the size of a row.
    pub fn row(&self, position: u64, row: &mut [u8]) -> Result<(), Error> {
        self.in_range(position)?;
        fits(row.len(), self.store.schema.row_bytes)?;
        let shape = &self.store.shape;
        if position >= self.chunk.base() {
            row.copy_from_slice(self.chunk.row(position, shape));
            return Ok(());
        }
        match sealed(&*self.store.view()?, position) {
            Some(chunk) => row.copy_from_slice(chunk.row(position, shape)),
            None => self.store.rows.row(position, row)?,
        }
        Ok(())
    }

    /// Appends the rows of a range of positions to `rows`: one look at each block.
    pub fn rows(&self, positions: Range<u64>, rows: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(last) = positions.end.checked_sub(1)
            && !positions.is_empty()
        {
            self.in_range(last)?;
        }
        let shape = &self.store.shape;
        let view = self.store.view()?;
        let Range { start: mut next, end } = positions;
        while next < end {
            let chunk =
                if next >= self.chunk.base() { Some(&self.chunk) } else { sealed(&view, next) };
            next += match chunk {
                Some(chunk) => {
                    let until = end.min(chunk.end(shape));
                    rows.extend_from_slice(chunk.rows(next..until, shape));
                    until - next
                }
                None => self.store.rows.rows_of_block(next, end - next, rows)?,
            };
        }
        Ok(())
    }

    /// Copies the pair beside the row at a position; false: it has none, and `pair` is as it was.
    pub fn pair(&self, position: u64, pair: &mut [u8]) -> Result<bool, Error> {
        self.in_range(position)?;
        fits(pair.len(), self.store.schema.pair_bytes)?;
        let shape = &self.store.shape;
        let view;
        let chunk = if position >= self.chunk.base() {
            &self.chunk
        } else {
            view = self.store.view()?;
            match sealed(&view, position) {
                Some(chunk) => chunk,
                None => return self.store.rows.pair(position, pair),
            }
        };
        let found = chunk.pairs(position..position + 1, shape);
        let has_pair = found.iter().any(|byte| *byte != 0);
        if has_pair {
            pair.copy_from_slice(found);
        }
        Ok(has_pair)
    }

    /// The positions `within` of rows that have a term: descending or ascending, none twice, at
    /// most `limit`. Other rows may be among them, if their terms agree in 40 bits.
    pub fn positions(
        &self,
        term: u64,
        within: Range<u64>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<u64>, Error> {
        let view = self.store.view()?;
        let within = within.start..within.end.min(self.len());
        let mut found = Vec::new();
        if within.is_empty() {
            return Ok(found);
        }
        let in_memory = view.sealed.len() + 1;
        let sources = view.runs.len() + in_memory;
        for at in 0..sources {
            let at = if newest_first { sources - 1 - at } else { at };
            let room = limit - found.len();
            if room == 0 {
                break;
            }
            if let Some(run) = view.runs.get(at) {
                query::positions(run, term, &within, newest_first, room, &mut found)?;
                continue;
            }
            let chunk = view.sealed.get(at - view.runs.len()).map_or(&self.chunk, |chunk| chunk);
            if within.end > chunk.first() && within.start < chunk.end(&self.store.shape) {
                let schema = &self.store.schema;
                chunk.positions(term, within.clone(), newest_first, room, schema, &mut found);
            }
        }
        Ok(found)
    }

    /// Whether it is time for a seal.
    pub fn is_chunk_full(&self) -> bool {
        self.len() - self.chunk.first() >= self.store.options.chunk_rows as u64
    }

    /// Whether a seal would have to wait now. A chunk may go on beyond its size meanwhile.
    pub fn would_seal_wait(&self) -> bool {
        let state = self.store.lock();
        state.failed.is_none() && state.view.sealed.len() >= SEALED_CHUNKS
    }

    /// Hands the rows since the last seal on to be written. Waits while two sealed chunks are not
    /// written yet. Without a background all is written, and what is due merged, before it returns.
    pub fn seal(&mut self) -> Result<Sealed, Error> {
        let store = &*self.store;
        let mut state = store.lock();
        while state.failed.is_none() && state.view.sealed.len() >= SEALED_CHUNKS {
            state = store.wait(state);
        }
        state.running()?;
        drop(state);
        let end = self.len();
        let last = store.shape.block_start(end)..end;
        let mut next = store.spare();
        let rows = self.chunk.rows(last.clone(), &store.shape);
        next.begin(end, &store.shape, rows, self.chunk.pairs(last, &store.shape));
        let chunk = Arc::new(core::mem::replace(&mut self.chunk, next));
        let (sender, done) = sync_channel(1);
        let job = Job { chunk: Arc::clone(&chunk), done: sender };
        let mut state = store.lock();
        // A job that comes after the threads have ended would be waited for without end.
        state.running()?;
        Arc::make_mut(&mut state.view).sealed.push(chunk);
        if store.options.background {
            state.jobs.push_back(job);
            drop(state);
            store.tell();
        } else {
            drop(state);
            store
                .flush(job)
                .and_then(|()| threads::merge_due(store))
                .inspect_err(|error| store.fail(error))?;
        }
        Ok(Sealed { store: Arc::clone(&self.store), done })
    }

    /// Removes files that neither these manifests nor the present index need. A manifest that is
    /// to be opened later has to be among them.
    pub fn keep_only(&self, manifests: &[&Manifest]) -> Result<(), Error> {
        self.store.keep_only(manifests)
    }

    /// Does the same from another thread. No call of it may be under way when the index is dropped
    /// and the folder is opened again.
    pub fn keeper(&self) -> Keeper {
        Keeper(Arc::clone(&self.store))
    }

    /// Reads what is sealed, from any thread.
    pub fn reader(&self) -> Reader {
        Reader(Arc::clone(&self.store))
    }

    fn in_range(&self, position: u64) -> Result<(), Error> {
        let len = self.len();
        if position < len { Ok(()) } else { Err(Error::BeyondEnd { position, len }) }
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.store.lock().is_closing = true;
        self.store.tell();
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing more to say; what it did not write is not there.
            let _ = thread.join();
        }
    }
}

pub(crate) fn sealed(view: &View, position: u64) -> Option<&Chunk> {
    view.sealed.iter().rev().find(|chunk| position >= chunk.base()).map(|chunk| &**chunk)
}

fn shape(schema: &Schema, options: &Options) -> Result<Shape, OpenError> {
    options.check()?;
    Shape::new(schema.row_bytes, schema.pair_bytes, options.file_blocks)
}

/// Opens the runs, after a look at all files that the manifest names.
fn open_files(
    disk: &dyn Disk,
    dir: &Path,
    manifest: &Manifest,
    cache: &Arc<Cache>,
) -> Result<Vec<Arc<Run>>, OpenError> {
    for file in manifest.files() {
        open_whole(disk, &dir.join(&file.name), Access::Read, file.bytes)?;
    }
    let runs = manifest.runs.iter();
    runs.map(|head| Run::open(disk, dir, *head, cache).map(Arc::new)).collect()
}

fn remove_others(store: &Store, manifest: &Manifest, keep: &[Manifest]) -> Result<(), OpenError> {
    let kept = || keep.iter().filter(|kept| kept.rows <= manifest.rows).chain([manifest]);
    let is_kept = |number: u64| kept().any(|m| m.runs.iter().any(|run| run.number == number));
    let row_files = manifest.blocks().div_ceil(u64::from(store.shape.file_blocks));
    for family in [Family::Run, Family::Rows, Family::Pairs] {
        for (number, path) in numbered(&*store.disk, &store.dir, family.ending())? {
            let needed = match family {
                Family::Run => is_kept(number),
                Family::Rows | Family::Pairs => number < row_files,
            };
            if !needed {
                store.disk.remove(&path).during("remove", &path)?;
            }
        }
    }
    Ok(())
}

fn fits(given: usize, expected: usize) -> Result<(), Error> {
    if given == expected {
        return Ok(());
    }
    Err(Error::Misshapen { rows_bytes: given, pairs_bytes: expected })
}
