//! Payments that a signed HTTP request authorizes: what the payer signs is the signature base of
//! its request (RFC 9421), and the order follows from it.
//!
//! Invariants: the order's id is derived from the base, so one signed request is one payment,
//! however often it is presented; a base begins with a quotation mark and a statement with its tag,
//! so neither can stand for the other. That the base allows the order's amount is for the caller to
//! check: this module reads no HTTP.

use core::fmt;

use money::OrderId;
use sha2::{Digest, Sha256};

use crate::hex::{Hex, parse_32};
use crate::key::{Signature, payer_account};
use crate::layout::tag;
use crate::order::{Order, VerifiedOrder};

/// SHA-256 of the signature base of a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestDigest(pub [u8; 32]);

impl fmt::Debug for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

/// 64 lowercase hex digits.
impl fmt::Display for RequestDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl RequestDigest {
    /// The digest of a signature base.
    pub fn of(base: &[u8]) -> Self {
        Self(Sha256::digest(base).into())
    }

    /// Reads 64 lowercase hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        parse_32(text).map(Self)
    }

    /// The id of the order that the request stands for.
    pub fn order_id(&self) -> OrderId {
        let digest =
            Sha256::new().chain_update(tag("farthing/request/1")).chain_update(self.0).finalize();
        OrderId::from_digest(&digest.into())
    }
}

/// Why a request does not authorize an order. In order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestOrderError {
    /// A request speaks for the key that signs it, never for somebody who permitted it.
    #[error("an order that a request authorizes names no mandate")]
    Mandate,
    /// Only the signer's own account pays.
    #[error("the request's signer does not own the payer account of the order")]
    Payer,
    /// Statements of other kinds are no requests.
    #[error("the signed bytes are not the signature base of a request")]
    Base,
    /// The id must be the one that follows from the base.
    #[error("the order's id does not follow from the signed request")]
    OrderId,
    /// The signature does not fit.
    #[error("the signature does not fit the request and key")]
    Signature,
}

impl RequestOrderError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Mandate => "request_order_mandate",
            Self::Payer => "request_order_payer",
            Self::Base => "request_order_base",
            Self::OrderId => "request_order_id",
            Self::Signature => "request_signature",
        }
    }
}

impl VerifiedOrder {
    /// The order that a signed request stands for. `base` is the request's signature base and
    /// `signature` that of the order's signer over it, checked strictly.
    pub fn by_request(
        order: Order,
        base: &[u8],
        signature: &Signature,
    ) -> Result<Self, RequestOrderError> {
        if order.mandate.is_some() {
            return Err(RequestOrderError::Mandate);
        }
        if payer_account(&order.signer, order.amount.asset()) != order.payer {
            return Err(RequestOrderError::Payer);
        }
        if base.first() != Some(&b'"') {
            return Err(RequestOrderError::Base);
        }
        let digest = RequestDigest::of(base);
        if digest.order_id() != order.id {
            return Err(RequestOrderError::OrderId);
        }
        order.signer.verify(base, signature).map_err(|_| RequestOrderError::Signature)?;
        Ok(Self::of_request(order, *signature, digest))
    }
}
