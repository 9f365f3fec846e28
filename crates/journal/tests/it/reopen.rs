//! Opening: locks, marks, known positions, versions, folders that cannot be used.

use std::fs;

use journal::{Files, Journal, OpenError, Options, Position, ReadError};

use crate::world::{
    FIRST_SEGMENT, Image, MARK, SMALL, WIDE, assert_holds, body, fill, open, segments,
};

#[test]
fn a_second_open_is_told_that_the_journal_is_locked() {
    let dir = tempfile::tempdir().unwrap();
    let journal = fill(dir.path(), SMALL, 2);
    let refused = Files::open(dir.path(), SMALL).unwrap_err();
    assert!(matches!(&refused, OpenError::Locked { dir: named } if named == dir.path()));
    assert!(refused.to_string().contains("stop that process"));
    drop(journal);
    assert_holds(&open(dir.path(), SMALL).0, 2);
}

#[test]
fn a_clean_reopen_reports_nothing_torn() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, created) = open(dir.path(), SMALL);
    assert_eq!((created.last_sequence, created.durable_mark), (0, Some(0)));
    assert_eq!((journal.next(), journal.head()), (1, journal::Hash::ZERO));
    assert_eq!(journal.read(1).unwrap().count(), 0);
    drop(journal);
    drop(fill(dir.path(), SMALL, 9));
    let (_, recovery) = open(dir.path(), SMALL);
    assert_eq!((recovery.last_sequence, recovery.durable_mark), (9, Some(9)));
    assert_eq!((recovery.torn_bytes, recovery.torn_at), (0, None));
    assert_eq!(recovery.verified_from, 1);
}

#[test]
fn a_lazy_mark_follows_in_steps_and_at_close() {
    let dir = tempfile::tempdir().unwrap();
    let lazy = Options { mark_every_batches: 4, ..WIDE };
    let journal = fill(dir.path(), lazy, 7);
    let killed = Image::of(dir.path());
    drop(journal);
    assert_eq!(open(dir.path(), lazy).1.durable_mark, Some(7));

    killed.put(dir.path());
    let (journal, recovery) = open(dir.path(), lazy);
    assert_eq!((recovery.durable_mark, recovery.last_sequence), (Some(4), 7));
    assert_holds(&journal, 7);
}

#[test]
fn one_broken_slot_of_the_mark_leaves_the_other() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), SMALL, 4));
    let good = Image::of(dir.path());
    for slots in [&[40][..], &[512 + 40], &[40, 512 + 40]] {
        let mut image = good.clone();
        for at in slots {
            image.bytes_mut(MARK)[*at] ^= 1;
        }
        image.put(dir.path());
        match Files::open(dir.path(), SMALL) {
            Ok((journal, recovery)) => {
                assert_eq!(slots.len(), 1);
                assert!(recovery.durable_mark >= Some(3));
                assert_holds(&journal, 4);
            }
            Err(refused) => {
                assert_eq!((slots.len(), refused.code()), (2, "journal_damaged"));
            }
        }
    }
    fs::remove_file(dir.path().join(MARK)).unwrap();
    assert_eq!(open(dir.path(), SMALL).1.durable_mark, None);
}

#[test]
fn a_known_position_shortens_verification_and_must_be_met() {
    let dir = tempfile::tempdir().unwrap();
    let journal = fill(dir.path(), SMALL, 30);
    let positions: Vec<Position> = journal
        .read(1)
        .unwrap()
        .map(|batch| batch.unwrap())
        .map(|batch| Position { sequence: batch.sequence, hash: batch.hash })
        .collect();
    drop(journal);
    let from = |position| Options { verify_from: Some(position), ..SMALL };
    for position in &positions {
        let (journal, recovery) = open(dir.path(), from(*position));
        assert!(recovery.verified_from <= position.sequence + 1);
        assert_holds(&journal, 30);
    }
    let (_, recovery) = open(dir.path(), from(positions[29]));
    assert!(recovery.verified_from > 20);

    let mut other = positions[14];
    other.hash.0[0] ^= 1;
    let ahead = Position { sequence: 31, ..positions[29] };
    for (position, sequence) in [(other, 15), (ahead, 31)] {
        match Files::open(dir.path(), from(position)).unwrap_err() {
            OpenError::Damaged(damage) => assert_eq!(damage.sequence, sequence),
            refused => panic!("{refused}"),
        }
    }

    // What lies wholly before the position may be gone or broken: reading there says so.
    fs::remove_file(&segments(dir.path())[0]).unwrap();
    let (journal, _) = open(dir.path(), from(positions[14]));
    assert!(matches!(journal.read(1), Err(ReadError::NotThere { last: 30, .. })));
    let later: Vec<u64> = journal.read(16).unwrap().map(|b| b.unwrap().sequence).collect();
    assert_eq!(later, (16..=30).collect::<Vec<_>>());
    drop(journal);
    assert_eq!(Files::open(dir.path(), SMALL).unwrap_err().code(), "journal_damaged");
}

#[test]
fn a_newer_format_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), WIDE, 3));
    for name in [FIRST_SEGMENT, MARK] {
        let good = Image::of(dir.path());
        let mut newer = good.clone();
        let bytes = newer.bytes_mut(name);
        let slots: &[usize] = if name == MARK { &[0, 512] } else { &[0] };
        for at in slots {
            bytes[at + 27] = 2;
            let checksum = *blake3::hash(&bytes[*at..at + 96]).as_bytes();
            bytes[at + 96..at + 128].copy_from_slice(&checksum);
        }
        newer.put(dir.path());
        match Files::open(dir.path(), WIDE).unwrap_err() {
            OpenError::Version { path, found: 2, supported: 1 } => assert!(path.ends_with(name)),
            refused => panic!("{refused}"),
        }
        assert_eq!(Image::of(dir.path()), newer);
        good.put(dir.path());
    }
}

#[test]
fn an_unfinished_segment_is_removed_and_its_name_used_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), SMALL, 20));
    let unfinished = dir.path().join("00000000000000000021.seg.new");
    fs::write(&unfinished, b"half").unwrap();
    let journal = fill(dir.path(), SMALL, 40);
    assert!(!unfinished.exists());
    assert_holds(&journal, 40);
}

#[test]
fn a_segment_made_just_before_a_crash_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = fill(dir.path(), SMALL, 1);
    while segments(dir.path()).len() == 1 {
        let next = journal.next();
        journal.append(next, &body(next)).unwrap();
    }
    let last = journal.next() - 1;
    drop(journal);
    // The crash came after the segment's rename and before its first batch.
    let path = &segments(dir.path())[1];
    let mut bytes = fs::read(path).unwrap();
    bytes[128..].fill(0);
    fs::write(path, bytes).unwrap();
    fs::remove_file(dir.path().join(MARK)).unwrap();
    let (journal, recovery) = open(dir.path(), SMALL);
    assert_eq!((recovery.last_sequence, recovery.torn_bytes), (last - 1, 0));
    drop(journal);
    assert_holds(&fill(dir.path(), SMALL, last + 1), last + 1);
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("journal");
    fs::write(&file, b"").unwrap();
    let refused = Files::open(&file, SMALL).unwrap_err();
    assert_eq!(refused.code(), "journal_disk");
    assert!(refused.to_string().contains(file.to_str().unwrap()), "{refused}");
}
