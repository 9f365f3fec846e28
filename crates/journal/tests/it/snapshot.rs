//! Snapshots: whole or skipped, and never the only way to the state.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use disk::{Fault, Simulated, When};
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

#[test]
fn a_state_is_written_and_read_in_pieces() {
    let (dir, snapshots) = written(&[5]);
    let pieces: Vec<Vec<u8>> = (0..60).map(|piece| vec![piece; 10_000]).collect();
    let bytes = 600_000;
    let write =
        &mut |file: &mut dyn Write| pieces.iter().try_for_each(|piece| file.write_all(piece));
    snapshots.write_with(9, head(9), bytes, write).unwrap();
    let mut reader = snapshots.reader(9).unwrap().unwrap().unwrap();
    assert_eq!((reader.sequence(), reader.head(), reader.state_bytes()), (9, head(9), bytes));
    for piece in &pieces {
        let mut read = vec![0; piece.len()];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, piece);
    }
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    assert_eq!(snapshots.latest().unwrap().snapshot.unwrap().state, pieces.concat());
    let found = snapshots.latest_reader_at_most(8).unwrap();
    assert_eq!(found.snapshot.unwrap().sequence(), 5);
    assert!(snapshots.reader(6).unwrap().is_none());

    for wrong in [bytes - 1, bytes + 1] {
        let write =
            &mut |file: &mut dyn Write| pieces.iter().try_for_each(|piece| file.write_all(piece));
        snapshots.write_with(10, head(10), wrong, write).unwrap_err();
    }
    let failing = &mut |_: &mut dyn Write| Err(io::ErrorKind::InvalidData.into());
    snapshots.write_with(10, head(10), 0, failing).unwrap_err();
    assert_eq!(snapshots.list().unwrap().len(), 2);
    Snapshots::open(dir.path()).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn power_loss_at_any_change_leaves_the_newest_written_snapshot_or_the_next() {
    let write = |disk: &Simulated| {
        let Ok(snapshots) = Snapshots::open_on(Arc::new(disk.clone()), Path::new("snapshots"))
        else {
            return 0;
        };
        let until = (1..6).take_while(|sequence| {
            snapshots.write(*sequence, head(*sequence), &state(*sequence)).is_ok()
        });
        until.last().unwrap_or(0)
    };
    let whole = Simulated::new(0);
    assert_eq!(write(&whole), 5);
    let mut newer = 0;
    for seed in 0..20 {
        for at in 1..=whole.changes() {
            let disk = Simulated::new(seed * 1000 + at);
            disk.arm(Fault::PowerLoss, When::Nth(at));
            let last = write(&disk);
            let after = disk.crash();
            let snapshots = Snapshots::open_on(Arc::new(after), Path::new("snapshots")).unwrap();
            let found = snapshots.latest().unwrap();
            let there = found.snapshot.map_or(0, |found| {
                assert_eq!(found, snapshot(found.sequence));
                found.sequence
            });
            assert!(there == last || there == last + 1, "{last} written, {there} there");
            assert_eq!(found.skipped, []);
            newer += u64::from(there > last);
        }
    }
    assert!(newer > 20, "{newer} newer");
}
