//! Damage before the tail: the start is refused, the batch named, the files left as they are.

use std::fs;
use std::path::Path;

use journal::frame::FrameHeader;
use journal::segment::SegmentHeader;
use journal::{Damage, Files, Journal, OpenError, Options, ReadError};

use crate::world::{
    FIRST_SEGMENT, Image, MARK, SMALL, WIDE, assert_holds, fill, frame_starts, open, segments,
};

fn refused(dir: &Path, options: Options) -> Damage {
    let before = Image::of(dir);
    match Files::open(dir, options) {
        Err(OpenError::Damaged(damage)) => {
            assert_eq!(Image::of(dir), before, "a refused start changes nothing");
            damage
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_an_earlier_batch_is_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), WIDE, 4));
    let mut image = Image::of(dir.path());
    let starts = frame_starts(image.bytes(FIRST_SEGMENT));
    // Without the mark, only what follows in the file can tell damage from a torn tail.
    fs::remove_file(dir.path().join(MARK)).unwrap();
    let without_mark = |image: &Image| {
        image.put(dir.path());
        fs::remove_file(dir.path().join(MARK)).unwrap();
    };
    for at in starts[1]..starts[3] {
        image.bytes_mut(FIRST_SEGMENT)[at] ^= 1 << (at % 8);
        without_mark(&image);
        let damage = refused(dir.path(), WIDE);
        let (sequence, start) = if at < starts[2] { (2, starts[1]) } else { (3, starts[2]) };
        assert_eq!((damage.sequence, damage.offset), (sequence, start as u64), "byte {at}");
        assert_eq!(damage.segment, dir.path().join(FIRST_SEGMENT));
        image.bytes_mut(FIRST_SEGMENT)[at] ^= 1 << (at % 8);
    }
    image.put(dir.path());
    assert_holds(&open(dir.path(), WIDE).0, 4);
}

/// The rest behind a broken batch is read in pieces; the only frame in it may lie across two.
#[test]
fn a_later_frame_is_found_wherever_it_begins() {
    const PIECE_BYTES: usize = 256 * 1024;
    let options = Options {
        batch_bytes_max: 1024 * 1024,
        segment_bytes: 2 * 1024 * 1024,
        preallocate_bytes: 1024 * 1024,
        ..SMALL
    };
    for before in (0..=80).step_by(4) {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(dir.path(), options);
        // The second frame begins this many bytes before the end of the first piece.
        journal.append(1, &vec![1; PIECE_BYTES - 96 - before]).unwrap();
        journal.append(2, b"two").unwrap();
        drop(journal);
        fs::remove_file(dir.path().join(MARK)).unwrap();
        let path = dir.path().join(FIRST_SEGMENT);
        let mut bytes = fs::read(&path).unwrap();
        bytes[130] ^= 1;
        fs::write(&path, bytes).unwrap();
        let damage = refused(dir.path(), options);
        assert_eq!((damage.sequence, damage.what), (1, "the batch header is broken"));
    }
}

#[test]
fn a_flipped_bit_in_a_sealed_segment_is_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), SMALL, 30));
    let path = &segments(dir.path())[1];
    let good = fs::read(path).unwrap();
    let first: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let starts = frame_starts(&good);
    let last = starts.len() - 2;
    for at in starts[last]..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        fs::write(path, bytes).unwrap();
        let expected = if at < starts[last + 1] { last } else { last + 1 };
        assert_eq!(refused(dir.path(), SMALL).sequence, first + expected as u64, "byte {at}");
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_segment_header_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), SMALL, 30));
    let all = segments(dir.path());
    for path in [&all[0], &all[2], &all[all.len() - 1]] {
        let good = fs::read(path).unwrap();
        for at in 0..128 {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            fs::write(path, bytes).unwrap();
            let damage = refused(dir.path(), SMALL);
            assert_eq!((&damage.segment, damage.offset), (path, 0));
        }
        fs::write(path, good).unwrap();
    }
    assert_holds(&open(dir.path(), SMALL).0, 30);
}

#[test]
fn a_missing_segment_is_refused_wherever_it_was() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), SMALL, 30));
    let image = Image::of(dir.path());
    let all = segments(dir.path());
    for missing in &all {
        fs::remove_file(missing).unwrap();
        let damage = refused(dir.path(), SMALL);
        let first: u64 = missing.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        assert_eq!(damage.sequence, first);
        image.put(dir.path());
    }
    for path in &all {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(refused(dir.path(), SMALL).sequence, 1);
}

#[test]
fn a_segment_of_another_journal_is_refused() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(fill(dir.path(), SMALL, 30));
    drop(fill(other.path(), SMALL, 30));
    let path = &segments(dir.path())[1];
    fs::copy(other.path().join(path.file_name().unwrap()), path).unwrap();
    assert_eq!(&refused(dir.path(), SMALL).segment, path);
    fs::remove_file(dir.path().join(MARK)).unwrap();
    assert_eq!(&refused(dir.path(), SMALL).segment, path);
}

#[test]
fn a_segment_of_another_history_of_the_same_journal_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), SMALL, 30));
    fs::remove_file(dir.path().join(MARK)).unwrap();
    let path = segments(dir.path()).pop().unwrap();
    let (mut header, _) = SegmentHeader::decode(&fs::read(&path).unwrap()).unwrap();
    header.chain.0[5] ^= 1;
    fs::write(&path, header.encode()).unwrap();
    let damage = refused(dir.path(), SMALL);
    assert_eq!((damage.segment, damage.sequence), (path, header.first));
}

#[test]
fn an_earlier_state_of_the_tail_is_refused_by_the_mark() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), WIDE, 3));
    let earlier = fs::read(dir.path().join(FIRST_SEGMENT)).unwrap();
    drop(fill(dir.path(), WIDE, 5));
    fs::write(dir.path().join(FIRST_SEGMENT), earlier).unwrap();
    assert_eq!(refused(dir.path(), WIDE).sequence, 4);
}

#[test]
fn a_frame_moved_within_its_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), WIDE, 4));
    let path = dir.path().join(FIRST_SEGMENT);
    let mut bytes = fs::read(&path).unwrap();
    let starts = frame_starts(&bytes);
    bytes.copy_within(starts[0]..starts[1], starts[3]);
    fs::write(&path, bytes).unwrap();
    fs::remove_file(dir.path().join(MARK)).unwrap();
    assert_eq!(refused(dir.path(), WIDE).sequence, 4);
}

#[test]
fn a_valid_frame_that_does_not_follow_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let head = fill(dir.path(), WIDE, 3).head();
    let path = dir.path().join(FIRST_SEGMENT);
    let good = fs::read(&path).unwrap();
    let (_, key) = SegmentHeader::decode(&good).unwrap();
    let end = *frame_starts(&good).last().unwrap();
    let mut other = head;
    other.0[31] ^= 1;
    for (sequence, previous, follows) in [(4, head, true), (5, head, false), (4, other, false)] {
        let header = FrameHeader { sequence, body_bytes: 3, previous };
        let frame = [&header.encode(&key)[..], b"abc", &header.hash(b"abc").0].concat();
        let mut bytes = good[..end].to_vec();
        bytes.extend_from_slice(&frame);
        fs::write(&path, bytes).unwrap();
        if follows {
            assert_eq!(Files::open(dir.path(), WIDE).unwrap().1.last_sequence, 4);
            // The mark is at 4 now, and would hide what this test is about.
            fs::remove_file(dir.path().join(MARK)).unwrap();
        } else {
            assert_eq!(refused(dir.path(), WIDE).offset, end as u64);
        }
    }
}

#[test]
fn a_batch_other_than_the_one_marked_durable_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(fill(dir.path(), WIDE, 3));
    let three = Image::of(dir.path());
    drop(fill(dir.path(), WIDE, 4));
    let four = Image::of(dir.path());
    three.put(dir.path());
    let (mut journal, _) = open(dir.path(), WIDE);
    journal.append(4, b"another fourth").unwrap();
    drop(journal);
    fs::write(dir.path().join(MARK), four.bytes(MARK)).unwrap();
    assert_eq!(refused(dir.path(), WIDE).sequence, 4);
}

#[test]
fn damage_while_running_is_found_by_the_reader() {
    let dir = tempfile::tempdir().unwrap();
    let journal = fill(dir.path(), WIDE, 4);
    let path = dir.path().join(FIRST_SEGMENT);
    let mut bytes = fs::read(&path).unwrap();
    let starts = frame_starts(&bytes);
    bytes[starts[2] + 70] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut batches = journal.read(1).unwrap();
    assert!(batches.by_ref().take(2).all(|batch| batch.is_ok()));
    match batches.next() {
        Some(Err(ReadError::Damaged(damage))) => assert_eq!(damage.sequence, 3),
        other => panic!("{other:?}"),
    }
    assert!(batches.next().is_none());
}
