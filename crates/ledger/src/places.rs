//! Where the accounts of the next transfers stand, looked up together before any is decided.
//!
//! Accounts lie anywhere in memory. One lookup waits for it twice, for the slot and for the row;
//! lookups that do not depend on each other wait at the same time, and the rows are close at hand
//! when their transfers are decided. A place is a hint: who finds none looks again.

use crate::batch::BLOCK_EVENTS;
use crate::resident::Resident;
use crate::slots::{Seed, Slots};

/// In the place of an index: no such account.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// Indexes of the debit and the credit account of each transfer of a block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    hashes: Vec<[u64; 2]>,
    found: Vec<[u32; 2]>,
}

impl Places {
    /// Looks up the accounts of a block of transfers.
    pub(crate) fn look_up(
        &mut self,
        ids: impl Iterator<Item = [u128; 2]> + Clone,
        seed: Seed,
        slots: &Slots,
        resident: &Resident,
    ) {
        self.hashes.clear();
        self.hashes.extend(ids.clone().map(|pair| [seed.hash(pair[0]), seed.hash(pair[1])]));
        self.found.clear();
        let guesses = self.hashes.iter().map(|pair| [slots.guess(pair[0]), slots.guess(pair[1])]);
        self.found.extend(guesses);
        let accounts = &resident.accounts;
        let is =
            |index: u32, id: u128| index < accounts.len() && accounts.get(index).id.get() == id;
        for ((found, hashes), ids) in self.found.iter_mut().zip(&self.hashes).zip(ids) {
            for ((index, hash), id) in found.iter_mut().zip(hashes).zip(ids) {
                if !is(*index, id) {
                    *index = slots.find(*hash, |index| is(index, id)).unwrap_or(NOWHERE);
                }
            }
        }
    }

    /// The two indexes of one transfer of the block.
    pub(crate) fn at(&self, place: usize) -> [u32; 2] {
        debug_assert!(place < BLOCK_EVENTS);
        self.found.get(place).copied().unwrap_or([NOWHERE; 2])
    }
}
