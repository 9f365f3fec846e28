//! Farthing's tools for agents, over the Model Context Protocol (version 2026-07-28, earlier ones by
//! negotiation): find what is for sale, ask its price, pay for it, look at the budget.
//!
//! Over standard input and output for an agent on the same machine, and over HTTP without sessions
//! for one that is not.
//!
//! Invariants: one purchase key is one purchase, however often, from wherever and how many at a time
//! it is asked for; nothing is paid above the limit of the call, of the server, or of the wallet's own
//! budget at the node; no tool reveals a key; what a seller sent is marked as a stranger's words.
//!
//! This crate must not sign or decide what an order says: the payer of `client` does.

mod agent;
mod budget;
mod content;
mod http;
mod refusal;
mod server;
mod shapes;

pub use agent::{Agent, AgentOptions};
pub use http::{HttpOptions, router};
pub use server::{ServeError, serve_stdio};
