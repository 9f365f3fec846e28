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

    /// Every offer that prices a path with some method.
    pub(crate) fn at(&self, path: &str) -> Vec<&Offer> {
        let Ok(segments) = segments(path) else { return Vec::new() };
        self.offers.iter().filter(|offer| offer.path.matches(&segments)).collect()
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
