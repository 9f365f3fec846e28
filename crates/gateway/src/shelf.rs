//! What is for sale at the moment: routes that change while requests are under way.
//!
//! Invariant: a request sees one state of the offers from its beginning to its end.

use std::sync::{Arc, PoisonError, RwLock};

use crate::code::CodeBook;
use crate::offer::{Offer, OfferError};
use crate::routes::Routes;
use crate::sponsor::SponsorBook;

/// The offers of a gateway. Clones share them.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// Those of the configuration, which come last.
    fixed: Arc<Routes>,
    now: Arc<RwLock<Arc<Routes>>>,
    codes: CodeBook,
    sponsors: SponsorBook,
}

impl Shelf {
    /// The offers of the configuration, and none besides.
    pub fn new(fixed: Routes) -> Self {
        let fixed = Arc::new(fixed);
        let now = Arc::new(RwLock::new(Arc::clone(&fixed)));
        Self { now, fixed, codes: CodeBook::default(), sponsors: SponsorBook::default() }
    }

    /// The offers as they are now.
    pub fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The discount codes that count here.
    pub fn codes(&self) -> &CodeBook {
        &self.codes
    }

    /// Who pays for others here.
    pub fn sponsors(&self) -> &SponsorBook {
        &self.sponsors
    }

    /// Puts these before the offers of the configuration, in the place of those that stood there. The
    /// next request sees them.
    pub fn replace(&self, offers: Vec<Offer>) -> Result<(), OfferError> {
        let all = offers.into_iter().chain(self.fixed.offers().iter().cloned()).collect();
        let routes = Arc::new(Routes::new(all)?);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = routes;
        Ok(())
    }
}
