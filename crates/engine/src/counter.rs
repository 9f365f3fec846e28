//! Counters: how often something was used, such as a discount code by a payer, or a pass.
//!
//! A counter needs no opening: it begins with its first use and is forgotten when its time is over.
//! Who counts says each time how far it may go. Invariants: no use goes beyond the maximum that was
//! named with it; a use that goes with a payment is durable with it, and is given back if the payment is
//! released. What is counted, and why, the engine does not know.

use std::collections::{BTreeMap, BTreeSet};

use money::{AccountId, PaymentId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::{CountedBy, decode_list};
use crate::error::{Coded, Retry, Unavailable};

/// Most counters that one payment takes.
pub const COUNTERS_PER_PAYMENT_COUNT_MAX: usize = 4;

/// Most counters at a time; each takes about 200 bytes of memory.
pub const COUNTERS_COUNT_MAX: usize = 1_000_000;

/// Most counters up to which a use by an account alone begins another one. Such uses are free, so those
/// that are paid for keep room of their own.
pub const COUNTERS_FREE_COUNT_MAX: usize = COUNTERS_COUNT_MAX / 2;

/// Uses without a payment that a counter remembers, the newest: their copies are known.
pub const COUNTER_USES_REMEMBERED_COUNT_MAX: usize = 16;

/// Ended counters that one entry forgets; further ones go with the next.
const FORGET_COUNT_MAX: usize = 64;

/// A name of 128 bits: of a counter, or of a use.
pub type CounterId = [u8; 16];

/// One use of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// Which one; see [`Counter::id_of`].
    pub id: CounterId,
    /// How many uses there may be, this one included.
    pub max: u32,
    /// When it is forgotten, Unix milliseconds; a later time that was named before stands.
    pub ends_at_ms: u64,
}

impl Counter {
    /// The id of what a few parts name: the first 16 bytes of SHA-256 over `farthing/counter/1` and
    /// each part behind its length (8, big-endian).
    pub fn id_of(parts: &[&[u8]]) -> CounterId {
        let mut digest = Sha256::new().chain_update(b"farthing/counter/1");
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest: [u8; 32] = digest.finalize().into();
        let mut id = CounterId::default();
        id.copy_from_slice(digest.split_at(16).0);
        id
    }
}

/// Request to count a use that goes without a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Chosen by the caller: the same id again is the same use.
    pub id: CounterId,
    /// Who uses it for nothing: refused unless this account is open, for anybody can make up keys. `None`
    /// if something was paid.
    pub account: Option<AccountId>,
    /// What it uses.
    pub counter: Counter,
}

/// A use was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Uses up to now, this one included.
    pub used: u32,
    /// It was counted before.
    pub again: bool,
}

/// Why a use was not counted, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountError {
    /// There is no such account.
    #[error("the node has no such account")]
    UnknownAccount,
    /// All uses are taken, or its time is over.
    #[error("all uses are taken, or the time for them is over")]
    Exhausted,
    /// There are as many counters as there may be.
    #[error("the node counts as many things as it can; try again later")]
    TooMany,
    /// The engine cannot take the command now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Coded for CountError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownAccount => "unknown_account",
            Self::Exhausted => "counter_exhausted",
            Self::TooMany => "too_many_counters",
            Self::Unavailable(inner) => inner.code(),
        }
    }

    fn http_status(&self) -> u16 {
        match self {
            Self::UnknownAccount | Self::Exhausted => 402,
            Self::TooMany => 503,
            Self::Unavailable(inner) => inner.http_status(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::UnknownAccount | Self::Exhausted => Retry::Never,
            Self::TooMany => Retry::AfterSeconds(1),
            Self::Unavailable(inner) => inner.retry(),
        }
    }
}

/// A counter that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Counting {
    used: u32,
    ends_at_ms: u64,
    /// Timestamp of the entry that began it: the same id can begin anew after its end.
    since_ns: u64,
    /// The newest uses without a payment, oldest first.
    uses: Vec<CounterId>,
}

/// All counters that have begun and are not forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    by_id: BTreeMap<CounterId, Counting>,
    ends: BTreeSet<(u64, CounterId)>,
    /// What each held payment gives back if it is released: counters and since when they count.
    of_held: BTreeMap<PaymentId, Vec<(CounterId, u64)>>,
}

impl Counters {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.of_held.is_empty()
    }

    /// Uses of a counter that has not ended.
    pub(crate) fn used(&self, id: &CounterId, now_ms: u64) -> u32 {
        self.running(id, now_ms).map_or(0, |counting| counting.used)
    }

    /// Whether a use without a payment is known, and how many there are.
    pub(crate) fn known(&self, count: &Count, now_ms: u64) -> Option<u32> {
        let counting = self.running(&count.counter.id, now_ms)?;
        counting.uses.contains(&count.id).then_some(counting.used)
    }

    fn running(&self, id: &CounterId, now_ms: u64) -> Option<&Counting> {
        self.by_id.get(id).filter(|counting| counting.ends_at_ms > now_ms)
    }

    /// Whether `count_max` leaves room for those of these that have not begun.
    pub(crate) fn has_room_for(&self, counters: &[Counter], count_max: usize) -> bool {
        let new = counters.iter().filter(|counter| !self.by_id.contains_key(&counter.id)).count();
        new == 0 || self.by_id.len() + new <= count_max
    }

    /// Takes one use. `None` if it goes beyond its maximum or there is no room: it was not decided so.
    pub(crate) fn take(&mut self, by: CountedBy, counter: &Counter, at_ns: u64) -> Option<()> {
        let id = counter.id;
        if self.running(&id, at_ns / 1_000_000).is_none() {
            self.forget(&id);
        }
        if !self.has_room_for(&[*counter], COUNTERS_COUNT_MAX) {
            return None;
        }
        let counting = self.by_id.entry(id).or_insert_with(|| Counting {
            used: 0,
            ends_at_ms: counter.ends_at_ms,
            since_ns: at_ns,
            uses: Vec::new(),
        });
        let is_within = counting.used < counter.max;
        counting.used = counting.used.checked_add(1).filter(|_| is_within)?;
        self.ends.remove(&(counting.ends_at_ms, id));
        counting.ends_at_ms = counting.ends_at_ms.max(counter.ends_at_ms);
        self.ends.insert((counting.ends_at_ms, id));
        match by {
            CountedBy::Use(known) => {
                if counting.uses.len() >= COUNTER_USES_REMEMBERED_COUNT_MAX {
                    counting.uses.remove(0);
                }
                counting.uses.push(known);
            }
            CountedBy::Payment(payment) => {
                if let Some(held) = self.of_held.get_mut(&payment) {
                    held.push((id, counting.since_ns));
                }
            }
        }
        Some(())
    }

    /// From here on the payment's counters are given back with it.
    pub(crate) fn hold(&mut self, payment: PaymentId) {
        self.of_held.entry(payment).or_default();
    }

    /// The payment is settled: what it used stays used.
    pub(crate) fn keep(&mut self, payment: PaymentId) {
        self.of_held.remove(&payment);
    }

    /// The payment is released: what it used can be used again.
    pub(crate) fn give_back(&mut self, payment: PaymentId) {
        for (id, since_ns) in self.of_held.remove(&payment).unwrap_or_default() {
            let Some(counting) = self.by_id.get_mut(&id) else { continue };
            if counting.since_ns == since_ns {
                counting.used = counting.used.saturating_sub(1);
                if counting.used == 0 {
                    self.forget(&id);
                }
            }
        }
    }

    /// Forgets what has ended, a few at a time.
    pub(crate) fn forget_ended(&mut self, now_ms: u64) {
        for _ in 0..FORGET_COUNT_MAX {
            match self.ends.first() {
                Some(&(ends_at_ms, id)) if ends_at_ms <= now_ms => self.forget(&id),
                _ => return,
            }
        }
    }

    fn forget(&mut self, id: &CounterId) {
        if let Some(counting) = self.by_id.remove(id) {
            self.ends.remove(&(counting.ends_at_ms, *id));
        }
    }

    /// Counters: id (16), used (4), end (8), begun (8), uses (16 each); then the held payments that give
    /// some back: id (16), of each counter id (16) and when it began (8).
    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.len(self.by_id.len());
        for (id, counting) in &self.by_id {
            out.raw(id);
            out.u32(counting.used);
            out.u64(counting.ends_at_ms);
            out.u64(counting.since_ns);
            out.len(counting.uses.len());
            counting.uses.iter().for_each(|known| out.raw(known));
        }
        out.len(self.of_held.len());
        for (payment, counters) in &self.of_held {
            out.u128(payment.get());
            out.len(counters.len());
            for (id, since_ns) in counters {
                out.raw(id);
                out.u64(*since_ns);
            }
        }
    }

    /// `is_held` says which payments can give back.
    pub(crate) fn decode(
        from: &mut Decoder<'_>,
        is_held: impl Fn(PaymentId) -> bool,
    ) -> Result<Self, Malformed> {
        let mut counters = Self::default();
        for _ in 0..from.len()? {
            let id: CounterId = from.array()?;
            let counting = Counting {
                used: from.u32()?,
                ends_at_ms: from.u64()?,
                since_ns: from.u64()?,
                uses: decode_list(from, Decoder::array)?,
            };
            let is_behind = counters.by_id.last_key_value().is_none_or(|(last, _)| *last < id);
            let has_sound_uses = counting.uses.len() <= COUNTER_USES_REMEMBERED_COUNT_MAX
                && counting.uses.len() as u64 <= u64::from(counting.used);
            if !is_behind || !has_sound_uses || counting.used == 0 {
                return Err(Malformed("counter"));
            }
            counters.ends.insert((counting.ends_at_ms, id));
            counters.by_id.insert(id, counting);
        }
        for _ in 0..from.len()? {
            let payment = from.id(PaymentId::new)?;
            let given = decode_list(from, |from| Ok((from.array()?, from.u64()?)))?;
            let is_behind =
                counters.of_held.last_key_value().is_none_or(|(last, _)| *last < payment);
            if !is_behind || given.is_empty() || !is_held(payment) {
                return Err(Malformed("counters of a payment"));
            }
            counters.of_held.insert(payment, given);
        }
        Ok(counters)
    }
}
