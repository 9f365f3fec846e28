//! Statements: the whole chain of an account's leaves with what is owed to it, in one JSON file
//! that is checked offline.
//!
//! Invariants: what verifies is everything that happened to the account from its creation up to the
//! last entry shown, in the order of the log; all sums follow from openings alone; if an epoch is
//! part of it, nothing that the epoch covers was left out.
//!
//! Format `farthing/statement/1`: docs/reference/formats.md, The log.

mod epoch;
mod fold;
mod refused;
mod verify;

pub use fold::{Fold, FoldError, Side};
pub use refused::{EntryFault, EpochFault, StatementRefused};

use money::{AccountId, Asset, AssetCode};
use serde::{Deserialize, Serialize};
use tlog::{Hash, Note};

use crate::epoch::{Balances, Label, PlaceProof};
use crate::text;

/// Longest statement that is read.
pub const STATEMENT_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Most entries of a statement.
pub const STATEMENT_ENTRIES_COUNT_MAX: usize = 65_536;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "farthing/statement/1")]
    One,
}

/// All entries of an account, and its place in an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    format: Format,
    /// The account.
    pub account: AccountId,
    /// Code of its asset.
    pub asset: AssetCode,
    /// Scale of its asset.
    pub scale: u8,
    /// The checkpoint that all proofs lead to, with its signatures.
    pub checkpoint: String,
    /// The account's place in an epoch; `None` if none covers it yet.
    #[serde(deserialize_with = "Option::deserialize")]
    pub epoch: Option<StatementEpoch>,
    /// The account's entries, oldest first.
    pub entries: Vec<StatementEntry>,
}

/// An entry of the log in which the account takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementEntry {
    /// Index of the leaf.
    #[serde(with = "text::decimal")]
    pub index: u64,
    /// Opening with the account's side opened and the other closed, or both opened.
    #[serde(with = "text::bytes")]
    pub opening: Vec<u8>,
    /// The inclusion proof.
    #[serde(with = "text::hashes")]
    pub proof: Vec<Hash>,
}

/// An account in an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementEpoch {
    /// Index of the epoch record's leaf.
    #[serde(with = "text::decimal")]
    pub index: u64,
    /// The epoch record.
    #[serde(with = "text::bytes")]
    pub entry: Vec<u8>,
    /// Its inclusion proof.
    #[serde(with = "text::hashes")]
    pub proof: Vec<Hash>,
    /// The account's label.
    #[serde(with = "text::half")]
    pub label: Label,
    /// The salt of the account's value.
    #[serde(with = "text::half")]
    pub value_salt: [u8; 16],
    /// Posted debits at the epoch, base units.
    #[serde(with = "text::decimal")]
    pub debits_posted: u128,
    /// Posted credits.
    #[serde(with = "text::decimal")]
    pub credits_posted: u128,
    /// Pending debits.
    #[serde(with = "text::decimal")]
    pub debits_pending: u128,
    /// Pending credits.
    #[serde(with = "text::decimal")]
    pub credits_pending: u128,
    /// The account's last leaf that the epoch covers.
    #[serde(with = "text::decimal_or_null")]
    pub head: Option<u64>,
    /// Both shares with their ways to the root.
    pub shares: [PlaceProof; 2],
}

impl Statement {
    /// A statement; nothing is checked.
    pub fn new(
        account: AccountId,
        asset: Asset,
        checkpoint: &Note,
        epoch: Option<StatementEpoch>,
        entries: Vec<StatementEntry>,
    ) -> Self {
        let (asset, scale) = (asset.code, asset.scale);
        let checkpoint = checkpoint.to_string();
        Self { format: Format::One, account, asset, scale, checkpoint, epoch, entries }
    }

    /// Reads JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementRefused> {
        if bytes.len() > STATEMENT_BYTES_MAX {
            return Err(StatementRefused::TooLarge);
        }
        let read = serde_json::from_slice(bytes);
        read.map_err(|error| StatementRefused::Json { message: error.to_string() })
    }

    /// The JSON.
    pub fn to_json(&self) -> Result<String, StatementRefused> {
        let written = serde_json::to_string(self);
        written.map_err(|error| StatementRefused::Json { message: error.to_string() })
    }
}

impl StatementEpoch {
    /// The account's sums at the epoch.
    pub const fn balances(&self) -> Balances {
        Balances {
            debits_posted: self.debits_posted,
            credits_posted: self.credits_posted,
            debits_pending: self.debits_pending,
            credits_pending: self.credits_pending,
        }
    }
}
