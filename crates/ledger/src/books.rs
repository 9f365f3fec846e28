//! The ledger itself: what it keeps at hand, and the calls that change it.
//!
//! Invariants: the table of slots names each account once and the index of holds each open one; the
//! resident part is the fold over all rows of the past; a call is absorbed by the past before it
//! answers. After an error of the past, or of a replay, the ledger must not be used any more: part
//! of a call may be done.

use std::collections::BTreeMap;

use money::{AccountId, Asset, AssetCode, TransferId};

use crate::batch;
use crate::call::Call;
use crate::commit::Undo;
use crate::event::{Account, Transfer};
use crate::holds::Holds;
use crate::memory::Memory;
use crate::past::{Fresh, Known, Past};
use crate::places::Places;
use crate::postings::{Postings, Totals};
use crate::resident::Resident;
use crate::row::Row;
use crate::slots::{Seed, Slots};
use crate::state::{AccountState, Standing, TransferState};
use crate::status::{CreateAccountStatus, CreateTransferStatus};

/// A double-entry ledger. Accounts and open holds are in memory, everything else is in the past.
#[derive(Debug, Clone)]
pub struct Ledger<P: Past = Memory> {
    pub(crate) resident: Resident,
    pub(crate) seed: Seed,
    /// Indexes of the accounts by the hash of their id.
    pub(crate) slots: Slots,
    /// By code and scale of the asset.
    pub(crate) asset_numbers: BTreeMap<(AssetCode, u8), u16>,
    pub(crate) holds: Holds,
    pub(crate) past: P,
    pub(crate) call: Call,
    pub(crate) places: Places,
    /// Of the chain at hand.
    pub(crate) undos: Vec<Undo>,
    /// The call at hand folds rows that were decided before, and asks for no id.
    pub(crate) is_replay: bool,
    /// No later event may have this timestamp or an earlier one.
    pub(crate) last_seen_ns: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// An empty ledger whose past is in memory.
    pub fn new() -> Self {
        Self::with_past(Memory::new(), Seed::DEFAULT)
    }
}

impl<P: Past> Ledger<P> {
    /// An empty ledger over an empty past. The seed changes no answer; see [`Seed`].
    pub fn with_past(past: P, seed: Seed) -> Self {
        Self::over(Resident::default(), past, seed)
    }

    pub(crate) fn over(resident: Resident, past: P, seed: Seed) -> Self {
        Self {
            last_seen_ns: resident.last_timestamp_ns,
            resident,
            seed,
            slots: Slots::default(),
            asset_numbers: BTreeMap::new(),
            holds: Holds::new(seed),
            past,
            call: Call::new(seed),
            places: Places::default(),
            undos: Vec::new(),
            is_replay: false,
        }
    }

    /// Creates accounts in order and answers each. Event i of n (from 0) gets the timestamp
    /// `timestamp_ns - n + i + 1`, Unix nanoseconds; the first must be above every timestamp that
    /// the ledger has seen.
    pub fn create_accounts(
        &mut self,
        accounts: &[Account],
        timestamp_ns: u64,
    ) -> Result<Vec<CreateAccountStatus>, P::Error> {
        batch::run(self, accounts, timestamp_ns)
    }

    /// Creates transfers in order and answers each; later ones see the effects of earlier ones.
    /// Timestamps as for [`Ledger::create_accounts`].
    ///
    /// A retried chain answers `exists` on its first event and `linked_event_failed` on the others.
    pub fn create_transfers(
        &mut self,
        transfers: &[Transfer],
        timestamp_ns: u64,
    ) -> Result<Vec<CreateTransferStatus>, P::Error> {
        batch::run(self, transfers, timestamp_ns)
    }

    /// Releases at most `limit` holds that end at or before `timestamp_ns`, in order of end and
    /// creation, and names them. `timestamp_ns` must not be before a timestamp that the ledger has
    /// seen; the same one may be used again, so a caller can go on until nothing is due.
    pub fn expire(&mut self, timestamp_ns: u64, limit: usize) -> Result<Vec<TransferId>, P::Error> {
        assert!(timestamp_ns >= self.last_seen_ns, "time goes forward");
        self.begin(0);
        self.last_seen_ns = timestamp_ns;
        let mut released = Vec::new();
        while released.len() < limit
            && let Some((end_ns, index)) = self.holds.next_expiry()
            && end_ns <= timestamp_ns
        {
            released.push(self.resident.holds.get(index).id);
            let row = self.expiry_row(index, timestamp_ns);
            self.release(index, &row);
            self.holds.settle(&mut self.resident.holds);
        }
        self.finish()?;
        Ok(released)
    }

    /// The row that releases the open hold at an index.
    pub(crate) fn expiry_row(&self, index: u32, timestamp_ns: u64) -> Row {
        let hold = self.resident.holds.get(index);
        let asset = self.resident.accounts.get(hold.debit).asset;
        Row::of_expiry(&hold.transfer(&self.resident), asset, timestamp_ns)
    }

    /// Releases the open hold at an index. `row` is the row that says so.
    pub(crate) fn release(&mut self, index: u32, row: &Row) {
        let hold = self.holds.close(&mut self.resident.holds, index).hold;
        let indexes = [hold.debit, hold.credit];
        self.set_closed(hold.kind().closing(), indexes, false);
        let sides = indexes.map(|index| self.resident.side(index));
        self.resident.book(&sides, Postings::release(hold.amount));
        self.call.fresh.push(row, None);
        self.count_row(row);
    }

    /// When the next hold ends, Unix nanoseconds.
    pub fn next_expiry_ns(&self) -> Option<u64> {
        self.holds.next_expiry().map(|(end_ns, _)| end_ns)
    }

    /// An account and where it stands.
    pub fn account(&self, id: AccountId) -> Option<Standing> {
        self.find_account(id).map(|index| self.resident.standing(index))
    }

    /// Every account in order of creation.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = Standing> {
        self.resident.indexes().map(|index| self.resident.standing(index))
    }

    /// An account with everything that it was created with.
    pub fn account_state(&self, id: AccountId) -> Result<Option<AccountState>, P::Error> {
        match self.find_account(id) {
            None => Ok(None),
            Some(index) => {
                let row = self.past.row(self.resident.accounts.get(index).created)?;
                Ok(Some(self.account_state_of(index, &row)))
            }
        }
    }

    pub(crate) fn account_state_of(&self, index: u32, row: &Row) -> AccountState {
        AccountState {
            account: row.account().expect("the past gives back what it absorbed"),
            balances: self.resident.balances(index),
            closed: self.resident.accounts.get(index).is_closed(),
            timestamp_ns: row.timestamp_ns(),
        }
    }

    /// A transfer and, if it is pending, what has become of it.
    pub fn transfer(&self, id: TransferId) -> Result<Option<TransferState>, P::Error> {
        match self.past.find(id)? {
            Some(Known::Created(position)) => {
                Ok(Some(self.transfer_state(&self.past.row(position)?)?))
            }
            Some(Known::Burned) | None => Ok(None),
        }
    }

    /// A pending transfer that is neither posted, voided nor released, from memory.
    pub fn open_hold(&self, id: TransferId) -> Option<Transfer> {
        let index = self.holds.find(&self.resident.holds, id)?;
        Some(self.resident.holds.get(index).transfer(&self.resident))
    }

    /// An earlier attempt burned this id: a transfer with it will never be created.
    pub fn is_failed(&self, id: TransferId) -> Result<bool, P::Error> {
        Ok(self.past.find(id)? == Some(Known::Burned))
    }

    /// How many rows there are: the position of the next one.
    pub const fn len(&self) -> u64 {
        self.resident.len()
    }

    /// Nothing has happened yet.
    pub const fn is_empty(&self) -> bool {
        self.resident.is_empty()
    }

    /// The latest timestamp that the ledger has seen, zero at first; of a restored or replayed
    /// ledger that of its last row. The first event of the next batch must be after it.
    pub const fn last_timestamp_ns(&self) -> u64 {
        self.last_seen_ns
    }

    /// Sums for each asset that has an account, ordered by code and scale.
    pub fn totals(&self) -> Vec<(Asset, Totals)> {
        let books = self.asset_numbers.values();
        books
            .map(|&number| self.resident.books[usize::from(number)])
            .map(|book| (book.asset, book.totals))
            .collect()
    }

    /// The assets by their number, which rows name them by.
    pub fn assets_by_number(&self) -> impl Iterator<Item = Asset> {
        self.resident.books.iter().map(|book| book.asset)
    }

    /// Sums of one asset, if it has an account.
    pub fn totals_of(&self, asset: Asset) -> Option<&Totals> {
        let number = self.asset_number(asset)?;
        Some(&self.resident.books[usize::from(number)].totals)
    }

    /// What the last call made: what a caller must keep to replay it. Good until the next call.
    pub const fn fresh(&self) -> &Fresh {
        &self.call.fresh
    }

    /// The past.
    pub const fn past(&self) -> &P {
        &self.past
    }

    /// The past, for a caller that keeps it in order. What it answers must not change.
    pub const fn past_mut(&mut self) -> &mut P {
        &mut self.past
    }

    /// The resident part as it is now. It stays so while the ledger goes on, and can be encoded on
    /// another thread.
    pub fn snapshot(&self) -> Resident {
        self.resident.clone()
    }
}

impl<P: Past> Ledger<P> {
    /// Begins a call that gives at most so many names.
    pub(crate) fn begin(&mut self, names: usize) {
        self.call.begin(names);
    }

    /// Ends a call: what it made becomes part of the past.
    pub(crate) fn finish(&mut self) -> Result<(), P::Error> {
        self.holds.settle(&mut self.resident.holds);
        self.past.absorb(&self.call.fresh)?;
        assert!(self.past.len() == self.resident.rows, "the past takes each row once");
        Ok(())
    }

    /// Hands out `count` timestamps that end with `timestamp_ns`.
    pub(crate) fn take_timestamps(
        &mut self,
        count: usize,
        timestamp_ns: u64,
    ) -> impl Iterator<Item = u64> + use<P> {
        let before = u64::try_from(count).ok().and_then(|count| timestamp_ns.checked_sub(count));
        assert!(
            count == 0 || before.is_some_and(|before| before >= self.last_seen_ns),
            "timestamps of a batch are above all earlier ones"
        );
        if count > 0 {
            self.last_seen_ns = timestamp_ns;
        }
        (before.unwrap_or(timestamp_ns)..timestamp_ns).map(|timestamp| timestamp.saturating_add(1))
    }

    pub(crate) fn count_row(&mut self, row: &Row) {
        self.resident.rows = self.resident.rows.checked_add(1).expect("fewer rows than 2^64");
        self.resident.last_timestamp_ns = row.timestamp_ns();
    }
}
