//! Black-box tests of the gateway, over real sockets and with a real engine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bad_input;
mod books;
mod client;
mod codes;
mod crawl;
mod crawl_keys;
mod delivery;
mod far_node;
mod free;
mod metered;
mod metered_channels;
mod metered_failures;
mod metered_node;
mod purse;
mod sessions;
mod shop;
mod streams;
mod upstream;
mod visitors;

mod channel_node;
mod channel_refusals;
mod channels;
mod dialects;
mod hygiene;
mod layer;
mod names;
mod passes;
mod prices;
mod proofs;
mod r_list;
mod r_node;
mod sponsors;
mod tools;
