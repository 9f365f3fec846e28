//! How often one caller may ask: the generic cell rate algorithm, one time for each subject.
//!
//! Headers: draft-ietf-httpapi-ratelimit-headers-11. Invariants: memory is bounded; a clock that goes
//! back locks nobody out for longer than one window. Nothing of this is durable.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue};
use http402::Problem;
use http402::problem::Retry;

/// Subjects that are counted apart; those beyond are counted as one.
const RATE_SUBJECTS_COUNT_MAX: usize = 65_536;
/// Bits of an IPv6 address that belong to one customer of a network.
const IPV6_NETWORK_BITS: u32 = 64;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// So many requests in so many seconds, at once or spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests; 0 means that there is no limit.
    pub requests: u32,
    /// Length of the window in seconds.
    pub seconds: u32,
}

/// The limits of each kind of subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// For each API key, its sessions included.
    pub key: Rate,
    /// For each payer who proves its key.
    pub payer: Rate,
    /// For each address, of what shows no token or API key; IPv6 by networks of 64 bits.
    pub address: Rate,
    /// For each address: attempts to log in.
    pub login: Rate,
    /// For each address: play money that is asked for.
    pub faucet: Rate,
}

impl Rates {
    /// Everyone may ask as often as they like.
    pub const UNLIMITED: Self = {
        let none = Rate { requests: 0, seconds: 1 };
        Self { key: none, payer: none, address: none, login: none, faucet: none }
    };
}

impl Default for Rates {
    fn default() -> Self {
        let per_minute = |requests| Rate { requests, seconds: 60 };
        Self {
            key: per_minute(60_000),
            payer: per_minute(3_000),
            address: per_minute(6_000),
            login: per_minute(10),
            faucet: Rate { requests: 600, seconds: 60 * 60 },
        }
    }
}

/// Whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An API key by its id.
    Key(u128),
    /// A payer by its public key.
    Payer([u8; 32]),
    /// An address.
    Address(IpAddr),
    /// Attempts to log in from an address.
    Login(IpAddr),
    /// Play money for an address.
    Faucet(IpAddr),
}

impl Subject {
    const fn name(self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Payer(_) => "payer",
            Self::Address(_) => "address",
            Self::Login(_) => "login",
            Self::Faucet(_) => "faucet",
        }
    }

    /// Addresses of one customer are one subject.
    fn by_network(self) -> Self {
        match self {
            Self::Address(address) => Self::Address(network(address)),
            Self::Login(address) => Self::Login(network(address)),
            Self::Faucet(address) => Self::Faucet(network(address)),
            other => other,
        }
    }
}

/// The customer of a network behind an address: of IPv6 the network of 64 bits, since one household
/// has that many addresses.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address @ IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(IPV6_NETWORK_BITS).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// What a request left of its subject's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    name: &'static str,
    rate: Rate,
    remaining: u32,
    /// Seconds until the whole quota is there again.
    full_after_seconds: u32,
    /// Seconds until another request is taken, if this one is not.
    wait_seconds: Option<u32>,
}

/// Counts requests.
#[derive(Debug)]
pub struct Limiter {
    rates: Rates,
    /// For each subject the time at which its quota is whole again, Unix nanoseconds. `None` stands
    /// for all subjects for which there was no room.
    full_at_ns: Mutex<HashMap<Option<Subject>, u64>>,
}

impl Limiter {
    /// Without any request so far.
    pub fn new(rates: Rates) -> Self {
        Self { rates, full_at_ns: Mutex::default() }
    }

    /// Counts a request; `None` if its subject has no limit.
    pub fn take(&self, subject: Subject, now_ns: u64) -> Option<Verdict> {
        let rate = match subject {
            Subject::Key(_) => self.rates.key,
            Subject::Payer(_) => self.rates.payer,
            Subject::Address(_) => self.rates.address,
            Subject::Login(_) => self.rates.login,
            Subject::Faucet(_) => self.rates.faucet,
        };
        if rate.requests == 0 {
            return None;
        }
        // A panic elsewhere cannot leave the map half written.
        let mut known = self.full_at_ns.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Some(subject.by_network());
        if known.len() >= RATE_SUBJECTS_COUNT_MAX && !known.contains_key(&key) {
            known.retain(|_, full_at_ns| *full_at_ns > now_ns);
        }
        let has_room = known.len() < RATE_SUBJECTS_COUNT_MAX || known.contains_key(&key);
        let full_at_ns = known.entry(key.filter(|_| has_room)).or_insert(now_ns);
        let (next_ns, verdict) = decide(rate, subject.name(), *full_at_ns, now_ns);
        *full_at_ns = next_ns;
        Some(verdict)
    }
}

/// When the quota is whole again after this request, and what it leaves.
fn decide(rate: Rate, name: &'static str, full_at_ns: u64, now_ns: u64) -> (u64, Verdict) {
    let window_ns = u64::from(rate.seconds.max(1)).saturating_mul(1_000_000_000);
    let step_ns = (window_ns / u64::from(rate.requests.max(1))).max(1);
    let missing_ns = full_at_ns.saturating_sub(now_ns).min(window_ns);
    let after_ns = missing_ns.saturating_add(step_ns);
    let over_ns = after_ns.saturating_sub(window_ns);
    let is_taken = over_ns == 0;
    let missing_ns = if is_taken { after_ns } else { missing_ns };
    let verdict = Verdict {
        name,
        rate,
        remaining: u32::try_from((window_ns - missing_ns) / step_ns).unwrap_or(u32::MAX),
        full_after_seconds: whole_seconds(missing_ns),
        wait_seconds: (!is_taken).then(|| whole_seconds(over_ns)),
    };
    (now_ns.saturating_add(missing_ns), verdict)
}

/// Rounded up, so that who waits so long does not come too early.
fn whole_seconds(ns: u64) -> u32 {
    u32::try_from(ns.div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}

impl Verdict {
    /// The refusal, if the request is one too many.
    pub fn refusal(&self) -> Option<Problem> {
        let seconds = self.wait_seconds?;
        let Rate { requests, seconds: window } = self.rate;
        let detail = format!(
            "more than {requests} requests in {window} seconds for this {}; wait, then send the \
             same request again",
            self.name
        );
        let problem = Problem::new(429, "rate_limited", "Too many requests", detail);
        Some(problem.with_retry(Retry::AfterSeconds(seconds)))
    }

    /// Whether the request is one too many.
    pub const fn is_refused(&self) -> bool {
        self.wait_seconds.is_some()
    }

    /// Says what is left.
    pub fn write(&self, headers: &mut HeaderMap) {
        let Self { name, rate, remaining, full_after_seconds, .. } = self;
        let policy = format!("\"{name}\";q={};w={}", rate.requests, rate.seconds);
        let left = format!("\"{name}\";r={remaining};t={full_after_seconds}");
        for (header, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(header, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn limiter() -> Limiter {
        let rate = Rate { requests: 3, seconds: 60 };
        Limiter::new(Rates { address: rate, ..Rates::default() })
    }

    fn address(text: &str) -> Subject {
        Subject::Address(text.parse().unwrap())
    }

    #[test]
    fn a_quota_is_spent_and_comes_back_bit_by_bit() {
        let (limiter, me) = (limiter(), address("192.0.2.1"));
        let take = |at| {
            let verdict = limiter.take(me, at * SECOND).unwrap();
            (verdict.remaining, verdict.full_after_seconds, verdict.wait_seconds)
        };
        assert_eq!(take(1000), (2, 20, None));
        assert_eq!(take(1000), (1, 40, None));
        assert_eq!(take(1000), (0, 60, None));
        assert_eq!(take(1000), (0, 60, Some(20)));
        assert_eq!(take(1019), (0, 41, Some(1)), "a refused request costs nothing");
        assert_eq!(take(1020), (0, 60, None));
        assert_eq!(take(9000), (2, 20, None));
        assert_eq!(limiter.take(address("192.0.2.2"), 9000 * SECOND).unwrap().remaining, 2);
    }

    #[test]
    fn a_clock_that_goes_back_locks_out_for_one_window_at_most() {
        let (limiter, me) = (limiter(), address("192.0.2.1"));
        limiter.take(me, 1_000_000 * SECOND);
        assert_eq!(limiter.take(me, 1000 * SECOND).unwrap().wait_seconds, Some(20));
        assert_eq!(limiter.take(me, 1020 * SECOND).unwrap().wait_seconds, None);
    }

    #[test]
    fn a_network_of_64_bits_is_one_subject() {
        let limiter = limiter();
        for text in ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:1"] {
            assert!(limiter.take(address(text), SECOND).unwrap().wait_seconds.is_none());
        }
        assert!(limiter.take(address("2001:db8::4"), SECOND).unwrap().wait_seconds.is_some());
        assert!(limiter.take(address("2001:db8:0:1::4"), SECOND).unwrap().wait_seconds.is_none());
    }

    #[test]
    fn who_finds_no_room_shares_one_quota_until_there_is_some() {
        let limiter = limiter();
        for number in 0..u32::try_from(RATE_SUBJECTS_COUNT_MAX).unwrap() {
            limiter.take(Subject::Key(number.into()), SECOND);
        }
        assert_eq!(limiter.take(address("192.0.2.1"), SECOND).unwrap().remaining, 2);
        assert_eq!(limiter.take(address("192.0.2.2"), SECOND).unwrap().remaining, 1);
        assert_eq!(limiter.take(address("192.0.2.2"), 100 * SECOND).unwrap().remaining, 2);
        assert!(limiter.full_at_ns.lock().unwrap().len() < 3);
    }

    #[test]
    fn no_limit_is_no_limit() {
        let none = Rate { requests: 0, seconds: 60 };
        let limiter = Limiter::new(Rates { address: none, ..Rates::default() });
        assert_eq!(limiter.take(address("192.0.2.1"), SECOND), None);
    }
}
