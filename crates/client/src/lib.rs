//! The Rust SDK of Farthing: a wallet in a file, a payer for priced URLs, and the node's API.
//!
//! [`Payer`] buys what answers `402 Payment Required`; [`Wallet`] keeps the key; [`NodeClient`]
//! speaks to the node.
//!
//! Invariants: one purchase is one signed order, whatever happens on the way: an unknown outcome
//! is met by presenting the same order again, never by signing another; nothing is signed above
//! the limits, for another network or for another request; secrets are never printed.
//!
//! This crate must not hold money or decide on balances: the node does.

mod channel;
mod clock;
mod error;
mod events;
mod limits;
mod log;
mod mandate;
mod node;
mod offer;
mod payer;
mod present;
mod purchases;
mod receipt;
mod request;
mod tab;
mod transport;
mod wallet;

pub use channel::{Channel, Opening};
pub use error::Error;
pub use events::{EventDecoder, EventStream, StreamEvent, TooLong};
pub use limits::{Approve, Limits, Proposed};
pub use log::LogClient;
pub use mandate::Chain;
pub use node::{
    Account, ApiKey, AssetFacts, Books, ChannelFacts, Copyable, Enters, Forgotten, Funded, Listing,
    Listings, Mandate, NodeClient, NodeFacts, PayerAccount, PayerPayment, Receiver, Sums,
};
pub use payer::{Paid, Payer, Quote, Settled};
pub use purchases::{PurchaseName, Purchases};
pub use receipt::{Proof, ReceiptDocument};
pub use request::Request;
pub use tab::{Bill, Tab};
pub use transport::{Answer, Timeouts};
pub use wallet::{Wallet, default_path};
