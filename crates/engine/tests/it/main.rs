//! The engine from outside: refusals, payments, copies, mandates, restarts, faults, kills.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "functions that tests share are tests too"
)]

mod errors;
mod faults;
mod kill;
mod life;
mod mandates;
mod precedence;
mod replay;
mod restart;
mod world;
