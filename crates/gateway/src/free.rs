//! What is free for a visitor: the first few uses of an offer, and those that a sponsor pays.
//!
//! A payer that shows its key and has an account at the node is counted there, durably. All others are
//! counted by address, in memory. That is a courtesy and no lock: whoever changes the address is somebody
//! new, and many behind one address are one. Invariants: nobody is charged here; a use is counted before
//! it is delivered; what cannot be counted is not free.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use admission::network;
use axum::body::Body;
use engine::{Count, CountError, Counter, CounterId};
use http::header::HeaderName;
use http::request::Parts;
use http::{HeaderValue, Response};
use instrument::payer_account;
use money::{AccountId, MandateId, OfferId};

use crate::access;
use crate::case::Case;
use crate::idempotency;
use crate::visitor::ClientAddress;

/// Says how many uses are left free.
pub(crate) const FARTHING_FREE_LEFT: HeaderName = HeaderName::from_static("farthing-free-left");
/// Addresses and offers that are counted at a time.
const COURTESIES_COUNT_MAX: usize = 65_536;
/// Most free uses in one window.
pub const FREE_USES_COUNT_MAX: u32 = 1_000_000;
/// Longest window: a year.
pub const FREE_WINDOW_SECONDS_MAX: u32 = 366 * 24 * 60 * 60;

/// So many uses are free for each payer, in each window of so many seconds. Windows follow one another
/// from the beginning of 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeUses {
    /// Uses.
    pub count: u32,
    /// Length of the window.
    pub seconds: u32,
}

/// One window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    number: u64,
    ends_at_ms: u64,
}

impl FreeUses {
    /// Whether counts and times are within their limits.
    pub(crate) fn is_sound(self) -> bool {
        (1..=FREE_USES_COUNT_MAX).contains(&self.count)
            && (1..=FREE_WINDOW_SECONDS_MAX).contains(&self.seconds)
    }

    fn window(self, now_ms: u64) -> Window {
        let length_ms = u64::from(self.seconds.max(1)) * 1000;
        let number = now_ms / length_ms;
        Window { number, ends_at_ms: number.saturating_add(1).saturating_mul(length_ms) }
    }
}

/// Whose uses are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Giver {
    /// Those that an offer gives.
    Offer(OfferId),
    /// Those that a sponsor pays, by its mandate.
    Sponsor(MandateId),
}

/// By what a visitor is known.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Visitor {
    /// The account of a key that it has proven.
    Account(AccountId),
    /// Where it comes from.
    Address(IpAddr),
}

impl fmt::Display for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// A use that was counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// Uses after it.
    pub left: u32,
    pub by: Visitor,
}

/// Uses by address.
#[derive(Debug, Default)]
pub(crate) struct Courtesies(Mutex<HashMap<(Giver, IpAddr), (Window, u32)>>);

impl Courtesies {
    /// Counts one; how many are left after it, or `None` if none was.
    fn count(&self, giver: Giver, address: IpAddr, free: FreeUses, now_ms: u64) -> Option<u32> {
        let window = free.window(now_ms);
        let key = (giver, network(address));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= COURTESIES_COUNT_MAX && !all.contains_key(&key) {
            all.retain(|_, (window, _)| window.ends_at_ms > now_ms);
            if all.len() >= COURTESIES_COUNT_MAX {
                return None;
            }
        }
        let (counted, used) = all.entry(key).or_insert((window, 0));
        if *counted != window {
            (*counted, *used) = (window, 0);
        }
        let left = free.count.checked_sub(*used)?.checked_sub(1)?;
        *used += 1;
        Some(left)
    }

    /// Takes one off again.
    pub(crate) fn give_back(&self, giver: Giver, address: IpAddr) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, used)) = all.get_mut(&(giver, network(address))) {
            *used = used.saturating_sub(1);
        }
    }
}

/// Counts the request as a free use of its offer: how many are left after it, or `None` if it has to be
/// paid.
pub(crate) async fn count(case: &Case, courtesies: &Courtesies, parts: &Parts) -> Option<u32> {
    let free = case.offer.free?;
    if case.is_head() || !matches!(http402::decode_payment(&parts.headers), Ok(None)) {
        return None;
    }
    take(case, courtesies, parts, Giver::Offer(case.offer.id), free).await.map(|used| used.left)
}

/// Counts the request as a use; `None` if its visitor has none left.
pub(crate) async fn take(
    case: &Case,
    courtesies: &Courtesies,
    parts: &Parts,
    giver: Giver,
    free: FreeUses,
) -> Option<Use> {
    match by_key(case, giver, free, parts).await {
        Some(Ok(used)) => return Some(used),
        Some(Err(CountError::UnknownAccount)) | None => {}
        Some(Err(_)) => return None,
    }
    let ClientAddress(address) = *parts.extensions.get()?;
    let left = courtesies.count(giver, address, free, case.options.node.now_ms())?;
    Some(Use { left, by: Visitor::Address(address) })
}

/// By the visitor's account, if the request proves a key.
async fn by_key(
    case: &Case,
    giver: Giver,
    free: FreeUses,
    parts: &Parts,
) -> Option<Result<Use, CountError>> {
    let node = &case.options.node;
    let now_ms = node.now_ms();
    let key = access::key_of(&parts.headers, case.options.facts.node, now_ms)?;
    let account = payer_account(&key, case.offer.price.asset());
    let window = free.window(now_ms);
    let payer = account.to_be_bytes();
    // What a name stands for is one use of one giver.
    let (counted, named, of): (&[u8], &[u8], _) = match giver {
        Giver::Offer(offer) => (b"free", b"free use", offer.to_be_bytes()),
        Giver::Sponsor(mandate) => (b"sponsored", b"sponsored use", mandate.to_be_bytes()),
    };
    let id = Counter::id_of(&[counted, &of, &payer, &window.number.to_be_bytes()]);
    let name = idempotency::key(&parts.headers).ok().flatten();
    let used = name.map_or_else(unique, |name| {
        Counter::id_of(&[named, &payer, &case.purchase.0, name.as_bytes()])
    });
    let counter = Counter { id, max: free.count, ends_at_ms: window.ends_at_ms };
    let counted = node.count(Count { id: used, account: Some(account), counter }).await;
    Some(counted.map(|counted| Use {
        left: free.count.saturating_sub(counted.used),
        by: Visitor::Account(account),
    }))
}

/// An id that no other use has.
pub(crate) fn unique() -> CounterId {
    static KEYS: LazyLock<[RandomState; 2]> =
        LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut id = CounterId::default();
    for (part, key) in id.chunks_exact_mut(8).zip(&*KEYS) {
        part.copy_from_slice(&key.hash_one(number).to_be_bytes());
    }
    id
}

/// Says in the answer to a free use how many are left, and keeps it from shared caches: the next
/// payer may have none.
pub(crate) fn mark(mut response: Response<Body>, left: u32) -> Response<Body> {
    response.headers_mut().insert(FARTHING_FREE_LEFT, HeaderValue::from(left));
    crate::answer::keep_private(&mut response);
    response
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const FREE: FreeUses = FreeUses { count: 2, seconds: 10 };

    fn offer(number: u128) -> Giver {
        Giver::Offer(OfferId::new(number).unwrap())
    }

    #[test]
    fn each_address_has_its_uses_in_each_window() {
        let courtesies = Courtesies::default();
        let [one, two] = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        let count = |of, address, now_ms| courtesies.count(offer(of), address, FREE, now_ms);
        assert_eq!(count(1, one, 19_000), Some(1));
        assert_eq!(count(1, one, 19_999), Some(0));
        assert_eq!(count(1, one, 19_999), None);
        assert_eq!(count(1, two, 19_999), Some(1));
        assert_eq!(count(2, one, 19_999), Some(1));
        assert_eq!(count(1, one, 20_000), Some(1));
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8:0:7::1"), address("2001:db8:0:7:ffff::2"));
        assert_ne!(address("2001:db8:0:7::1"), address("2001:db8:0:8::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }

    #[test]
    fn when_all_places_are_taken_others_have_nothing_free_until_some_end() {
        let courtesies = Courtesies::default();
        let address = |number: u32| IpAddr::V4(Ipv4Addr::from_bits(number));
        let most = u32::try_from(COURTESIES_COUNT_MAX).unwrap();
        for number in 0..most {
            assert_eq!(courtesies.count(offer(1), address(number), FREE, 5_000), Some(1));
        }
        let late = address(most);
        assert_eq!(courtesies.count(offer(1), late, FREE, 9_999), None);
        assert_eq!(courtesies.count(offer(1), address(0), FREE, 9_999), Some(0));
        assert_eq!(courtesies.count(offer(1), late, FREE, 10_000), Some(1));
    }
}
