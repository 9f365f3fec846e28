//! Checks that an epoch counts the account of a statement with the sums that its entries have.

use tlog::{TreeHead, leaf_hash, verify_inclusion};

use super::{EpochFault, Statement, StatementEpoch};
use crate::epoch::{Balances, EpochRecord, account_value, keys, verify_place};
use crate::verdict::{CountedInEpoch, StatementLine};

pub(super) fn verify(
    statement: &Statement,
    epoch: &StatementEpoch,
    lines: &[StatementLine],
    head: TreeHead,
) -> Result<CountedInEpoch, EpochFault> {
    let record = EpochRecord::decode(&epoch.entry)?;
    verify_inclusion(&leaf_hash(&epoch.entry), epoch.index, head.size, &epoch.proof, &head.root)
        .map_err(EpochFault::NotIncluded)?;
    if epoch.index < record.size() {
        return Err(EpochFault::Index);
    }
    let asset = record.asset(statement.asset()).ok_or(EpochFault::Asset)?;
    let covered_count = lines.partition_point(|line| line.index < record.size());
    let last = lines.get(..covered_count).and_then(<[_]>::last);
    if epoch.head != last.map(|line| line.index) {
        return Err(EpochFault::Head);
    }
    let balances = last.map_or(Balances::default(), |line| line.balances);
    if epoch.balances() != balances {
        return Err(EpochFault::Balances);
    }
    let [first, second] = &epoch.shares;
    if first.share.checked_add(second.share) != Some(balances.owed()) {
        return Err(EpochFault::Shares);
    }
    let account = statement.account;
    let value = account_value(&epoch.value_salt, account, &balances, epoch.head);
    let keys = keys(&epoch.label, record.number());
    for (key, share) in keys.into_iter().zip([first, second]) {
        verify_place(key, &value, share, &asset.root)?;
    }
    Ok(CountedInEpoch {
        index: epoch.index,
        number: record.number(),
        size: record.size(),
        time_ms: record.time_ms(),
        label: epoch.label,
        balances,
        liabilities: asset.root.sum,
        later_count: lines.len() - covered_count,
    })
}
