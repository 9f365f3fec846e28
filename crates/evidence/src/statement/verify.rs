//! Verifies statements: checkpoint, entries one by one, then the epoch.

use money::{Asset, SCALE_MAX};
use tlog::policy::Policy;
use tlog::{Note, TreeHead, leaf_hash, verify_inclusion};

use super::fold::{Fold, Side};
use super::{
    EntryFault, STATEMENT_ENTRIES_COUNT_MAX, Statement, StatementEntry, StatementRefused, epoch,
};
use crate::record::{Opening, Posting};
use crate::verdict::{StatementLine, StatementVerdict, Vouched};

impl Statement {
    /// Verifies the statement against a policy. `now_s` is the time in Unix seconds against which
    /// cosignatures are judged; without it no time is judged.
    pub fn verify(
        &self,
        policy: &Policy,
        now_s: Option<u64>,
    ) -> Result<StatementVerdict, StatementRefused> {
        if self.entries.len() > STATEMENT_ENTRIES_COUNT_MAX {
            return Err(StatementRefused::TooManyEntries);
        }
        if self.scale > SCALE_MAX {
            return Err(StatementRefused::Scale);
        }
        let note = Note::parse(self.checkpoint.as_bytes())?;
        let judged = policy.judge(&note)?;
        let vouched = Vouched::of(&judged, policy, now_s)?;
        let head = judged.checkpoint.head();
        if self.entries.is_empty() {
            return Err(StatementRefused::NoEntries);
        }
        let (lines, fold) = self.lines(head)?;
        let epoch = self.epoch.as_ref().map(|epoch| epoch::verify(self, epoch, &lines, head));
        Ok(StatementVerdict {
            account: self.account,
            asset: self.asset(),
            balances: fold.balances(),
            holds_count: fold.holds_count(),
            lines,
            epoch: epoch.transpose()?,
            vouched,
        })
    }

    pub(super) const fn asset(&self) -> Asset {
        Asset { code: self.asset, scale: self.scale }
    }

    fn lines(&self, head: TreeHead) -> Result<(Vec<StatementLine>, Fold), StatementRefused> {
        let mut fold = Fold::default();
        let mut lines: Vec<StatementLine> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let before = lines.last().map(|line| line.index);
            let line = self.line(entry, before, &mut fold, head);
            let index = entry.index;
            lines.push(line.map_err(|fault| StatementRefused::Entry { index, fault })?);
        }
        Ok((lines, fold))
    }

    /// The entry as the next of the account, behind the one at index `before`.
    fn line(
        &self,
        entry: &StatementEntry,
        before: Option<u64>,
        fold: &mut Fold,
        head: TreeHead,
    ) -> Result<StatementLine, EntryFault> {
        let opening = Opening::decode(&entry.opening)?;
        let leaf = leaf_hash(&opening.entry());
        verify_inclusion(&leaf, entry.index, head.size, &entry.proof, &head.root)
            .map_err(EntryFault::NotIncluded)?;
        let own = |posting: &Posting| match posting {
            Posting::Opened { account, prev, .. } if *account == self.account => Some(*prev),
            _ => None,
        };
        let (side, prev, other) = match (own(opening.debit()), own(opening.credit())) {
            (Some(prev), None) => (Side::Debit, prev, opening.credit()),
            (None, Some(prev)) => (Side::Credit, prev, opening.debit()),
            _ => return Err(EntryFault::Account),
        };
        let facts = *opening.facts();
        if facts.asset != self.asset() {
            return Err(EntryFault::Asset);
        }
        if prev != before || before.is_some_and(|before| before >= entry.index) {
            return Err(EntryFault::Gap);
        }
        fold.apply(&facts, side)?;
        Ok(StatementLine {
            index: entry.index,
            facts,
            side,
            other: other.account(),
            balances: fold.balances(),
        })
    }
}
