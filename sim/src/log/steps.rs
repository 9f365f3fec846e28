//! What outsiders and the operator do with a log: publish, ask for receipts, close epochs, forget.

use std::collections::BTreeMap;

use engine::{Log, LogError, Opened};
use evidence::epoch::EpochRecord;
use money::{AccountId, Asset};
use tlog::verify_consistency;

use super::{Epoch, Gone, Watch, tree};
use crate::node::Node;
use crate::oracle::Books;

/// One look at the log of a running node.
pub struct Step<'a> {
    pub watch: &'a mut Watch,
    pub books: &'a Books,
    pub now_ns: u64,
    /// Something may be wrong with the disk.
    pub is_faulty: bool,
    /// An epoch was closed.
    pub has_closed: bool,
}

impl Step<'_> {
    /// Some of what outsiders and the operator do. When the node has ended nothing more happens.
    pub fn follow(&mut self, node: &mut Node) -> Result<(), String> {
        let Some(log) = node.log().cloned() else { return Ok(()) };
        let plan = self.watch.plan.clone();
        if self.watch.random.chance(plan.publish) && self.publish(&log)? {
            self.compare_old(&log)?;
        }
        if self.watch.random.chance(plan.receipts) {
            self.receipt(node)?;
        }
        if self.watch.random.chance(plan.epochs) && !node.has_ended() {
            self.epoch(node)?;
        }
        if self.watch.random.chance(plan.forget) && !node.has_ended() {
            self.forget(node)?;
        }
        Ok(())
    }

    /// After a fault the log may stand still. Nothing else may keep it from working.
    pub(super) fn bear(&self, error: &LogError) -> Result<(), String> {
        let may_be = match error.code() {
            "log_stopped" | "disk" => self.is_faulty || self.watch.is_hit,
            // The index, which is needed for more than the log.
            "log_rows" => self.is_faulty,
            _ => false,
        };
        if may_be {
            return Ok(());
        }
        Err(format!("the log does not work: {error}"))
    }

    /// Signs, and shows most of the time. Says whether it did.
    pub(super) fn publish(&mut self, log: &Log) -> Result<bool, String> {
        let (head, note) = match log.prepare() {
            Ok(prepared) => prepared,
            Err(error) => return self.bear(&error).map(|()| false),
        };
        self.watch.signed(head, false)?;
        match log.publish(head, &note, &[]) {
            Ok(()) => self.watch.signed(head, true).map(|()| true),
            Err(error) => self.bear(&error).map(|()| false),
        }
    }

    /// One of the heads that were signed before is the beginning of the newest.
    fn compare_old(&mut self, log: &Log) -> Result<(), String> {
        let sizes: Vec<u64> = self.watch.heads.keys().copied().collect();
        let Some(size) = self.watch.random.pick(&sizes).copied() else { return Ok(()) };
        self.watch.continues(log, size).or_else(|wrong| match wrong {
            Refused::Log(error) => self.bear(&error),
            Refused::Wrong(why) => Err(why),
        })
    }

    fn receipt(&mut self, node: &mut Node) -> Result<(), String> {
        let (watch, past) = (&mut *self.watch, &self.books.past);
        let leaf = watch.random.below((past.len() + watch.epochs.len()) as u64);
        let Some(happened) = watch.row_of(leaf).and_then(|row| past.get(row)) else {
            return Ok(());
        };
        let random = &mut watch.random;
        let opened = Opened { debit: random.chance(500), credit: random.chance(500) };
        match node.run(|engine| async move { engine.leaf_receipt(leaf, opened).await }) {
            None => Ok(()),
            Some(Err(error)) => self.bear(&error),
            Some(Ok(receipt)) => watch.look_at(leaf, &receipt, happened, Some(opened)).map(drop),
        }
    }

    fn epoch(&mut self, node: &mut Node) -> Result<(), String> {
        let index = self.watch.epochs.len();
        let rows = self.books.past.len();
        let mut epoch = Epoch { rows, at_ns: self.now_ns, entry: None };
        let closed = node.run(|engine| async move { engine.close_epoch().await });
        let owed = owed(self.books);
        match closed {
            Some(Ok(closed)) => {
                if closed.leaf != (rows + index) as u64 {
                    return Err(format!("an epoch is leaf {}", closed.leaf));
                }
                let entry = closed.record.encode();
                check_epoch(&entry, index, &epoch)?;
                let assets = closed.record.assets().iter();
                let found: Vec<_> = assets.map(|asset| (asset.asset, asset.root.sum)).collect();
                if owed.is_none_or(|owed| found != owed.into_values().collect::<Vec<_>>()) {
                    return Err(format!("an epoch says that {found:?} is owed"));
                }
                epoch.entry = Some(entry);
                self.watch.epochs.push(epoch);
                self.has_closed = true;
                Ok(())
            }
            Some(Err(LogError::Epoch(_))) if owed.is_none() => Ok(()),
            other => {
                self.watch.unknown = Some(epoch);
                other.and_then(Result::err).map_or(Ok(()), |error| self.bear(&error))
            }
        }
    }

    fn forget(&mut self, node: &mut Node) -> Result<(), String> {
        let accounts: Vec<AccountId> = self.books.accounts.keys().copied().collect();
        let Some(account) = self.watch.random.pick(&accounts).copied() else { return Ok(()) };
        let before = self.watch.forgotten.get(&account).copied().unwrap_or_default();
        let rows = self.books.past.iter().enumerate().filter(|(_, happened)| {
            let (debit, credit) = tree::sides(happened);
            debit == account || credit == Some(account)
        });
        let chain: Vec<u64> = rows.map(|(row, _)| self.watch.leaf_of(row)).collect();
        let last = chain.last().copied();
        match node.run(|engine| async move { engine.forget(account).await }) {
            Some(Ok(count)) => {
                let is_new = |leaf: &&u64| before.until.is_none_or(|until| **leaf > until);
                let right = chain.iter().filter(is_new).count() as u64;
                self.watch.forgotten.insert(account, Gone { until: last, perhaps: None });
                if count == right || before.perhaps.is_some() {
                    return Ok(());
                }
                Err(format!("{count} leaves of {account} are forgotten, right is {right}"))
            }
            other => {
                self.watch.forgotten.insert(account, Gone { perhaps: last, ..before });
                other.and_then(Result::err).map_or(Ok(()), |error| self.bear(&error))
            }
        }
    }
}

/// That an entry is the epoch with this index.
pub(super) fn check_epoch(entry: &[u8], index: usize, epoch: &Epoch) -> Result<(), String> {
    let record = EpochRecord::decode(entry).map_err(|why| format!("an epoch: {why}"))?;
    let size = (epoch.rows + index) as u64;
    let right = (index as u64 + 1, size, epoch.at_ns / 1_000_000);
    let found = (record.number(), record.size(), record.time_ms());
    if found == right { Ok(()) } else { Err(format!("epoch {found:?}, right is {right:?}")) }
}

impl Watch {
    /// That the log's tree continues the one of a head that was signed.
    pub(super) fn continues(&self, log: &Log, size: u64) -> Result<(), Refused> {
        let head = log.head();
        let Some((root, _)) = self.heads.get(&size) else { return Ok(()) };
        if size > head.size {
            let what = format!("{size} leaves were signed and the log has {}", head.size);
            return Err(Refused::Wrong(what));
        }
        if size == 0 {
            return Ok(());
        }
        let proof = log.prove_consistency(size, head.size).map_err(Refused::Log)?;
        verify_consistency(size, head.size, &proof, &tlog::Hash(*root), &head.root)
            .map_err(|why| Refused::Wrong(format!("from {size} leaves to {head:?}: {why}")))
    }

    /// The leaf of a row.
    pub(super) fn leaf_of(&self, row: usize) -> u64 {
        (row + self.epochs.iter().filter(|epoch| epoch.rows <= row).count()) as u64
    }

    /// The row of a leaf; `None` if it is an epoch.
    pub(super) fn row_of(&self, leaf: u64) -> Option<usize> {
        let marks = self.epochs.iter().zip(0..).map(|(epoch, before)| (epoch.rows + before) as u64);
        let marks: Vec<u64> = marks.collect();
        let before = marks.iter().filter(|mark| **mark < leaf).count() as u64;
        if marks.contains(&leaf) { None } else { usize::try_from(leaf - before).ok() }
    }
}

/// Why a comparison failed.
pub(super) enum Refused {
    Log(LogError),
    Wrong(String),
}

/// What is owed of each asset, by its code and scale.
type Owed = BTreeMap<([u8; 8], u8), (Asset, u128)>;

/// What is owed of each asset, in the order of an epoch's record; `None` if it is more than fits.
fn owed(books: &Books) -> Option<Owed> {
    let mut owed = Owed::new();
    for state in books.accounts.values() {
        let (asset, balances) = (state.account.asset, &state.balances);
        let balance = balances.credits_posted.saturating_sub(balances.debits_posted);
        let key = (asset.code.to_bytes(), asset.scale);
        let sum = owed.entry(key).or_insert((asset, 0));
        sum.1 = sum.1.checked_add(balance)?;
    }
    Some(owed)
}
