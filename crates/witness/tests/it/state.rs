//! The folder of a witness: what it believes at a start, and what it refuses by name.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use disk::Local;
use tlog::{Cosigner, KeyName};
use witness::{OpenError, SetupError, Start, Store, Witness};

use crate::world::{History, LOG, TIME, cosigner, log, log_named, name, open};

/// A folder in which three leaves of a log were cosigned, and the file of its head.
fn used() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(Arc::new(Local), folder.path(), Start::First);
    witness.add_checkpoint(History::First.request(0, 3).as_bytes(), TIME).unwrap();
    let heads = fs::read_dir(folder.path().join("heads")).unwrap();
    let heads: Vec<PathBuf> = heads.map(|entry| entry.unwrap().path()).collect();
    let [head] = heads.try_into().unwrap();
    (folder, head)
}

fn reopen(folder: &tempfile::TempDir) -> Result<Store, OpenError> {
    Store::open(Arc::new(Local), folder.path(), Start::Again)
}

#[test]
fn a_start_finds_what_was_cosigned() {
    let (folder, _) = used();
    let witness = open(Arc::new(Local), folder.path(), Start::Again);
    assert_eq!(witness.head(LOG), Some(History::First.head(3)));
    let refused = witness.add_checkpoint(History::First.request(0, 3).as_bytes(), TIME);
    assert_eq!(refused.unwrap_err().code(), "witness_conflict");
    witness.add_checkpoint(History::First.request(3, 4).as_bytes(), TIME).unwrap();
}

#[test]
fn a_log_that_is_left_out_for_a_while_is_not_forgotten() {
    let (folder, _) = used();
    let store = reopen(&folder).unwrap();
    let witness = Witness::new(store, cosigner(), []).unwrap();
    let refused = witness.add_checkpoint(History::First.request(3, 4).as_bytes(), TIME);
    assert_eq!(refused.unwrap_err().code(), "witness_unknown_origin");
    drop(witness);
    let witness = open(Arc::new(Local), folder.path(), Start::Again);
    assert_eq!(witness.head(LOG), Some(History::First.head(3)));
}

#[test]
fn two_processes_do_not_share_a_folder() {
    let (folder, _) = used();
    let first = reopen(&folder).unwrap();
    let second = reopen(&folder).unwrap_err();
    assert!(matches!(second, OpenError::Locked { .. }), "{second}");
    drop(first);
    reopen(&folder).unwrap();
}

#[test]
fn every_flipped_bit_of_a_head_is_refused_by_name() {
    let (folder, head) = used();
    let good = fs::read(&head).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&head, &bad).unwrap();
        let refused = reopen(&folder).unwrap_err();
        assert!(matches!(&refused, OpenError::Damaged { path, .. } if *path == head), "{refused}");
    }
    fs::write(&head, &good[..good.len() - 1]).unwrap();
    assert_eq!(reopen(&folder).unwrap_err().code(), "witness_damaged");
    fs::write(&head, good).unwrap();
    reopen(&folder).unwrap();
}

#[test]
fn what_is_missing_is_refused_by_name() {
    let (folder, head) = used();
    let origins = folder.path().join("origins");
    let good = fs::read(&origins).unwrap();
    fs::write(&origins, "farthing/witness-origins/1 00\n").unwrap();
    let refused = reopen(&folder).unwrap_err();
    assert!(matches!(&refused, OpenError::Damaged { path, .. } if *path == origins), "{refused}");
    fs::remove_file(&origins).unwrap();
    let refused = reopen(&folder).unwrap_err();
    assert!(matches!(&refused, OpenError::StateMissing { path } if *path == origins), "{refused}");
    fs::write(&origins, good).unwrap();

    let elsewhere = head.with_file_name("0".repeat(64));
    fs::rename(&head, &elsewhere).unwrap();
    let refused = reopen(&folder).unwrap_err();
    assert!(matches!(&refused, OpenError::Damaged { path, .. } if *path == elsewhere), "{refused}");
    fs::remove_file(&elsewhere).unwrap();
    let refused = reopen(&folder).unwrap_err();
    assert!(matches!(&refused, OpenError::HeadMissing { path, .. } if *path == head), "{refused}");
    assert_eq!(refused.code(), "witness_head_missing");
}

#[test]
fn heads_of_another_key_or_name_are_refused() {
    let (folder, head) = used();
    for other in [
        Cosigner::from_seed(name("witness.example/w1"), &[10; 32]),
        Cosigner::from_seed(name("witness.example/w2"), &[9; 32]),
    ] {
        let store = reopen(&folder).unwrap();
        let refused = Witness::new(store, other, [log().verifier().clone()]).unwrap_err();
        let SetupError::Store(OpenError::Damaged { path, .. }) = refused else {
            panic!("{refused}")
        };
        assert_eq!(path, head);
    }
}

#[test]
fn only_keys_of_logs_are_watched_and_not_without_end() {
    let open = || {
        let folder = tempfile::tempdir().unwrap();
        Store::open(Arc::new(Local), folder.path(), Start::First).unwrap()
    };
    let refused = Witness::new(open(), cosigner(), [cosigner().verifier().clone()]).unwrap_err();
    assert_eq!(refused.code(), "witness_log_key_type");
    let key = |number: usize| {
        let name = KeyName::new(&format!("log.example/{number}")).unwrap();
        log_named(name.as_str()).verifier().clone()
    };
    let most = Witness::new(open(), cosigner(), (0..witness::LOGS_COUNT_MAX).map(key)).unwrap();
    assert_eq!(most.logs_count(), witness::LOGS_COUNT_MAX);
    let refused = Witness::new(open(), cosigner(), (0..=witness::LOGS_COUNT_MAX).map(key));
    assert_eq!(refused.unwrap_err().code(), "witness_too_many_logs");
}

#[test]
fn a_rotated_key_of_a_log_counts_beside_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Arc::new(Local), folder.path(), Start::First).unwrap();
    let new = tlog::LogSigner::from_seed(name(LOG), &[17; 32]);
    let keys = [log().verifier().clone(), new.verifier().clone()];
    let witness = Witness::new(store, cosigner(), keys).unwrap();
    assert_eq!(witness.logs_count(), 1);
    witness.add_checkpoint(History::First.request(0, 3).as_bytes(), TIME).unwrap();
    let note = crate::world::signed(&new, History::First.head(4));
    let body = crate::world::request(3, History::First.proof(3, 4), note);
    witness.add_checkpoint(body.as_bytes(), TIME).unwrap();
    assert_eq!(witness.head(LOG), Some(History::First.head(4)));
}
