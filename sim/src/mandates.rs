//! Trees of mandates: payers grant them, delegates pass them on and buy, granters pause and revoke.
//!
//! Limits are drawn near what a few orders cost, so that days, months and totals run out. Some
//! requests are wrong: limits wider than above, keys that granted nothing, chains whose beginning
//! nobody has registered.

use instrument::{
    Limits, MANDATE_DEPTH_MAX, Pause, Payees, PublicKey, Revocation, Signed, Statement,
    TreeMandate, UNLIMITED, Verified, payer_account,
};
use money::{Asset, MandateId};

use crate::oracle::Model;
use crate::purchases::{PAYERS, key, node};
use crate::random::Random;
use crate::request::{MandateStep, Request};

/// Mandates that are drawn in one run, registered or not.
const LINKS_COUNT_MAX: usize = 48;
/// Seeds of the keys that can be delegates; payers' are below.
const DELEGATES: (u64, u64) = (100, 112);
/// After the end of every run, Unix milliseconds.
const EXPIRES_AT_MS: u64 = 1_900_000_000_000;

/// A mandate with the numbers of its keys.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub terms: TreeMandate,
    granter: u8,
    pub delegate: u8,
}

/// The trees of all payers.
#[derive(Debug)]
pub struct Trees {
    random: Random,
    asset: Option<Asset>,
    links: Vec<Link>,
    sequence: u64,
}

impl Trees {
    pub fn new(random: Random) -> Self {
        let asset = Asset::new("USD", 9).ok();
        Self { random, asset, links: Vec::new(), sequence: 0 }
    }

    /// Every mandate that anybody tried to register.
    pub fn ids(&self) -> Vec<MandateId> {
        self.links.iter().map(|link| link.terms.id()).collect()
    }

    /// One under which somebody tries to buy: mostly one that is in force.
    pub fn chosen(&mut self, model: &Model) -> Option<Link> {
        let in_force = self.links.iter().filter(|link| model.is_in_force(link.terms.id()));
        let in_force: Vec<Link> = in_force.copied().collect();
        let from = if self.random.chance(850) { &in_force } else { &self.links };
        self.random.pick(from).copied()
    }

    fn pick(&mut self) -> Option<Link> {
        self.random.pick(&self.links).copied()
    }

    /// The next step of somebody.
    pub fn request(&mut self) -> Option<Request> {
        let step = match self.random.below(12) {
            0..=6 => self.grant(),
            7..=9 => self.pause(),
            10 if self.random.chance(500) => self.revoke(),
            _ => self.again(),
        };
        Some(Request::Mandate(step?))
    }

    fn grant(&mut self) -> Option<MandateStep> {
        if self.links.len() >= LINKS_COUNT_MAX {
            return self.again();
        }
        let is_root = self.links.is_empty() || self.random.chance(200);
        let link = if is_root { self.root()? } else { self.child()? };
        self.links.push(link);
        Some(self.chain(&link))
    }

    fn root(&mut self) -> Option<Link> {
        let owner = u8::try_from(self.random.between(1, u64::from(PAYERS))).ok()?;
        let delegate = self.delegate()?;
        let asset = self.asset?;
        let limits = self.limits(None);
        let terms = TreeMandate {
            node: node(),
            salt: self.random.wide().to_be_bytes(),
            parent: None,
            payer: payer_account(&key(owner).public(), asset),
            granter: key(owner).public(),
            delegate: key(delegate).public(),
            asset,
            limits,
        };
        Some(Link { terms, granter: owner, delegate })
    }

    fn child(&mut self) -> Option<Link> {
        let above = *self.random.pick(&self.links)?;
        let delegate = self.delegate()?;
        let limits = self.limits(Some(&above.terms.limits));
        let terms = TreeMandate {
            salt: self.random.wide().to_be_bytes(),
            parent: Some(above.terms.id()),
            granter: above.terms.delegate,
            delegate: key(delegate).public(),
            limits,
            ..above.terms
        };
        Some(Link { terms, granter: above.delegate, delegate })
    }

    fn delegate(&mut self) -> Option<u8> {
        u8::try_from(self.random.between(DELEGATES.0, DELEGATES.1)).ok()
    }

    /// Within those above, but for a mistake now and then.
    fn limits(&mut self, above: Option<&Limits>) -> Limits {
        let is_mistaken = self.random.chance(80);
        let mut draw = |above: u128| {
            if self.random.chance(300) {
                return above;
            }
            let drawn = u128::from(self.random.between(100, 4_000));
            if is_mistaken { drawn } else { drawn.min(above) }
        };
        let of = |limit: fn(&Limits) -> u128| above.map_or(UNLIMITED, limit);
        let (per_payment, per_day) =
            (draw(of(|limits| limits.per_payment)), draw(of(|limits| limits.per_day)));
        let (per_month, total) =
            (draw(of(|limits| limits.per_month)), draw(of(|limits| limits.total)));
        let depth = above.map_or(MANDATE_DEPTH_MAX, |limits| limits.depth.saturating_sub(1));
        Limits {
            per_payment,
            per_day,
            per_month,
            total,
            unit_price: None,
            expires_at_ms: EXPIRES_AT_MS,
            depth,
            payees: Payees::ANY,
            audience: None,
        }
    }

    /// From the root to a link, or a part of that: a holder may leave out what should be known.
    fn chain(&mut self, of: &Link) -> MandateStep {
        let above = |link: &Link| {
            let parent = link.terms.parent?;
            self.links.iter().find(|other| other.terms.id() == parent).copied()
        };
        let mut chain: Vec<Link> = std::iter::successors(Some(*of), above).collect();
        chain.reverse();
        if self.random.chance(300) {
            chain.drain(..self.random.index(chain.len()));
        }
        MandateStep::Grant(
            chain.iter().filter_map(|link| signed(link.terms, link.granter)).collect(),
        )
    }

    /// A chain that was presented before.
    fn again(&mut self) -> Option<MandateStep> {
        let link = self.pick()?;
        Some(self.chain(&link))
    }

    /// A granter in the chain of a link, or somebody else.
    fn granter(&mut self) -> Option<(MandateId, u8)> {
        let link = self.pick()?;
        let mut by = link;
        while self.random.chance(500) {
            let parent = self.links.iter().find(|other| Some(other.terms.id()) == by.terms.parent);
            let Some(parent) = parent else { break };
            by = *parent;
        }
        let stranger = self.delegate()?;
        let by = if self.random.chance(50) { stranger } else { by.granter };
        Some((link.terms.id(), by))
    }

    fn pause(&mut self) -> Option<MandateStep> {
        let (mandate, by) = self.granter()?;
        self.sequence += self.random.below(3);
        let sequence = if self.random.chance(100) { self.sequence / 2 } else { self.sequence };
        let paused = self.random.chance(300);
        let pause = signed(Pause { node: node(), mandate, sequence, paused }, by)?;
        Some(MandateStep::Pause(pause, public(by)))
    }

    fn revoke(&mut self) -> Option<MandateStep> {
        let (mandate, by) = self.granter()?;
        Some(MandateStep::Revoke(signed(Revocation { node: node(), mandate }, by)?, public(by)))
    }
}

fn public(number: u8) -> PublicKey {
    key(number).public()
}

fn signed<T: Statement>(statement: T, by: u8) -> Option<Verified<T>> {
    let key = key(by);
    Signed::sign(statement, &key).verify_with(&key.public()).ok()
}
