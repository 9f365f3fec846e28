//! The ledger itself: what it stores, what can be asked, and the one place where balances change.
//!
//! Invariants: accounts and transfers stand in order of creation; the indexes name each of them
//! once; `expiries` names exactly the open holds with a timeout; `totals` are the sums of the
//! accounts. Every change of a balance goes through [`Ledger::book`], which asserts conservation
//! and limits. Rules about what is allowed do not belong here.

use std::collections::{BTreeMap, BTreeSet};

use money::{AccountId, Asset, AssetCode, TransferId};

use crate::batch;
use crate::event::{Account, Transfer};
use crate::state::{AccountState, Entry, PendingState, Postings, Totals, TransferState};
use crate::status::{CreateAccountStatus, CreateTransferStatus};

/// A double-entry ledger, wholly in memory.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pub(crate) accounts: Vec<AccountState>,
    pub(crate) account_positions: BTreeMap<AccountId, usize>,
    pub(crate) transfers: Vec<Entry>,
    pub(crate) transfer_positions: BTreeMap<TransferId, usize>,
    /// Ids burned by a transient failure.
    pub(crate) failed: BTreeSet<TransferId>,
    /// Position of each open hold with a timeout, by end and creation.
    pub(crate) expiries: BTreeMap<(u64, u64), usize>,
    /// By code and scale of the asset.
    pub(crate) totals: BTreeMap<(AssetCode, u8), Totals>,
    /// No later event may have this timestamp or an earlier one.
    pub(crate) last_timestamp_ns: u64,
}

impl Ledger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates accounts in order and answers each. Event i of n (from 0) gets the timestamp
    /// `timestamp_ns - n + i + 1`, Unix nanoseconds; the first must be above every timestamp that
    /// the ledger has seen.
    pub fn create_accounts(
        &mut self,
        accounts: &[Account],
        timestamp_ns: u64,
    ) -> Vec<CreateAccountStatus> {
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
    ) -> Vec<CreateTransferStatus> {
        batch::run(self, transfers, timestamp_ns)
    }

    /// Releases at most `limit` holds that end at or before `timestamp_ns`, in order of end and
    /// creation, and names them. `timestamp_ns` must not be before a timestamp that the ledger has
    /// seen; the same one may be used again, so a caller can go on until nothing is due.
    pub fn expire(&mut self, timestamp_ns: u64, limit: usize) -> Vec<TransferId> {
        assert!(timestamp_ns >= self.last_timestamp_ns, "time goes forward");
        self.last_timestamp_ns = timestamp_ns;
        let mut released = Vec::new();
        while released.len() < limit
            && let Some(due) = self.expiries.first_entry()
            && due.key().0 <= timestamp_ns
        {
            let position = due.remove();
            self.transfers[position].state.pending = PendingState::Expired;
            let hold = self.transfers[position];
            self.book(&hold, hold.release());
            released.push(hold.id());
        }
        released
    }

    /// When the next hold ends, Unix nanoseconds.
    pub fn next_expiry_ns(&self) -> Option<u64> {
        self.expiries.first_key_value().map(|(&(expires_at_ns, _), _)| expires_at_ns)
    }

    /// An account with its balances.
    pub fn account(&self, id: AccountId) -> Option<&AccountState> {
        self.account_positions.get(&id).map(|&position| &self.accounts[position])
    }

    /// Every account in order of creation.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = &AccountState> {
        self.accounts.iter()
    }

    /// A transfer and, if it is pending, what has become of it.
    pub fn transfer(&self, id: TransferId) -> Option<&TransferState> {
        self.transfer_positions.get(&id).map(|&position| &self.transfers[position].state)
    }

    /// How many transfers there are.
    pub fn transfer_count(&self) -> usize {
        self.transfers.len()
    }

    /// An earlier attempt burned this id: a transfer with it will never be created.
    pub fn is_failed(&self, id: TransferId) -> bool {
        self.failed.contains(&id)
    }

    /// The latest timestamp that the ledger has seen; zero at first. The first event of the next
    /// batch must be after it.
    pub fn last_timestamp_ns(&self) -> u64 {
        self.last_timestamp_ns
    }

    /// Sums for each asset that has an account, ordered by code and scale.
    pub fn totals(&self) -> Vec<(Asset, Totals)> {
        self.totals
            .iter()
            .map(|(&(code, scale), &totals)| (Asset { code, scale }, totals))
            .collect()
    }

    /// Hands out `count` timestamps that end with `timestamp_ns`.
    pub(crate) fn take_timestamps(
        &mut self,
        count: usize,
        timestamp_ns: u64,
    ) -> impl Iterator<Item = u64> + use<> {
        let before = u64::try_from(count).ok().and_then(|count| timestamp_ns.checked_sub(count));
        assert!(
            count == 0 || before.is_some_and(|before| before >= self.last_timestamp_ns),
            "timestamps of a batch are above all earlier ones"
        );
        if count > 0 {
            self.last_timestamp_ns = timestamp_ns;
        }
        (before.unwrap_or(timestamp_ns)..timestamp_ns).map(|timestamp| timestamp.saturating_add(1))
    }

    /// Changes both accounts of a transfer. The totals follow what the accounts really did, so an
    /// account that changed on one side only, or by another amount, does not go unnoticed.
    pub(crate) fn book(&mut self, entry: &Entry, postings: Postings) {
        let asset = entry.state.transfer.asset;
        let debit = &mut self.accounts[entry.debit];
        let debit_before = *debit;
        postings.apply(&mut debit.debits_pending, &mut debit.debits_posted);
        let debit_after = *debit;
        let credit = &mut self.accounts[entry.credit];
        let credit_before = *credit;
        postings.apply(&mut credit.credits_pending, &mut credit.credits_posted);
        let credit_after = *credit;

        let totals = self.totals_of(asset);
        totals.follow(&debit_before, &debit_after);
        totals.follow(&credit_before, &credit_after);
        assert!(totals.is_balanced(), "debits equal credits in each asset");
        for account in [&debit_after, &credit_after] {
            assert!(account.account.asset == asset, "an account moves its own asset only");
            assert!(account.is_within_limit(), "an account keeps its limit");
        }
    }

    pub(crate) fn totals_of(&mut self, asset: Asset) -> &mut Totals {
        self.totals.entry((asset.code, asset.scale)).or_default()
    }
}
