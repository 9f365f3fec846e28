//! The codes that count at the moment, which of them are used up, and who guesses.
//!
//! Invariants: a code is looked up by the digest of its text; who has named too many that there are not is
//! told nothing for a while, not even of those that there are. All of it is memory of this process.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use admission::network;
use money::CodeId;

use super::{Code, code_id};
use crate::offer::Offer;

/// Codes that there are not which one address may name in a minute.
const CODE_GUESSES_COUNT_MAX: u32 = 20;
/// Addresses that are watched for guesses.
const CODE_GUESSERS_COUNT_MAX: usize = 10_000;
const GUESS_WINDOW_MS: u64 = 60_000;
/// For how long a code that was found used up is taken for that; released payments give uses back.
const USED_UP_MS: u64 = 60_000;

/// Why a code does not count. The price is the usual one then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodeRefusal {
    /// Too many were tried.
    #[error("too many codes were tried from this address; wait a minute")]
    TooMany,
    /// There is none.
    #[error("there is no such code")]
    Unknown,
    /// It is for something else.
    #[error("the code is not for this offer")]
    OtherOffer,
    /// Its time is over.
    #[error("the code has expired")]
    Expired,
    /// All uses are taken.
    #[error("the code is used up")]
    UsedUp,
}

impl CodeRefusal {
    /// Stable code.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::TooMany => "too_many_codes",
            Self::Unknown => "code_unknown",
            Self::OtherOffer => "code_not_for_offer",
            Self::Expired => "code_expired",
            Self::UsedUp => "code_used_up",
        }
    }
}

/// Codes. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct CodeBook(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    codes: RwLock<Arc<BTreeMap<CodeId, Arc<Code>>>>,
    /// Until when, Unix milliseconds. At most as many as there are codes.
    used_up: Mutex<BTreeMap<CodeId, u64>>,
    guesses: Mutex<Guesses>,
}

/// Wrong codes of the current minute.
#[derive(Debug, Default)]
struct Guesses {
    since_ms: u64,
    by_address: BTreeMap<IpAddr, u32>,
}

impl Guesses {
    fn of(&mut self, from: IpAddr, now_ms: u64) -> u32 {
        if now_ms.saturating_sub(self.since_ms) >= GUESS_WINDOW_MS {
            *self = Self { since_ms: now_ms, by_address: BTreeMap::new() };
        }
        self.by_address.get(&from).copied().unwrap_or(0)
    }

    /// One more; beyond the addresses that are watched it goes unseen.
    fn add(&mut self, from: IpAddr) {
        if self.by_address.len() < CODE_GUESSERS_COUNT_MAX || self.by_address.contains_key(&from) {
            let count = self.by_address.entry(from).or_default();
            *count = count.saturating_add(1);
        }
    }
}

/// Who names a code, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    pub from: IpAddr,
    pub now_ms: u64,
    /// A payment goes with it. The node decides then, for it knows whether that was made before.
    pub pays: bool,
}

impl CodeBook {
    /// Puts these in the place of those before. The next request sees them.
    pub fn replace(&self, codes: impl IntoIterator<Item = Code>) {
        let codes: BTreeMap<_, _> =
            codes.into_iter().map(|code| (code.id, Arc::new(code))).collect();
        let mut now = self.0.codes.write().unwrap_or_else(PoisonError::into_inner);
        if **now == codes {
            return;
        }
        *now = Arc::new(codes);
        self.0.used_up.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn codes(&self) -> Arc<BTreeMap<CodeId, Arc<Code>>> {
        Arc::clone(&self.0.codes.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is one for an offer.
    pub(crate) fn has_for(&self, offer: &Offer) -> bool {
        self.codes().values().any(|code| code.is_for(offer))
    }

    /// The code that a request names, if it counts for an offer.
    pub(super) fn find(
        &self,
        text: &str,
        offer: &Offer,
        asker: Asker,
    ) -> Result<Arc<Code>, CodeRefusal> {
        let (from, now_ms) = (network(asker.from), asker.now_ms);
        let mut guesses = self.0.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        if guesses.of(from, now_ms) >= CODE_GUESSES_COUNT_MAX {
            return Err(CodeRefusal::TooMany);
        }
        let Some(code) = self.codes().get(&code_id(text)).cloned() else {
            guesses.add(from);
            return Err(CodeRefusal::Unknown);
        };
        drop(guesses);
        if !code.is_for(offer) {
            return Err(CodeRefusal::OtherOffer);
        }
        if asker.pays {
            return Ok(code);
        }
        if code.expires_at_ms <= now_ms {
            return Err(CodeRefusal::Expired);
        }
        let used_up = self.0.used_up.lock().unwrap_or_else(PoisonError::into_inner);
        if used_up.get(&code.id).is_some_and(|until_ms| *until_ms > now_ms) {
            return Err(CodeRefusal::UsedUp);
        }
        Ok(code)
    }

    /// The node says that a use was one too many. Of a code that counts by payer it may be the payer's.
    pub(super) fn was_used_up(&self, code: &Code, now_ms: u64) {
        if code.per_payer.is_none() && self.codes().contains_key(&code.id) {
            let mut used_up = self.0.used_up.lock().unwrap_or_else(PoisonError::into_inner);
            used_up.insert(code.id, now_ms.saturating_add(USED_UP_MS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_counted_by_network_and_minute() {
        let address = |text: &str| network(text.parse().unwrap());
        let (mut guesses, one) = (Guesses::default(), address("192.0.2.1"));
        let start_ms = 1_000_000;
        assert_eq!(guesses.of(one, start_ms), 0);
        (0..3).for_each(|_| guesses.add(one));
        assert_eq!(guesses.of(one, start_ms + GUESS_WINDOW_MS - 1), 3);
        assert_eq!(guesses.of(address("192.0.2.2"), start_ms), 0);
        assert_eq!(guesses.of(one, start_ms + GUESS_WINDOW_MS), 0);
    }
}
