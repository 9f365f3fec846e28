//! The gateway: puts a price on HTTP resources and takes payment for them.
//!
//! [`Paywall`] is the one path of a payment. It stands in front of any service: of an HTTP upstream
//! through [`Forward`], or of a Rust service as a [`PaywallLayer`].
//!
//! Invariants (the delivery rules): nothing is delivered before its payment is durable; nothing is
//! charged that was not delivered; the same payment presented twice gives the same answer, never a
//! second execution and never a second charge.
//!
//! This crate keeps no state of its own that matters: everything durable is the node's. So any
//! number of gateways can serve one node.

mod access;
mod admit;
mod answer;
mod assets;
mod body;
mod case;
mod change;
mod channel_state;
mod code;
mod connect;
mod crawl;
mod deliver;
mod document;
mod forward;
mod free;
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod idempotency;
mod layer;
mod meter;
pub mod node;
mod offer;
mod outcome;
mod page;
mod pass;
mod path;
mod paywall;
mod price;
mod proof;
mod published;
mod request_id;
mod routes;
mod session;
mod shelf;
mod sponsor;
mod stream;
mod tags;
mod tools;
mod visitor;
mod wish;

pub use access::{AccessError, access_key};
pub use answer::problem_of;
pub use assets::{Asset, asset, page};
pub use body::BodyError;
pub use channel_state::of_view as channel_state;
pub use code::{
    CODE_CHARS_MAX, CODE_CHARS_MIN, CODE_OFFERS_COUNT_MAX, Code, CodeBook, PublishedCode, code_id,
};
pub use crawl::{Crawler, CrawlerKeys, Crawlers, DirectoryUrl, DirectoryUrlError};
pub use forward::{Forward, ForwardOptions, UpstreamError, UpstreamFault};
pub use free::{FREE_USES_COUNT_MAX, FREE_WINDOW_SECONDS_MAX, FreeUses};
pub use idempotency::{IdempotencyKeyError, key as idempotency_key};
pub use layer::{PaywallLayer, PaywallService};
pub use meter::{Meter, MeterError, MeterTerms, Tier, Unit};
pub use node::{Node, NodeFacts};
pub use offer::{ChannelSettings, Offer, OfferError, Payees};
pub use outcome::Outcome;
pub use pass::{
    PASS_NAME_BYTES_MAX, PASS_SECONDS_MAX, PASS_USES_COUNT_MAX, PASSES_COUNT_MAX, Pass,
};
pub use path::{PathPattern, PatternError};
pub use paywall::{Origin, Paywall, PaywallOptions};
pub use price::{OwnAmount, PRICE_RULES_COUNT_MAX, PriceRule, SUGGESTED_COUNT_MAX};
pub use published::{
    OFFER_DESCRIPTION_BYTES_MAX, PublishedAmount, PublishedError, PublishedFree, PublishedOffer,
    PublishedPass, PublishedPrice, PublishedShare,
};
pub use request_id::problem_answer;
pub use routes::Routes;
pub use shelf::Shelf;
pub use sponsor::{
    PublishedSponsor, SPONSOR_OFFERS_COUNT_MAX, SPONSOR_TITLE_CHARS_MAX, SiteKey, Sponsor,
    SponsorBook,
};
pub use tools::{TOOL_NAME_BYTES_MAX, Tool, ToolName, ToolNameError};
