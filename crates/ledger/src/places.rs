//! Where the accounts and holds of the next transfers stand, looked up together before any is
//! decided.
//!
//! They lie anywhere in memory. One lookup waits for it twice, for the slot and for the row, and a
//! hold leads to two accounts more; lookups that do not depend on each other wait at the same time,
//! and the rows are close at hand when their transfers are decided. A place is a hint: it may have
//! become that of something else, and who finds none looks again.

use crate::batch::BLOCK_EVENTS;
use crate::books::Ledger;
use crate::past::Past;

/// In the place of an index: not found.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// What a transfer needs: its accounts, or its hold if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sought {
    /// Debit and credit account.
    pub accounts: [u128; 2],
    /// Zero for none.
    pub hold: u128,
}

/// Indexes of the debit and the credit account of each transfer of a block; of the hold and nothing
/// if the transfer resolves one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    hashes: Vec<[u64; 2]>,
    found: Vec<[u32; 2]>,
}

impl Places {
    /// The places of one transfer of the block.
    pub(crate) fn at(&self, place: usize) -> [u32; 2] {
        debug_assert!(place < BLOCK_EVENTS);
        self.found.get(place).copied().unwrap_or([NOWHERE; 2])
    }
}

impl<P: Past> Ledger<P> {
    /// Looks up what a block of transfers needs.
    pub(crate) fn look_up(&mut self, block: impl Iterator<Item = Sought> + Clone) {
        let Self { places, seed, slots, holds, resident, .. } = self;
        places.hashes.clear();
        places.hashes.extend(block.clone().map(|sought| match sought {
            Sought { accounts, hold: 0 } => accounts.map(|id| seed.hash(id)),
            Sought { hold, .. } => [seed.hash(hold), 0],
        }));
        places.found.clear();
        let hashes = places.hashes.iter().zip(block.clone());
        places.found.extend(hashes.map(|(hashes, sought)| match sought.hold {
            0 => hashes.map(|hash| slots.guess(hash)),
            _ => [holds.guess(hashes[0]), NOWHERE],
        }));

        let (accounts, rows) = (&resident.accounts, &resident.holds);
        let is_account =
            |index: u32, id: u128| index < accounts.len() && accounts.get(index).id.get() == id;
        for ((found, hashes), sought) in places.found.iter_mut().zip(&places.hashes).zip(block) {
            if sought.hold == 0 {
                for ((index, hash), id) in found.iter_mut().zip(hashes).zip(sought.accounts) {
                    if !is_account(*index, id) {
                        let index_of = slots.find(*hash, |index| is_account(index, id));
                        *index = index_of.unwrap_or(NOWHERE);
                    }
                }
                continue;
            }
            let is_hold =
                |index: u32| index < rows.len() && rows.get(index).id.get() == sought.hold;
            if !is_hold(found[0]) {
                found[0] = holds.find_hashed(hashes[0], is_hold).unwrap_or(NOWHERE);
            }
            if found[0] != NOWHERE {
                let hold = rows.get(found[0]);
                let [debit, credit] = sought.accounts;
                // Whoever names other accounts will be refused, and has time to look again.
                if !(is_account(hold.debit, debit) && is_account(hold.credit, credit)) {
                    found[0] = NOWHERE;
                }
            }
        }
    }
}
