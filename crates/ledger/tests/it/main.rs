//! Tests of the ledger: tables, a naive model, and bytes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod codec;
mod many_holds;
mod model;
mod pasts;
mod queries;
mod random;
mod replays;
mod rollbacks;
mod sample;
mod script;
mod snapshots;
mod tables;
