//! The journal from outside: order, recovery, refusal, limits, kills.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "functions that tests share are tests too"
)]

mod append;
mod damage;
mod inspect;
mod kill;
mod memory;
mod power;
mod reopen;
mod snapshot;
mod torn;
mod world;
