//! A presented payment: what one request offers as payment, after its dialect was decoded.
//!
//! Invariant: a value of [`Presented`] is well formed, nothing more. Its signature, price, purchase
//! and freshness are unchecked, and nothing here may suggest otherwise.

use instrument::channel::{ChannelTerms, Close, SignedVoucher, Tick, TopUp};
use instrument::{Signed, SignedOrder};
use money::{ChannelId, NodeId};

use crate::mpp::EchoedChallenge;
use crate::x402::PaymentRequirements;

/// The dialect that a payment was worded in; the answer is worded in the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// x402, protocol version 2.
    X402V2,
    /// x402, protocol version 1.
    X402V1,
    /// The authentication scheme `Payment`.
    Mpp,
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
    /// What pays.
    pub instrument: Instrument,
    /// The terms that the payer echoes; only x402 version 2 has them.
    pub accepted: Option<PaymentRequirements>,
    /// The resource that the payer names. A claim: an order's purchase digest is what binds.
    pub resource_url: Option<String>,
    /// Identifier chosen by the payer, 16 to 128 characters `A-Za-z0-9_-`.
    pub payment_identifier: Option<String>,
    /// The challenge that the payer echoes; only MPP has it, always.
    pub mpp: Option<EchoedChallenge>,
}

/// What a payer presents to pay with, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instrument {
    /// One payment.
    Order {
        /// The signed order.
        order: SignedOrder,
        /// The order's amount is a maximum: what is charged is known after the work.
        up_to: bool,
    },
    /// Opens a channel and pays with its first voucher.
    Open {
        /// The signed terms.
        terms: Box<Signed<ChannelTerms>>,
        /// The first voucher.
        voucher: SignedVoucher,
    },
    /// Pays from an open channel.
    Voucher(SignedVoucher),
    /// Pays from an open channel with links of its hash chain.
    Tick {
        /// The channel.
        channel: ChannelId,
        /// The newest link.
        tick: Tick,
    },
    /// Raises the deposit of an open channel, and pays if there is a voucher.
    TopUp {
        /// The signed top-up.
        top_up: Signed<TopUp>,
        /// The voucher that goes with it.
        voucher: Option<SignedVoucher>,
    },
    /// Closes a channel.
    Close(Signed<Close>),
}

impl Instrument {
    /// One payment of exactly the price.
    pub fn exact(order: SignedOrder) -> Self {
        Self::Order { order, up_to: false }
    }

    /// The order, if one order pays.
    pub fn order(&self) -> Option<&SignedOrder> {
        match self {
            Self::Order { order, .. } => Some(order),
            _ => None,
        }
    }
}
