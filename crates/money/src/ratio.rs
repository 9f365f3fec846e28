//! Ratios, rounding and splits.
//!
//! Every division names its rounding. A split hands out whole base units and returns what is left
//! as a residue, which the caller must book to an account.

use alloc::vec::Vec;

use crate::amount::{Amount, AmountError};

/// Which way a division falls when it does not come out even, and so who gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Towards zero: the one who pays the result gains.
    Down,
    /// Away from zero: the one who receives the result gains.
    Up,
}

/// A non-negative ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    numerator: u64,
    denominator: u64,
}

/// Why a ratio could not be built or applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RatioError {
    /// A ratio's denominator is at least one.
    #[error("the denominator must not be zero")]
    ZeroDenominator,
    /// The product does not fit into 128 bits.
    #[error("the result is too large")]
    Overflow,
}

impl Ratio {
    /// `numerator / denominator`.
    pub const fn new(numerator: u64, denominator: u64) -> Result<Self, RatioError> {
        if denominator == 0 {
            return Err(RatioError::ZeroDenominator);
        }
        Ok(Self { numerator, denominator })
    }

    /// `units * self`, rounded as named. Exact for every result that fits: the product is formed
    /// from quotient and remainder, so only the result itself can overflow.
    pub fn apply(self, units: u128, rounding: Rounding) -> Result<u128, RatioError> {
        let denominator = u128::from(self.denominator);
        let numerator = u128::from(self.numerator);
        let quotient = units.checked_div(denominator).ok_or(RatioError::ZeroDenominator)?;
        let remainder = units.checked_rem(denominator).ok_or(RatioError::ZeroDenominator)?;
        let whole = quotient.checked_mul(numerator).ok_or(RatioError::Overflow)?;
        // Below 2^64 * 2^64, so this cannot overflow.
        let part = remainder.checked_mul(numerator).ok_or(RatioError::Overflow)?;
        let part = match rounding {
            Rounding::Down => part.checked_div(denominator),
            Rounding::Up => Some(part.div_ceil(denominator)),
        };
        whole.checked_add(part.ok_or(RatioError::ZeroDenominator)?).ok_or(RatioError::Overflow)
    }
}

/// Shares of a payment in parts per million, one for each payee, with a sum of one million at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares(Vec<u32>);

/// Why shares are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SharesError {
    /// There must be at least one share.
    #[error("there must be at least one share")]
    Empty,
    /// A share of nothing is a mistake.
    #[error("a share must be above zero")]
    Zero,
    /// The shares must hand out the whole.
    #[error("the shares must sum to 100 %, that is {PPM} parts per million")]
    NotWhole,
}

const PPM: u32 = 1_000_000;

/// Outcome of a split: one part for each share, in order, and what could not be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// One amount for each share; each is rounded down.
    pub parts: Vec<Amount>,
    /// Base units left over, fewer than there are shares; belongs to the residue account.
    pub residue: Amount,
}

impl Shares {
    /// Checks that the shares are whole.
    pub fn new(parts_per_million: Vec<u32>) -> Result<Self, SharesError> {
        if parts_per_million.is_empty() {
            return Err(SharesError::Empty);
        }
        if parts_per_million.contains(&0) {
            return Err(SharesError::Zero);
        }
        let sum = parts_per_million.iter().try_fold(0_u32, |sum, &share| sum.checked_add(share));
        if sum != Some(PPM) {
            return Err(SharesError::NotWhole);
        }
        Ok(Self(parts_per_million))
    }

    /// The shares in parts per million.
    pub fn parts_per_million(&self) -> &[u32] {
        &self.0
    }

    /// Splits an amount; parts and residue sum to it exactly.
    pub fn split(&self, amount: Amount) -> Result<Split, AmountError> {
        let mut left = amount;
        let mut parts = Vec::with_capacity(self.0.len());
        for &share in &self.0 {
            let units = Ratio { numerator: u64::from(share), denominator: u64::from(PPM) }
                .apply(amount.units(), Rounding::Down)
                .map_err(|_| AmountError::Overflow)?;
            let part = Amount::new(units, amount.asset());
            left = left.checked_sub(part)?;
            parts.push(part);
        }
        Ok(Split { parts, residue: left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::Asset;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn rounding_names_who_gains() {
        let third = Ratio::new(1, 3).unwrap();
        assert_eq!(third.apply(10, Rounding::Down), Ok(3));
        assert_eq!(third.apply(10, Rounding::Up), Ok(4));
        assert_eq!(third.apply(9, Rounding::Up), Ok(3));
        assert_eq!(Ratio::new(1, 0), Err(RatioError::ZeroDenominator));
        assert_eq!(
            Ratio::new(2, 1).unwrap().apply(u128::MAX, Rounding::Down),
            Err(RatioError::Overflow)
        );
    }

    #[test]
    fn shares_are_whole() {
        assert_eq!(Shares::new(vec![]), Err(SharesError::Empty));
        assert_eq!(Shares::new(vec![1_000_000, 0]), Err(SharesError::Zero));
        assert_eq!(Shares::new(vec![999_999]), Err(SharesError::NotWhole));
        assert_eq!(Shares::new(vec![u32::MAX, 1_000_001]), Err(SharesError::NotWhole));
    }

    #[test]
    fn residue_is_returned() {
        let asset = Asset::new("USD", 9).unwrap();
        let shares = Shares::new(vec![800_000, 150_000, 50_000]).unwrap();
        let split = shares.split(Amount::new(2_000_001, asset)).unwrap();
        let units: Vec<_> = split.parts.iter().map(|part| part.units()).collect();
        assert_eq!(units, [1_600_000, 300_000, 100_000]);
        assert_eq!(split.residue.units(), 1);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(units: u128, cuts in proptest::collection::vec(1_u32..1000, 1..16)) {
            let asset = Asset::new("USD", 9).unwrap();
            let mut shares: Vec<u32> = cuts;
            let others = shares[1..].iter().fold(0_u32, |sum, share| sum.saturating_add(*share));
            shares[0] = 1_000_000_u32.saturating_sub(others);
            let shares = Shares::new(shares).unwrap();
            let amount = Amount::new(units, asset);
            let split = shares.split(amount).unwrap();
            let mut total = split.residue;
            for part in &split.parts {
                total = total.checked_add(*part).unwrap();
            }
            prop_assert_eq!(total, amount);
            prop_assert!(split.residue.units() < u128::try_from(shares.parts_per_million().len()).unwrap());
        }
    }
}
