//! Mandates as their payers see them: limits, and what is left of them.

use std::num::NonZeroU64;

use instrument::{UNLIMITED, UnitPrice};
use money::{AccountId, Amount, MandateId};
use serde::{Deserialize, Serialize};

use crate::state::{Calendar, GrantedMandate, State};

/// One mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateView {
    /// The mandate.
    pub mandate: MandateId,
    /// Account that pays.
    pub payer: AccountId,
    /// The mandate that it is taken from; `None` for a root.
    pub parent: Option<MandateId>,
    /// What the payer called it.
    pub label: String,
    /// The key that granted it, 64 hex digits.
    pub granter: String,
    /// The key that may pay, 64 hex digits.
    pub delegate: String,
    /// Most for one payment.
    pub per_payment: Amount,
    /// Most for a UTC day; `None` without a limit.
    pub per_day: Option<Amount>,
    /// Most for a UTC month; `None` without a limit.
    pub per_month: Option<Amount>,
    /// Most in total.
    pub total: Amount,
    /// Most for so many units of what is paid by the unit; `None` without a limit.
    pub unit_price: Option<(Amount, NonZeroU64)>,
    /// Who may be paid; anybody if empty.
    pub payees: Vec<AccountId>,
    /// How often it can be passed on.
    pub depth: u8,
    /// Held and paid under it and all below it.
    pub spent: Amount,
    /// The part of that from this UTC day.
    pub spent_today: Amount,
    /// The part of that from this UTC month.
    pub spent_this_month: Amount,
    /// What can still be spent now, by its own limits and those of every mandate above it.
    pub remaining: Amount,
    /// Unix milliseconds.
    pub expires_at_ms: u64,
    /// SHA-256 of the origin where it may be used, 64 hex digits; `None` for anywhere.
    pub audience: Option<String>,
    /// Stopped for now, here or above.
    pub paused: bool,
    /// Ended, here or above.
    pub revoked: bool,
}

impl MandateView {
    fn of(state: &State, granted: &GrantedMandate, at: Calendar) -> Self {
        let (permission, limits) = (&granted.permission, granted.limits());
        let amount = |units| Amount::new(units, permission.asset);
        let limit = |units| (units != UNLIMITED).then(|| amount(units));
        let chain = || state.mandates.chain(permission.id);
        let remaining = chain().map(|above| left_of(above, at)).min().unwrap_or(0);
        let price = |UnitPrice { price, per }: UnitPrice| (amount(price), per);
        Self {
            mandate: permission.id,
            payer: permission.payer,
            parent: permission.parent,
            label: granted.label.clone(),
            granter: permission.granter.to_string(),
            delegate: permission.delegate.to_string(),
            per_payment: amount(limits.per_payment),
            per_day: limit(limits.per_day),
            per_month: limit(limits.per_month),
            total: amount(limits.total),
            unit_price: limits.unit_price.map(price),
            payees: limits.payees.iter().collect(),
            depth: limits.depth,
            spent: amount(granted.spent),
            spent_today: amount(granted.day.spent_in(at.day)),
            spent_this_month: amount(granted.month.spent_in(at.month)),
            remaining: amount(remaining),
            expires_at_ms: limits.expires_at_ms,
            audience: limits.audience.map(|audience| instrument::hex::Hex(&audience.0).to_string()),
            paused: chain().any(GrantedMandate::is_paused),
            revoked: chain().any(|above| above.revoked),
        }
    }
}

fn left_of(granted: &GrantedMandate, at: Calendar) -> u128 {
    let limits = granted.limits();
    let left = [
        limits.total.saturating_sub(granted.spent),
        limits.per_day.saturating_sub(granted.day.spent_in(at.day)),
        limits.per_month.saturating_sub(granted.month.spent_in(at.month)),
    ];
    left.into_iter().min().unwrap_or(0)
}

impl State {
    /// One mandate, as it stands at a moment in Unix nanoseconds.
    pub fn mandate(&self, id: MandateId, at_ns: u64) -> Option<MandateView> {
        let at = Calendar::at(at_ns.max(self.last_timestamp_ns));
        self.mandates.get(id).map(|granted| MandateView::of(self, granted, at))
    }
}

/// A payer's mandates, newest first, as they stand at the last entry.
pub(super) fn mandate_views(state: &State, payer: AccountId) -> Vec<MandateView> {
    let at = Calendar::at(state.last_timestamp_ns);
    let of_payer = state.mandates.of_payer(payer).rev();
    of_payer.map(|granted| MandateView::of(state, granted, at)).collect()
}
