//! The outbox against receivers on real sockets.

#![expect(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod delivery;
mod kill;
mod world;
