//! A small ledger with its log, naive on purpose: rows, openings, entries, notes and receipts.

use std::collections::BTreeMap;
use std::convert::Infallible;

use evidence::Secret;
use evidence::record::{
    Facts, NO_POSTING, Opening, PAYMENT_CODE, Posting, RecordKind, posting_salt,
};
use money::{AccountId, Asset};
use tlog::policy::Policy;
use tlog::{
    Checkpoint, Cosigner, Hash, KeyName, LogSigner, Node, Note, Receipt, TreeHead, leaf_hash,
    node_hash, prove_inclusion, root,
};

use crate::records::account;

pub const LOG: &str = "ledger.example/log1";
pub const WITNESS: &str = "witness.example/w1";
/// When the witness saw the log, Unix seconds.
pub const SEEN: u64 = 1_700_000_100;
/// When the first row happened, Unix nanoseconds.
pub const BEGIN_NS: u64 = 1_700_000_000_000_000_000;

pub fn log() -> LogSigner {
    LogSigner::from_seed(KeyName::new(LOG).unwrap(), &[7; 32])
}

pub fn witness() -> Cosigner {
    Cosigner::from_seed(KeyName::new(WITNESS).unwrap(), &[9; 32])
}

/// Another of the same origin, which nobody trusts.
pub fn other_log() -> LogSigner {
    LogSigner::from_seed(KeyName::new(LOG).unwrap(), &[8; 32])
}

pub fn policy_text() -> String {
    format!("log {}\nwitness w1 {}\nquorum w1\n", log().verifier(), witness().verifier())
}

pub fn policy() -> Policy {
    Policy::parse(policy_text().as_bytes()).unwrap()
}

/// The secret of an account.
pub fn secret(account: AccountId) -> Secret {
    Secret::new((account.get() * 0x0101_0101).to_be_bytes())
}

/// Rows and other entries in their order.
#[derive(Clone, Default)]
pub struct Books {
    pub entries: Vec<Vec<u8>>,
    /// Of rows; `None` for other entries.
    pub openings: Vec<Option<Opening>>,
    /// The last leaf of each account.
    pub heads: BTreeMap<AccountId, u64>,
}

impl Books {
    pub fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// A row of one side or two.
    pub fn push(&mut self, facts: Facts, debit: AccountId, credit: Option<AccountId>) -> u64 {
        let index = self.size();
        let mut posting = |account: AccountId| {
            let prev = self.heads.insert(account, index);
            Posting::Opened { salt: posting_salt(&secret(account), index), account, prev }
        };
        let debit = posting(debit);
        let credit = credit.map_or(Posting::Closed(NO_POSTING), posting);
        let opening = Opening::new(facts, debit, credit).unwrap();
        self.entries.push(opening.entry().to_vec());
        self.openings.push(Some(opening));
        index
    }

    /// Facts of the next row: its index gives time and id.
    pub fn facts(&self, asset: Asset, amount: u128) -> Facts {
        let index = self.size();
        Facts {
            kind: RecordKind::TransferCreated,
            asset,
            flags: 0,
            code: PAYMENT_CODE,
            timeout_seconds: 0,
            user_data_32: 0,
            timestamp_ns: BEGIN_NS + index * 1_000_000_000,
            user_data_64: 0,
            id: 1000 + u128::from(index),
            pending_id: 0,
            amount,
            user_data: 5000 + u128::from(index),
        }
    }

    pub fn create(&mut self, number: u128, asset: Asset) -> AccountId {
        let own = account(number);
        let facts = self.facts(asset, 0);
        let facts = Facts {
            kind: RecordKind::AccountCreated,
            id: number,
            code: 1,
            flags: 2,
            user_data: 0,
            ..facts
        };
        self.push(facts, own, None);
        own
    }

    /// Any other entry, as an epoch record is.
    pub fn push_entry(&mut self, entry: Vec<u8>) -> u64 {
        self.entries.push(entry);
        self.openings.push(None);
        self.size() - 1
    }

    pub fn hash(&self, node: Node) -> Hash {
        let Some(level) = node.level().checked_sub(1) else {
            return leaf_hash(&self.entries[usize::try_from(node.index()).unwrap()]);
        };
        let half = |index| self.hash(Node::new(level, index).unwrap());
        node_hash(&half(node.index() * 2), &half(node.index() * 2 + 1))
    }

    fn source(&self) -> impl FnMut(Node) -> Result<Hash, Infallible> {
        |node| Ok(self.hash(node))
    }

    pub fn head(&self, size: u64) -> TreeHead {
        TreeHead { size, root: root(&mut self.source(), size).unwrap() }
    }

    pub fn checkpoint(&self, size: u64) -> String {
        Checkpoint::new(log().verifier().name(), self.head(size)).to_string()
    }

    /// Signed by the log alone.
    pub fn signed(&self, size: u64) -> Note {
        log().sign(self.checkpoint(size)).unwrap()
    }

    /// Signed by the log and its witness.
    pub fn note(&self, size: u64) -> Note {
        let signed = self.signed(size);
        let line = witness().cosign(&signed, SEEN).unwrap();
        signed.with_signatures(&[line]).unwrap()
    }

    pub fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        prove_inclusion(&mut self.source(), index, size).unwrap()
    }

    pub fn opening(&self, index: u64) -> &Opening {
        self.openings[usize::try_from(index).unwrap()].as_ref().unwrap()
    }

    /// The receipt of a row below a note of this log, with sides closed for which `false` is given.
    pub fn receipt(&self, index: u64, note: &Note, debit: bool, credit: bool) -> Receipt {
        let size = Checkpoint::parse(note.text()).unwrap().head().size;
        let opening = self.opening(index).showing(debit, credit).encode();
        Receipt::new(index, self.inclusion(index, size), note.clone(), Some(opening)).unwrap()
    }
}
