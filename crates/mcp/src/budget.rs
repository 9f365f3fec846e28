//! What the server may spend in all since its start.
//!
//! Invariant: what is reserved and spent together never passes the limit, however many purchases are
//! under way. An unknown outcome counts as spent. The budget that holds against a lost or stolen key is
//! the mandate at the node, not this one.

use std::sync::{Arc, Mutex, PoisonError};

use client::{Approve, Proposed};
use money::{Amount, AssetCode};

/// A limit in one asset.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    asset: AssetCode,
    /// As it was given, a decimal: the scale is known with the first price.
    most: String,
    spent: Arc<Mutex<Option<Amount>>>,
}

/// A purchase in the making: what it reserved comes back unless it is kept.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Budget,
    reserved: Mutex<Option<Amount>>,
}

impl Budget {
    pub(crate) fn new(most: String, asset: AssetCode) -> Self {
        Self { asset, most, spent: Arc::default() }
    }

    pub(crate) fn reservation(&self) -> Arc<Reservation> {
        Arc::new(Reservation { budget: self.clone(), reserved: Mutex::new(None) })
    }

    /// What is left in words.
    pub(crate) fn left(&self) -> String {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let left = spent.and_then(|spent| {
            let most = Amount::parse_decimal(&self.most, spent.asset()).ok()?;
            Some(Amount::new(most.units().saturating_sub(spent.units()), spent.asset()))
        });
        left.map_or_else(|| format!("{} {}", self.most, self.asset), |left| left.to_string())
    }

    fn reserve(&self, price: Amount) -> Result<(), String> {
        if price.asset().code != self.asset {
            return Err(format!("this server pays in {} alone", self.asset));
        }
        let most = Amount::parse_decimal(&self.most, price.asset())
            .map_err(|why| format!("the server's limit `{}` is not an amount: {why}", self.most))?;
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let before = spent.map_or(0, Amount::units);
        let after = before.checked_add(price.units()).filter(|sum| *sum <= most.units());
        let Some(after) = after else {
            let left = Amount::new(most.units().saturating_sub(before), price.asset());
            return Err(format!("this server may spend {left} more, and the price is {price}"));
        };
        *spent = Some(Amount::new(after, price.asset()));
        Ok(())
    }
}

impl Reservation {
    /// The money is gone, or may be.
    pub(crate) fn keep(&self) {
        *self.reserved.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut spent = self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(back), Some(sum)) = (reserved, *spent) {
            *spent = Some(Amount::new(sum.units().saturating_sub(back.units()), sum.asset()));
        }
    }
}

impl Approve for Reservation {
    fn approve(&self, proposed: &Proposed) -> Result<(), String> {
        self.budget.reserve(proposed.price)?;
        *self.reserved.lock().unwrap_or_else(PoisonError::into_inner) = Some(proposed.price);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use money::{AccountId, Asset};

    use super::*;

    fn proposed(units: u128, code: &str) -> Proposed {
        Proposed {
            url: String::new(),
            price: Amount::new(units, Asset::new(code, 9).unwrap()),
            payee: AccountId::new(1).unwrap(),
            description: None,
        }
    }

    #[test]
    fn what_is_reserved_counts_and_comes_back_unless_it_is_kept() {
        let budget = Budget::new("0.01".to_owned(), AssetCode::new("USD").unwrap());
        let first = budget.reservation();
        first.approve(&proposed(6_000_000, "USD")).unwrap();
        let second = budget.reservation();
        assert!(second.approve(&proposed(6_000_000, "USD")).is_err(), "4 million are left");
        drop(first);
        second.approve(&proposed(6_000_000, "USD")).unwrap();
        second.keep();
        drop(second);
        assert_eq!(budget.left(), "0.004 USD");
        assert!(budget.reservation().approve(&proposed(4_000_001, "USD")).is_err());
        assert!(budget.reservation().approve(&proposed(1, "EUR")).is_err());
    }
}
