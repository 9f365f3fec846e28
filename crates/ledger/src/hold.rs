//! Open holds: what a post, void or expiry of each must know, and when they end.
//!
//! Invariants: the index names each open hold once; `expiries` names exactly those with a timeout.
//! Holds are never listed in the order in which they stand.

use std::collections::{BTreeMap, HashMap};

use money::TransferId;

use crate::chunks::Chunks;
use crate::codec::{is_linked, kind_of};
use crate::event::{Kind, Transfer};
use crate::resident::Resident;
use crate::slots::Seed;
use crate::state::expiry_ns;

/// A pending transfer that is neither posted, voided nor released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold {
    pub id: TransferId,
    pub amount: u128,
    pub user_data: u128,
    pub user_data_64: u64,
    pub timestamp_ns: u64,
    pub user_data_32: u32,
    pub timeout_seconds: u32,
    /// Index of the debit account.
    pub debit: u32,
    /// Index of the credit account.
    pub credit: u32,
    pub code: u16,
    /// Transfer flags, as they stand in its row.
    pub flags: u16,
}

const _: () = assert!(size_of::<Hold>() == 96);

impl Hold {
    pub(crate) fn new(transfer: &Transfer, timestamp_ns: u64, debit: u32, credit: u32) -> Self {
        Self {
            id: transfer.id,
            amount: transfer.amount,
            user_data: transfer.user_data,
            user_data_64: transfer.user_data_64,
            timestamp_ns,
            user_data_32: transfer.user_data_32,
            timeout_seconds: transfer.kind.timeout_seconds(),
            debit,
            credit,
            code: transfer.code,
            flags: transfer.flags(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        kind_of(self.flags, self.timeout_seconds, None).expect("a hold has the flags of a hold")
    }

    /// The transfer that made the hold.
    pub(crate) fn transfer(&self, resident: &Resident) -> Transfer {
        let debit = resident.accounts.get(self.debit);
        Transfer {
            id: self.id,
            kind: self.kind(),
            debit_account: debit.id,
            credit_account: resident.accounts.get(self.credit).id,
            asset: resident.asset(debit.asset),
            amount: self.amount,
            code: self.code,
            user_data: self.user_data,
            user_data_64: self.user_data_64,
            user_data_32: self.user_data_32,
            linked: is_linked(self.flags),
        }
    }

    /// End and creation of a hold with a timeout; the first can overflow only in hostile bytes.
    fn expiry(&self) -> Option<(u64, u64)> {
        match self.timeout_seconds {
            0 => None,
            seconds => Some((expiry_ns(self.timestamp_ns, seconds)?, self.timestamp_ns)),
        }
    }
}

/// Where open holds stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct HoldIndex {
    indexes: HashMap<TransferId, u32, Seed>,
    /// By end and creation.
    expiries: BTreeMap<(u64, u64), TransferId>,
}

impl HoldIndex {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { indexes: HashMap::with_hasher(seed), expiries: BTreeMap::new() }
    }

    pub(crate) fn get<'a>(&self, holds: &'a Chunks<Hold>, id: TransferId) -> Option<&'a Hold> {
        self.indexes.get(&id).map(|&index| holds.get(index))
    }

    pub(crate) fn is_open(&self, id: TransferId) -> bool {
        self.indexes.contains_key(&id)
    }

    /// Adds a hold under an id that no open hold has.
    pub(crate) fn open(&mut self, holds: &mut Chunks<Hold>, hold: Hold) {
        if let Some(expiry) = hold.expiry() {
            self.expiries.insert(expiry, hold.id);
        }
        self.indexes.insert(hold.id, holds.push(hold));
    }

    pub(crate) fn close(&mut self, holds: &mut Chunks<Hold>, id: TransferId) -> Option<Hold> {
        let index = self.indexes.remove(&id)?;
        let hold = holds.swap_remove(index);
        if index < holds.len() {
            self.indexes.insert(holds.get(index).id, index);
        }
        if let Some(expiry) = hold.expiry() {
            self.expiries.remove(&expiry);
        }
        Some(hold)
    }

    /// When the next hold ends, and which one it is.
    pub(crate) fn next_expiry(&self) -> Option<(u64, TransferId)> {
        self.expiries.first_key_value().map(|(&(end_ns, _), &id)| (end_ns, id))
    }

    /// The index names these holds, and its expiries are theirs.
    pub(crate) fn is_of(&self, holds: &Chunks<Hold>) -> bool {
        let expiries: BTreeMap<_, _> =
            holds.iter().filter_map(|hold| Some((hold.expiry()?, hold.id))).collect();
        let named = (0..).zip(holds.iter());
        self.indexes.len() == crate::chunks::wide(holds.len())
            && named.into_iter().all(|(index, hold)| self.indexes.get(&hold.id) == Some(&index))
            && expiries == self.expiries
    }
}
