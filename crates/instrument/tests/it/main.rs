//! The signed formats from outside: golden vectors, refusals, hostile bytes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod channels;
mod golden;
mod golden_channels;
mod hostile;
mod machine;
mod machine_model;
mod refused;
mod requests;
mod sound;
mod ticks;
mod vectors;
mod verdict;
