//! Rows of one size on disk, found by position, by key and by term, in bounded memory.
//!
//! Rows are appended in one dense order and never change. Each has keys, which no other row has,
//! and terms, which it may share with others. The newest rows are in memory; a sealed chunk of
//! them is sorted and written by a thread, another merges what was written. Formats, merging and
//! the rules for a crash are in `docs/internals/index.md`.
//!
//! An index is a copy of what a journal keeps: it never repairs itself, and damage is named, so
//! that it can be built anew. It must not interpret rows; what their keys and terms are is told by
//! a [`Schema`].

mod block;
mod cache;
mod chunk;
mod error;
mod filter;
mod fingerprint;
mod index;
mod keys;
mod leaves;
mod lookup;
mod manifest;
mod merge;
mod narrow;
mod options;
mod output;
mod query;
mod reader;
mod recent;
mod record;
mod rows;
mod run;
mod search;
mod segments;
mod sort;
mod store;
mod threads;
mod tree;
mod verify;

pub use error::{DecodeError, Error, OpenError};
pub use fingerprint::Fingerprint;
pub use index::{Index, Keeper, Sealed};
pub use manifest::{Manifest, NamedFile};
pub use options::{CHUNK_ROWS_MAX, FAN_OUT_MAX, FILE_BLOCKS_MAX, Options, Schema};
pub use reader::Reader;
pub use record::Found;
pub use rows::OPEN_FILES_COUNT_MAX;
pub use verify::{FAULTS_COUNT_MAX, Verified, verify};
