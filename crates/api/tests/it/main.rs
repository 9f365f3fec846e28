//! The node's API over a real engine in a temporary folder.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod about;
mod accounts;
mod catalogue;
mod channel_steps;
mod channels;
mod codes;
mod facilitator;
mod facilitator_channel;
mod facilitator_upto;
mod frame;
mod hostile;
mod keys;
mod log;
mod mandates;
mod money;
mod monitor;
mod offers;
mod openapi;
mod operator;
mod pages;
mod payer;
mod payments;
mod proofs;
mod receipts;
mod repeats;
mod sandbox;
mod session;
mod signed_out;
mod sponsors;
mod transfers;
mod webhooks;
mod world;
