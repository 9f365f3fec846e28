//! The oracle: what the node must answer and remember, in naive code.
//!
//! `books` and `rules` are the ledger, `answers` the questions about its past, `payments` the way
//! from an order to transfers, `channels` and `requests` that of a channel, and `explain` compares: the answers that clients got and the changes
//! that the node reports must follow from the requests in their order. After a crash the requests
//! without an answer must have been taken as a whole up to one of them, and not beyond.
//!
//! Nothing here uses the engine's or the ledger's decisions, only their types.

mod answers;
mod books;
mod channel;
mod channel_money;
mod channels;
mod explain;
mod mandates;
mod model;
mod payments;
mod refunds;
mod requests;
mod rules;
mod stream;

pub use books::{Books, Happened};
pub use channel_money::{CHANNEL_CODE, UNSETTLED_MAX};
pub use explain::{Exchange, explain};
pub use mandates::SeenMandate;
pub use model::Model;
pub use stream::{Stream, link_below};

#[cfg(test)]
mod tests;
