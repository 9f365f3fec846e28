//! Tests of the index from outside: what it answers, what survives, what is found out.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "functions that tests share are tests too; their numbers are small"
)]

mod crash;
mod damage;
mod format;
mod gate;
mod model;
mod reopen;
mod threads;
mod world;
