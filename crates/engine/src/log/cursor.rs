//! How much of the state the log has been given.

use crate::log::Part;
use crate::state::State;

/// Rows and epoch records that were given already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    rows: u64,
    epochs: usize,
}

impl Cursor {
    /// Behind the first `leaves` leaves.
    pub(crate) fn at_leaf(state: &State, leaves: u64) -> Self {
        let epochs = state.log.epochs_before(leaves);
        Self { rows: leaves - epochs as u64, epochs }
    }

    /// Behind everything.
    pub(crate) fn at_end(state: &State) -> Self {
        Self { rows: state.ledger.past().0.len(), epochs: state.log.epochs.len() }
    }

    /// Rows that were given.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// What follows, at most so many rows at a time; nothing at the end.
    pub(crate) fn take(&mut self, state: &State, rows_max: u64) -> Result<Vec<Part>, index::Error> {
        let all = state.ledger.past().0.len();
        let mut parts = Vec::new();
        let mut left = rows_max;
        loop {
            let mark = state.log.epochs.get(self.epochs);
            let until =
                mark.map_or(all, |mark| mark.rows_before).min(self.rows.saturating_add(left));
            if until > self.rows {
                let mut rows = Vec::new();
                state.ledger.past().0.rows(self.rows..until, &mut rows)?;
                parts.push(Part::Rows(rows));
                left -= until - self.rows;
                self.rows = until;
            }
            match mark {
                Some(mark) if mark.rows_before == self.rows => {
                    parts.push(Part::Epoch(mark.entry.clone()));
                    self.epochs += 1;
                }
                _ => return Ok(parts),
            }
        }
    }
}
