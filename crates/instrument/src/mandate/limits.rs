//! What a mandate allows, and whether one allows no more than another.
//!
//! Invariant: [`Limits::check_within`] accepts only limits under which nothing can be done that
//! the wider ones forbid.

use core::num::NonZeroU64;

use money::AccountId;

use super::Audience;

/// Most payees that a mandate can name.
pub const MANDATE_PAYEES_COUNT_MAX: usize = 4;

/// How often a mandate can be passed on at most: a chain has one mandate more.
pub const MANDATE_DEPTH_MAX: u8 = 7;

/// No limit, for those that are counts of base units.
pub const UNLIMITED: u128 = u128::MAX;

/// Price of a number of metered units, such as 2,000 base units for 1,000 tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitPrice {
    /// Base units of the asset.
    pub price: u128,
    /// For so many metered units.
    pub per: NonZeroU64,
}

impl UnitPrice {
    /// Whether one unit costs more than at another price.
    pub fn is_above(self, other: Self) -> bool {
        self.times(other.per) > other.times(self.per)
    }

    /// `price * count` as quotient and remainder by 2^64, so that nothing overflows.
    fn times(self, count: NonZeroU64) -> (u128, u128) {
        const LOW: u128 = (1 << 64) - 1;
        let count = u128::from(count.get());
        // Each product is below 2^128, and the carry fits into what is left.
        let low = (self.price & LOW).saturating_mul(count);
        let high = (self.price >> 64).saturating_mul(count).saturating_add(low >> 64);
        (high, low & LOW)
    }
}

/// Payees that may be paid; none named means any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payees([Option<AccountId>; MANDATE_PAYEES_COUNT_MAX]);

/// Why a list of payees is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayeesError {
    /// See [`MANDATE_PAYEES_COUNT_MAX`].
    #[error("a mandate names {MANDATE_PAYEES_COUNT_MAX} payees at most")]
    TooMany,
    /// One list has one form.
    #[error("the payees of a mandate must ascend, without gaps")]
    Order,
}

impl Payees {
    /// Anybody may be paid.
    pub const ANY: Self = Self([None; MANDATE_PAYEES_COUNT_MAX]);

    /// The accounts in any order; an empty list is [`Payees::ANY`].
    pub fn new(accounts: &[AccountId]) -> Result<Self, PayeesError> {
        let mut named = Self::ANY;
        for account in accounts {
            if named.names(*account) {
                continue;
            }
            let free = named.0.iter_mut().find(|slot| slot.is_none());
            *free.ok_or(PayeesError::TooMany)? = Some(*account);
        }
        named.0.sort_unstable_by_key(|slot| slot.map_or(u128::MAX, AccountId::get));
        Ok(named)
    }

    /// The slots as they are signed.
    pub(super) fn from_slots(
        slots: [Option<AccountId>; MANDATE_PAYEES_COUNT_MAX],
    ) -> Result<Self, PayeesError> {
        let ascends = slots.array_windows().all(|[before, after]| match (before, after) {
            (Some(before), Some(after)) => before.get() < after.get(),
            (before, after) => before.is_some() || after.is_none(),
        });
        if ascends { Ok(Self(slots)) } else { Err(PayeesError::Order) }
    }

    pub(super) fn slots(&self) -> &[Option<AccountId>; MANDATE_PAYEES_COUNT_MAX] {
        &self.0
    }

    /// The accounts that are named, ascending.
    pub fn iter(&self) -> impl Iterator<Item = AccountId> {
        self.0.iter().filter_map(|slot| *slot)
    }

    fn names(&self, account: AccountId) -> bool {
        self.iter().any(|named| named == account)
    }

    /// Whether an account may be paid.
    pub fn allows(&self, account: AccountId) -> bool {
        *self == Self::ANY || self.names(account)
    }

    fn is_within(&self, wider: &Self) -> bool {
        *wider == Self::ANY || (*self != Self::ANY && self.iter().all(|named| wider.names(named)))
    }
}

/// What a mandate allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most for one payment, base units.
    pub per_payment: u128,
    /// Most for one UTC calendar day of the node's clock, base units.
    pub per_day: u128,
    /// Most for one UTC calendar month of the node's clock, base units.
    pub per_month: u128,
    /// Most for all payments together, base units.
    pub total: u128,
    /// Most for one unit of what is paid by the unit.
    pub unit_price: Option<UnitPrice>,
    /// Not valid from this moment on, Unix milliseconds.
    pub expires_at_ms: u64,
    /// How often it can be passed on, [`MANDATE_DEPTH_MAX`] at most.
    pub depth: u8,
    /// Who may be paid: the payee that an order or channel names.
    pub payees: Payees,
    /// Where it may be used; `None` for anywhere.
    pub audience: Option<Audience>,
}

/// The first limit that is wider than that of the mandate above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wider {
    /// Field `per_payment`.
    #[error("field `per_payment`: it is above that of the mandate above")]
    PerPayment,
    /// Field `per_day`.
    #[error("field `per_day`: it is above that of the mandate above")]
    PerDay,
    /// Field `per_month`.
    #[error("field `per_month`: it is above that of the mandate above")]
    PerMonth,
    /// Field `total`.
    #[error("field `total`: it is above that of the mandate above")]
    Total,
    /// Field `unit_price`.
    #[error("field `unit_price`: it is above that of the mandate above, or missing")]
    UnitPrice,
    /// Field `expires_at_ms`.
    #[error("field `expires_at_ms`: it is later than that of the mandate above")]
    Expiry,
    /// Field `depth`.
    #[error("field `depth`: it must be below that of the mandate above")]
    Depth,
    /// Field `payees`.
    #[error("field `payees`: name only payees of the mandate above")]
    Payees,
    /// Field `audience`.
    #[error("field `audience`: it must be that of the mandate above")]
    Audience,
}

impl Limits {
    /// Whether a child with these limits may stand below a parent with those.
    pub fn check_within(&self, parent: &Self) -> Result<(), Wider> {
        let dearer = match (self.unit_price, parent.unit_price) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(above)) => own.is_above(above),
        };
        let elsewhere = parent.audience.is_some() && self.audience != parent.audience;
        let checks = [
            (self.per_payment > parent.per_payment, Wider::PerPayment),
            (self.per_day > parent.per_day, Wider::PerDay),
            (self.per_month > parent.per_month, Wider::PerMonth),
            (self.total > parent.total, Wider::Total),
            (dearer, Wider::UnitPrice),
            (self.expires_at_ms > parent.expires_at_ms, Wider::Expiry),
            (self.depth >= parent.depth, Wider::Depth),
            (!self.payees.is_within(&parent.payees), Wider::Payees),
            (elsewhere, Wider::Audience),
        ];
        match checks.iter().find(|(is_wider, _)| *is_wider) {
            Some((_, wider)) => Err(*wider),
            None => Ok(()),
        }
    }
}
