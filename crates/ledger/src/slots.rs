//! Where ids stand: a seeded hash, and a table of 8-byte slots that leads from a hash to a number.
//!
//! The table keeps no ids, so the caller compares: a slot holds 32 bits of the hash beside the
//! number, and the row behind it is looked at only if those agree. Collisions are resolved by going
//! to the next slot; what is removed leaves a mark, so no search ends too early.
//! Invariants: at most 7/8 of the slots are in use; nothing here is ever listed, so no order leaks
//! and the seed changes no answer and no byte of a snapshot. The seed is there so that nobody can
//! choose ids that collide.

use std::hash::{BuildHasher, Hasher};

/// What the hashes of ids begin with. The same answers and bytes come out under any seed.
#[derive(Debug, Clone, Copy)]
pub struct Seed {
    first: u64,
    second: u64,
}

impl Seed {
    /// For ledgers that take no ids from strangers, and for tests.
    pub const DEFAULT: Self = Self::new([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344]);

    /// From 128 bits, which should be drawn at random and kept to oneself.
    pub const fn new([first, second]: [u64; 2]) -> Self {
        Self { first, second }
    }

    /// Hash of an id.
    pub(crate) fn hash(self, id: u128) -> u64 {
        let (low, high) = halves(id);
        let low = fold(low ^ self.first, 0x9e37_79b9_7f4a_7c15);
        fold(fold(low ^ high, self.second | 1), 0xd1b5_4a32_d192_ed03)
    }
}

impl Default for Seed {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The low and the high half.
#[inline]
pub(crate) const fn halves(value: u128) -> (u64, u64) {
    let bytes = value.to_le_bytes();
    let [low, high] = [bytes.first_chunk::<8>(), bytes.last_chunk::<8>()];
    match (low, high) {
        (Some(low), Some(high)) => (u64::from_le_bytes(*low), u64::from_le_bytes(*high)),
        _ => (0, 0),
    }
}

/// Both halves of the product in one.
fn fold(left: u64, right: u64) -> u64 {
    let (low, high) = left.carrying_mul(right, 0);
    low ^ high
}

impl BuildHasher for Seed {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher { seed: *self, value: 0 }
    }
}

/// Hashes one id.
#[derive(Debug, Clone, Copy)]
pub struct IdHasher {
    seed: Seed,
    value: u64,
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.write_u128(u128::from(value));
    }

    fn write_u128(&mut self, value: u128) {
        self.value = self.seed.hash(value ^ u128::from(self.value));
    }

    fn finish(&self) -> u64 {
        self.value
    }
}

/// Slots of a table that has none yet.
const SLOTS_AT_FIRST: usize = 16;

/// A slot that never held anything.
const EMPTY: u64 = 0;

/// A slot that held something: searches go on behind it.
const GONE: u64 = 1;

/// Added to a number in a slot, so that none looks like [`EMPTY`] or [`GONE`].
const NUMBER_OFFSET: u32 = 2;

/// Largest number that a slot can hold.
pub(crate) const LARGEST_NUMBER: u32 = u32::MAX - NUMBER_OFFSET;

/// The table.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    slots: Vec<u64>,
    /// Slots that are not empty.
    used: usize,
}

impl Default for Slots {
    fn default() -> Self {
        Self { slots: vec![EMPTY; SLOTS_AT_FIRST], used: 0 }
    }
}

impl Slots {
    /// Slots that stay below their load with this many numbers.
    pub(crate) const fn slots_for(count: usize) -> usize {
        let slots = count.saturating_mul(8).div_ceil(7).saturating_add(1).next_power_of_two();
        if slots < SLOTS_AT_FIRST { SLOTS_AT_FIRST } else { slots }
    }

    /// Empties the table and makes room for this many numbers.
    pub(crate) fn clear(&mut self, count: usize) {
        let slots = Self::slots_for(count);
        self.slots.clear();
        self.slots.resize(slots, EMPTY);
        self.used = 0;
    }

    /// One more number would fill the table beyond its load.
    pub(crate) fn is_full(&self) -> bool {
        Self::slots_for(self.used.saturating_add(1)) > self.slots.len()
    }

    /// The number under this hash that `is` the sought one.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.start(hash);
        loop {
            let slot = self.slots[at];
            if slot == EMPTY {
                return None;
            }
            if (slot ^ hash) >> 32 == 0
                && let Some(number) = number(slot)
                && is(number)
            {
                return Some(number);
            }
            at = self.next(at);
        }
    }

    /// The number that [`Slots::find`] most likely finds, without looking at anything but one
    /// slot; any number if there is none.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> u32 {
        number(self.slots[self.start(hash)]).unwrap_or_default()
    }

    /// Adds a number that is not there. The table must not be full.
    pub(crate) fn insert(&mut self, hash: u64, number: u32) {
        let mut at = self.start(hash);
        while self.slots[at] != EMPTY {
            at = self.next(at);
        }
        self.slots[at] =
            hash & !u64::from(u32::MAX) | u64::from(number.wrapping_add(NUMBER_OFFSET));
        self.used = self.used.saturating_add(1);
    }

    /// Takes a number away that was added under this hash.
    pub(crate) fn remove(&mut self, hash: u64, sought: u32) {
        let mut at = self.start(hash);
        while self.slots[at] != EMPTY {
            if number(self.slots[at]) == Some(sought) {
                self.slots[at] = GONE;
                return;
            }
            at = self.next(at);
        }
    }

    #[inline]
    fn start(&self, hash: u64) -> usize {
        let low = u32::try_from(hash & u64::from(u32::MAX)).unwrap_or_default();
        crate::chunks::wide(low) & self.mask()
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask()
    }

    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }
}

fn number(slot: u64) -> Option<u32> {
    u32::try_from(slot & u64::from(u32::MAX)).unwrap_or_default().checked_sub(NUMBER_OFFSET)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Adds, removes and finds beside a map, with a hash that leaves much to collide.
    #[test]
    fn the_table_is_a_map() {
        for hash in [|id: u32| Seed::DEFAULT.hash(id.into()), |id: u32| u64::from(id % 7) << 32] {
            let (mut slots, mut map) = (Slots::default(), BTreeMap::new());
            slots.clear(2_000);
            let find = |slots: &Slots, id: u32| slots.find(hash(id), |number| number == id * 3);
            for id in 0..1_000 {
                assert!(!slots.is_full());
                slots.insert(hash(id), id * 3);
                map.insert(id, id * 3);
                let gone = id / 2;
                if id % 3 == 0 && map.remove(&gone).is_some() {
                    slots.remove(hash(gone), gone * 3);
                }
            }
            for id in 0..1_100 {
                assert_eq!(find(&slots, id), map.get(&id).copied(), "{id}");
            }
        }
    }

    #[test]
    fn slots_fill_to_seven_eighths_and_number_the_largest() {
        assert_eq!([14, 15, 28, 7 << 20].map(Slots::slots_for), [32, 32, 64, 16 << 20]);
        let mut slots = Slots::default();
        (0..12).for_each(|number| slots.insert(7, number));
        assert!(!slots.is_full());
        slots.insert(7, 12);
        assert!(slots.is_full());
        slots.clear(13);
        assert_eq!(slots.find(7, |_| true), None);
        slots.insert(u64::MAX, LARGEST_NUMBER);
        assert_eq!(slots.find(u64::MAX, |_| true), Some(LARGEST_NUMBER));
    }

    #[test]
    fn the_seed_and_both_halves_of_an_id_matter() {
        let hash = |id| Seed::DEFAULT.hash(id);
        assert_ne!(hash(1), hash(1 << 64));
        assert_ne!(hash(5), Seed::new([1, 2]).hash(5));
        // Ids in sequence spread over the slots of a table.
        let spread = |shift: u32| {
            let mut slots: Vec<u64> = (0..4_096_u128).map(|id| hash(id << shift) & 0xfff).collect();
            slots.sort_unstable();
            slots.dedup();
            slots.len()
        };
        for shift in [0, 1, 16, 40, 64, 80, 112] {
            assert!(spread(shift) > 2_300, "{shift}: {}", spread(shift));
        }
    }
}
