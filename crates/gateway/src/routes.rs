//! Routes: which offer covers a request.

use http::Method;

use crate::offer::{Offer, OfferError};
use crate::path::{PathError, segments};

/// Offers in order; the first that fits is taken.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    offers: Vec<Offer>,
}

impl Routes {
    /// Checks and keeps offers.
    pub fn new(offers: Vec<Offer>) -> Result<Self, OfferError> {
        offers.iter().try_for_each(Offer::check)?;
        Ok(Self { offers })
    }

    /// The offers in order.
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// Whether a path has a price with some method.
    pub(crate) fn sells(&self, path: &str) -> bool {
        segments(path).is_ok_and(|found| self.offers.iter().any(|offer| offer.path.matches(&found)))
    }

    /// The offer that covers a request; `None` if it needs no payment.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Option<&Offer>, PathError> {
        let segments = segments(path)?;
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let covers =
            |offer: &&Offer| offer.methods.contains(method) && offer.path.matches(&segments);
        Ok(self.offers.iter().find(covers))
    }
}
