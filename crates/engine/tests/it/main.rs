//! The engine from outside: refusals, payments, copies, mandates, restarts, faults, kills.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "functions that tests share are tests too"
)]

mod batches;
mod channels;
mod denial;
mod errors;
mod extremes;
mod facts;
mod faults;
mod figures;
mod formats;
mod hostile;
mod hung_up;
mod index;
mod keep;
mod kill;
mod kill_channels;
mod life;
mod log;
mod machine;
mod mandates;
mod mixture;
mod model;
mod precedence;
mod questions;
mod rebuilt;
mod replay;
mod requests;
mod restart;
mod snapshots;
mod trees;
mod world;
