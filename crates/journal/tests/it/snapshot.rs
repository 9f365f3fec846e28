//! Snapshots: whole or skipped, and never the only way to the state.

use std::fs;

use journal::{Hash, Snapshot, Snapshots};

fn head(sequence: u64) -> Hash {
    Hash([u8::try_from(sequence).unwrap(); 32])
}

fn state(sequence: u64) -> Vec<u8> {
    format!("state after {sequence}").into_bytes()
}

fn snapshot(sequence: u64) -> Snapshot {
    Snapshot { sequence, head: head(sequence), state: state(sequence) }
}

fn written(sequences: &[u64]) -> (tempfile::TempDir, Snapshots) {
    let dir = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::open(dir.path()).unwrap();
    for sequence in sequences {
        snapshots.write(*sequence, head(*sequence), &state(*sequence)).unwrap();
    }
    (dir, snapshots)
}

#[test]
fn the_two_newest_are_kept() {
    let (dir, snapshots) = written(&[]);
    assert_eq!(snapshots.latest().unwrap(), journal::Found::default());
    for sequence in [5, 9, 12] {
        snapshots.write(sequence, head(sequence), &state(sequence)).unwrap();
        let found = snapshots.latest().unwrap();
        assert_eq!((found.snapshot, found.skipped), (Some(snapshot(sequence)), vec![]));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    for (limit, expected) in [(u64::MAX, Some(12)), (12, Some(12)), (11, Some(9)), (8, None)] {
        let found = snapshots.latest_at_most(limit).unwrap();
        assert_eq!(found.snapshot, expected.map(snapshot));
    }
}

#[test]
fn a_flipped_bit_in_any_byte_falls_back_to_the_older_one_and_says_so() {
    let (dir, snapshots) = written(&[5, 9]);
    let path = dir.path().join("00000000000000000009.snapshot");
    let good = fs::read(&path).unwrap();
    let short = good[..good.len() - 1].to_vec();
    let flipped = (0..good.len()).map(|at| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    });
    for bytes in flipped.chain([short, vec![]]) {
        fs::write(&path, bytes).unwrap();
        let found = snapshots.latest().unwrap();
        assert_eq!(found.snapshot, Some(snapshot(5)));
        assert_eq!(found.skipped.len(), 1);
        assert_eq!(found.skipped[0].path, path);
    }
    fs::write(&path, good).unwrap();
    assert_eq!(snapshots.latest().unwrap().snapshot, Some(snapshot(9)));
}

#[test]
fn a_renamed_snapshot_and_an_unfinished_one_are_not_used() {
    let (dir, snapshots) = written(&[5]);
    let renamed = dir.path().join("00000000000000000007.snapshot");
    fs::copy(dir.path().join("00000000000000000005.snapshot"), &renamed).unwrap();
    fs::write(dir.path().join("00000000000000000008.snapshot.new"), b"half").unwrap();
    let found = snapshots.latest().unwrap();
    assert_eq!((found.snapshot, found.skipped.len()), (Some(snapshot(5)), 1));
    Snapshots::open(dir.path()).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}
