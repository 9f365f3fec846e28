//! The log's formats from outside: golden vectors, refusals, hostile bytes, foreign readers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod foreign_notes;
mod golden_notes;
mod keys;
mod notes;
mod policies;
mod receipts;
mod witnesses;
