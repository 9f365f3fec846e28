//! What the log says of the books: openings, epoch records, receipts and statements.

use evidence::epoch::{EpochRecord, account_value, keys, verify_place};
use evidence::record::{Opening, Posting};
use evidence::statement::{Fold, Side, Statement};
use evidence::verdict::{Sentences, verify_receipt};
use tlog::policy::Policy;

use crate::logs::policy_text;

fn policy() -> Policy {
    Policy::parse(policy_text().as_bytes()).expect("a policy")
}

/// Openings; closing a side hides it and changes nothing else.
pub fn opening(bytes: &[u8]) -> bool {
    Opening::decode(bytes).is_ok_and(|opening| {
        assert_eq!(opening.encode(), bytes);
        let closed = opening.showing(false, false);
        assert_eq!(closed.entry(), opening.entry());
        assert_eq!(Opening::decode(&closed.encode()), Ok(closed));
        true
    })
}

/// Epoch records.
pub fn epoch(bytes: &[u8]) -> bool {
    EpochRecord::decode(bytes).is_ok_and(|record| {
        assert_eq!(record.encode(), bytes);
        assert!(bytes.len() <= tlog::ENTRY_BYTES_MAX);
        assert!(record.assets().iter().all(|found| record.asset(found.asset) == Some(found)));
        true
    })
}

fn said(sentences: &Sentences) {
    assert!(!sentences.proven.is_empty() && !sentences.not_proven.is_empty());
    let all = sentences.proven.iter().chain(&sentences.not_proven);
    assert!(all.map(|sentence| &sentence.text).all(|text| text.ends_with('.')));
}

/// Receipts with openings: what is accepted is said in words.
pub fn receipt(bytes: &[u8]) -> bool {
    verify_receipt(bytes, &policy(), None).is_ok_and(|verdict| {
        said(&verdict.sentences());
        assert!(verdict.index < verdict.vouched.size);
        true
    })
}

/// Statements; what stands behind the proofs is reached without them too.
pub fn statement(bytes: &[u8]) -> bool {
    let Ok(statement) = Statement::parse(bytes) else { return false };
    let json = statement.to_json().expect("what was read can be written");
    assert_eq!(Statement::parse(json.as_bytes()).as_ref(), Ok(&statement));
    folded(&statement);
    placed(&statement);
    statement.verify(&policy(), None).is_ok_and(|verdict| {
        said(&verdict.sentences());
        assert_eq!(verdict.lines.len(), statement.entries.len());
        assert!(verdict.lines.is_sorted_by(|a, b| a.index < b.index));
        if let Some(epoch) = &verdict.epoch {
            assert!(epoch.balances.owed() <= epoch.liabilities);
        }
        true
    })
}

fn folded(statement: &Statement) {
    let mut fold = Fold::default();
    for entry in &statement.entries {
        let Ok(opening) = Opening::decode(&entry.opening) else { return };
        let is_own = matches!(opening.debit(), Posting::Opened { .. });
        let side = if is_own { Side::Debit } else { Side::Credit };
        if fold.apply(opening.facts(), side).is_err() {
            return;
        }
        let balances = fold.balances();
        assert!(fold.holds_count() > 0 || balances.debits_pending == 0);
        assert!(fold.holds_count() > 0 || balances.credits_pending == 0);
    }
}

fn placed(statement: &Statement) {
    let Some(epoch) = &statement.epoch else { return };
    let Ok(record) = EpochRecord::decode(&epoch.entry) else { return };
    let balances = epoch.balances();
    let value = account_value(&epoch.value_salt, statement.account, &balances, epoch.head);
    let keys = keys(&epoch.label, record.number());
    for asset in record.assets() {
        for (key, share) in keys.into_iter().zip(&epoch.shares) {
            let counted = verify_place(key, &value, share, &asset.root).is_ok();
            assert!(!counted || share.share <= asset.root.sum);
        }
    }
}
