//! Meters: what so many units of an answer cost.
//!
//! Pure: counts nothing itself, reads no clock. Invariants: a meter that was built can price every
//! number of units without overflow; a price never falls when units are added; what is not a whole
//! base unit is not charged, so the payer gains.

use std::num::NonZeroU64;

use http::HeaderName;
use instrument::UnitPrice;
use money::Amount;

/// Most tiers of one meter.
pub const TIERS_COUNT_MAX: usize = 16;

/// Longest name of a unit that the upstream reports, in characters `a-z0-9-_`.
pub const UNIT_NAME_CHARS_MAX: usize = 32;

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// One byte of the body, as it is sent.
    Byte,
    /// A second from the first byte of the body on; a second that has begun counts.
    Second,
    /// An event with data of a `text/event-stream`; comments and other lines are free.
    Event,
    /// What the upstream says it has used.
    Reported {
        /// Name of the unit, for people and programs, such as `token`.
        name: String,
        /// Header, or trailer, of the upstream's answer that holds the number of units in decimal.
        header: HeaderName,
    },
}

impl Unit {
    /// Its name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Byte => "byte",
            Self::Second => "second",
            Self::Event => "event",
            Self::Reported { name, .. } => name,
        }
    }
}

/// A price from some unit on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// How many units of a request come before it, free ones included; above zero.
    pub from: u64,
    /// Price of `per` units beyond them.
    pub price: Amount,
}

/// What a meter is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterTerms {
    /// What is counted.
    pub unit: Unit,
    /// Price of `per` units.
    pub price: Amount,
    /// How many units the prices are for.
    pub per: u64,
    /// Units at the start of each request that cost nothing.
    pub free_units: u64,
    /// Most units of one request; it ends cleanly there.
    pub units_max: Option<u64>,
    /// Prices further on, in ascending order.
    pub tiers: Vec<Tier>,
}

/// Why a meter is refused, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MeterError {
    /// Nothing can be divided by zero.
    #[error("`per` must be above zero")]
    ZeroPer,
    /// A request without units is no request.
    #[error("`units_max` must be above zero; leave it out for no limit")]
    ZeroUnits,
    /// Nobody knows what a request may cost before the upstream has reported.
    #[error("a reported unit needs `units_max`, for it is what a payer agrees to")]
    ReportedWithoutMax,
    /// See `UNIT_NAME_CHARS_MAX`.
    #[error("the unit's name must be 1 to {UNIT_NAME_CHARS_MAX} characters a-z, 0-9, - or _")]
    UnitName,
    /// See `TIERS_COUNT_MAX`.
    #[error("a meter has {TIERS_COUNT_MAX} tiers at most")]
    TooManyTiers,
    /// Each tier begins where the one before it ends.
    #[error("the `from` of tiers must be above zero and ascend")]
    TierOrder,
    /// Amounts of different assets have no sum.
    #[error("the prices of tiers must be in the asset of the offer")]
    TierAsset,
    /// Every request would be free.
    #[error("no unit has a price; a free resource needs no offer")]
    Free,
    /// 128 bits are not enough.
    #[error("the price of the most units is too large")]
    TooLarge,
}

/// Prices units; see the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    terms: MeterTerms,
    per: NonZeroU64,
}

impl Meter {
    /// Checks the terms.
    pub fn new(terms: MeterTerms) -> Result<Self, MeterError> {
        let per = NonZeroU64::new(terms.per).ok_or(MeterError::ZeroPer)?;
        if terms.units_max == Some(0) {
            return Err(MeterError::ZeroUnits);
        }
        if let Unit::Reported { name, .. } = &terms.unit {
            if terms.units_max.is_none() {
                return Err(MeterError::ReportedWithoutMax);
            }
            let fits = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
            };
            if !(1..=UNIT_NAME_CHARS_MAX).contains(&name.len()) || !name.bytes().all(fits) {
                return Err(MeterError::UnitName);
            }
        }
        if terms.tiers.len() > TIERS_COUNT_MAX {
            return Err(MeterError::TooManyTiers);
        }
        let mut before = 0;
        for tier in &terms.tiers {
            if tier.from <= before {
                return Err(MeterError::TierOrder);
            }
            if tier.price.asset() != terms.price.asset() {
                return Err(MeterError::TierAsset);
            }
            before = tier.from;
        }
        let meter = Self { terms, per };
        match meter.sum(meter.units_max()) {
            None => Err(MeterError::TooLarge),
            Some(0) => Err(MeterError::Free),
            Some(_) => Ok(meter),
        }
    }

    /// What it was made of.
    pub fn terms(&self) -> &MeterTerms {
        &self.terms
    }

    /// What is counted.
    pub fn unit(&self) -> &Unit {
        &self.terms.unit
    }

    /// Most units of one request; without a limit the most that can be counted.
    pub fn units_max(&self) -> u64 {
        self.terms.units_max.unwrap_or(u64::MAX)
    }

    /// What a request of so many units costs, in base units, rounded down; units beyond the most
    /// cost nothing more.
    pub fn cost(&self, units: u64) -> u128 {
        // Checked when it was built: the sum for the most units fits.
        let sum = self.sum(units.min(self.units_max())).unwrap_or(u128::MAX);
        sum / u128::from(self.per.get())
    }

    /// The most that one request can cost, if there is a most.
    pub fn cost_max(&self) -> Option<u128> {
        self.terms.units_max.map(|units| self.cost(units))
    }

    /// The most that one unit costs, for payers that limit that.
    pub fn unit_price_max(&self) -> UnitPrice {
        let tiers = self.terms.tiers.iter().map(|tier| tier.price.units());
        let price = tiers.fold(self.terms.price.units(), u128::max);
        UnitPrice { price, per: self.per }
    }

    /// Most units of one request that `budget` base units pay for.
    pub fn units_for(&self, budget: u128) -> u64 {
        let (mut good, mut bad) = (0, self.units_max());
        if self.cost(bad) <= budget {
            return bad;
        }
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            if self.cost(middle) <= budget {
                good = middle;
            } else {
                bad = middle;
            }
        }
        good
    }

    /// `cost * per`, before the division; `None` if it does not fit.
    fn sum(&self, units: u64) -> Option<u128> {
        let tiers = self.terms.tiers.iter();
        let starts = std::iter::once((0, self.terms.price)).chain(tiers.map(|t| (t.from, t.price)));
        let ends = self.terms.tiers.iter().map(|tier| tier.from).chain([u64::MAX]);
        starts.zip(ends).try_fold(0_u128, |sum, ((start, price), end)| {
            let (start, end) = (start.max(self.terms.free_units), end.min(units));
            let priced = u128::from(end.saturating_sub(start));
            sum.checked_add(price.units().checked_mul(priced)?)
        })
    }
}

#[cfg(test)]
#[path = "meter/tests.rs"]
mod tests;
