//! The node's API over a real engine in a temporary folder.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod about;
mod accounts;
mod catalogue;
mod channel_steps;
mod channels;
mod facilitator;
mod facilitator_channel;
mod facilitator_upto;
mod frame;
mod hostile;
mod log;
mod mandates;
mod money;
mod openapi;
mod operator;
mod pages;
mod payer;
mod payments;
mod proofs;
mod receipts;
mod repeats;
mod sandbox;
mod transfers;
mod webhooks;
mod world;
