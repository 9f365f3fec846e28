//! The sponsors that count at the moment, and which of them the node has refused lately.
//!
//! Invariant: a sponsor whose mandate is at its end costs visitors no use and the node no question, but for
//! one now and then. All of it is memory of this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use money::{MandateId, OfferId};

use super::Sponsor;
use crate::offer::Offer;

/// Sponsors that are asked for one request.
const SPONSORS_PER_REQUEST_COUNT_MAX: usize = 4;
/// For how long a sponsor that the node has refused is left out, for the same offer.
const ASIDE_MS: u64 = 10_000;

/// Sponsors. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct SponsorBook(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The oldest first.
    sponsors: RwLock<Arc<Vec<Arc<Sponsor>>>>,
    /// Until when, Unix milliseconds.
    aside: Mutex<BTreeMap<(MandateId, OfferId), u64>>,
}

impl SponsorBook {
    /// Puts these in the place of those before. The next request sees them.
    pub fn replace(&self, sponsors: impl IntoIterator<Item = Sponsor>) {
        let mut sponsors: Vec<_> = sponsors.into_iter().map(Arc::new).collect();
        sponsors.sort_by_key(|sponsor| (sponsor.created_at_ms, sponsor.mandate));
        let mut now = self.0.sponsors.write().unwrap_or_else(PoisonError::into_inner);
        if **now == sponsors {
            return;
        }
        *now = Arc::new(sponsors);
        self.0.aside.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Those that may pay for an offer, in the order in which they are asked.
    pub(super) fn for_offer(&self, offer: &Offer, now_ms: u64) -> Vec<Arc<Sponsor>> {
        let all = Arc::clone(&self.0.sponsors.read().unwrap_or_else(PoisonError::into_inner));
        if all.is_empty() {
            return Vec::new();
        }
        let aside = self.0.aside.lock().unwrap_or_else(PoisonError::into_inner);
        let is_aside = |sponsor: &Sponsor| {
            aside.get(&(sponsor.mandate, offer.id)).is_some_and(|until_ms| *until_ms > now_ms)
        };
        let able = all.iter().filter(|sponsor| sponsor.is_for(offer) && !is_aside(sponsor));
        able.take(SPONSORS_PER_REQUEST_COUNT_MAX).cloned().collect()
    }

    /// The node says that a sponsor does not pay for an offer at present.
    pub(super) fn set_aside(&self, sponsor: &Sponsor, offer: OfferId, now_ms: u64) {
        let mut aside = self.0.aside.lock().unwrap_or_else(PoisonError::into_inner);
        aside.retain(|_, until_ms| *until_ms > now_ms);
        aside.insert((sponsor.mandate, offer), now_ms.saturating_add(ASIDE_MS));
    }
}
