//! The chain of an account's leaves: shown as a statement, and forgotten.
//!
//! Invariants: a chain is walked from the account's newest leaf back, so none of its leaves is left
//! out; a statement opens the account's own postings and no other. Format: `docs/reference/formats.md`,
//! "Statement".

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evidence::epoch::Balances;
use evidence::record::{Action, Facts, Opening};
use ledger::Row;
use money::{AccountId, Asset};
use serde_json::{Value, json};
use tlog::{Hash, TreeHead};

use super::epoch::ClosedEpoch;
use super::{Log, LogError, NO_LEAF, Opened};

/// Most entries of one statement.
pub const STATEMENT_ENTRIES_COUNT_MAX: usize = 10_000;

impl Log {
    /// The newest leaf in which an account takes part, and how far its leaves can be opened back.
    pub(crate) fn newest(&self, account: AccountId) -> Result<(Option<u64>, u64), LogError> {
        let worker = self.0.worker();
        let known = worker.accounts().get(account.get()).copied();
        let known = known.ok_or(LogError::NoAccount(account))?;
        Ok(((known.last != NO_LEAF).then_some(known.last), known.since))
    }

    /// Destroys what opens these leaves, which are all of the account's. False: there is a newer one.
    pub(crate) fn forget(
        &self,
        account: AccountId,
        leaves: &[(u64, u8)],
    ) -> Result<bool, LogError> {
        self.0.check()?;
        self.0.worker().forget(account, leaves)
    }

    /// The leaves before a leaf, of its debit and of its credit account.
    pub(crate) fn before(&self, leaf: u64) -> Result<[Option<u64>; 2], LogError> {
        let kept = self.0.files.leaves(leaf..leaf + 1)?;
        Ok(kept.first().map_or([None; 2], |kept| kept.prev.map(super::link)))
    }

    /// The statement over a whole chain, oldest first.
    pub(crate) fn statement(
        &self,
        account: AccountId,
        chain: &[(u64, Row)],
    ) -> Result<Value, LogError> {
        let newest = chain.last().map_or(0, |(leaf, _)| *leaf);
        let epoch = self.epoch();
        let last = newest.max(epoch.as_ref().map_or(0, |epoch| epoch.leaf));
        let (head, note) = self.covering(last)?;
        let mut entries = Vec::with_capacity(chain.len());
        let mut folded = Folded::default();
        let mut at_epoch = None;
        let mut asset = None;
        for (leaf, row) in chain {
            let is_debit = row.credit_account() != account.get();
            let opened = Opened { debit: is_debit, credit: !is_debit };
            let opening = self.opening(*leaf, row, opened)?;
            if epoch.as_ref().is_some_and(|epoch| *leaf < epoch.record.size()) {
                folded.add(opening.facts(), is_debit);
                at_epoch = Some((*leaf, folded.balances));
            }
            asset = Some(opening.facts().asset);
            entries.push(self.entry(*leaf, &opening, head)?);
        }
        let Some(asset) = asset else { return Err(LogError::NoAccount(account)) };
        let epoch = match (&epoch, at_epoch) {
            (Some(epoch), Some((last, balances))) => {
                self.epoch_part((account, asset), epoch, head, last, &balances)?
            }
            _ => Value::Null,
        };
        Ok(json!({
            "format": "farthing/statement/1",
            "account": account,
            "asset": asset.code,
            "scale": asset.scale,
            "checkpoint": note.to_string(),
            "epoch": epoch,
            "entries": entries,
        }))
    }

    fn entry(&self, leaf: u64, opening: &Opening, head: TreeHead) -> Result<Value, LogError> {
        Ok(json!({
            "index": leaf.to_string(),
            "opening": STANDARD.encode(opening.encode()),
            "proof": hashes(&self.prove_inclusion(leaf, head.size)?),
        }))
    }

    fn epoch_part(
        &self,
        (account, asset): (AccountId, Asset),
        epoch: &ClosedEpoch,
        head: TreeHead,
        last: u64,
        balances: &Balances,
    ) -> Result<Value, LogError> {
        let known = self.0.worker().accounts().get(account.get()).copied();
        let known = known.ok_or(LogError::NoAccount(account))?;
        let Some(place) = epoch.place(account, asset, &known) else { return Ok(Value::Null) };
        let shares = place.proofs.iter().map(|proof| {
            let path = proof.path.iter().map(|sibling| {
                json!({ "hash": STANDARD.encode(sibling.hash.0), "sum": sibling.sum.to_string() })
            });
            json!({ "units": proof.share.to_string(), "path": path.collect::<Vec<_>>() })
        });
        Ok(json!({
            "index": epoch.leaf.to_string(),
            "entry": STANDARD.encode(epoch.record.encode()),
            "proof": hashes(&self.prove_inclusion(epoch.leaf, head.size)?),
            "label": STANDARD.encode(place.label),
            "value_salt": STANDARD.encode(place.value_salt),
            "debits_posted": balances.debits_posted.to_string(),
            "credits_posted": balances.credits_posted.to_string(),
            "debits_pending": balances.debits_pending.to_string(),
            "credits_pending": balances.credits_pending.to_string(),
            "head": last.to_string(),
            "shares": shares.collect::<Vec<_>>(),
        }))
    }
}

fn hashes(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(|hash| STANDARD.encode(hash.0)).collect()
}

/// Balances as a holder computes them, from the openings alone.
#[derive(Default)]
struct Folded {
    balances: Balances,
    holds: HashMap<u128, u128>,
}

impl Folded {
    fn add(&mut self, facts: &Facts, is_debit: bool) {
        let Self { balances, holds } = self;
        let (posted, pending) = if is_debit {
            (&mut balances.debits_posted, &mut balances.debits_pending)
        } else {
            (&mut balances.credits_posted, &mut balances.credits_pending)
        };
        match facts.action() {
            Action::Create => {}
            Action::Move => *posted = posted.saturating_add(facts.amount),
            Action::Hold => {
                *pending = pending.saturating_add(facts.amount);
                holds.insert(facts.id, facts.amount);
            }
            Action::Post => {
                *posted = posted.saturating_add(facts.amount);
                *pending = pending.saturating_sub(holds.remove(&facts.pending_id).unwrap_or(0));
            }
            Action::Void => {
                *pending = pending.saturating_sub(holds.remove(&facts.pending_id).unwrap_or(0));
            }
            Action::Expire => {
                *pending = pending.saturating_sub(holds.remove(&facts.id).unwrap_or(0));
            }
        }
    }
}
