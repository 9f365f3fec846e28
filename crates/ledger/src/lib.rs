//! The double-entry ledger: a deterministic state machine over accounts and transfers.
//!
//! Invariants: for each asset the debits equal the credits, posted and pending; no account passes
//! its limit; a transfer never changes or vanishes; a pending transfer is resolved at most once;
//! the same events with the same timestamps give the same statuses and the same bytes of state.
//! They are asserted at every write and again when a snapshot is read. A panic of this crate means
//! that an invariant or a caller's promise about timestamps is broken: stop, do not go on.
//!
//! The semantics are those of the `TigerBeetle` documentation, with an asset in the place of its
//! `ledger` number. Imported events, which bring a timestamp from the past, are not supported: no
//! event has a flag for it, and their statuses do not exist here.
//!
//! This crate must not do I/O, read a clock, draw randomness, use floating point or be async.
#![deny(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions)]

mod accounts;
mod batch;
mod books;
mod call;
mod check;
mod chunks;
mod codec;
mod commit;
mod event;
mod hold;
mod holds;
mod lists;
mod lookup;
mod memory;
mod past;
mod places;
mod postings;
mod query;
mod replay;
mod resident;
mod resolution;
mod row;
mod seek;
mod slots;
mod snapshot;
mod state;
mod status;
mod term;
mod transfers;

pub use accounts::ACCOUNTS_MAX;
pub use books::Ledger;
pub use check::Broken;
pub use codec::DecodeError;
pub use event::{AMOUNT_MAX, Account, Kind, Limit, Sides, Transfer};
pub use memory::Memory;
pub use past::{Fresh, Known, Past, pair_of};
pub use postings::Totals;
pub use query::{
    Asked, BalancesAt, Change, ChangeKind, Changes, Cursor, Filter, Order, PAGE_ROWS_MAX, Page,
    QueryError, Rows,
};
pub use replay::{Fault, ReplayError};
pub use resident::{ASSETS_MAX, Resident};
pub use row::{ROW_BYTES, Row, RowKind};
pub use slots::Seed;
pub use state::{AccountState, Balances, PendingState, Standing, TransferState};
pub use status::{CreateAccountStatus, CreateTransferStatus};
pub use term::{keys, terms};
