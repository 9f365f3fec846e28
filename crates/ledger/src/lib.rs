//! The double-entry ledger: a deterministic state machine over accounts and transfers.
//!
//! Invariants: for each asset the debits equal the credits, posted and pending; no account passes
//! its limit; a transfer never changes or vanishes; a pending transfer is resolved at most once;
//! the same events with the same timestamps give the same statuses and the same bytes of state.
//! They are asserted at every write and again when a snapshot is read. A panic of this crate means
//! that an invariant or a caller's promise about timestamps is broken: stop, do not go on.
//!
//! This crate must not do I/O, read a clock, draw randomness, use floating point or be async.
#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions)]

mod accounts;
mod batch;
mod books;
mod check;
mod codec;
mod event;
mod resolution;
mod snapshot;
mod state;
mod status;
mod transfers;

pub use books::Ledger;
pub use check::Broken;
pub use codec::DecodeError;
pub use event::{AMOUNT_MAX, Account, Kind, Limit, Transfer};
pub use state::{AccountState, PendingState, Totals, TransferState};
pub use status::{CreateAccountStatus, CreateTransferStatus};
