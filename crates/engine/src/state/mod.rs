//! The state: a deterministic fold over journal entries.
//!
//! Invariants: the same entries give the same bytes of state on every machine (ordered maps only,
//! no clock, no randomness); every payment's legs sum to its amount; every leg is a transfer of the
//! ledger; what a mandate has spent is the sum of its payments' unreleased amounts.

mod apply;
mod books;
mod check;
mod lookup;
mod mandate;
mod payment;
mod snapshot;

use std::collections::BTreeMap;

use ledger::Ledger;
use money::{AccountId, Asset, AssetCode, MandateId, NodeId, PaymentId};
use sha2::{Digest, Sha256};

pub use apply::Broken;
pub(crate) use apply::TIMESTAMP_STEP_NS;
pub(crate) use mandate::GrantedMandate;
pub(crate) use payment::{Payment, Progress, fund_transfer};

use crate::entry::AccountRole;
use crate::outcome::Outcomes;

/// Longest description that is kept with a payment.
pub(crate) const DESCRIPTION_BYTES_MAX: usize = 120;

/// Longest name of an account or mandate that is kept; longer ones are cut.
pub(crate) const LABEL_BYTES_MAX: usize = 120;

/// Longest reference to an outside event that is kept; longer ones are cut.
pub(crate) const REFERENCE_BYTES_MAX: usize = 256;

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

/// Everything that follows from the journal.
#[derive(Debug)]
pub struct State {
    pub(crate) node: NodeId,
    pub(crate) ledger: Ledger,
    pub(crate) assets: BTreeMap<AssetCode, OpenedAsset>,
    pub(crate) holders: BTreeMap<AccountId, Holder>,
    pub(crate) payments: BTreeMap<PaymentId, Payment>,
    /// Payments in the order of their authorization.
    pub(crate) payment_order: Vec<PaymentId>,
    /// Positions in `payment_order`, by payer.
    pub(crate) payments_of: BTreeMap<AccountId, Vec<usize>>,
    /// Payment and fingerprint by payer and key.
    pub(crate) idempotency: BTreeMap<(AccountId, [u8; 32]), (PaymentId, [u8; 32])>,
    pub(crate) mandates: BTreeMap<MandateId, GrantedMandate>,
    /// Mandates in the order of their grant, by payer.
    pub(crate) mandates_of: BTreeMap<AccountId, Vec<MandateId>>,
    pub(crate) fund_references: BTreeMap<money::TransferId, String>,
    pub(crate) outcomes: Outcomes,
    /// Timestamp of the last entry.
    pub(crate) last_timestamp_ns: u64,
}

impl State {
    /// The empty state of a node.
    pub(crate) fn new(node: NodeId) -> Self {
        Self {
            node,
            ledger: books::empty(),
            assets: BTreeMap::new(),
            holders: BTreeMap::new(),
            payments: BTreeMap::new(),
            payment_order: Vec::new(),
            payments_of: BTreeMap::new(),
            idempotency: BTreeMap::new(),
            mandates: BTreeMap::new(),
            mandates_of: BTreeMap::new(),
            fund_references: BTreeMap::new(),
            outcomes: Outcomes::default(),
            last_timestamp_ns: 0,
        }
    }

    /// The ledger, to ask it about the past.
    pub fn ledger(&self) -> &Ledger {
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
