//! The state: a deterministic fold over journal entries.
//!
//! Invariants: the same entries give the same bytes of state on every machine (ordered maps only,
//! no clock, no randomness); every payment's legs sum to its amount; every leg is a transfer of the
//! ledger; what a mandate has spent is the sum of its payments' unreleased amounts.

mod apply;
mod channel;
mod channels;
mod check;
mod counters;
mod documents;
mod fold_channel;
mod log;
mod lookup;
mod mandates;
mod payment;
mod questions;
mod refund;
mod reserved;
mod snapshot;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use ledger::{Ledger, Past, Seed};
use money::{AccountId, Asset, AssetCode, NodeId, PaymentId};
use sha2::{Digest, Sha256};

pub use apply::Broken;
pub(crate) use apply::TIMESTAMP_STEP_NS;
pub(crate) use channel::{Channel, RequestKey, channel_transfers, closes_at_ms};
pub(crate) use mandates::{Calendar, GrantedMandate, Mandates};
pub(crate) use payment::{Payment, Progress, fund_transfer, leg_transfers};
pub(crate) use refund::refund_transfers;
pub(crate) use snapshot::Manifests;

use self::channels::Channels;
use self::log::LogBook;
use self::reserved::Reserved;
use crate::counter::Counters;
use crate::document::Documents;
use crate::entry::AccountRole;
use crate::outcome::Outcomes;
use crate::past::{Changes, Records, Rows};

/// Longest description that is kept with a payment.
pub(crate) const DESCRIPTION_BYTES_MAX: usize = 120;

/// Longest name of an account or mandate that is kept; longer ones are cut.
pub(crate) const LABEL_BYTES_MAX: usize = 120;

/// Longest reference to an outside event that is kept; longer ones are cut.
pub(crate) const REFERENCE_BYTES_MAX: usize = 256;

/// Longest reason of a refund that is kept; longer ones are cut.
pub(crate) const REASON_BYTES_MAX: usize = 120;

/// Most payees that share one payment.
pub(crate) const PAYEES_COUNT_MAX: usize = 64;

/// A text within its limit of bytes: everything that a client words enters the journal, so
/// everything is bounded.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

/// An asset that the node carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenedAsset {
    pub asset: Asset,
    pub sandbox: bool,
}

/// What the node knows about an account besides its balances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub role: AccountRole,
    pub label: String,
}

/// Everything that follows from the journal. What can still change is in memory, the rest in the
/// past.
#[derive(Debug)]
pub struct State {
    pub(crate) node: NodeId,
    pub(crate) ledger: Ledger<Changes>,
    pub(crate) assets: BTreeMap<AssetCode, OpenedAsset>,
    /// Payments that are held; the others are in the records.
    pub(crate) held: BTreeMap<PaymentId, Payment>,
    /// Channels that are open or closing; closed ones are in the records.
    pub(crate) channels: Channels,
    /// Of the held payments and the channels.
    pub(crate) reserved: Reserved,
    pub(crate) payment_count: u64,
    pub(crate) records: Records,
    pub(crate) mandates: Mandates,
    pub(crate) outcomes: Outcomes,
    pub(crate) log: LogBook,
    pub(crate) documents: Documents,
    pub(crate) counters: Counters,
    /// Whether records count as events: since an entry has said so.
    pub(crate) has_events: bool,
    /// Timestamp of the last entry.
    pub(crate) last_timestamp_ns: u64,
    /// Why the past could not be read, once that has happened. No answer may leave after it.
    fault: OnceLock<String>,
}

impl State {
    /// The empty state of a node over an empty past.
    pub(crate) fn new(node: NodeId, changes: Rows, records: Rows) -> Self {
        Self {
            node,
            ledger: Ledger::with_past(Changes(changes), seed()),
            assets: BTreeMap::new(),
            held: BTreeMap::new(),
            channels: Channels::default(),
            reserved: Reserved::new(),
            payment_count: 0,
            records: Records(records),
            mandates: Mandates::default(),
            outcomes: Outcomes::default(),
            log: LogBook::default(),
            documents: Documents::default(),
            counters: Counters::default(),
            has_events: false,
            last_timestamp_ns: 0,
            fault: OnceLock::new(),
        }
    }

    /// For a fold that is checked and not served: what is past is counted and cannot be asked for.
    pub(crate) fn counted(node: NodeId) -> Self {
        Self::new(node, Rows::counted(Changes::SCHEMA), Rows::counted(Records::SCHEMA))
    }

    /// Hands full chunks of the past on to be written.
    pub(crate) fn seal_if_full(&mut self) -> Result<(), index::Error> {
        self.ledger.past_mut().0.seal_if_full()?;
        self.records.0.seal_if_full()
    }

    /// What a record says beside, if it counts as an event.
    pub(crate) fn of_event<T>(&self, told: impl FnOnce() -> T) -> Option<T> {
        self.has_events.then(told)
    }

    /// The position of the next row of the ledger.
    pub(crate) fn next_row(&self) -> u64 {
        self.ledger.past().0.len()
    }

    /// Takes what the past answered. If it could not answer, that is noted and stands in for
    /// "nothing": whoever gives answers asks for [`State::fault`] first.
    pub(crate) fn answer<T: Default>(&self, found: Result<T, index::Error>) -> T {
        found.unwrap_or_else(|error| {
            self.note(&error);
            T::default()
        })
    }

    /// Notes that the past cannot be read, or contradicts itself.
    pub(crate) fn note(&self, why: &dyn ToString) {
        // The first one is told; the node stops either way.
        let _ = self.fault.set(why.to_string());
    }

    /// Why the past could not be read, if that has happened.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
    }

    /// The ledger, to ask it about the past.
    pub fn ledger(&self) -> &Ledger<impl Past<Error = index::Error>> {
        &self.ledger
    }

    /// The asset of a code, if the node carries it.
    pub(crate) fn asset(&self, code: AssetCode) -> Option<OpenedAsset> {
        self.assets.get(&code).copied()
    }

    /// Whether the node carries this asset at this scale.
    pub(crate) fn carries(&self, asset: Asset) -> bool {
        self.asset(asset.code).is_some_and(|opened| opened.asset == asset)
    }
}

/// Keeps ids that were chosen to collide from slowing the ledger down. It changes no answer and no
/// byte of the state.
pub(crate) fn seed() -> Seed {
    let random = RandomState::new();
    Seed::new([random.hash_one(0), random.hash_one(1)])
}

/// The operator's accounts in an asset: `treasury`, through which money enters and leaves, and
/// `residue`, which keeps what divisions leave over.
pub fn system_account(name: &str, asset: Asset) -> AccountId {
    let digest = Sha256::new()
        .chain_update(b"farthing/system/1")
        .chain_update(asset.code.to_bytes())
        .chain_update([asset.scale])
        .chain_update(name.as_bytes())
        .finalize();
    AccountId::from_digest(&digest.into())
}
