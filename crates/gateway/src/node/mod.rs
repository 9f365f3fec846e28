//! The node as a gateway sees it: in the same process, or over HTTP.
//!
//! Both ways are the same steps with the same answers; whatever keeps a payment from happening twice
//! is decided by the node alone.

mod channels;
mod list;
mod remote;
pub mod wire;

use engine::{
    Authorize, AuthorizeError, Authorized, ClaimToken, Clock, Count, CountError, Counted, Engine,
    Opened, Outcome, PaymentView, ReleaseError, SettleError,
};
use money::{NodeId, PaymentId};
use serde::{Deserialize, Serialize};

pub use list::List;
pub use remote::{RemoteError, RemoteNode};

/// What a gateway must know of its node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// The node's id.
    pub node: NodeId,
    /// Where payers reach the node, without a slash at the end.
    pub url: String,
}

/// A node.
#[derive(Debug, Clone)]
pub enum Node {
    /// In this process.
    Local(Engine),
    /// Behind its HTTP API.
    Remote(RemoteNode),
}

impl Node {
    /// The clock that orders are checked against, or this machine's where the node is apart.
    pub fn now_ms(&self) -> u64 {
        match self {
            Self::Local(engine) => engine.clock().now_ms(),
            Self::Remote(_) => engine::SystemClock.now_ms(),
        }
    }

    /// See [`Engine::authorize`]. With an order that a signed request authorized goes the request's
    /// signature base, so that a node that is apart can check it again.
    pub async fn authorize(
        &self,
        command: Authorize,
        base: Option<String>,
    ) -> Result<Authorized, AuthorizeError> {
        match self {
            Self::Local(engine) => engine.authorize(command).await,
            Self::Remote(node) => node.authorize(command, base).await,
        }
    }

    /// See [`Engine::hold`].
    pub async fn hold(
        &self,
        payment: PaymentId,
        claim: ClaimToken,
        seconds: u32,
    ) -> Result<(), AuthorizeError> {
        match self {
            Self::Local(engine) => engine.hold(payment, claim, seconds).await,
            Self::Remote(node) => node.hold(payment, claim, seconds).await,
        }
    }

    /// See [`Engine::charge`].
    pub async fn charge(
        &self,
        payment: PaymentId,
        claim: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<PaymentView, AuthorizeError> {
        match self {
            Self::Local(engine) => engine.charge(payment, claim, outcome).await,
            Self::Remote(node) => node.charge(payment, claim, outcome).await,
        }
    }

    /// See [`Engine::settle`].
    pub async fn settle(
        &self,
        payment: PaymentId,
        units: Option<u128>,
        outcome: Option<Outcome>,
        durable_outcome: bool,
    ) -> Result<PaymentView, SettleError> {
        match self {
            Self::Local(engine) => engine.settle(payment, units, outcome, durable_outcome).await,
            Self::Remote(node) => node.settle(payment, units, outcome, durable_outcome).await,
        }
    }

    /// The file that proves a settled payment's first leg, payee opened and payer closed; or why there
    /// is none, in words.
    pub async fn proof(&self, payment: PaymentId) -> Result<String, String> {
        match self {
            Self::Local(engine) => {
                let receipt = engine.payment_receipt(payment, 0, Opened::PAYEE).await;
                match receipt.map_err(|why| why.to_string())? {
                    Some(receipt) => Ok(receipt.to_string()),
                    None => Err("nothing was paid".to_owned()),
                }
            }
            Self::Remote(node) => node.proof(payment).await,
        }
    }

    /// See [`Engine::count`].
    pub async fn count(&self, count: Count) -> Result<Counted, CountError> {
        match self {
            Self::Local(engine) => engine.count(count).await,
            Self::Remote(node) => node.count(count).await,
        }
    }

    /// See [`Engine::release`].
    pub async fn release(
        &self,
        payment: PaymentId,
        claim: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<(), ReleaseError> {
        match self {
            Self::Local(engine) => engine.release(payment, claim, outcome).await,
            Self::Remote(node) => node.release(payment, claim, outcome).await,
        }
    }
}
