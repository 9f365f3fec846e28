//! Reading from any thread: the rows that were sealed.
//!
//! The newest rows are in a chunk that its owner alone can see. What a reader sees only grows.

use core::ops::Range;
use std::sync::Arc;

use crate::error::Error;
use crate::index::sealed;
use crate::store::{Store, View};

/// Reads sealed rows by position, from any thread; cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader(pub(crate) Arc<Store>);

impl Reader {
    /// The position behind the last row that can be read. It may be a little before the last seal:
    /// of a chunk that was written, the rows of its last block are with the owner again if they do
    /// not fill it.
    pub fn end(&self) -> Result<u64, Error> {
        Ok(self.end_of(&*self.0.view()?))
    }

    fn end_of(&self, view: &View) -> u64 {
        let shape = &self.0.shape;
        match (view.sealed.last(), view.runs.last()) {
            (Some(chunk), _) => chunk.end(shape),
            (None, Some(run)) => shape.block_start(run.head.end),
            (None, None) => 0,
        }
    }

    /// Appends the rows of a range of positions to `rows`: one look at each block.
    pub fn rows(&self, positions: Range<u64>, rows: &mut Vec<u8>) -> Result<(), Error> {
        let store = &*self.0;
        let view = store.view()?;
        let len = self.end_of(&view);
        if positions.end > len {
            return Err(Error::BeyondEnd { position: positions.end.saturating_sub(1), len });
        }
        let Range { start: mut next, end } = positions;
        while next < end {
            next += match sealed(&view, next) {
                Some(chunk) => {
                    let until = end.min(chunk.end(&store.shape));
                    rows.extend_from_slice(chunk.rows(next..until, &store.shape));
                    until - next
                }
                None => store.rows.rows_of_block(next, end - next, rows)?,
            };
        }
        Ok(())
    }
}
