//! Reading the log: tiles, proofs and receipts, on any thread.
//!
//! Invariants: nothing is given out that no signed head covers; an opening shows the sides that were
//! asked for and keeps the others closed. Reads go to the disk, mostly to memory that the system
//! keeps of it.

use evidence::record::{Facts, Opening, Posting, posting_hash, posting_salt};
use ledger::{Row, RowKind};
use money::AccountId;
use tlog::{Hash, Note, Receipt, Tile, TreeHead, prove_consistency, prove_inclusion};

use super::columns::facts_bytes;
use super::{Log, LogError, NO_LEAF, link};

/// Which sides of a leaf are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Opened {
    /// Who gave.
    pub debit: bool,
    /// Who received.
    pub credit: bool,
}

impl Opened {
    /// Payee and amount, and not the payer.
    pub const PAYEE: Self = Self { debit: false, credit: true };
    /// Everything.
    pub const BOTH: Self = Self { debit: true, credit: true };
}

impl Log {
    /// The log's name, which is also where it is served, without a scheme.
    pub fn origin(&self) -> &str {
        self.0.signer.verifier().name().as_str()
    }

    /// The public key in the form that verifiers take.
    pub fn vkey(&self) -> String {
        self.0.signer.verifier().to_string()
    }

    /// Size and root of what is durable.
    pub fn head(&self) -> TreeHead {
        *self.0.head.borrow()
    }

    /// Waits until the log has more than `leaf` leaves.
    pub async fn reaches(&self, leaf: u64) -> Result<(), LogError> {
        let mut heads = self.0.head.subscribe();
        loop {
            self.0.check()?;
            if heads.borrow_and_update().size > leaf {
                return Ok(());
            }
            // The sender lives as long as the log; a log that stands still is looked at again.
            let _ =
                tokio::time::timeout(std::time::Duration::from_millis(250), heads.changed()).await;
        }
    }

    /// The bytes of a tile or bundle, as far as the published checkpoint covers it; `None` beyond.
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        let size = self.checkpoint().map_or(0, |(head, _)| head.size);
        if !tile.is_within(size) {
            return Ok(None);
        }
        Ok(Some(self.0.files.tile(tile)?))
    }

    /// That the tree of `new` leaves continues that of `old`.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, LogError> {
        if new > self.head().size {
            return Err(LogError::NoLeaf(new));
        }
        prove_consistency(&mut self.0.files.tree(new), old, new)
            .map_err(|why| LogError::Disk(why.to_string()))
    }

    /// That a leaf is in the tree of `size` leaves.
    pub fn prove_inclusion(&self, leaf: u64, size: u64) -> Result<Vec<Hash>, LogError> {
        if size > self.head().size || leaf >= size {
            return Err(LogError::NoLeaf(leaf));
        }
        prove_inclusion(&mut self.0.files.tree(size), leaf, size)
            .map_err(|why| LogError::Disk(why.to_string()))
    }

    /// A checkpoint that covers a leaf: the published one, or else one of this moment.
    pub fn covering(&self, leaf: u64) -> Result<(TreeHead, Note), LogError> {
        match self.checkpoint() {
            Some((head, note)) if head.size > leaf => Ok((head, note)),
            _ => self.sign(),
        }
    }

    /// The receipt of a leaf whose row the caller has read.
    pub fn receipt(&self, leaf: u64, row: &Row, opened: Opened) -> Result<Receipt, LogError> {
        let (head, note) = self.covering(leaf)?;
        let opening = self.opening(leaf, row, opened)?;
        let proof = self.prove_inclusion(leaf, head.size)?;
        Receipt::new(leaf, proof, note, Some(opening.encode()))
            .map_err(|why| LogError::Stopped(why.to_string()))
    }

    /// The opening of a leaf. A side that is forgotten stays closed.
    pub fn opening(&self, leaf: u64, row: &Row, opened: Opened) -> Result<Opening, LogError> {
        let kept = self.0.files.leaves(leaf..leaf + 1)?;
        let [prev_debit, prev_credit] = kept.first().map_or([NO_LEAF; 2], |kept| kept.prev);
        let is_creation = row.kind() == Some(RowKind::AccountCreated);
        let debit = if is_creation { row.id() } else { row.debit_account() };
        let debit = self.posting((leaf, 0), debit, prev_debit, opened.debit)?;
        let credit = if is_creation {
            Posting::Closed(evidence::record::NO_POSTING)
        } else {
            self.posting((leaf, 1), row.credit_account(), prev_credit, opened.credit)?
        };
        let assets = self.0.worker().assets().to_vec();
        let facts = Facts::from_bytes(&facts_bytes(row, &assets));
        let facts = facts.map_err(|why| LogError::Rows(why.to_string()))?;
        Opening::new(facts, debit, credit).map_err(|why| LogError::Rows(why.to_string()))
    }

    fn posting(
        &self,
        (leaf, side): (u64, u8),
        account: u128,
        prev: u64,
        is_opened: bool,
    ) -> Result<Posting, LogError> {
        let unknown = LogError::UnknownAccount { leaf };
        let Ok(id) = AccountId::new(account) else { return Err(unknown) };
        let worker = self.0.worker();
        let known = worker.accounts().get(account).copied().ok_or(unknown)?;
        if leaf < known.since {
            let hash = worker.forgotten().get(leaf, side);
            return hash.map(Posting::Closed).ok_or(LogError::ForgottenLost { leaf });
        }
        drop(worker);
        let salt = posting_salt(&known.secret, leaf);
        Ok(if is_opened {
            Posting::Opened { salt, account: id, prev: link(prev) }
        } else {
            Posting::Closed(posting_hash(&salt, id, link(prev)))
        })
    }
}
