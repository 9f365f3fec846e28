//! Where events and endpoints come from.

use std::fmt;

use money::EndpointId;

use crate::endpoint::{Disabled, Endpoint};
use crate::notice::Notice;

/// Events from a position on.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// In order of their positions.
    pub notices: Vec<Notice>,
    /// Position behind the last one that was looked at.
    pub next: u64,
}

/// An endpoint of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub id: EndpointId,
    /// Revision of its document.
    pub revision: u64,
    /// The document.
    pub endpoint: Endpoint,
}

/// What the outbox follows. Called from one thread, which may block.
pub trait Source: Send + 'static {
    /// Why events cannot be read.
    type Error: fmt::Display;

    /// Durable events from a position on, at most `count_max`.
    fn page(&self, from: u64, count_max: usize) -> Result<Page, Self::Error>;

    /// Position behind the last durable event.
    fn end(&self) -> u64;

    /// All endpoints.
    fn endpoints(&self) -> Result<Vec<Registered>, Self::Error>;

    /// Switches an endpoint off, unless its document has another revision by now.
    fn disable(&self, id: EndpointId, revision: u64, why: Disabled) -> Result<(), Self::Error>;

    /// Position of the first event at or after a time, by halving: events stand in order of time.
    fn position_at(&self, at_ms: u64) -> Result<u64, Self::Error> {
        let (mut low, mut high) = (0, self.end());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.page(middle, 1)?.notices.first() {
                Some(notice) if notice.at_ms < at_ms => {
                    low = notice.position.unwrap_or(middle).max(middle) + 1;
                }
                _ => high = middle,
            }
        }
        Ok(low)
    }
}
