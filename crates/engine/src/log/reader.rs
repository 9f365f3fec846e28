//! Reading the log: tiles, proofs and receipts, on any thread.
//!
//! Invariants: nothing is given out that no signed head covers; an opening shows the sides that were
//! asked for and keeps the others closed. Reads go to the disk, mostly to memory that the system
//! keeps of it.

use evidence::record::{Facts, Opening};
use ledger::Row;
use tlog::{
    Hash, Note, Receipt, Tile, TreeHead, leaf_hash, prove_consistency, prove_inclusion,
    verify_consistency, verify_inclusion,
};

use super::columns::facts_bytes;
use super::publish::root_at;
use super::{Log, LogError, NO_LEAF};

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
        let files = &self.0.files;
        let proof = prove_consistency(&mut files.tree(new), old, new);
        let proof = proof.map_err(|why| LogError::Disk(why.to_string()))?;
        let head = self.head();
        if new == head.size && old > 0 {
            let old_root = root_at(files, old)?;
            let verified = verify_consistency(old, new, &proof, &old_root, &head.root);
            verified.map_err(|_| LogError::FilesDamaged)?;
        }
        Ok(proof)
    }

    /// That a leaf is in the tree of `size` leaves.
    pub fn prove_inclusion(&self, leaf: u64, size: u64) -> Result<Vec<Hash>, LogError> {
        if size > self.head().size || leaf >= size {
            return Err(LogError::NoLeaf(leaf));
        }
        prove_inclusion(&mut self.0.files.tree(size), leaf, size)
            .map_err(|why| LogError::Disk(why.to_string()))
    }

    /// As [`Log::prove_inclusion`], of a leaf with this opening in the tree with this head. Nothing leaves
    /// the node that does not verify.
    pub(super) fn prove_of(
        &self,
        leaf: u64,
        opening: &Opening,
        head: TreeHead,
    ) -> Result<Vec<Hash>, LogError> {
        let proof = self.prove_inclusion(leaf, head.size)?;
        let hash = leaf_hash(&opening.entry());
        let verified = verify_inclusion(&hash, leaf, head.size, &proof, &head.root);
        verified.map_err(|_| LogError::FilesDamaged)?;
        Ok(proof)
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
        let proof = self.prove_of(leaf, &opening, head)?;
        Receipt::new(leaf, proof, note, Some(opening.encode()))
            .map_err(|why| LogError::Stopped(why.to_string()))
    }

    /// The opening of a leaf. A side that is forgotten stays closed.
    pub fn opening(&self, leaf: u64, row: &Row, opened: Opened) -> Result<Opening, LogError> {
        let kept = self.0.files.leaves(leaf..leaf + 1)?;
        let [prev_debit, prev_credit] = kept.first().map_or([NO_LEAF; 2], |kept| kept.prev);
        let worker = self.0.worker();
        let [debit, credit] = worker.postings(leaf, row, [prev_debit, prev_credit])?;
        let assets = worker.assets().to_vec();
        drop(worker);
        let debit = if opened.debit { debit } else { debit.closed() };
        let credit = if opened.credit { credit } else { credit.closed() };
        let facts = Facts::from_bytes(&facts_bytes(row, &assets));
        let facts = facts.map_err(|why| LogError::Rows(why.to_string()))?;
        Opening::new(facts, debit, credit).map_err(|_| LogError::FilesDamaged)
    }
}
