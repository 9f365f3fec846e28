//! What payees and operators look at: income over time, lists of payments, statements, the file for
//! payouts.
//!
//! The read model is a `SQLite` file that follows the engine's events on a thread of its own. It is
//! a cache: deleted, it is built again; behind, it says how far. Statements do not come from it but
//! from the ledger itself, so that their columns sum to the balance.
//!
//! Invariants: payments never wait for a report; a query reads a whole transaction of the feed and
//! never half an event; sums are whole base units. *Never*: decides anything, is the only copy of
//! anything.

mod bank;
mod calendar;
mod events;
mod fact;
mod follow;
pub mod money_text;
mod query;
mod statement;
mod store;
mod xml;

pub use bank::{BankFileError, CreditTransfer, Party, PartyError, pain001, payable};
pub use calendar::{Step, TimeZone, day_begin_ms, steps, time_zone};
pub use events::EngineEvents;
pub use fact::{Fact, Income, Payment, Refund};
pub use follow::{Facts, Follower, Handle, Progress, Source, SourceError, follow};
pub use query::{
    Dimension, Edges, IncomeBucket, IncomeQuery, IncomeRow, IncomeValue, Listed, ListedState,
    PaymentsPage, PaymentsQuery, QueryError, RefundRow, Totals,
};
pub use statement::{
    Head, Line, LineKind, PAYOUT_CODE, Statement, StatementError, StatementFormat, Sums,
};
pub use store::{Reader, StoreError, Writer};
