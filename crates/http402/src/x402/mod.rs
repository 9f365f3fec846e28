//! The x402 dialect, versions 2 and 1, on network `farthing:<node>`: schemes `exact`, `upto` and
//! `batch-settlement`; version 1 has `exact` only.
//!
//! Format: the x402 specification and "In x402" of `docs/reference/formats.md`. Version 2 carries
//! its messages as base64 of JSON in headers, version 1 its challenge as JSON in the body.
//!
//! Invariant: both versions read into the same types, so the rest of the system knows neither.

mod carrier;
mod channel;
pub mod discovery;
pub mod extensions;
mod facilitator;
mod payload;
mod required;
mod requirements;
mod scheme;
mod settlement;

use http::HeaderName;
use money::NodeId;

pub use carrier::{COOKIE_NAME, decode_payment};
pub use channel::{ChannelStateJson, VoucherJson};
pub use facilitator::{
    FacilitatorRequest, SupportedKind, SupportedResponse, VerifyResponse,
    decode_facilitator_request,
};
pub use payload::{Payment, decode_payload};
pub use required::{PaymentRequired, payment_required, v1_members};
pub use requirements::{
    Mismatch, PaymentRequirements, accepts, check_accepted, check_echo, pass_members, requirements,
    state_members,
};
pub use scheme::Scheme;
pub use settlement::{
    ChannelSettlement, PaymentState, Refusal, SettleResponse, Settlement, encode_settle_response,
};

use crate::error::Part;
use crate::presented::Dialect;

/// Opening of the network name; the node's id follows.
pub const NETWORK_PREFIX: &str = "farthing:";
/// Largest header or cookie that is read, in bytes of base64.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Largest body of a request to the facilitator.
pub const FACILITATOR_BODY_BYTES_MAX: usize = 64 * 1024;

/// Response header with the challenge of version 2.
pub const PAYMENT_REQUIRED: HeaderName = HeaderName::from_static("payment-required");
/// Request header with the payment of version 2.
pub const PAYMENT_SIGNATURE: HeaderName = HeaderName::from_static("payment-signature");
/// Response header with the settlement of version 2.
pub const PAYMENT_RESPONSE: HeaderName = HeaderName::from_static("payment-response");
/// Request header with the payment of version 1.
pub const X_PAYMENT: HeaderName = HeaderName::from_static("x-payment");
/// Response header with the settlement of version 1.
pub const X_PAYMENT_RESPONSE: HeaderName = HeaderName::from_static("x-payment-response");

impl Dialect {
    /// The protocol version of x402 as it stands in messages; 0 for MPP, which has none.
    pub const fn version(self) -> u8 {
        match self {
            Self::Mpp => 0,
            Self::X402V2 => 2,
            Self::X402V1 => 1,
        }
    }

    /// Request header that carries a payment.
    pub const fn payment_header(self) -> HeaderName {
        match self {
            Self::Mpp => http::header::AUTHORIZATION,
            Self::X402V2 => PAYMENT_SIGNATURE,
            Self::X402V1 => X_PAYMENT,
        }
    }

    /// Response header that carries the settlement.
    pub const fn response_header(self) -> HeaderName {
        match self {
            Self::Mpp => crate::mpp::PAYMENT_RECEIPT,
            Self::X402V2 => PAYMENT_RESPONSE,
            Self::X402V1 => X_PAYMENT_RESPONSE,
        }
    }

    pub(crate) const fn part(self) -> Part {
        match self {
            Self::Mpp => Part::Authorization,
            Self::X402V2 => Part::PaymentSignature,
            Self::X402V1 => Part::XPayment,
        }
    }
}

/// The network's name, `farthing:` and the node's id without its prefix.
pub fn network_name(node: NodeId) -> String {
    let mut name = String::with_capacity(NETWORK_PREFIX.len() + 26);
    name.push_str(NETWORK_PREFIX);
    name.push_str(&node.network_reference());
    name
}

/// Reads a network's name; `None` if it is not one of this kind.
pub fn parse_network(name: &str) -> Option<NodeId> {
    NodeId::from_network_reference(name.strip_prefix(NETWORK_PREFIX)?).ok()
}
