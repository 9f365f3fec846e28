//! Black-box tests of the gateway, over real sockets and with a real engine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod books;
mod client;
mod shop;
mod upstream;

mod r_list;
