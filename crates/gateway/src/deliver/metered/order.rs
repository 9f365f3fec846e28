//! A metered request that pays with an order for the most that it may cost.
//!
//! Invariant: the most is held before the first byte, and delivery is over before the hold is.

use tokio::time::Instant;

use super::funds::{Funds, Over, Standing};

/// The hold of an order.
pub(super) struct OrderFunds {
    /// What is held, base units.
    pub maximum: u128,
    /// When the hold has to be settled.
    pub settle_by: Instant,
}

impl Funds for OrderFunds {
    fn allowed(&self) -> u128 {
        self.maximum
    }

    async fn spend(&mut self, _: u128) -> Result<(), Over> {
        Ok(())
    }

    async fn wait(&mut self, _: u128, _: u32) -> Result<(), Over> {
        Err(Over)
    }

    fn standing(&self) -> Option<Standing> {
        None
    }

    fn renew_by(&self) -> Option<Instant> {
        None
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.settle_by)
    }
}
