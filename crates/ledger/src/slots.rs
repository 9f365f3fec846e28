//! Where ids stand: a seeded hash, and tables of 8-byte slots that lead from a hash to a number.
//!
//! A table keeps no ids, so the caller compares: a slot holds 32 bits of the hash beside the number,
//! and the row behind it is looked at only if those agree. They also say where the number belongs, so
//! a table grows, and closes up after a removal, without looking at a row. Collisions are resolved by
//! going to the next slot.
//! Invariants: at most 3/4 of the slots are in use, and none between a number and where it belongs is
//! empty; nothing here is ever listed, so no order leaks and the seed changes no answer and no byte
//! of a snapshot. The seed is there so that nobody can choose ids that collide.

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

/// An empty slot.
const EMPTY: u64 = 0;

/// Added to a number in a slot, so that none looks like [`EMPTY`].
const NUMBER_OFFSET: u32 = 1;

/// Largest number that a slot can hold.
pub(crate) const LARGEST_NUMBER: u32 = u32::MAX - NUMBER_OFFSET;

/// A table that is emptied again and again and says beforehand how many numbers will come.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    slots: Vec<u64>,
    used: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { slots: vec![EMPTY; SLOTS_AT_FIRST], used: 0 }
    }
}

impl Table {
    /// Slots that stay below their load with this many numbers.
    pub(crate) const fn slots_for(count: usize) -> usize {
        let slots = count.saturating_mul(4).div_ceil(3).next_power_of_two();
        if slots < SLOTS_AT_FIRST { SLOTS_AT_FIRST } else { slots }
    }

    /// Empties the table and makes room for this many numbers.
    pub(crate) fn clear(&mut self, count: usize) {
        let slots = Self::slots_for(count);
        self.slots.clear();
        self.slots.resize(slots, EMPTY);
        self.used = 0;
    }

    /// The number under this hash that `is` the sought one.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            let number = number(slot)?;
            if (slot ^ hash) >> 32 == 0 && is(number) {
                return Some(number);
            }
            at = self.next(at);
        }
    }

    /// The number that [`Table::find`] most likely finds, without looking at anything but one
    /// slot; any number if there is none.
    #[inline]
    fn guess(&self, hash: u64) -> u32 {
        number(self.slots[self.home(hash)]).unwrap_or_default()
    }

    /// Adds a number that is not there. There must be room for it.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, number: u32) {
        self.put(hash & !LOW_HALF | u64::from(number.wrapping_add(NUMBER_OFFSET)));
        self.used = self.used.saturating_add(1);
    }

    #[inline]
    fn put(&mut self, slot: u64) {
        let mut at = self.home(slot);
        while self.slots[at] != EMPTY {
            at = self.next(at);
        }
        self.slots[at] = slot;
    }

    /// Takes a number away that was added under this hash.
    pub(crate) fn remove(&mut self, hash: u64, sought: u32) {
        let mut hole = self.home(hash);
        while number(self.slots[hole]) != Some(sought) {
            if self.slots[hole] == EMPTY {
                return;
            }
            hole = self.next(hole);
        }
        self.used = self.used.saturating_sub(1);
        // Those behind close up, unless that would carry one in front of where it belongs.
        let mut at = self.next(hole);
        while self.slots[at] != EMPTY {
            let slot = self.slots[at];
            let distance = |to: usize, from: usize| to.wrapping_sub(from) & self.mask();
            if distance(at, self.home(slot)) >= distance(at, hole) {
                self.slots[hole] = slot;
                hole = at;
            }
            at = self.next(at);
        }
        self.slots[hole] = EMPTY;
    }

    /// Makes room for one more number.
    #[inline]
    fn make_room(&mut self) {
        if self.used.saturating_mul(4) >= self.slots.len().saturating_mul(3) {
            self.double();
        }
    }

    #[cold]
    fn double(&mut self) {
        let slots = vec![EMPTY; self.slots.len().saturating_mul(2)];
        for slot in std::mem::replace(&mut self.slots, slots) {
            if slot != EMPTY {
                self.put(slot);
            }
        }
    }

    /// Where the number of a hash, or of a slot, belongs.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        usize::try_from(hash >> 32).unwrap_or_default() & self.mask()
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.mask()
    }

    #[inline]
    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }
}

const LOW_HALF: u64 = 0xffff_ffff;

#[inline]
fn number(slot: u64) -> Option<u32> {
    u32::try_from(slot & LOW_HALF).unwrap_or_default().checked_sub(NUMBER_OFFSET)
}

/// Tables of [`Slots`].
pub(crate) const TABLES: usize = 256;

/// Numbers that come and go one at a time. They stand in many tables by the hash, and each table
/// doubles on its own: no insertion waits for more than a part of all to be moved.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    tables: Box<[Table; TABLES]>,
}

impl Default for Slots {
    fn default() -> Self {
        Self { tables: Box::new(std::array::from_fn(|_| Table::default())) }
    }
}

impl Slots {
    /// The number under this hash that `is` the sought one.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.tables[which(hash)].find(hash, is)
    }

    /// The number that [`Slots::find`] most likely finds, without looking at anything but one
    /// slot; any number if there is none.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> u32 {
        self.tables[which(hash)].guess(hash)
    }

    /// Adds a number that is not there.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, number: u32) {
        let table = &mut self.tables[which(hash)];
        table.make_room();
        table.insert(hash, number);
    }

    /// Takes a number away that was added under this hash.
    #[inline]
    pub(crate) fn remove(&mut self, hash: u64, number: u32) {
        self.tables[which(hash)].remove(hash, number);
    }

    /// How many numbers there are.
    pub(crate) fn len(&self) -> usize {
        self.tables.iter().map(|table| table.used).fold(0, usize::saturating_add)
    }
}

/// The table of a hash: by bits that no slot holds.
#[inline]
fn which(hash: u64) -> usize {
    usize::from(hash.to_le_bytes()[0])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Adds, removes and finds beside a map, with hashes that leave much to collide and to close up.
    #[test]
    fn slots_are_a_map() {
        let hashes = [
            |id: u32| Seed::DEFAULT.hash(id.into()),
            |id: u32| Seed::DEFAULT.hash(id.into()) & !0xff,
            |id: u32| u64::from(id % 7) << 32,
            |id: u32| u64::from(id % 50).wrapping_sub(25) << 32,
        ];
        for hash in hashes {
            let (mut slots, mut map) = (Slots::default(), BTreeMap::new());
            let find = |slots: &Slots, id: u32| slots.find(hash(id), |number| number == id * 3);
            for id in 0..1_000 {
                slots.insert(hash(id), id * 3);
                map.insert(id, id * 3);
                let gone = id / 2 + id % 5 * 7;
                if id % 3 == 0 && map.remove(&gone).is_some() {
                    slots.remove(hash(gone), gone * 3);
                }
                slots.remove(hash(id), id * 3 + 1);
                assert_eq!(slots.len(), map.len());
            }
            for id in 0..1_100 {
                assert_eq!(find(&slots, id), map.get(&id).copied(), "{id}");
            }
            for &id in map.keys() {
                slots.remove(hash(id), id * 3);
            }
            assert!(slots.tables.iter().all(|table| table.slots.iter().all(|&slot| slot == EMPTY)));
        }
    }

    #[test]
    fn slots_fill_to_three_quarters_and_number_the_largest() {
        assert_eq!([12, 13, 24, 3 << 20].map(Table::slots_for), [16, 32, 32, 4 << 20]);
        let mut slots = Slots::default();
        (0..12).for_each(|number| slots.insert(7, number));
        assert_eq!(slots.tables[7].slots.len(), 16);
        slots.insert(7, 12);
        assert_eq!(slots.tables[7].slots.len(), 32);
        assert_eq!(slots.find(7, |number| number == 0), Some(0));
        let mut table = Table::default();
        table.insert(7, 1);
        table.clear(13);
        assert_eq!((table.find(7, |_| true), table.slots.len()), (None, 32));
        table.insert(u64::MAX, LARGEST_NUMBER);
        assert_eq!(table.find(u64::MAX, |_| true), Some(LARGEST_NUMBER));
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
