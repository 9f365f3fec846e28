//! The MPP dialect: the HTTP authentication scheme `Payment`, method `farthing`, intents `charge`
//! (one order) and `session` (a channel).
//!
//! Format: draft-httpauth-payment-00 and "In MPP" of `docs/reference/formats.md`. A challenge is a
//! line of `WWW-Authenticate`, a payment is a credential in `Authorization` that echoes it, a
//! receipt is a header or the last event of a stream.
//!
//! Invariant: a challenge is bound to its terms by a keyed digest, so that the server keeps no
//! challenges, and an echo counts only if the digest and the terms of the offer fit it. This module
//! must not decide whether a payment is good, and it never repeats a credential in an error.

mod accept;
mod bind;
mod challenge;
mod credential;
mod message;
mod offered;
mod payload;
mod problem;
mod quoted;
mod receipt;
mod request;
mod snapshot;

use http::HeaderName;

pub use accept::{ACCEPT_PAYMENT_BYTES_MAX, AcceptPayment};
pub use bind::{ChallengeSecret, EchoedChallenge};
pub use challenge::{ChallengeContext, EchoError, challenges, check_echo};
pub use credential::{decode_payment, strip_credential};
pub use message::{challenges_to_message, credential_from_message};
pub use offered::{CHALLENGES_COUNT_MAX, Offered, OfferedList, credential_header};
pub use problem::{problem_members, problem_type};
pub use receipt::{
    EVENT_NEED_VOUCHER, EVENT_RECEIPT, NeedVoucher, ReadReceipt, Receipt, SessionReceipt,
};
pub(crate) use request::currency;
pub use request::{ChargeRequest, SessionRequest, Terms};
pub use snapshot::SessionSnapshot;

/// The payment method: accounts of one node.
pub const METHOD: &str = "farthing";
/// The authentication scheme.
pub const SCHEME: &str = "Payment";
/// Largest credential that is read, in bytes of its header.
pub const CREDENTIAL_BYTES_MAX: usize = 16 * 1024;
/// Largest challenge that a payer reads, in bytes of its header line.
pub const CHALLENGE_BYTES_MAX: usize = 16 * 1024;

/// The same as challenges name it.
const ALTERNATE_HEADER: &str = "Payment-Authorization";
/// Request header of a credential where `Authorization` is taken.
pub const PAYMENT_AUTHORIZATION: HeaderName = HeaderName::from_static("payment-authorization");
/// Request header that says which methods and intents a payer takes.
pub const ACCEPT_PAYMENT: HeaderName = HeaderName::from_static("accept-payment");
/// Response header with the receipt.
pub const PAYMENT_RECEIPT: HeaderName = HeaderName::from_static("payment-receipt");
/// Header that names a channel: of a request, to be told where it stands; of the answer that tells.
pub const PAYMENT_SESSION: HeaderName = HeaderName::from_static("payment-session");
/// Response header with where the named channel stands.
pub const PAYMENT_SESSION_SNAPSHOT: HeaderName =
    HeaderName::from_static("payment-session-snapshot");

/// How a purchase is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// One order pays one purchase.
    Charge,
    /// A channel pays many, with vouchers or ticks.
    Session,
}

impl Intent {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Session => "session",
        }
    }

    /// Reads the name on the wire; `None` if it is another intent.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Charge, Self::Session].into_iter().find(|intent| intent.name() == name)
    }
}
