//! The chain of an account's leaves: shown as a statement, and forgotten.
//!
//! Invariants: a chain is walked from the account's newest leaf back, so none of its leaves is left
//! out; a statement opens the account's own postings and no other. Format: `docs/reference/formats.md`,
//! "Statement".

use evidence::record::Opening;
use evidence::statement::{Fold, Side, Statement, StatementEntry, StatementEpoch};
use ledger::Row;
use money::{AccountId, Asset};
use tlog::TreeHead;

use super::epoch::ClosedEpoch;
use super::{Log, LogError, NO_LEAF, Opened};

impl Log {
    /// The newest leaf in which an account takes part, and how far its leaves can be opened back.
    pub(crate) fn newest(&self, account: AccountId) -> Result<(Option<u64>, u64), LogError> {
        // A log that stands still does not know all accounts.
        self.0.check()?;
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
        let forgotten = self.0.worker().forget(account, leaves);
        if let Err(why) = &forgotten {
            // Which secret the disk has now is known after a start.
            self.0.stop(why.clone());
        }
        forgotten
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
    ) -> Result<Statement, LogError> {
        let newest = chain.last().map_or(0, |(leaf, _)| *leaf);
        let epoch = self.epoch();
        let last = newest.max(epoch.as_ref().map_or(0, |epoch| epoch.leaf));
        let (head, note) = self.covering(last)?;
        let mut entries = Vec::with_capacity(chain.len());
        let mut fold = Fold::default();
        let (mut asset, mut in_epoch) = (None, None);
        for (leaf, row) in chain {
            let side = side_of(row, account);
            let is_debit = side == Side::Debit;
            let opening =
                self.opening(*leaf, row, Opened { debit: is_debit, credit: !is_debit })?;
            if epoch.as_ref().is_some_and(|epoch| *leaf < epoch.record.size()) {
                let added = fold.apply(opening.facts(), side);
                added.map_err(|why| LogError::Rows(why.to_string()))?;
                in_epoch = Some(*leaf);
            }
            asset = Some(opening.facts().asset);
            entries.push(self.entry(*leaf, &opening, head)?);
        }
        let Some(asset) = asset else { return Err(LogError::NoAccount(account)) };
        let epoch = match (&epoch, in_epoch) {
            (Some(epoch), Some(_)) => {
                let place = self.place((account, asset), epoch, head)?;
                place.map(|place| with_balances(place, &fold, in_epoch))
            }
            _ => None,
        };
        Ok(Statement::new(account, asset, &note, epoch, entries))
    }

    fn entry(
        &self,
        index: u64,
        opening: &Opening,
        head: TreeHead,
    ) -> Result<StatementEntry, LogError> {
        let proof = self.prove_of(index, opening, head)?;
        Ok(StatementEntry { index, opening: opening.encode(), proof })
    }

    /// Where an epoch has an account, still without its balances.
    fn place(
        &self,
        (account, asset): (AccountId, Asset),
        epoch: &ClosedEpoch,
        head: TreeHead,
    ) -> Result<Option<StatementEpoch>, LogError> {
        let known = self.0.worker().accounts().get(account.get()).copied();
        let known = known.ok_or(LogError::NoAccount(account))?;
        let Some(place) = epoch.place(account, asset, &known) else { return Ok(None) };
        Ok(Some(StatementEpoch {
            index: epoch.leaf,
            entry: epoch.record.encode(),
            proof: self.prove_inclusion(epoch.leaf, head.size)?,
            label: place.label,
            value_salt: place.value_salt,
            debits_posted: 0,
            credits_posted: 0,
            debits_pending: 0,
            credits_pending: 0,
            head: None,
            shares: place.proofs,
        }))
    }
}

fn with_balances(place: StatementEpoch, fold: &Fold, head: Option<u64>) -> StatementEpoch {
    let balances = fold.balances();
    StatementEpoch {
        debits_posted: balances.debits_posted,
        credits_posted: balances.credits_posted,
        debits_pending: balances.debits_pending,
        credits_pending: balances.credits_pending,
        head,
        ..place
    }
}

/// On which side of a row an account stands; the creation has one side only.
pub(crate) fn side_of(row: &Row, account: AccountId) -> Side {
    if row.credit_account() == account.get() { Side::Credit } else { Side::Debit }
}
