//! The binary from outside: real processes, real sockets, real folders.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod buyer;
mod process;
mod shop;
mod upstream;
mod world;

mod cli;
mod hosts;
mod keep;
mod kill;
mod kill_points;
mod log;
mod mirror;
mod offers;
mod operate;
mod refused;
mod replicas;
mod seal;
mod serve;
mod smoke;
mod smuggling;
mod tls;
mod verify;
mod witness;
