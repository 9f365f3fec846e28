//! Checks a data folder and explains what is wrong with it. Writes nothing.
//!
//! In one pass: checksums and hash chain of every batch, every entry decoded and folded, every
//! snapshot compared byte by byte with the state at its batch; then the books, the payments' legs
//! and the mandates of the folded state.

use std::path::Path;

use journal::{Inspection, OpenError, Position, Snapshot, Snapshots, archivable};
use money::NodeId;

use super::fold::Fold;
use super::report::{Finding, Report, SegmentReport, Severity};
use super::{KeepError, Progress, SNAPSHOTS, audit, open_journal, past};
use crate::state::State;
use crate::view::books;
use crate::writer::loading::INDEX;

/// Stands for a node while nothing has named one; no entry that needs it has been folded then.
const NAMELESS: u128 = 1;

/// Checks the data folder or backup in `folder`. `node` is the node of its key file, if that is
/// known. A folder that a node has open is checked as far as its durable mark goes.
pub fn fsck(
    folder: &Path,
    node: Option<NodeId>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, KeepError> {
    let journal = open_journal(folder)?;
    let snapshots = Snapshots::look(&folder.join(SNAPSHOTS));
    let listed = snapshots.list()?;
    let first = journal.first()?.unwrap_or(1);
    let nameless = NodeId::new(NAMELESS).map_err(|why| KeepError::Unsound(why.to_string()))?;
    let state = State::counted(node.unwrap_or(nameless));
    let index = folder.join(INDEX);
    // A running node goes on merging its files, so they are checked when it has stopped.
    let at_rest = Some(&*index).filter(|_| !journal.is_open_elsewhere());
    let mut fold = Fold::new(state, first, &snapshots, at_rest);
    let mut known = None;
    // Of a journal whose beginning was moved away, the oldest snapshot that reaches it is believed.
    for (sequence, path) in listed {
        if first > 1 && known.is_none() {
            known = start_from(&mut fold, sequence, first, &path, &index);
        } else {
            fold.waiting.insert(sequence, path);
        }
    }
    if node.is_none() && known.is_none() {
        adopt_node(&mut fold, &snapshots);
    }
    audit::begin(&mut fold, folder, known.is_some());
    let total_bytes = total_bytes(journal.dir());
    let mut done_bytes = 0;
    let seen = journal.inspect(known, &mut |batch| {
        fold.batch(batch);
        done_bytes += batch.body.len() as u64;
        progress(Progress { doing: "checking", done_bytes, total_bytes });
    })?;
    Ok(report(node, fold, &seen))
}

/// Begins with a snapshot instead of the first batch.
fn start_from(
    fold: &mut Fold<'_>,
    sequence: u64,
    first: u64,
    path: &Path,
    index: &Path,
) -> Option<Position> {
    let snapshot = fold.usable(sequence, path.to_owned())?;
    if sequence.saturating_add(1) < first {
        let what = "the batches after this snapshot were moved away, so it was not compared";
        let finding = Finding::notice("snapshot_not_compared", what.to_owned(), "nothing");
        fold.findings.push(finding.in_file(path).of_batch(sequence));
        return None;
    }
    match past::counted(index, &snapshot.state) {
        Ok(state) => {
            let what = format!(
                "the journal begins at batch {first}; what was before is taken from this snapshot"
            );
            let advice = "for a full check put the older segments back";
            let finding = Finding::notice("segments_moved_away", what, advice);
            fold.findings.push(finding.in_file(path).of_batch(sequence));
            fold.node = Some(state.node);
            fold.state = state;
            fold.folded = sequence;
            let Snapshot { sequence, head, .. } = snapshot;
            Some(Position { sequence, hash: head })
        }
        Err(why) => {
            fold.note_index(format!("the snapshot cannot be used: {why}"), sequence, path);
            None
        }
    }
}

/// Without a key, a snapshot says whose books these are.
fn adopt_node(fold: &mut Fold<'_>, snapshots: &Snapshots) {
    for sequence in fold.waiting.keys().rev() {
        if let Ok(Some(Ok(snapshot))) = snapshots.read(*sequence)
            && let Ok(node) = State::snapshot_node(&snapshot.state)
        {
            fold.state.node = node;
            return;
        }
    }
}

/// An upper bound of what a check reads.
fn total_bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}

fn report(key: Option<NodeId>, mut fold: Fold<'_>, seen: &Inspection) -> Report {
    let mut findings: Vec<Finding> = Vec::new();
    let oldest = fold.equal.first().copied().filter(|_| fold.equal.len() > 1).unwrap_or(0);
    let archivable_count = archivable(&seen.segments, oldest).len();
    explain(seen, &mut findings);
    findings.append(&mut fold.findings);
    left_over(&fold, seen, &mut findings);
    findings.extend(audit::findings(&mut fold));
    if !fold.broken {
        findings.extend(fold.state.check().into_iter().map(|contradiction| {
            let advice = "no batch is broken, so the program that wrote them had a fault: stop the \
                          node, keep the folder, and report it";
            Finding::damage("state_contradicts", contradiction.to_string(), advice)
        }));
    }
    let named = fold.node.or(key);
    if let (Some(key), Some(books)) = (key, fold.node.filter(|books| Some(*books) != key)) {
        let what = format!("the key file is that of node {key}, but the books are of node {books}");
        let advice = "put the right `node.key` back; without it nobody can sign for this node";
        findings.insert(0, Finding::damage("other_node", what, advice));
    }
    let segment = |(index, found): (usize, &journal::SegmentFound)| SegmentReport {
        file: found.path.clone(),
        first_batch: found.first,
        batches: found.batches,
        bytes: found.bytes,
        archivable: index < archivable_count,
    };
    Report {
        sound: findings.iter().all(|found| found.severity == Severity::Notice),
        running: seen.open_elsewhere,
        node: named,
        segments: seen.segments.iter().enumerate().map(segment).collect(),
        last_batch: seen.last.sequence,
        head: seen.last.hash.0,
        durable_mark: seen.durable_mark,
        entries: fold.entries,
        folded_batch: fold.folded,
        snapshots_equal: fold.equal,
        accounts: fold.state.ledger.accounts().len() as u64,
        payments: fold.state.payment_count,
        channels: fold.state.channels.len() as u64,
        mandates: fold.state.mandates.len() as u64,
        books: books(&fold.state),
        findings,
    }
}

/// The journal's own findings in words.
fn explain(seen: &Inspection, findings: &mut Vec<Finding>) {
    for fault in &seen.faults {
        findings.push(match fault {
            OpenError::Damaged(damage) => {
                let before = damage.sequence.saturating_sub(1);
                let advice = format!(
                    "the node does not start from it. Batches up to {before} are not affected; keep \
                     this folder as it is and restore the newest backup that is whole"
                );
                Finding::damage("journal_damaged", damage.what.to_owned(), &advice)
                    .in_file(&damage.segment)
                    .at(damage.sequence, damage.offset)
            }
            OpenError::Version { path, found, supported } => {
                let what = format!("its format version is {found}, this program knows {supported}");
                let advice = "check and run it with a newer program; nothing is broken";
                Finding::damage("journal_version", what, advice).in_file(path)
            }
            other => Finding::damage(other.code(), other.to_string(), "see the message"),
        });
    }
    if seen.cut_short {
        let what = "there are more faults than one check reports".to_owned();
        findings.push(Finding::damage("more_faults", what, "restore the newest whole backup"));
    }
    if let Some(torn) = &seen.torn_at {
        let bytes = seen.torn_bytes;
        let what = format!("{bytes} bytes of a batch that was never acknowledged follow the last");
        let advice = "nothing; the next start cuts them off";
        let finding = Finding::notice("torn_tail", what, advice).in_file(&torn.segment);
        findings.push(finding.at(seen.last.sequence + 1, torn.offset));
    }
    for path in &seen.unfinished {
        let what = "a crash left this file unfinished".to_owned();
        let advice = "nothing; the next start removes it";
        findings.push(Finding::notice("unfinished_file", what, advice).in_file(path));
    }
    if seen.durable_mark.is_none() && seen.is_whole() && seen.last.sequence > 0 {
        let what = "the durable mark is missing, so a lost end would not be noticed".to_owned();
        let advice = "compare the last batch with what you know; the next start makes a new mark";
        findings.push(Finding::notice("mark_missing", what, advice));
    }
}

/// Snapshots that no batch led to.
fn left_over(fold: &Fold<'_>, seen: &Inspection, findings: &mut Vec<Finding>) {
    let ahead = fold.waiting.iter().filter(|(sequence, _)| **sequence > seen.last.sequence);
    if seen.open_elsewhere || !seen.is_whole() {
        return;
    }
    for (sequence, path) in ahead {
        let last = seen.last.sequence;
        let what = format!("the snapshot is of batch {sequence}, but the journal ends with {last}");
        let advice = "batches are missing: restore the newest backup that is whole";
        let finding = Finding::damage("snapshot_ahead", what, advice);
        findings.push(finding.in_file(path).of_batch(*sequence));
    }
}
