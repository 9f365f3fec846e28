//! Amounts: an integer count of an asset's base unit together with the asset.
//!
//! [`Amount`] has no `Ord` and no `Add`: use [`Amount::checked_add`] and [`Amount::checked_cmp`],
//! which refuse to mix assets.

use core::cmp::Ordering;
use core::fmt;

use crate::asset::Asset;

/// A count of base units of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    units: u128,
    asset: Asset,
}

/// Why an amount could not be read or computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The text is empty or holds something that is not a digit.
    #[error("an amount is written with the digits 0-9 only: no sign, space, exponent or separator")]
    NotDigits,
    /// `007` and `00` are refused so that one amount has one text.
    #[error("an amount has no leading zeros")]
    LeadingZero,
    /// More than 2^128-1 base units.
    #[error("the amount is too large")]
    Overflow,
    /// Less than zero.
    #[error("the result would be below zero")]
    Underflow,
    /// The decimal text has more digits after the point than the asset's scale.
    #[error("the amount has more decimals than the asset's scale of {scale}")]
    TooPrecise {
        /// Scale of the asset.
        scale: u8,
    },
    /// The two amounts are of different assets.
    #[error("amounts of different assets cannot be combined")]
    AssetMismatch,
}

/// Reads an integer count of base units as JSON carries it: digits only, no leading zeros.
pub fn parse_base_units(text: &str) -> Result<u128, AmountError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AmountError::NotDigits);
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(AmountError::LeadingZero);
    }
    text.parse().map_err(|_| AmountError::Overflow)
}

impl Amount {
    /// `units` base units of `asset`.
    pub const fn new(units: u128, asset: Asset) -> Self {
        Self { units, asset }
    }

    /// Count of base units.
    pub const fn units(self) -> u128 {
        self.units
    }

    /// The asset.
    pub const fn asset(self) -> Asset {
        self.asset
    }

    /// Reads a decimal such as `0.002` exactly; more decimals than the scale are an error.
    pub fn parse_decimal(text: &str, asset: Asset) -> Result<Self, AmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(AmountError::NotDigits),
            Some(parts) => parts,
            None => (text, ""),
        };
        let scale = usize::from(asset.scale);
        if fraction.len() > scale {
            return Err(AmountError::TooPrecise { scale: asset.scale });
        }
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AmountError::NotDigits);
        }
        let mut units = parse_base_units(whole)?;
        let padding = core::iter::repeat_n(b'0', scale.saturating_sub(fraction.len()));
        for digit in fraction.bytes().chain(padding) {
            units = units
                .checked_mul(10)
                .and_then(|units| units.checked_add(u128::from(digit.saturating_sub(b'0'))))
                .ok_or(AmountError::Overflow)?;
        }
        Ok(Self { units, asset })
    }

    /// Sum; both must be of one asset.
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        self.same_asset(other)?;
        let units = self.units.checked_add(other.units).ok_or(AmountError::Overflow)?;
        Ok(Self { units, ..self })
    }

    /// Difference; both must be of one asset and the result not below zero.
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        self.same_asset(other)?;
        let units = self.units.checked_sub(other.units).ok_or(AmountError::Underflow)?;
        Ok(Self { units, ..self })
    }

    /// Order; both must be of one asset.
    pub fn checked_cmp(self, other: Self) -> Result<Ordering, AmountError> {
        self.same_asset(other)?;
        Ok(self.units.cmp(&other.units))
    }

    fn same_asset(self, other: Self) -> Result<(), AmountError> {
        if self.asset == other.asset { Ok(()) } else { Err(AmountError::AssetMismatch) }
    }
}

/// Writes the exact decimal without trailing zeros, then the code: `0.002 USD`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10_u128.checked_pow(u32::from(self.asset.scale)).ok_or(fmt::Error)?;
        let whole = self.units.checked_div(one).ok_or(fmt::Error)?;
        let mut fraction = self.units.checked_rem(one).ok_or(fmt::Error)?;
        let mut width = usize::from(self.asset.scale);
        while width > 0 && fraction.checked_rem(10) == Some(0) {
            fraction = fraction.checked_div(10).ok_or(fmt::Error)?;
            width = width.saturating_sub(1);
        }
        if width == 0 {
            write!(f, "{whole} {}", self.asset.code)
        } else {
            write!(f, "{whole}.{fraction:0width$} {}", self.asset.code)
        }
    }
}

/// JSON shape: `{"amount":"2000000","asset":"USD","scale":9}`.
#[cfg(feature = "serde")]
mod json {
    use super::{Amount, Asset, parse_base_units};
    use crate::asset::AssetCode;
    use alloc::borrow::Cow;
    use alloc::string::ToString;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Wire<'a> {
        #[serde(borrow)]
        amount: Cow<'a, str>,
        asset: AssetCode,
        scale: u8,
    }

    impl Serialize for Amount {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Wire {
                amount: Cow::Owned(self.units.to_string()),
                asset: self.asset.code,
                scale: self.asset.scale,
            }
            .serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Amount {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let wire = Wire::deserialize(deserializer)?;
            let units = parse_base_units(&wire.amount).map_err(serde::de::Error::custom)?;
            let asset =
                Asset::new(wire.asset.as_str(), wire.scale).map_err(serde::de::Error::custom)?;
            Ok(Amount::new(units, asset))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn usd() -> Asset {
        Asset::new("USD", 9).unwrap()
    }

    #[test]
    fn base_units_are_strict() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("2000000", Ok(2_000_000)),
            ("", Err(AmountError::NotDigits)),
            ("-1", Err(AmountError::NotDigits)),
            ("+1", Err(AmountError::NotDigits)),
            ("1e3", Err(AmountError::NotDigits)),
            (" 1", Err(AmountError::NotDigits)),
            ("1.0", Err(AmountError::NotDigits)),
            ("٣", Err(AmountError::NotDigits)),
            ("00", Err(AmountError::LeadingZero)),
            ("007", Err(AmountError::LeadingZero)),
            ("340282366920938463463374607431768211455", Ok(u128::MAX)),
            ("340282366920938463463374607431768211456", Err(AmountError::Overflow)),
        ] {
            assert_eq!(parse_base_units(text), expected, "{text:?}");
        }
    }

    #[test]
    fn decimals_are_exact() {
        for (text, expected) in [
            ("0.002", Ok(2_000_000)),
            ("1", Ok(1_000_000_000)),
            ("0.000000001", Ok(1)),
            ("0.0000000001", Err(AmountError::TooPrecise { scale: 9 })),
            (".5", Err(AmountError::NotDigits)),
            ("5.", Err(AmountError::NotDigits)),
            ("0.-1", Err(AmountError::NotDigits)),
            ("1.2.3", Err(AmountError::NotDigits)),
            ("400000000000000000000000000000", Err(AmountError::Overflow)),
        ] {
            let found = Amount::parse_decimal(text, usd()).map(Amount::units);
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn assets_do_not_mix() {
        let dollars = Amount::new(1, usd());
        let euros = Amount::new(1, Asset::new("EUR", 9).unwrap());
        assert_eq!(dollars.checked_add(euros), Err(AmountError::AssetMismatch));
        assert_eq!(dollars.checked_cmp(euros), Err(AmountError::AssetMismatch));
        assert_eq!(dollars.checked_sub(Amount::new(2, usd())), Err(AmountError::Underflow));
    }

    #[test]
    fn json_carries_strings() {
        let amount = Amount::new(2_000_000, usd());
        let json = serde_json::to_string(&amount).unwrap();
        assert_eq!(json, r#"{"amount":"2000000","asset":"USD","scale":9}"#);
        assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
        let number = r#"{"amount":2000000,"asset":"USD","scale":9}"#;
        assert!(serde_json::from_str::<Amount>(number).is_err());
    }

    proptest! {
        #[test]
        fn decimal_text_round_trips(units in 0..u128::MAX, scale in 0_u8..=30) {
            let asset = Asset::new("XTS", scale).unwrap();
            let amount = Amount::new(units, asset);
            let text = amount.to_string();
            let number = text.strip_suffix(" XTS").unwrap();
            prop_assert_eq!(Amount::parse_decimal(number, asset), Ok(amount));
        }
    }
}
