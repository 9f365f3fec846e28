//! Epochs: what every account had at one leaf, in a tree of sums whose root becomes a leaf.
//!
//! Invariant: balances and newest leaves are those behind one and the same batch. The trees are
//! computed beside the writer and the log; only the record goes through the journal.

use std::collections::BTreeMap;

use evidence::epoch::{
    AccountState, Balances, EpochAsset, EpochRecord, EpochTree, blind, keys, label,
};
use ledger::Resident;
use money::{AccountId, Asset, AssetCode};
use tokio::sync::oneshot;

use super::accounts::{AccountLog, Accounts};
use super::{LogError, link};

/// By code and scale of the asset.
type OfAssets<T> = BTreeMap<(AssetCode, u8), (Asset, T)>;

/// Accounts that are looked up together.
const ACCOUNTS_AT_ONCE: usize = 256;

/// Somebody wants the accounts as they are behind a batch.
pub(crate) struct EpochRequest {
    /// The balances there.
    pub resident: Resident,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<EpochCapture, LogError>>,
}

/// The accounts behind a batch.
pub(crate) struct EpochCapture {
    /// Leaves up to there.
    pub size: u64,
    /// What the log knows of them.
    pub accounts: Accounts,
    /// Their balances.
    pub resident: Resident,
}

/// A closed epoch, to prove balances from. The newest is kept in memory; a start closes another one.
#[derive(Debug)]
pub struct ClosedEpoch {
    /// What its leaf says.
    pub record: EpochRecord,
    /// The leaf.
    pub leaf: u64,
    trees: OfAssets<EpochTree>,
}

impl ClosedEpoch {
    /// Computes the trees; takes about a second for a million accounts.
    pub(crate) fn compute(
        number: u64,
        time_ms: u64,
        capture: &EpochCapture,
    ) -> Result<Self, LogError> {
        let mut trees = BTreeMap::new();
        for (key, (asset, states)) in states(capture)? {
            let tree = EpochTree::build(number, states);
            let tree = tree.map_err(|why| LogError::Epoch(why.to_string()))?;
            trees.insert(key, (asset, tree));
        }
        let roots =
            trees.values().map(|(asset, tree)| EpochAsset { asset: *asset, root: tree.root() });
        let record = EpochRecord::new(number, capture.size, time_ms, roots.collect());
        let record = record.map_err(|why| LogError::Epoch(why.to_string()))?;
        Ok(Self { record, leaf: 0, trees })
    }

    pub(crate) fn at_leaf(mut self, leaf: u64) -> Self {
        self.leaf = leaf;
        self
    }

    /// What shows an account's place: its label, the salt of its value, and both proofs. `None` if
    /// the epoch does not have the account, or its secret was another one then.
    pub(crate) fn place(
        &self,
        account: AccountId,
        asset: Asset,
        known: &AccountLog,
    ) -> Option<Place> {
        let label = label(&known.secret, account);
        let number = self.record.number();
        let (_, tree) = self.trees.get(&(asset.code, asset.scale))?;
        let [first, second] = keys(&label, number);
        Some(Place {
            label,
            value_salt: blind(&known.secret, number).value_salt,
            proofs: [tree.prove(first)?, tree.prove(second)?],
        })
    }
}

/// All accounts, by code and scale of their asset.
fn states(capture: &EpochCapture) -> Result<OfAssets<Vec<AccountState>>, LogError> {
    let mut states = BTreeMap::new();
    let mut standings = capture.resident.accounts();
    loop {
        let together: Vec<_> = standings.by_ref().take(ACCOUNTS_AT_ONCE).collect();
        if together.is_empty() {
            return Ok(states);
        }
        capture.accounts.touch(together.iter().map(|standing| standing.id.get()));
        for standing in together {
            let known = capture.accounts.get(standing.id.get());
            let known = known.ok_or(LogError::UnknownAccount { leaf: capture.size })?;
            let balances = Balances {
                debits_posted: standing.balances.debits_posted,
                credits_posted: standing.balances.credits_posted,
                debits_pending: standing.balances.debits_pending,
                credits_pending: standing.balances.credits_pending,
            };
            let asset = standing.asset;
            let (_, of_asset) =
                states.entry((asset.code, asset.scale)).or_insert((asset, Vec::new()));
            of_asset.push(AccountState {
                secret: known.secret,
                account: standing.id,
                balances,
                head: link(known.last),
            });
        }
    }
}

/// An account in an epoch's tree.
pub(crate) struct Place {
    pub label: evidence::epoch::Label,
    pub value_salt: [u8; 16],
    pub proofs: [evidence::epoch::PlaceProof; 2],
}
