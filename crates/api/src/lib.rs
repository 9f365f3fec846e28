//! The node's HTTP API: accounts and payers, channels, receipts, the x402 facilitator, the catalogue of what
//! is for sale, the wallet's pages, and the delivery steps for gateways apart from the node.
//!
//! Format: `docs/reference/http-api.md` and `docs/reference/formats.md`.
//!
//! Invariants: private data is given only to who proves the key or token; every refusal is a
//! problem document with a stable code (the facilitator answers in the words of x402); bad input is
//! never a server error; every input has a size limit. Money moves only through the engine.
//!
//! This crate must not decide on payments, keep state of its own, or open a socket.

mod about;
mod account_list;
mod accounts;
mod app;
mod authority;
mod body;
mod catalogue;
mod channel_steps;
mod channels;
mod clock;
mod codes;
mod deliveries;
mod docs;
mod envelope;
mod etag;
mod events;
mod facilitator;
mod faucet;
mod fund;
mod idempotency;
mod keys;
mod llms;
mod log;
mod mandates;
mod monitor;
mod node;
mod offers;
mod openapi;
mod operator;
mod page;
mod pages;
mod payer;
mod payment_list;
mod payments;
mod payouts;
mod proof;
mod query;
mod receipt;
mod refunds;
mod refused;
mod reports;
mod router;
mod sandbox;
mod schema;
mod segment;
mod session;
mod settings;
mod sponsors;
mod statements;
mod transfers;
mod webhook_endpoints;

pub use admission::{AddressRange, AddressRangeError, Admission, Peer, Rate, Rates};
pub use clock::TestClock;
pub use log::{LogFailure, LogReport, NodeLog, WitnessReport, log_url};
pub use monitor::{
    Backlog, Certificate, Monitor, SiteTraffic, Traffic, Watched, gateway_metrics_router,
    metrics_router,
};
pub use node::{Node, Token};
pub use payouts::settle_payouts;
pub use router::{openapi_json, router};
