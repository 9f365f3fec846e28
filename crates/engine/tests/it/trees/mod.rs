//! Mandates that are passed on: chains, refusals, pauses, windows of days and months.

#![expect(clippy::large_types_passed_by_value, reason = "the cases read better by value")]

mod chains;
mod model;
mod refusals;
mod windows;

use engine::{GrantError, MandateView, PauseError, RevokeError};
use instrument::{Limits, Pause, Payees, Revocation, Signed, TreeMandate, UNLIMITED, Verified};
use money::MandateId;

use crate::world::{Buy, START_MS, World, key, node, payer, usd};

pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A mandate and the key numbers behind it.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub granter: u8,
    pub delegate: u8,
    pub terms: TreeMandate,
}

/// Wide in every respect.
pub fn wide() -> Limits {
    Limits {
        per_payment: UNLIMITED,
        per_day: UNLIMITED,
        per_month: UNLIMITED,
        total: UNLIMITED,
        unit_price: None,
        expires_at_ms: START_MS + 400 * DAY_MS,
        depth: 7,
        payees: Payees::ANY,
        audience: None,
    }
}

impl Link {
    /// From payer `owner` to the key of the same number plus 100.
    pub fn root(salt: u8, owner: u8, limits: Limits) -> Self {
        let delegate = owner + 100;
        let terms = TreeMandate {
            node: node(),
            salt: [salt; 16],
            parent: None,
            payer: payer(owner),
            granter: key(owner).public(),
            delegate: key(delegate).public(),
            asset: usd(),
            limits,
        };
        Self { granter: owner, delegate, terms }
    }

    /// Passed on to another key.
    pub fn child(&self, salt: u8, delegate: u8, limits: Limits) -> Self {
        let terms = TreeMandate {
            salt: [salt; 16],
            parent: Some(self.id()),
            granter: self.terms.delegate,
            delegate: key(delegate).public(),
            limits,
            ..self.terms
        };
        Self { granter: self.delegate, delegate, terms }
    }

    pub fn id(&self) -> MandateId {
        self.terms.id()
    }

    pub fn verified(&self) -> Verified<TreeMandate> {
        let granter = key(self.granter);
        Signed::sign(self.terms, &granter).verify_with(&granter.public()).unwrap()
    }

    /// A purchase of the delegate's.
    pub fn buy(&self, order: u128, amount: u128) -> Buy {
        let mut buy = Buy::new(order, amount);
        buy.signer = self.delegate;
        buy.order.signer = self.terms.delegate;
        buy.order.payer = self.terms.payer;
        buy.order.mandate = Some(self.id());
        buy
    }
}

impl World {
    pub async fn chain(&self, links: &[Link]) -> Result<(), GrantError> {
        let chain = links.iter().map(Link::verified).collect();
        self.engine.grant_chain(chain, "agent".to_owned()).await
    }

    pub async fn pause(
        &self,
        link: &Link,
        by: u8,
        sequence: u64,
        paused: bool,
    ) -> Result<(), PauseError> {
        let statement = Pause { node: node(), mandate: link.id(), sequence, paused };
        let key = key(by);
        let signed = Signed::sign(statement, &key).verify_with(&key.public()).unwrap();
        self.engine.pause(signed, key.public()).await
    }

    pub async fn end(&self, link: &Link, by: u8) -> Result<(), RevokeError> {
        let statement = Revocation { node: node(), mandate: link.id() };
        let key = key(by);
        let signed = Signed::sign(statement, &key).verify_with(&key.public()).unwrap();
        self.engine.revoke(signed, key.public()).await
    }

    pub async fn mandate(&self, link: &Link) -> Option<MandateView> {
        let (id, now_ns) = (link.id(), engine::Clock::now_ns(&self.clock));
        self.engine.read(move |state| state.mandate(id, now_ns)).await.unwrap()
    }
}
