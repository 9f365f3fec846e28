//! Where open holds stand, and which of them ends next.
//!
//! A hold keeps its row for as long as it is open; vacant rows are used again. Holds of the same
//! timeout end in the order in which they were created, so each timeout has a list in that order, and
//! only the first of each list is compared with the others.
//! Invariants: the slots name each open hold once; a hold with a timeout stands in the list of its
//! timeout, any other in none; `firsts` names the first of each list that is settled, and every list
//! is once [`Holds::settle`] is done. Where a hold stands shows nowhere.

use std::collections::BTreeMap;

use money::TransferId;

use crate::chunks::{Chunks, wide};
use crate::hold::Hold;
use crate::lists::{Link, Links, List};
use crate::slots::{Seed, Slots};

/// Rows that stay, open or vacant: they take 6 MiB.
const ROWS_KEPT: u32 = 65_536;

/// Rows that one call gives back: so no call waits long, and what comes back soon stays.
const ROWS_GIVEN_BACK: u32 = 1_024;

/// Finds open holds by id and by end. The rows are the caller's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holds {
    seed: Seed,
    slots: Slots,
    open: u32,
    links: Links,
    vacant: List,
    /// By timeout in seconds.
    queues: BTreeMap<u32, Queue>,
    /// By end and creation.
    firsts: BTreeMap<(u64, u64), u32>,
    /// Timeouts whose first hold was closed: often the next one is closed at once as well, so who
    /// is first is noted when that is over.
    unsettled: Vec<u32>,
}

/// Open holds of one timeout.
#[derive(Debug, Clone, Copy, Default)]
struct Queue {
    list: List,
    is_unsettled: bool,
}

/// A hold that was closed, and where it stood.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closed {
    pub hold: Hold,
    index: u32,
    /// If it has a timeout.
    link: Option<Link>,
}

impl Holds {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Index of the open hold with this id.
    pub(crate) fn find(&self, rows: &Chunks<Hold>, id: TransferId) -> Option<u32> {
        self.slots.find(self.seed.hash(id.get()), |index| rows.get(index).id == id)
    }

    /// The index under the hash of an id that `is` the sought one.
    #[inline]
    pub(crate) fn find_hashed(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.slots.find(hash, is)
    }

    /// The index that [`Holds::find`] most likely finds, by the hash of the id.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> u32 {
        self.slots.guess(hash)
    }

    /// Adds a hold under an id that no open hold has, later than all others.
    pub(crate) fn open(&mut self, rows: &mut Chunks<Hold>, hold: Hold) {
        let index = match self.vacant.first() {
            Some(index) => {
                self.links.take_out(&mut self.vacant, index);
                *rows.get_mut(index) = hold;
                index
            }
            None => rows.push(hold),
        };
        self.name(index, &hold);
        if let Some(end) = hold.expiry() {
            let queue = self.queues.entry(hold.timeout_seconds).or_default();
            if self.links.push_last(&mut queue.list, index).is_first() && !queue.is_unsettled {
                self.firsts.insert(end, index);
            }
        }
    }

    /// Closes the hold at an index.
    pub(crate) fn close(&mut self, rows: &mut Chunks<Hold>, index: u32) -> Closed {
        let row = rows.get_mut(index);
        let hold = *row;
        row.timestamp_ns = 0;
        self.slots.remove(self.seed.hash(hold.id.get()), index);
        self.open = self.open.saturating_sub(1);
        let link = hold.expiry().and_then(|end| {
            let queue = self.queues.get_mut(&hold.timeout_seconds)?;
            let link = self.links.take_out(&mut queue.list, index);
            if link.is_first() && !queue.is_unsettled {
                queue.is_unsettled = true;
                self.unsettled.push(hold.timeout_seconds);
                self.firsts.remove(&end);
            }
            Some(link)
        });
        self.links.push_first(&mut self.vacant, index);
        Closed { hold, index, link }
    }

    /// Opens a hold again, as it was before it was closed. What was opened and closed since then
    /// must have been taken back.
    pub(crate) fn reopen(&mut self, rows: &mut Chunks<Hold>, closed: &Closed) {
        let Closed { hold, index, link } = *closed;
        self.links.take_out(&mut self.vacant, index);
        *rows.get_mut(index) = hold;
        self.name(index, &hold);
        if let Some(link) = link
            && let Some(queue) = self.queues.get_mut(&hold.timeout_seconds)
        {
            self.links.put_back(&mut queue.list, index, link);
        }
    }

    /// Notes for each timeout which hold ends first, and gives back rows.
    pub(crate) fn settle(&mut self, rows: &mut Chunks<Hold>) {
        self.trim(rows);
        while let Some(timeout_seconds) = self.unsettled.pop() {
            let Some(queue) = self.queues.get_mut(&timeout_seconds) else {
                continue;
            };
            queue.is_unsettled = false;
            match queue.list.first().and_then(|first| Some((rows.get(first).expiry()?, first))) {
                Some((end, first)) => {
                    self.firsts.insert(end, first);
                }
                None => {
                    self.queues.remove(&timeout_seconds);
                }
            }
        }
    }

    fn name(&mut self, index: u32, hold: &Hold) {
        self.slots.insert(self.seed.hash(hold.id.get()), index);
        self.open = self.open.saturating_add(1);
    }

    /// When the next hold ends, and which one it is. All lists are settled.
    pub(crate) fn next_expiry(&self) -> Option<(u64, u32)> {
        debug_assert!(self.unsettled.is_empty());
        self.firsts.first_key_value().map(|(&(end_ns, _), &index)| (end_ns, index))
    }

    /// Gives back some rows at the end where most are vacant; holds that stand there move.
    fn trim(&mut self, rows: &mut Chunks<Hold>) {
        let least = rows.len().saturating_sub(ROWS_GIVEN_BACK).max(ROWS_KEPT);
        while rows.len() > least && self.open < rows.len() / 4 {
            let last = rows.len().saturating_sub(1);
            if rows.get(last).is_open()
                && let Some(index) = self.vacant.first()
            {
                let closed = self.close(rows, last);
                self.reopen(rows, &Closed { index, ..closed });
            }
            self.links.take_out(&mut self.vacant, last);
            self.links.pop(last);
            rows.pop();
        }
    }

    /// What is kept here is what follows from the rows.
    pub(crate) fn is_of(&self, rows: &Chunks<Hold>) -> bool {
        let open = || (0..).zip(rows.iter()).filter(|(_, hold)| hold.is_open());
        let named = open().all(|(index, hold)| self.find(rows, hold.id) == Some(index));
        let count = open().count();
        let vacant = wide(rows.len()).saturating_sub(count);
        let counted = wide(self.open) == count
            && self.slots.len() == count
            && self.links.of(self.vacant).count() == vacant
            && self.links.of(self.vacant).all(|index| !rows.get(index).is_open());

        let mut queues: BTreeMap<u32, BTreeMap<(u64, u64), u32>> = BTreeMap::new();
        for (index, hold) in open() {
            if let Some(end) = hold.expiry() {
                queues.entry(hold.timeout_seconds).or_default().insert(end, index);
            }
        }
        let queued = queues.len() == self.queues.len()
            && queues.iter().zip(&self.queues).all(|((timeout, queue), (kept, found))| {
                timeout == kept && self.links.of(found.list).eq(queue.values().copied())
            });
        let firsts = queues.values().filter_map(BTreeMap::first_key_value);
        let firsts: BTreeMap<_, _> = firsts.map(|(&end, &index)| (end, index)).collect();
        named && counted && queued && firsts == self.firsts
    }
}
