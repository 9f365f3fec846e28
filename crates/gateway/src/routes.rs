//! Routes: which offer covers a request.

use http::Method;

use crate::offer::{Offer, OfferError};
use crate::path::{PathError, segments};
use crate::tools::Tool;

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

    /// Whether an MCP server with priced tools is asked at a path.
    pub(crate) fn has_tools(&self, path: &str) -> bool {
        self.tools_at(path).next().is_some()
    }

    /// A priced tool of the MCP server at a path.
    pub(crate) fn tool(&self, path: &str, name: &str) -> Option<&Tool> {
        self.tools_at(path).find(|tool| tool.name.as_str() == name)
    }

    /// Paths are compared as those of offers are; an ambiguous one is refused later.
    fn tools_at(&self, path: &str) -> impl Iterator<Item = &Tool> {
        // Most gateways have no tools, and need not read the path for them.
        let asked = self.tools().next().and_then(|_| segments(path).ok());
        self.tools().filter(move |tool| asked.is_some() && segments(&tool.endpoint).ok() == asked)
    }

    fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.offers.iter().filter_map(|offer| offer.tool.as_ref())
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
