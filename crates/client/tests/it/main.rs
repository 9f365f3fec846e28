//! The client against scripted sellers and nodes, over real sockets.
#![expect(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod once;
mod pay;
mod shop;
mod unknown;
mod wallet;
