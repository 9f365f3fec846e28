//! What the index and its threads share: the files, and which of them hold what at present.
//!
//! Rows move one way: from a sealed chunk into files, then the runs into larger runs. A reader
//! takes one view and finds every row in it exactly once. The first error of a thread stops all.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use disk::{Disk, During, numbered};

use crate::block::Family;
use crate::cache::Cache;
use crate::chunk::Chunk;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::merge::{Merge, write_run};
use crate::narrow;
use crate::options::{Options, Schema, Shape};
use crate::rows::RowFiles;
use crate::run::{RUN_ROWS_MAX, Run, RunHead};
use crate::sort;
use crate::tree::Tree;

/// Blocks of runs that are merged at most, far below what a block number can say.
const MERGE_BLOCKS_MAX: u64 = 1 << 31;
/// Why an index answers nothing that was not stopped by an error.
pub(crate) const CLOSED: &str = "it was closed";
/// Chunks whose memory is kept for the next ones.
const SPARE_CHUNKS: usize = 2;

/// The shared part of an index.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) schema: Schema,
    pub(crate) shape: Shape,
    pub(crate) options: Options,
    pub(crate) cache: Arc<Cache>,
    pub(crate) rows: RowFiles,
    /// Held for moments, never while a file is touched.
    state: Mutex<State>,
    /// Told of every change of the state.
    changed: Condvar,
}

/// What changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) view: Arc<View>,
    /// Sealed chunks that nobody has begun to write.
    pub(crate) jobs: VecDeque<Job>,
    next_number: u64,
    /// Runs that are being written and belong to no view yet.
    writing: Vec<u64>,
    /// The first error, for good.
    pub(crate) failed: Option<String>,
    pub(crate) is_closing: bool,
    spare: Vec<Chunk>,
}

/// Where the rows are that were sealed.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// Oldest first.
    pub(crate) sealed: Vec<Arc<Chunk>>,
    /// Oldest first; together they cover all rows before the sealed chunks.
    pub(crate) runs: Vec<Arc<Run>>,
}

/// A sealed chunk to be written.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) chunk: Arc<Chunk>,
    /// Gets the state of the index when the chunk is durable.
    pub(crate) done: SyncSender<Manifest>,
}

impl Store {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        schema: Schema,
        shape: Shape,
        options: Options,
    ) -> Self {
        let cache = Arc::new(Cache::new(options.cache_bytes));
        let rows = RowFiles::new(Arc::clone(&disk), dir.clone(), shape, Arc::clone(&cache));
        let state = State {
            view: Arc::default(),
            jobs: VecDeque::new(),
            next_number: 0,
            writing: Vec::new(),
            failed: None,
            is_closing: false,
            spare: Vec::new(),
        };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        Self { disk, dir, schema, shape, options, cache, rows, state, changed }
    }

    /// Begins with the runs of a manifest.
    pub(crate) fn load(&self, runs: Vec<Arc<Run>>, next_number: u64) {
        let mut state = self.lock();
        state.view = Arc::new(View { sealed: Vec::new(), runs });
        state.next_number = next_number;
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change of the state.
    pub(crate) fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody that the state has changed.
    pub(crate) fn tell(&self) {
        self.changed.notify_all();
    }

    /// What is where now; an error if the index has stopped.
    pub(crate) fn view(&self) -> Result<Arc<View>, Error> {
        let state = self.lock();
        state.running()?;
        Ok(Arc::clone(&state.view))
    }

    /// Stops the index for good.
    pub(crate) fn fail(&self, cause: &impl ToString) {
        let mut state = self.lock();
        state.failed.get_or_insert_with(|| cause.to_string());
        // Those who wait for the manifests learn of it by this.
        state.jobs.clear();
        drop(state);
        self.tell();
    }

    /// An empty chunk, with the memory of an earlier one if there is some.
    pub(crate) fn spare(&self) -> Chunk {
        self.lock().spare.pop().unwrap_or_default()
    }

    /// Makes a sealed chunk durable, and a part of what is on disk.
    pub(crate) fn flush(&self, job: Job) -> Result<(), Error> {
        let run = if job.chunk.is_empty(&self.shape) {
            None
        } else {
            // The cause has to be known before the one who waits for the manifest is let go.
            Some(self.write(&job).inspect_err(|error| self.fail(error))?)
        };
        let mut state = self.lock();
        if let Some(run) = run {
            state.writing.retain(|number| *number != run.head.number);
            let view = Arc::make_mut(&mut state.view);
            view.runs.push(Arc::new(run));
            view.sealed.retain(|chunk| !Arc::ptr_eq(chunk, &job.chunk));
        } else {
            Arc::make_mut(&mut state.view).sealed.retain(|chunk| !Arc::ptr_eq(chunk, &job.chunk));
        }
        // Nobody may be waiting for it.
        let _ = job.done.try_send(self.manifest(&state, &job.chunk));
        // What is not kept is dropped when the lock is free again: that takes its time.
        let mut unused = Arc::into_inner(job.chunk);
        if state.spare.len() < SPARE_CHUNKS {
            state.spare.extend(unused.take());
        }
        drop(state);
        self.tell();
        Ok(())
    }

    fn write(&self, job: &Job) -> Result<Run, Error> {
        let chunk = &*job.chunk;
        self.rows.write(chunk)?;
        let head = RunHead {
            number: self.lock().take_number(),
            level: 0,
            first: chunk.first(),
            end: chunk.end(&self.shape),
            keys: Tree::default(),
            burned: 0,
            lowest_key: 0,
            highest_key: 0,
            terms: Tree::default(),
            blocks: 0,
        };
        let keys = chunk.keys().sorted();
        let terms = chunk.sorted_terms(&self.schema);
        let terms = terms.into_iter().map(sort::unpack);
        let run = write_run(&*self.disk, &self.dir, &self.cache, head, keys, terms)?;
        self.disk.sync_folder(&self.dir).during("sync folder", &self.dir)?;
        Ok(run)
    }

    /// The state when exactly the rows up to the end of `chunk` are on disk.
    fn manifest(&self, state: &State, chunk: &Chunk) -> Manifest {
        let end = chunk.end(&self.shape);
        let last = self.shape.block_start(end)..end;
        Manifest {
            shape: self.shape,
            rows: end,
            next_number: state.next_number,
            last_rows: chunk.rows(last.clone(), &self.shape).to_vec(),
            last_pairs: chunk.pairs(last, &self.shape).to_vec(),
            runs: state.view.runs.iter().map(|run| run.head).collect(),
        }
    }

    /// Begins the merge that is due for the lowest level that is not in `busy`.
    pub(crate) fn start_merge(&self, busy: &[u8]) -> Result<Option<Merge>, Error> {
        let (inputs, number) = {
            let mut state = self.lock();
            let Some(inputs) = state.due(self.options.fan_out, busy) else { return Ok(None) };
            (inputs, state.take_number())
        };
        Merge::start(&*self.disk, &self.dir, inputs, number).map(Some)
    }

    /// Makes a merged run durable and puts it in place of the runs it was made of.
    pub(crate) fn finish_merge(&self, merge: Merge) -> Result<(), Error> {
        let inputs: Vec<Arc<Run>> = merge.inputs().to_vec();
        let run = merge.finish(&self.dir, &self.cache)?;
        self.disk.sync_folder(&self.dir).during("sync folder", &self.dir)?;
        let mut state = self.lock();
        state.writing.retain(|number| *number != run.head.number);
        let view = Arc::make_mut(&mut state.view);
        let at = view.runs.iter().position(|run| Arc::ptr_eq(run, &inputs[0])).unwrap_or(0);
        view.runs.splice(at..at + inputs.len(), [Arc::new(run)]);
        drop(state);
        self.tell();
        Ok(())
    }

    /// Removes runs that are neither in use nor in `manifests`.
    pub(crate) fn keep_only(&self, manifests: &[&Manifest]) -> Result<(), Error> {
        let found = numbered(&*self.disk, &self.dir, Family::Run.ending())?;
        // The state is looked at after the folder: a file that is begun later is not in the list.
        let state = self.lock();
        if state.is_closing {
            return Err(Error::Stopped { cause: CLOSED.to_owned() });
        }
        let (view, writing) = (Arc::clone(&state.view), state.writing.clone());
        drop(state);
        let mut needed: Vec<u64> = view.runs.iter().map(|run| run.head.number).collect();
        needed.extend(writing);
        needed.extend(manifests.iter().flat_map(|m| m.runs.iter().map(|run| run.number)));
        for (number, path) in found {
            if !needed.contains(&number) {
                self.disk.remove(&path).during("remove", &path)?;
            }
        }
        Ok(())
    }
}

impl State {
    /// An error if the index has stopped.
    pub(crate) fn running(&self) -> Result<(), Error> {
        match &self.failed {
            Some(cause) => Err(Error::Stopped { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    /// Runs that were never merged.
    pub(crate) fn unmerged(&self) -> usize {
        self.view.runs.iter().rev().take_while(|run| run.head.level == 0).count()
    }

    fn take_number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.writing.push(number);
        number
    }

    /// The oldest `fan_out` runs of the lowest level that has as many and is not busy.
    pub(crate) fn due(&self, fan_out: usize, busy: &[u8]) -> Option<Vec<Arc<Run>>> {
        let runs = &self.view.runs;
        let mut end = runs.len();
        while let Some(level) = end.checked_sub(1).map(|last| runs[last].head.level) {
            let start =
                end - runs[..end].iter().rev().take_while(|r| r.head.level == level).count();
            let rows: u64 = runs[start..end].iter().take(fan_out).map(|run| run.head.rows()).sum();
            let blocks: u64 =
                runs[start..end].iter().take(fan_out).map(|r| u64::from(r.head.blocks)).sum();
            let fits = rows < RUN_ROWS_MAX && blocks < MERGE_BLOCKS_MAX;
            if end - start >= fan_out && fits && !busy.contains(&level) {
                return Some(runs[start..start + fan_out].to_vec());
            }
            end = start;
        }
        None
    }
}

/// A limit of rows fits into what offsets can say.
const _: () = assert!(narrow::low(RUN_ROWS_MAX) as u64 == RUN_ROWS_MAX);
