//! The two threads behind an index: one writes sealed chunks, one merges runs.
//!
//! They own nothing; all they do is a change of the shared state at a time. However one of them
//! ends, nobody waits for it for ever. The merging thread
//! goes on with the smallest merge first, so that a large one never lets small runs pile up.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::error::Error;
use crate::merge::Merge;
use crate::store::{Job, State, Store};

/// Unmerged runs, in multiples of the fan-out, beyond which no chunk is written.
const UNMERGED_FAN_OUTS: usize = 6;

type Work = fn(&Store) -> Result<(), Error>;

/// Starts both threads. They end when the state is closing or failed.
pub(crate) fn start(store: &Arc<Store>) -> io::Result<Vec<JoinHandle<()>>> {
    let works: [(&'static str, Work); 2] = [("index-write", write_all), ("index-merge", merge_all)];
    let mut threads = Vec::new();
    for (name, work) in works {
        let store = Arc::clone(store);
        threads.push(thread::Builder::new().name(name.into()).spawn(move || {
            let watch = Watch { store: &store, name };
            if let Err(error) = work(watch.store) {
                store.fail(&error);
            }
        })?);
    }
    Ok(threads)
}

/// Stops the index when its thread panics: others wait for what that thread will never do.
struct Watch<'a> {
    store: &'a Store,
    name: &'static str,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.store.fail(&format!("the thread {} has panicked", self.name));
        }
    }
}

/// All merges that are due, one after the other.
pub(crate) fn merge_due(store: &Store) -> Result<(), Error> {
    while let Some(mut merge) = store.start_merge(&[])? {
        while !merge.step()? {}
        store.finish_merge(merge)?;
    }
    Ok(())
}

/// Writes chunks; on closing, those that are sealed already first.
fn write_all(store: &Store) -> Result<(), Error> {
    while let Some(job) = next_job(store) {
        store.flush(job)?;
    }
    Ok(())
}

fn next_job(store: &Store) -> Option<Job> {
    let mut state = store.lock();
    loop {
        if state.failed.is_some() {
            return None;
        }
        let unmerged_max = UNMERGED_FAN_OUTS * store.options.fan_out;
        if state.is_closing || state.unmerged() < unmerged_max {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.is_closing {
                return None;
            }
        }
        state = store.wait(state);
    }
}

fn merge_all(store: &Store) -> Result<(), Error> {
    // At most one of each level, the lowest level last.
    let mut merges: Vec<(u8, Merge)> = Vec::new();
    loop {
        if is_ending(&store.lock()) {
            return Ok(());
        }
        let busy: Vec<u8> = merges.iter().map(|(level, _)| *level).collect();
        if let Some(merge) = store.start_merge(&busy)? {
            let level = merge.inputs()[0].head.level;
            merges.push((level, merge));
            merges.sort_by_key(|(level, _)| core::cmp::Reverse(*level));
        }
        let Some((_, merge)) = merges.last_mut() else {
            wait_for_runs(store);
            continue;
        };
        if merge.step()?
            && let Some((_, merge)) = merges.pop()
        {
            store.finish_merge(merge)?;
        }
    }
}

fn wait_for_runs(store: &Store) {
    let mut state = store.lock();
    while !is_ending(&state) && state.due(store.options.fan_out, &[]).is_none() {
        state = store.wait(state);
    }
}

fn is_ending(state: &State) -> bool {
    state.is_closing || state.failed.is_some()
}
