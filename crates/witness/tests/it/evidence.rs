//! Evidence: what is kept, how much of it, and that it can be read by anybody.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Fault, Local, Simulated, When};
use tlog::witness::AddCheckpoint;
use tlog::{Hash, Note, TreeHead};
use witness::store::{
    EVIDENCE_FILES_COUNT_MAX, EVIDENCE_FORKS_COUNT_MAX, EVIDENCE_UNPROVEN_COUNT_MAX,
};
use witness::{Start, Witness};

use crate::world::{FORK, History, LOG, TIME, fresh, log, open, request, signed};

fn kept(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("evidence")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().unwrap() == ending).collect();
    paths.sort();
    paths
}

/// Sends another root at a size that was cosigned.
fn fork(witness: &Witness, size: u64, root: u8) {
    let note = signed(&log(), TreeHead { size, root: Hash([root; 32]) });
    let refused = witness.add_checkpoint(request(size, vec![], note).as_bytes(), TIME + 1);
    assert_eq!(refused.unwrap_err().code(), "witness_other_root");
}

/// Sends growth to a size without the proof.
fn unproven(witness: &Witness, old: u64, new: u64) {
    let body = request(old, vec![], History::First.note(new));
    let refused = witness.add_checkpoint(body.as_bytes(), TIME + 1);
    assert_eq!(refused.unwrap_err().code(), "witness_inconsistent");
}

#[test]
fn two_roots_of_one_size_are_kept_with_all_that_proves_them() {
    let (folder, witness) = fresh();
    let size = FORK + 2;
    witness.add_checkpoint(History::First.request(0, size).as_bytes(), TIME).unwrap();
    let body = History::Second.request(size, size);
    witness.add_checkpoint(body.as_bytes(), TIME + 1).unwrap_err();
    let [path] = kept(folder.path(), "fork").try_into().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let (head, rest) = text.split_once("\n\n").unwrap();
    let fields: Vec<&str> = head.lines().collect();
    assert!(fields[0].starts_with("farthing/witness-evidence/1 "));
    assert_eq!(fields[1..3], ["code witness_other_root", &format!("time {}", TIME + 1)]);
    let stored: usize = fields[3].strip_prefix("stored ").unwrap().parse().unwrap();
    let (newest, sent) = rest.split_at(stored);
    let newest = Note::parse(newest.as_bytes()).unwrap();
    let sent = AddCheckpoint::parse(sent.as_bytes()).unwrap();
    assert_eq!(sent.to_string(), body);
    // The log signed both.
    for note in [&newest, sent.note()] {
        note.verify([log().verifier()]).unwrap();
    }
    assert_ne!(newest.text(), sent.note().text());
}

#[test]
fn evidence_is_bounded_and_only_the_weak_kind_gives_way() {
    let (folder, witness) = fresh();
    witness.add_checkpoint(History::First.request(0, 3).as_bytes(), TIME).unwrap();
    for root in 0..40 {
        fork(&witness, 3, root);
        fork(&witness, 3, root);
    }
    let forks = kept(folder.path(), "fork");
    assert_eq!(forks.len(), EVIDENCE_FORKS_COUNT_MAX);
    for new in 4..20 {
        unproven(&witness, 3, new);
        unproven(&witness, 3, new);
    }
    let weak = kept(folder.path(), "unproven");
    assert_eq!(weak.len(), EVIDENCE_UNPROVEN_COUNT_MAX);
    let newest = fs::read_to_string(weak.last().unwrap()).unwrap();
    assert!(newest.contains(&format!("{LOG}\n19\n")), "{newest}");
    assert_eq!(kept(folder.path(), "fork"), forks);
    // The limits and what is known survive a start.
    drop(witness);
    let witness = open(Arc::new(Local), folder.path(), Start::Again);
    fork(&witness, 3, 39);
    unproven(&witness, 3, 19);
    assert_eq!(kept(folder.path(), "unproven"), weak);
    unproven(&witness, 3, 50);
    let now = kept(folder.path(), "unproven");
    assert_eq!((now.len(), &now[..3]), (EVIDENCE_UNPROVEN_COUNT_MAX, &weak[1..]));
}

#[test]
fn evidence_of_all_logs_together_is_bounded() {
    let (folder, witness) = fresh();
    drop(witness);
    for number in 0..EVIDENCE_FILES_COUNT_MAX {
        let hash = format!("{number:064x}");
        let name = format!("evidence/{hash}-{number:020}-{hash}.fork");
        fs::write(folder.path().join(name), "").unwrap();
    }
    let witness = open(Arc::new(Local), folder.path(), Start::First);
    witness.add_checkpoint(History::First.request(0, 3).as_bytes(), TIME).unwrap();
    fork(&witness, 3, 1);
    unproven(&witness, 3, 4);
    assert_eq!(kept(folder.path(), "fork").len(), EVIDENCE_FILES_COUNT_MAX);
    assert!(kept(folder.path(), "unproven").is_empty());
}

#[test]
fn requests_that_prove_nothing_leave_no_file() {
    let (folder, witness) = fresh();
    witness.add_checkpoint(History::First.request(0, 3).as_bytes(), TIME).unwrap();
    let stranger = tlog::LogSigner::from_seed(crate::world::name(LOG), &[1; 32]);
    let head = History::Second.head(3);
    for body in [
        request(3, vec![], signed(&stranger, head)),
        History::First.request(0, 3),
        History::First.request(9, 9),
        "old 1\n".to_owned(),
    ] {
        witness.add_checkpoint(body.as_bytes(), TIME).unwrap_err();
    }
    assert!(fs::read_dir(folder.path().join("evidence")).unwrap().next().is_none());
}

#[test]
fn evidence_that_cannot_be_written_changes_no_answer() {
    let disk = Simulated::new(1);
    let witness = open(Arc::new(disk.clone()), Path::new("w"), Start::First);
    witness.add_checkpoint(History::First.request(0, 3).as_bytes(), TIME).unwrap();
    disk.arm_within("evidence", Fault::WriteError, When::PerMillion(1_000_000));
    fork(&witness, 3, 1);
    assert!(witness.is_healthy());
    witness.add_checkpoint(History::First.request(3, 4).as_bytes(), TIME).unwrap();
    disk.disarm();
    let note = signed(&log(), TreeHead { size: 4, root: Hash([1; 32]) });
    witness.add_checkpoint(request(4, vec![], note).as_bytes(), TIME).unwrap_err();
    let files = disk.files().into_iter();
    assert_eq!(
        files.filter(|(path, _)| path.extension().is_some_and(|it| it == "fork")).count(),
        1
    );
}
