//! Naive mandates: what is spent under one is added up anew from all payments each time.
//!
//! Invariant, checked after every exchange: no mandate has more spent under it and all below it than
//! it allows, in a day, in a month or in all; and the node tells the very sums that are counted here.

use std::collections::BTreeMap;

use engine::{MandateView, PaymentState};
use instrument::{Limits, Order, Pause, PublicKey, Revocation, TreeMandate, Verified};
use money::{Amount, MandateId};

use super::model::Model;
use super::payments::{Payment, leg};
use crate::request::{Answer, MandateStep};

const DAY_NS: u64 = 24 * 60 * 60 * 1_000_000_000;

/// A registered mandate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    pub terms: TreeMandate,
    revoked: bool,
    /// The last word of each granter, by its distance: sequence, and whether it is a pause.
    switches: BTreeMap<usize, (u64, bool)>,
}

/// What is looked at of a mandate: spent on the day, in the month and in all; paused; revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenMandate {
    spent: [u128; 3],
    paused: bool,
    revoked: bool,
}

impl From<MandateView> for SeenMandate {
    fn from(view: MandateView) -> Self {
        let spent = [view.spent_today, view.spent_this_month, view.spent].map(Amount::units);
        Self { spent, paused: view.paused, revoked: view.revoked }
    }
}

impl Model {
    pub(super) fn mandate(&mut self, step: &MandateStep) -> Answer {
        let done = match step {
            MandateStep::Grant(chain) => self.grant(chain),
            MandateStep::Pause(pause, key) => self.pause(pause.get(), key),
            MandateStep::Revoke(revocation, key) => self.revoke(revocation.get(), key),
        };
        match done {
            Ok(is_new) => {
                if is_new {
                    self.wrote();
                }
                Answer::Done
            }
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    fn grant(&mut self, chain: &[Verified<TreeMandate>]) -> Result<bool, &'static str> {
        let mut new: BTreeMap<MandateId, Mandate> = BTreeMap::new();
        for terms in chain.iter().map(|mandate| *mandate.get()) {
            if self.mandates.contains_key(&terms.id()) {
                continue;
            }
            match terms.parent {
                None if !self.carries(terms.asset) => return Err("unknown_asset"),
                None => {}
                Some(parent) => {
                    let above = self.mandates.get(&parent).or_else(|| new.get(&parent));
                    let above = above.ok_or("mandate_parent_unknown")?;
                    let wider = wider(&terms.limits, &above.terms.limits);
                    wider.map_or(Ok(()), Err)?;
                    if self.chain(parent).iter().any(|above| above.revoked) {
                        return Err("mandate_revoked");
                    }
                }
            }
            new.insert(terms.id(), Mandate { terms, revoked: false, switches: BTreeMap::new() });
        }
        let is_new = !new.is_empty();
        self.mandates.extend(new);
        Ok(is_new)
    }

    fn pause(&mut self, pause: &Pause, key: &PublicKey) -> Result<bool, &'static str> {
        let place = self.place(pause.mandate, key).ok_or("mandate_unknown")?;
        let mandate = self.mandates.get_mut(&pause.mandate).ok_or("mandate_unknown")?;
        let word = (pause.sequence, pause.paused);
        match mandate.switches.get(&place) {
            Some(last) if *last == word => return Ok(false),
            Some((sequence, _)) if pause.sequence <= *sequence => return Err("pause_stale"),
            _ if mandate.revoked => return Err("mandate_revoked"),
            _ => {}
        }
        mandate.switches.insert(place, word);
        Ok(true)
    }

    fn revoke(&mut self, revoked: &Revocation, key: &PublicKey) -> Result<bool, &'static str> {
        self.place(revoked.mandate, key).ok_or("mandate_unknown")?;
        let mandate = self.mandates.get_mut(&revoked.mandate).ok_or("mandate_unknown")?;
        Ok(!std::mem::replace(&mut mandate.revoked, true))
    }

    /// A mandate and all above it.
    fn chain(&self, id: MandateId) -> Vec<&Mandate> {
        let mut chain = Vec::new();
        let mut next = Some(id);
        while let Some(mandate) = next.and_then(|id| self.mandates.get(&id)) {
            chain.push(mandate);
            next = mandate.terms.parent;
        }
        chain
    }

    /// Whether a mandate and all above it can be used.
    pub fn is_in_force(&self, id: MandateId) -> bool {
        let chain = self.chain(id);
        !chain.is_empty() && chain.iter().all(|mandate| !mandate.revoked && !mandate.is_paused())
    }

    /// How far above a mandate a key granted, at most.
    fn place(&self, id: MandateId, key: &PublicKey) -> Option<usize> {
        self.chain(id).iter().rposition(|mandate| mandate.terms.granter == *key)
    }

    /// Why a mandate does not let an order pay that is written now.
    pub(super) fn refuse_delegate(&self, order: &Order) -> Option<&'static str> {
        let id = order.mandate?;
        let Some(mandate) = self.mandates.get(&id) else {
            return Some("mandate_unknown");
        };
        let chain = self.chain(id);
        let units = order.amount.units();
        if chain.iter().any(|mandate| mandate.revoked) {
            return Some("mandate_revoked");
        }
        if chain.iter().any(|mandate| mandate.is_paused()) {
            return Some("mandate_paused");
        }
        if units > mandate.terms.limits.per_payment {
            return Some("mandate_per_payment");
        }
        let at_ns = self.entry_ns();
        let refusals = ["mandate_per_day", "mandate_per_month", "mandate_exceeded"];
        let is_over = |window: usize| {
            chain.iter().any(|mandate| {
                let spent = self.spent(mandate.terms.id(), at_ns);
                let allowed = allowed(&mandate.terms.limits);
                spent.iter().zip(allowed).nth(window).is_some_and(|(spent, allowed)| {
                    spent.checked_add(units).is_none_or(|sum| sum > allowed)
                })
            })
        };
        (0..).zip(refusals).find(|(window, _)| is_over(*window)).map(|(_, refusal)| refusal)
    }

    /// When the next entry is written, to some nanoseconds.
    pub fn entry_ns(&self) -> u64 {
        self.now_ns.max(self.newest_ns())
    }

    /// Whether a day is about to end or has just begun.
    pub fn is_about_midnight(&self, now_ns: u64) -> bool {
        let into_day_ns = now_ns.max(self.newest_ns()) % DAY_NS;
        let edge_ns = 5_000_000_000;
        !self.mandates.is_empty() && (into_day_ns < edge_ns || into_day_ns > DAY_NS - edge_ns)
    }

    /// Spent under a mandate and all below it: on the day and in the month of a moment, and in all.
    fn spent(&self, id: MandateId, at_ns: u64) -> [u128; 3] {
        let mut spent = [0; 3];
        for (payment, paid) in &self.payments {
            let order = paid.command.order.get();
            let chain = order.mandate.map(|leaf| self.chain(leaf)).unwrap_or_default();
            if chain.iter().all(|mandate| mandate.terms.id() != id) {
                continue;
            }
            // One that was made in this very step has no time yet.
            let opened = self.books.transfers.get(&leg(*payment, 0, 0));
            let since_ns = opened.map(|state| state.timestamp_ns).filter(|ns| *ns > 0);
            let since_ns = since_ns.unwrap_or(at_ns);
            let counts =
                [since_ns / DAY_NS == at_ns / DAY_NS, month(since_ns) == month(at_ns), true];
            for (sum, _) in spent.iter_mut().zip(counts).filter(|(_, counts)| *counts) {
                *sum += in_use(paid);
            }
        }
        spent
    }

    /// How a mandate stands at a moment.
    pub fn seen_mandate(&self, id: MandateId, at_ns: u64) -> Option<SeenMandate> {
        self.mandates.get(&id)?;
        let chain = self.chain(id);
        Some(SeenMandate {
            spent: self.spent(id, at_ns),
            paused: chain.iter().any(|mandate| mandate.is_paused()),
            revoked: chain.iter().any(|mandate| mandate.revoked),
        })
    }

    /// Payments under mandates.
    pub fn delegated_count(&self) -> u64 {
        let orders = self.payments.values().map(|payment| payment.command.order.get());
        orders.filter(|order| order.mandate.is_some()).count() as u64
    }

    /// Checks that nothing is spent beyond what a mandate allows.
    pub fn check_mandates(&self) -> Result<(), String> {
        for (id, mandate) in &self.mandates {
            let spent = self.spent(*id, self.entry_ns());
            let allowed = allowed(&mandate.terms.limits);
            if spent.iter().zip(allowed).any(|(spent, allowed)| *spent > allowed) {
                return Err(format!("{spent:?} was spent under {id}, which allows {allowed:?}"));
            }
        }
        Ok(())
    }
}

impl Mandate {
    fn is_paused(&self) -> bool {
        self.switches.values().any(|(_, paused)| *paused)
    }
}

/// What a payment takes from budgets.
fn in_use(payment: &Payment) -> u128 {
    match payment.state {
        PaymentState::Held => payment.command.order.get().amount.units(),
        PaymentState::Settled => payment.units,
        PaymentState::Released => 0,
    }
}

const fn allowed(limits: &Limits) -> [u128; 3] {
    [limits.per_day, limits.per_month, limits.total]
}

fn wider(own: &Limits, above: &Limits) -> Option<&'static str> {
    let cases = [
        (own.per_payment > above.per_payment, "mandate_wider_per_payment"),
        (own.per_day > above.per_day, "mandate_wider_per_day"),
        (own.per_month > above.per_month, "mandate_wider_per_month"),
        (own.total > above.total, "mandate_wider_total"),
        (own.depth >= above.depth, "mandate_wider_depth"),
    ];
    cases.into_iter().find(|(is_wider, _)| *is_wider).map(|(_, refusal)| refusal)
}

/// Months since 1970, by a table of lengths.
fn month(at_ns: u64) -> u64 {
    let (mut days, mut month) = (at_ns / DAY_NS, 0);
    loop {
        let year = 1970 + month / 12;
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month % 12 {
            1 => 28 + u64::from(is_leap),
            3 | 5 | 8 | 10 => 30,
            _ => 31,
        };
        if days < length {
            return month;
        }
        days -= length;
        month += 1;
    }
}
