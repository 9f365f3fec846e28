//! Looking without touching: the verdict is that of opening, damage does not hide what is behind
//! it, and a copy up to a batch is whole while the writer goes on.

use std::fs;
use std::path::Path;

use journal::{
    FAULTS_COUNT_MAX, Files, Hash, Inspection, Journal, OpenError, Options, Position, ReadError,
    ReadOnly, archivable,
};

use crate::world::{
    FIRST_SEGMENT, Image, MARK, SMALL, WIDE, assert_holds, body, fill, frame_starts, open, segments,
};

fn inspect(dir: &Path) -> Inspection {
    let before = Image::of(dir).but_spare();
    let seen = ReadOnly::open(dir).unwrap().inspect(None, &mut |_| {}).unwrap();
    assert!(Image::of(dir).but_spare() == before, "an inspection changes nothing");
    seen
}

#[test]
fn a_whole_journal_shows_every_batch() {
    let dir = tempfile::tempdir().unwrap();
    let head = fill(dir.path(), SMALL, 30).head();
    let mut next = 1;
    let journal = ReadOnly::open(dir.path()).unwrap();
    let seen = journal
        .inspect(None, &mut |batch| {
            assert_eq!((batch.sequence, batch.body), (next, &*body(next)));
            let at = usize::try_from(batch.body_at).unwrap();
            let file = fs::read(batch.segment).unwrap();
            assert_eq!(file[at..at + batch.body.len()], *batch.body);
            assert!(batch.follows);
            next += 1;
        })
        .unwrap();
    assert_eq!((next, seen.last), (31, Position { sequence: 30, hash: head }));
    assert_eq!((seen.durable_mark, seen.torn_bytes, seen.is_whole()), (Some(30), 0, true));
    let paths: Vec<_> = seen.segments.iter().map(|segment| segment.path.clone()).collect();
    assert_eq!(paths, segments(dir.path()));
    assert_eq!(seen.segments.iter().map(|segment| segment.batches).sum::<u64>(), 30);
}

/// Every byte of a journal of several segments, flipped: what the inspection says first is what
/// opening says, and what it calls torn is what opening cuts.
#[test]
fn the_verdict_is_that_of_opening() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), SMALL, 16));
    let whole = Image::of(dir.path());
    let names: Vec<String> = segments(dir.path())
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let (mut refused, mut torn) = (0, 0);
    for name in &names {
        for at in (0..whole.bytes(name).len()).step_by(7) {
            for mark in [true, false] {
                let mut image = whole.clone();
                image.bytes_mut(name)[at] ^= 1 << (at % 8);
                image.put(dir.path());
                if !mark {
                    fs::remove_file(dir.path().join(MARK)).unwrap();
                }
                let seen = inspect(dir.path());
                match Files::open(dir.path(), SMALL) {
                    Ok((_, recovery)) => {
                        assert!(seen.is_whole(), "{name} byte {at}: {:?}", seen.faults);
                        let cut = (recovery.torn_bytes, recovery.torn_at, recovery.last_sequence);
                        assert_eq!((seen.torn_bytes, seen.torn_at, seen.last.sequence), cut);
                        torn += u64::from(cut.0 > 0);
                    }
                    Err(error) => {
                        assert_eq!(seen.faults[0].to_string(), error.to_string(), "{name} {at}");
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(names.len() > 2 && refused > 300 && torn > 20, "{refused} refused, {torn} torn");
}

#[test]
fn missing_and_strange_files_are_judged_as_opening_does() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), SMALL, 30));
    let whole = Image::of(dir.path());
    let same = || match Files::open(dir.path(), SMALL) {
        Ok(_) => panic!("a broken journal was opened"),
        Err(error) => assert_eq!(inspect(dir.path()).faults[0].to_string(), error.to_string()),
    };
    for path in segments(dir.path()) {
        fs::remove_file(&path).unwrap();
        same();
        fs::write(&path, b"a file of some other program, longer than a header".repeat(9)).unwrap();
        same();
        whole.put(dir.path());
    }
    for path in segments(dir.path()) {
        fs::remove_file(path).unwrap();
    }
    same();
    whole.put(dir.path());
    let mut newer = whole.clone();
    let bytes = newer.bytes_mut(FIRST_SEGMENT);
    bytes[27] = 2;
    let checksum = *blake3::hash(&bytes[..96]).as_bytes();
    bytes[96..128].copy_from_slice(&checksum);
    newer.put(dir.path());
    same();
    assert!(matches!(inspect(dir.path()).faults[0], OpenError::Version { found: 2, .. }));
    assert!(
        ReadOnly::open(&dir.path().join("nowhere")).unwrap().inspect(None, &mut |_| {}).is_err()
    );
}

#[test]
fn damage_does_not_hide_what_is_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), SMALL, 40));
    let all = segments(dir.path());
    let first_of =
        |path: &Path| -> u64 { path.file_stem().unwrap().to_str().unwrap().parse().unwrap() };
    // The second batch by its body, the first of the second segment by its header, all of the
    // third segment by its own header.
    let flip = |path: &Path, at: usize| {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let second = frame_starts(&fs::read(&all[0]).unwrap())[1];
    flip(&all[0], second + 70);
    flip(&all[1], 128 + 20);
    flip(&all[2], 9);
    let mut later = Vec::new();
    let seen = ReadOnly::open(dir.path())
        .unwrap()
        .inspect(None, &mut |batch| {
            assert_eq!(batch.body, body(batch.sequence));
            assert_eq!(batch.follows, batch.sequence == 1);
            later.push(batch.sequence);
        })
        .unwrap();
    let broken: Vec<u64> = seen
        .faults
        .iter()
        .map(|fault| match fault {
            OpenError::Damaged(damage) => damage.sequence,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(broken, [2, first_of(&all[1]), first_of(&all[2])]);
    let lost = [2, first_of(&all[1])].into_iter().chain(first_of(&all[2])..first_of(&all[3]));
    let lost: Vec<u64> = lost.collect();
    assert_eq!(later, (1..=40).filter(|n| !lost.contains(n)).collect::<Vec<_>>());
    assert_eq!(seen.last.sequence, 40);
}

#[test]
fn the_number_of_faults_is_limited() {
    let dir = tempfile::tempdir().unwrap();
    let last = 2 * FAULTS_COUNT_MAX as u64;
    drop(fill(dir.path(), WIDE, last));
    let path = dir.path().join(FIRST_SEGMENT);
    let mut bytes = fs::read(&path).unwrap();
    for start in frame_starts(&bytes).iter().rev().skip(1) {
        bytes[start + 66] ^= 1;
    }
    fs::write(path, bytes).unwrap();
    let seen = inspect(dir.path());
    assert_eq!((seen.faults.len(), seen.cut_short), (FAULTS_COUNT_MAX, true));
}

#[test]
fn of_an_open_journal_the_marked_part_is_judged() {
    let dir = tempfile::tempdir().unwrap();
    let lazy = Options { mark_every_batches: 10, ..SMALL };
    let mut journal = fill(dir.path(), lazy, 25);
    let seen = inspect(dir.path());
    assert_eq!((seen.open_elsewhere, seen.durable_mark), (true, Some(20)));
    assert_eq!((seen.last.sequence, seen.is_whole(), seen.torn_bytes), (20, true, 0));
    // What the writer is at beyond the mark is none of the inspection's business, but damage
    // before it is.
    let tail = segments(dir.path()).pop().unwrap();
    let good = fs::read(&tail).unwrap();
    let mut half = good.clone();
    let end = *frame_starts(&good).last().unwrap();
    half[end - 3..end].fill(0);
    fs::write(&tail, &half).unwrap();
    assert!(inspect(dir.path()).is_whole());
    fs::write(&tail, &good).unwrap();
    journal.append(26, &body(26)).unwrap();
    let first = segments(dir.path())[0].clone();
    let mut bytes = fs::read(&first).unwrap();
    bytes[200] ^= 1;
    fs::write(&first, bytes).unwrap();
    assert!(!inspect(dir.path()).is_whole());
}

#[test]
fn nobody_opens_a_journal_that_is_being_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), SMALL, 3));
    let (one, two) = (ReadOnly::open(dir.path()).unwrap(), ReadOnly::open(dir.path()).unwrap());
    assert!(!one.is_open_elsewhere() && !two.is_open_elsewhere());
    drop(one);
    assert!(matches!(Files::open(dir.path(), SMALL), Err(OpenError::Locked { .. })));
    drop(two);
    open(dir.path(), SMALL);
}

/// Copies what belongs to the copy, in the order in which a copy is made.
fn copy(parts: &journal::Parts, to: &Path, leave_out: usize) {
    fs::create_dir_all(to).unwrap();
    parts.write_mark(to).unwrap();
    for part in &parts.segments[..parts.segments.len() - leave_out] {
        let bytes = fs::read(&part.path).unwrap();
        let end = usize::try_from(part.bytes).unwrap();
        fs::write(to.join(part.path.file_name().unwrap()), &bytes[..end]).unwrap();
    }
}

#[test]
fn a_copy_up_to_any_batch_is_whole_and_can_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = fill(dir.path(), SMALL, 0);
    let mut points = vec![Position::default()];
    for next in 1..=30 {
        journal.append(next, &body(next)).unwrap();
        points.push(Position { sequence: next, hash: journal.head() });
    }
    let reader = ReadOnly::open(dir.path()).unwrap();
    for point in &points {
        let to = tempfile::tempdir().unwrap();
        let parts = reader.parts(*point).unwrap();
        copy(&parts, to.path(), 0);
        let (copied, recovery) = open(to.path(), SMALL);
        assert_eq!((recovery.durable_mark, recovery.torn_bytes), (Some(point.sequence), 0));
        assert_holds(&copied, point.sequence);
        assert_eq!(copied.head(), point.hash);
        drop(copied);
        assert_holds(&fill(to.path(), SMALL, point.sequence + 3), point.sequence + 3);
    }
    let mut other = points[20];
    other.hash = Hash([1; 32]);
    assert!(
        matches!(reader.parts(other), Err(ReadError::Damaged(damage)) if damage.sequence == 21)
    );
    let ahead = Position { sequence: 31, ..points[30] };
    assert!(
        matches!(reader.parts(ahead), Err(ReadError::Damaged(damage)) if damage.sequence == 31)
    );
}

#[test]
fn a_copy_that_is_not_finished_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let head = fill(dir.path(), SMALL, 30).head();
    let point = Position { sequence: 30, hash: head };
    let parts = ReadOnly::open(dir.path()).unwrap().parts(point).unwrap();
    for leave_out in 1..=parts.segments.len() {
        let to = tempfile::tempdir().unwrap();
        copy(&parts, to.path(), leave_out);
        let refused = Files::open(to.path(), SMALL).unwrap_err();
        assert_eq!(refused.code(), "journal_damaged", "{leave_out} segments are missing");
    }
}

#[test]
fn damage_is_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let head = fill(dir.path(), SMALL, 30).head();
    let point = Position { sequence: 30, hash: head };
    for path in segments(dir.path()) {
        let good = fs::read(&path).unwrap();
        let starts = frame_starts(&good);
        for at in [30, starts[0] + 5, starts[0] + 64, starts[starts.len() - 1] - 1] {
            let mut bytes = good.clone();
            bytes[at] ^= 4;
            fs::write(&path, &bytes).unwrap();
            let reader = ReadOnly::open(dir.path()).unwrap();
            let refused = reader.parts(point).unwrap_err();
            assert!(matches!(refused, ReadError::Damaged(_)), "{path:?} byte {at}: {refused}");
        }
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn what_lies_behind_a_snapshot_can_be_moved_away() {
    let dir = tempfile::tempdir().unwrap();
    let journal = fill(dir.path(), SMALL, 30);
    let at = |sequence| {
        let batch = journal.read(sequence).unwrap().next().unwrap().unwrap();
        Position { sequence, hash: batch.hash }
    };
    let known = at(17);
    drop(journal);
    let found = inspect(dir.path()).segments;
    assert!(archivable(&found, 0).is_empty());
    let behind = archivable(&found, known.sequence);
    assert!(!behind.is_empty());
    let next = &found[behind.len()];
    assert!(next.first <= 18 && found[behind.len() + 1].first > 18);
    for segment in behind {
        fs::remove_file(&segment.path).unwrap();
    }
    let reader = ReadOnly::open(dir.path()).unwrap();
    assert!(!reader.inspect(None, &mut |_| {}).unwrap().is_whole());
    let seen = reader.inspect(Some(known), &mut |batch| assert!(batch.follows)).unwrap();
    assert!(seen.is_whole() && reader.first().unwrap() == Some(next.first));
    drop(reader);
    drop(open(dir.path(), Options { verify_from: Some(known), ..SMALL }));
    assert!(Files::open(dir.path(), SMALL).is_err());
}
