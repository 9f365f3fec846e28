//! What the state knows of the log: whose it is, and where epoch records stand among the rows.
//!
//! Invariant: a leaf of a row has the index of its row, plus the number of epoch records before it.

use std::sync::Arc;

use super::State;
use super::apply::{Broken, broken};
use crate::codec::{Decoder, Encoder, Malformed};

/// An epoch record among the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EpochMark {
    /// How many rows stand before it.
    pub rows_before: u64,
    /// The entry of its leaf.
    pub entry: Arc<[u8]>,
}

/// The log's part of the state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LogBook {
    /// The log's public key with its origin, once the books have a log.
    pub vkey: Option<String>,
    /// In their order.
    pub epochs: Vec<EpochMark>,
}

impl LogBook {
    /// Epoch records with the index of their leaves.
    pub(crate) fn marks(&self) -> impl Iterator<Item = (u64, &EpochMark)> {
        self.epochs.iter().zip(0..).map(|(mark, before)| (mark.rows_before + before, mark))
    }

    /// How many of the first `leaves` leaves are epoch records.
    pub(crate) fn epochs_before(&self, leaves: u64) -> usize {
        self.marks().take_while(|(leaf, _)| *leaf < leaves).count()
    }

    /// How many leaves there are with so many rows.
    pub(crate) fn leaves(&self, rows: u64) -> u64 {
        rows + self.epochs.len() as u64
    }

    /// The leaf of a row.
    pub(crate) fn leaf_of(&self, row: u64) -> u64 {
        row + self.epochs.partition_point(|mark| mark.rows_before <= row) as u64
    }

    /// The row of a leaf; `None` if it is an epoch record.
    pub(crate) fn row_of(&self, leaf: u64) -> Option<u64> {
        let mut before = 0;
        for (at, _) in self.marks() {
            match at.cmp(&leaf) {
                std::cmp::Ordering::Less => before += 1,
                std::cmp::Ordering::Equal => return None,
                std::cmp::Ordering::Greater => break,
            }
        }
        Some(leaf - before)
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.option(self.vkey.as_ref(), |out, vkey| out.str(vkey));
        out.len(self.epochs.len());
        for mark in &self.epochs {
            out.u64(mark.rows_before);
            out.bytes(&mark.entry);
        }
    }

    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let vkey = from.option(|from| Ok(from.str()?.to_owned()))?;
        let mut book = Self { vkey, epochs: Vec::new() };
        for _ in 0..from.len()? {
            let rows_before = from.u64()?;
            if book.epochs.last().is_some_and(|last| last.rows_before > rows_before) {
                return Err(Malformed("order of epoch records"));
            }
            book.epochs.push(EpochMark { rows_before, entry: from.bytes()?.into() });
        }
        Ok(book)
    }
}

impl State {
    /// Epoch records in the log.
    pub fn epochs(&self) -> u64 {
        self.log.epochs.len() as u64
    }

    pub(super) fn open_log(&mut self, vkey: &str) -> Result<(), Broken> {
        if self.log.vkey.as_deref() == Some(vkey) {
            return Err(broken("log opened", "the books have this log"));
        }
        self.log.vkey = Some(vkey.to_owned());
        Ok(())
    }

    pub(super) fn record_epoch(&mut self, entry: &Arc<[u8]>) -> Result<(), Broken> {
        if self.log.vkey.is_none() {
            return Err(broken("epoch recorded", "the books have no log"));
        }
        let rows_before = self.ledger.past().0.len();
        self.log.epochs.push(EpochMark { rows_before, entry: Arc::clone(entry) });
        Ok(())
    }
}
