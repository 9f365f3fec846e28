//! The engine from outside: refusals, payments, copies, mandates, restarts, faults, kills.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "functions that tests share are tests too"
)]

mod denial;
mod errors;
mod faults;
mod formats;
mod hostile;
mod keep;
mod kill;
mod life;
mod machine;
mod mandates;
mod model;
mod precedence;
mod replay;
mod restart;
mod snapshots;
mod world;
