//! The keys of a chunk in memory: an open-addressing table of numbers of keys.
//!
//! Nothing is ever removed. The caller has made sure that a key is new.

use crate::narrow;
use crate::record::{KeyRecord, hash};

const SLOTS_FEWEST: usize = 1 << 10;

/// Keys with the offsets of their rows.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    records: Vec<(u128, u32)>,
    /// 0: free; else the high half of the key's hash, so that few other keys are looked at, and one
    /// more than the place in `records`. A power of two of them.
    slots: Vec<u64>,
}

impl Keys {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds a key with the offset of its row, or that of a burned key.
    pub(crate) fn insert(&mut self, key: u128, offset: u32) {
        if self.records.len() * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        self.records.push((key, offset));
        let number = narrow::count(self.records.len());
        self.place(key, number);
    }

    /// The offset of a key's row, or that of a burned key.
    pub(crate) fn find(&self, key: u128) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let (mask, hash) = (self.slots.len() - 1, hash(key));
        let mut at = narrow::index(hash) & mask;
        loop {
            let slot = self.slots[at];
            let number = (narrow::low(slot) as usize).checked_sub(1)?;
            if (slot ^ hash) >> 32 == 0 {
                let (found, offset) = self.records[number];
                if found == key {
                    return Some(offset);
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// All keys, ascending.
    pub(crate) fn sorted(&self) -> Vec<KeyRecord> {
        let mut records: Vec<KeyRecord> =
            self.records.iter().map(|&(key, offset)| KeyRecord { key, offset }).collect();
        records.sort_unstable_by_key(|record| record.key);
        records
    }

    /// Forgets the keys and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.slots.fill(0);
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(SLOTS_FEWEST);
        self.slots.clear();
        self.slots.resize(slots, 0);
        for number in 0..self.records.len() {
            self.place(self.records[number].0, narrow::count(number + 1));
        }
    }

    fn place(&mut self, key: u128, number: u32) {
        let (mask, hash) = (self.slots.len() - 1, hash(key));
        let mut at = narrow::index(hash) & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = hash >> 32 << 32 | u64::from(number);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::record::BURNED;

    #[test]
    fn a_table_finds_what_a_map_finds() {
        for scale in [1, 1 << 64, 0x1_0000_0000_0001_0001] {
            let mut keys = Keys::default();
            let mut map = BTreeMap::new();
            for round in 0..2 {
                for offset in 0..5_000_u32 {
                    let key = u128::from(offset * 7919 % 5_003) * scale;
                    let offset = if offset % 5 == 0 { BURNED } else { offset + round };
                    keys.insert(key, offset);
                    map.insert(key, offset);
                    assert_eq!(keys.find(key + 1), map.get(&(key + 1)).copied());
                }
                assert!(map.iter().all(|(key, offset)| keys.find(*key) == Some(*offset)));
                let sorted = keys.sorted().into_iter().map(|record| (record.key, record.offset));
                assert!(sorted.eq(map.iter().map(|(key, offset)| (*key, *offset))));
                keys.clear();
                map.clear();
                assert_eq!(keys.find(0), None);
            }
        }
    }
}
