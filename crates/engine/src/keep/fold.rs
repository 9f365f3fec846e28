//! The fold of a check: batches in, state and findings out.
//!
//! It folds as a start does, and compares each snapshot with the state on the way. Behind damage it
//! goes on decoding but folds no more: the state there is not known.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::{Snapshot, Snapshots, WholeBatch};
use money::NodeId;

use super::past;
use super::report::Finding;
use crate::codec::Decoder;
use crate::entry::{ChannelEntry, Entry, Stamped};
use crate::log::{Audit, Part};
use crate::state::State;

/// Findings of one kind that are kept; a broken program would fill the memory with them.
const FINDINGS_COUNT_MAX: usize = 100;

const REBUILD: &str = "stop the node and move the folders `index` and `snapshots` away; the next start \
                       builds them again from the journal";

/// Without its beginning the journal builds nothing again.
const REBUILD_WITH_SEGMENTS: &str = "stop the node and put the older segments back, then move the folders `index` and `snapshots` \
     away; without those segments restore the newest backup that is whole";

const RESTORE: &str = "keep this folder as it is and restore the newest backup that is whole";

pub(super) struct Fold<'a> {
    pub(super) state: State,
    /// The batch up to which the state goes.
    pub(super) folded: u64,
    pub(super) entries: u64,
    pub(super) findings: Vec<Finding>,
    /// Snapshots that were found equal.
    pub(super) equal: Vec<u64>,
    /// Snapshots that were not met yet.
    pub(super) waiting: BTreeMap<u64, PathBuf>,
    /// Whose books these are, once an entry has said so.
    pub(super) node: Option<NodeId>,
    /// An entry did not fit, so the state is in the middle of a step.
    pub(super) broken: bool,
    /// The first batch of the journal: the ones before it may have been moved away.
    first: u64,
    snapshots: &'a Snapshots,
    /// The log, which is made again on the way.
    pub(super) log: Option<Audit>,
    /// The folder of the indexes; `None` if they change meanwhile.
    index: Option<&'a Path>,
}

impl<'a> Fold<'a> {
    pub(super) fn new(
        state: State,
        first: u64,
        snapshots: &'a Snapshots,
        index: Option<&'a Path>,
    ) -> Self {
        Self {
            state,
            folded: 0,
            entries: 0,
            findings: Vec::new(),
            equal: Vec::new(),
            waiting: BTreeMap::new(),
            node: None,
            broken: false,
            first,
            snapshots,
            log: None,
            index,
        }
    }

    fn note(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_COUNT_MAX {
            self.findings.push(finding);
        }
    }

    pub(super) fn batch(&mut self, batch: &WholeBatch<'_>) {
        let follows = batch.follows && !self.broken && batch.sequence == self.folded + 1;
        let mut entries = Decoder::new(batch.body);
        while !entries.is_empty() {
            let offset = batch.body_at + (batch.body.len() - entries.left()) as u64;
            let stamped = match Stamped::decode(&mut entries) {
                Ok(stamped) => stamped,
                Err(why) => {
                    let what =
                        format!("an entry does not decode, though its batch is whole: {why}");
                    let advice = "the program that wrote it differs from this one or had a fault; \
                                  check with the newest program";
                    let finding = Finding::damage("entry_malformed", what, advice);
                    self.note(finding.in_file(batch.segment).at(batch.sequence, offset));
                    self.broken |= follows;
                    return;
                }
            };
            self.entries += 1;
            if follows && !self.broken {
                self.apply(&stamped, batch, offset);
            }
        }
        if follows && !self.broken {
            self.folded = batch.sequence;
            self.compare(batch);
        }
    }

    fn apply(&mut self, stamped: &Stamped, batch: &WholeBatch<'_>, offset: u64) {
        if self.node.is_none() {
            self.node = named_node(&stamped.entry);
            self.state.node = self.node.unwrap_or(self.state.node);
        }
        if let Err(why) = self.state.apply(stamped) {
            self.broken = true;
            let finding = Finding::damage("entry_misfit", why.to_string(), RESTORE);
            self.note(finding.in_file(batch.segment).at(batch.sequence, offset));
        }
        if let Some(log) = &mut self.log {
            let rows = self.state.ledger.past_mut().0.hear();
            if !rows.is_empty() {
                log.take(&Part::Rows(rows));
            }
            if let Entry::EpochRecorded { entry } = &stamped.entry {
                log.take(&Part::Epoch(Arc::clone(entry)));
            }
        }
    }

    /// Makes the log again from here on, which must be the beginning.
    pub(super) fn follow_log(&mut self, log: Option<Audit>) {
        self.log = log;
        if self.log.is_some() {
            self.state.ledger.past_mut().0.listen();
        }
    }

    /// Compares the snapshot after this batch, if there is one, with the state.
    fn compare(&mut self, batch: &WholeBatch<'_>) {
        let Some(path) = self.waiting.remove(&batch.sequence) else { return };
        let Some(snapshot) = self.usable(batch.sequence, path.clone()) else { return };
        let what = if snapshot.head != batch.hash {
            "the snapshot was taken of another history than the journal's"
        } else if !self.is_equal(&snapshot.state) {
            "the snapshot's state is not what the journal folds to"
        } else {
            self.equal.push(batch.sequence);
            return self.compare_past(batch.sequence, &path, &snapshot.state);
        };
        let advice = "stop the node and move the snapshot away; the next start folds the journal";
        let finding = Finding::damage("snapshot_differs", what.to_owned(), advice);
        self.note(finding.in_file(path).of_batch(batch.sequence));
    }

    fn is_equal(&self, snapshot: &[u8]) -> bool {
        State::stored(snapshot).is_ok_and(|stored| {
            self.state.head_bytes_as(stored.head).as_deref() == Some(stored.head)
                && stored.resident == self.state.resident().to_bytes()
        })
    }

    /// Checks the files of the index that a snapshot names, and compares their rows with those that
    /// the journal made.
    fn compare_past(&mut self, sequence: u64, path: &Path, snapshot: &[u8]) {
        let (Some(dir), Ok(stored)) = (self.index, State::stored(snapshot)) else { return };
        let (changes, records) = (&self.state.ledger.past().0, &self.state.records.0);
        let faults = past::verify(dir, &stored.manifests, [changes, records]);
        for what in faults {
            self.note_index(what, sequence, path);
        }
    }

    /// A fault in the files that a snapshot needs.
    pub(super) fn note_index(&mut self, what: String, sequence: u64, path: &Path) {
        let advice = if self.first > 1 { REBUILD_WITH_SEGMENTS } else { REBUILD };
        let finding = Finding::damage("index_damaged", what, advice);
        self.note(finding.in_file(path).of_batch(sequence));
    }

    /// A snapshot that can be compared, or a notice why not.
    pub(super) fn usable(&mut self, sequence: u64, path: PathBuf) -> Option<Snapshot> {
        let advice = "nothing; it is a cache, and a start passes it over";
        let why = match self.snapshots.read(sequence) {
            Ok(None) => return None, // The running node has removed it meanwhile.
            Ok(Some(Ok(snapshot))) => match State::stored(&snapshot.state) {
                Ok(_) => return Some(snapshot),
                Err(why) => format!("the snapshot cannot be used: {why}"),
            },
            Ok(Some(Err(why))) => format!("the snapshot cannot be used: {why}"),
            Err(error) => error.to_string(),
        };
        let finding = Finding::notice("snapshot_unusable", why, advice);
        self.note(finding.in_file(path).of_batch(sequence));
        None
    }
}

/// The node that an entry names, if it names one.
fn named_node(entry: &Entry) -> Option<NodeId> {
    match entry {
        Entry::PaymentHeld { payment, .. } | Entry::PaymentCharged { payment } => {
            Some(payment.order.unverified().node)
        }
        Entry::MandateGranted { mandate, .. } => Some(mandate.unverified().node),
        Entry::TreeMandateGranted { mandate, .. } => Some(mandate.unverified().node),
        Entry::Channel(ChannelEntry::Opened { channel, .. }) => {
            Some(channel.terms.unverified().node)
        }
        _ => None,
    }
}
