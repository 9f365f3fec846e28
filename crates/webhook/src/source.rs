//! Where events and endpoints come from.

use std::fmt;

use money::EndpointId;

use crate::endpoint::{Disabled, Endpoint};
use crate::notice::Notice;

/// Positions that are looked at in one step of a search.
const STEP_COUNT: usize = 64;

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
            match first(self, middle, high)? {
                Some((position, first_ms)) if first_ms < at_ms => low = position + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

/// Position and time of the first event from a position on; not every position has one.
fn first<S: Source + ?Sized>(
    source: &S,
    mut from: u64,
    until: u64,
) -> Result<Option<(u64, u64)>, S::Error> {
    while from < until {
        let page = source.page(from, STEP_COUNT)?;
        if let Some(notice) = page.notices.first() {
            return Ok(Some((notice.position.unwrap_or(from), notice.at_ms)));
        }
        if page.next <= from {
            break;
        }
        from = page.next;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::sample::sample;

    /// An event at every thousandth position, at that time.
    struct Sparse(u64);

    impl Source for Sparse {
        type Error = Infallible;

        fn page(&self, from: u64, count_max: usize) -> Result<Page, Infallible> {
            let next = self.0.min(from + count_max as u64);
            let notice = |position| {
                let node = money::NodeId::new(1).unwrap();
                let notice = sample("ping", node, position).unwrap().unwrap();
                Notice { position: Some(position), ..notice }
            };
            let notices = (from..next).filter(|at| at % 1000 == 0).map(notice).collect();
            Ok(Page { notices, next })
        }

        fn end(&self) -> u64 {
            self.0
        }

        fn endpoints(&self) -> Result<Vec<Registered>, Infallible> {
            Ok(Vec::new())
        }

        fn disable(&self, _: EndpointId, _: u64, _: Disabled) -> Result<(), Infallible> {
            Ok(())
        }
    }

    #[test]
    fn a_time_is_found_among_positions_without_events() {
        let source = Sparse(10_500);
        for at_ms in [0, 1, 999, 1000, 1001, 5_555, 10_000] {
            let position = source.position_at(at_ms).unwrap();
            // Nothing at or after the time is in front of it, and everything before it is.
            assert!(position <= at_ms.next_multiple_of(1000), "{at_ms}: {position}");
            assert!(position > at_ms.saturating_sub(1) / 1000 * 1000 || at_ms == 0, "{at_ms}");
        }
        assert_eq!(
            source.position_at(10_001).unwrap().max(10_001),
            source.position_at(10_001).unwrap()
        );
        assert_eq!(Sparse(0).position_at(5).unwrap(), 0);
    }
}
