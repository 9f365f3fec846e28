//! The outbox against receivers on real sockets.
mod delivery;
mod kill;
mod world;
