//! Webhooks: events of the node, signed, kept in an outbox until their receivers have taken them.
//!
//! [`start`] follows a [`Source`] of events on a thread of its own and delivers on the runtime. Each
//! endpoint has a cursor in `webhook.sqlite`; what it passes becomes deliveries in the same transaction,
//! so nothing is lost when the process ends at any moment, and what is sent twice has the same id.
//!
//! Invariants: at least once, in the order of events as far as receivers answer; payments never wait
//! for a receiver; no private address is called. It must not decide on payments.

mod address;
mod endpoint;
mod exchange;
mod follow;
mod handle;
mod lane;
mod notice;
mod outbox;
mod render;
mod sample;
mod schedule;
mod sign;
mod source;
mod store;

pub use address::is_public;
pub use endpoint::{Disabled, Endpoint, EndpointError, Replaced};
pub use follow::{EngineSource, registered};
pub use handle::{FILE, Handle, Options, StartError, Unavailable, start};
pub use notice::{API_VERSION, Audience, EVENT_NAMES, Notice, PING, event_name};
pub use outbox::Report;
pub use render::notice_of;
pub use sample::sample;
pub use seal::{NoRandomness, Seal, SealError};
pub use sign::{Scheme, Secret, SecretError, signatures};
pub use source::{Page, Registered, Source};
pub use store::{Delivery, DeliveryPage, Reader, State, StoreError};
