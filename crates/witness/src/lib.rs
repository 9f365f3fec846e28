//! Witnessing over HTTP: a witness that cosigns the checkpoints of logs, and a log's side of it.
//!
//! [`Witness`] judges requests by [`tlog::witness::decide`] and keeps in its [`Store`] what it
//! cosigned last; [`server`] puts it on HTTP; [`client`] asks witnesses for cosignatures.
//!
//! Invariants: a cosignature leaves only after its head is durable; what was cosigned once is never
//! taken back, whatever order requests come in and wherever the process or the power ends; a
//! signature that the client hands out was verified. Source: C2SP tlog-witness.
//!
//! It must not read a clock: the time comes from its caller.

pub mod client;
mod digest;
mod keeper;
pub mod server;
pub mod store;

pub use keeper::{AddError, Clock, LOGS_COUNT_MAX, SetupError, Witness};
pub use store::{OpenError, Start, Store};
