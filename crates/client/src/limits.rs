//! What a payer lets go: a limit for one purchase and an approval of the caller's own.
//!
//! Invariant: asked before anything is signed, once for each purchase. Where one asset has a limit,
//! an asset without one is not paid in at all.

use std::fmt;
use std::sync::Arc;

use money::{AccountId, Amount, Asset, AssetCode};

use crate::error::{Error, Kind};

/// A purchase that is about to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// Absolute URL of the request.
    pub url: String,
    /// The price.
    pub price: Amount,
    /// The payee.
    pub payee: AccountId,
    /// The seller's words.
    pub description: Option<String>,
}

/// The caller's own rule, for example a budget for a day. `Err` says why not.
pub trait Approve: Send + Sync {
    /// Asked once for each purchase, after the limits and before signing.
    fn approve(&self, proposed: &Proposed) -> Result<(), String>;
}

impl<F: Fn(&Proposed) -> Result<(), String> + Send + Sync> Approve for F {
    fn approve(&self, proposed: &Proposed) -> Result<(), String> {
        self(proposed)
    }
}

/// Limits for one purchase.
#[derive(Clone)]
pub struct Limits {
    most: Vec<(AssetCode, String)>,
    approval: Option<Arc<dyn Approve>>,
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Limits {
    /// No limit: any price is paid that the balance allows and the approval agrees to.
    pub fn none() -> Self {
        Self { most: Vec::new(), approval: None }
    }

    /// At most so much of an asset for one purchase, as a decimal such as `0.01`, and nothing in
    /// other assets.
    pub fn at_most(decimal: impl Into<String>, asset: AssetCode) -> Self {
        Self::none().or_at_most(decimal, asset)
    }

    /// Allows so much of another asset as well.
    #[must_use]
    pub fn or_at_most(mut self, decimal: impl Into<String>, asset: AssetCode) -> Self {
        self.most.retain(|(code, _)| *code != asset);
        self.most.push((asset, decimal.into()));
        self
    }

    /// Asks `approval` as well.
    #[must_use]
    pub fn with_approval(mut self, approval: Arc<dyn Approve>) -> Self {
        self.approval = Some(approval);
        self
    }

    /// Whether the price is within the limit of its asset.
    pub(crate) fn check(&self, price: Amount) -> Result<(), Error> {
        if self.most.is_empty() {
            return Ok(());
        }
        let asset = price.asset();
        let Some((_, most)) = self.most.iter().find(|(code, _)| *code == asset.code) else {
            let limit = format!("0 {}", asset.code);
            return Err(Error::new(Kind::OverLimit { price, limit }));
        };
        let limit = Amount::parse_decimal(most, asset).map_err(|why| wrong(most, &why))?;
        if price.units() > limit.units() {
            let limit = limit.to_string();
            return Err(Error::new(Kind::OverLimit { price, limit }));
        }
        Ok(())
    }

    /// The most for one purchase in an asset, base units.
    pub(crate) fn most(&self, asset: Asset) -> Result<u128, Error> {
        if self.most.is_empty() {
            return Ok(u128::MAX);
        }
        let found = self.most.iter().find(|(code, _)| *code == asset.code);
        let Some((_, most)) = found else { return Ok(0) };
        let limit = Amount::parse_decimal(most, asset).map_err(|why| wrong(most, &why))?;
        Ok(limit.units())
    }

    pub(crate) fn approve(&self, proposed: &Proposed) -> Result<(), Error> {
        match &self.approval {
            None => Ok(()),
            Some(approval) => {
                approval.approve(proposed).map_err(|why| Error::new(Kind::NotApproved(why)))
            }
        }
    }
}

fn wrong(most: &str, why: &dyn fmt::Display) -> Error {
    Error::argument(format!("the limit `{most}` is not an amount: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_inclusive_and_belongs_to_one_asset() {
        let code = AssetCode::new("USD").unwrap();
        let limits = Limits::at_most("0.01", code);
        let price = |units, code| Amount::new(units, Asset::new(code, 9).unwrap());
        assert!(limits.check(price(10_000_000, "USD")).is_ok());
        assert!(limits.check(price(10_000_001, "USD")).unwrap_err().is_over_limit());
        assert!(limits.check(price(1, "EUR")).unwrap_err().is_over_limit());
        let coarse = Amount::new(1, Asset::new("USD", 2).unwrap());
        assert!(limits.check(coarse).is_ok(), "one cent is the same limit at any scale");
    }
}
