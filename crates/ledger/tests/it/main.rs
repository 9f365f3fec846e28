//! Tests of the ledger: tables, a naive model, and bytes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod model;
mod queries;
mod random;
mod script;
mod tables;
