//! A presented payment: what one request offers as payment, after its dialect was decoded.
//!
//! Invariant: a value of [`Presented`] is well formed, nothing more. Its signature, price, purchase
//! and freshness are unchecked, and nothing here may suggest otherwise.

use instrument::SignedOrder;
use money::NodeId;

use crate::x402::PaymentRequirements;

/// The dialect that a payment was worded in; the answer is worded in the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// x402, protocol version 2.
    X402V2,
    /// x402, protocol version 1.
    X402V1,
}

/// What carried a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// A request header.
    Header,
    /// The cookie that the 402 page sets; cleared in the answer if the payment is refused.
    Cookie,
    /// The body of a request to the facilitator.
    Body,
}

/// A payment as presented, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// How it was worded.
    pub dialect: Dialect,
    /// What carried it.
    pub carrier: Carrier,
    /// The node that the payer names outside of the order.
    pub network: NodeId,
    /// The signed order.
    pub order: SignedOrder,
    /// The terms that the payer echoes; only x402 version 2 has them.
    pub accepted: Option<PaymentRequirements>,
    /// The resource that the payer names. A claim: the order's purchase digest is what binds.
    pub resource_url: Option<String>,
    /// Identifier chosen by the payer, 16 to 128 characters `A-Za-z0-9_-`.
    pub payment_identifier: Option<String>,
}
