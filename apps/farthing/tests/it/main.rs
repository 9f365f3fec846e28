//! The program from outside: real processes, real folders, exit codes and words.

#![expect(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod keep;
mod refused;
mod world;
