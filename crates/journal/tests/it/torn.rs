//! Torn tails: the last append did not reach the disk whole, and nobody was told that it did.

use std::fs;
use std::path::Path;

use journal::{Files, Journal, OpenError};

use crate::world::{
    FIRST_SEGMENT, Image, MARK, WIDE, assert_holds, body, fill, frame_starts, open, segments,
};

/// What a disk holds where the rest of the frame should be.
const REMAINS: [fn(&mut Vec<u8>, usize, usize); 3] = [
    |bytes, torn, _| bytes.truncate(torn),
    |bytes, torn, end| bytes[torn..end].fill(0),
    |bytes, torn, end| {
        for (at, byte) in bytes[torn..end].iter_mut().enumerate() {
            *byte ^= u8::try_from(at * 13 % 255 + 1).unwrap();
        }
    },
];

/// A crash during the append of batch 4: its frame is in the file, the mark is at 3.
struct Crash {
    image: Image,
    start: usize,
    end: usize,
}

fn crash(dir: &Path) -> Crash {
    let mut journal = fill(dir, WIDE, 3);
    let before = Image::of(dir);
    journal.append(4, &body(4)).unwrap();
    drop(journal);
    let mut image = Image::of(dir);
    image.bytes_mut(MARK).clone_from(before.bytes(MARK));
    let starts = frame_starts(image.bytes(FIRST_SEGMENT));
    Crash { start: starts[3], end: starts[4], image }
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let crash = crash(dir.path());
    for tear in REMAINS {
        for torn in crash.start..crash.end {
            let mut image = crash.image.clone();
            tear(image.bytes_mut(FIRST_SEGMENT), torn, crash.end);
            let left = image.bytes(FIRST_SEGMENT)[crash.start..].iter().rposition(|b| *b != 0);
            let left = left.map_or(0, |last| last as u64 + 1);
            image.put(dir.path());

            let (mut journal, recovery) = open(dir.path(), WIDE);
            assert_eq!((recovery.last_sequence, recovery.torn_bytes), (3, left));
            match recovery.torn_at {
                Some(place) => assert_eq!(place.offset, crash.start as u64),
                None => assert_eq!(left, 0),
            }
            assert_holds(&journal, 3);
            let cut = fs::read(dir.path().join(FIRST_SEGMENT)).unwrap();
            assert!(cut[crash.start..].iter().all(|byte| *byte == 0));

            if torn % 8 == 0 {
                journal.append(4, &body(4)).unwrap();
                drop(journal);
                let (journal, recovery) = open(dir.path(), WIDE);
                assert_eq!((recovery.torn_bytes, recovery.durable_mark), (0, Some(4)));
                assert_holds(&journal, 4);
            }
        }
    }
}

#[test]
fn a_whole_batch_that_was_never_acknowledged_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    crash(dir.path()).image.put(dir.path());
    let (journal, recovery) = open(dir.path(), WIDE);
    assert_eq!((recovery.durable_mark, recovery.torn_bytes), (Some(3), 0));
    assert_holds(&journal, 4);
}

#[test]
fn the_durable_mark_forbids_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    let crash = crash(dir.path());
    for tear in REMAINS {
        for torn in [crash.start, crash.start + 30, crash.start + 64, crash.end - 1] {
            let mut image = crash.image.clone();
            image.put(dir.path());
            drop(open(dir.path(), WIDE)); // Batch 4 is durable from here on, and marked.
            image.bytes_mut(MARK).clone_from(&fs::read(dir.path().join(MARK)).unwrap());
            tear(image.bytes_mut(FIRST_SEGMENT), torn, crash.end);
            image.put(dir.path());
            match Files::open(dir.path(), WIDE).unwrap_err() {
                OpenError::Damaged(damage) => {
                    assert_eq!((damage.sequence, damage.offset), (4, crash.start as u64));
                    assert_eq!(damage.segment, segments(dir.path())[0]);
                }
                refused => panic!("{refused}"),
            }
            assert_eq!(Image::of(dir.path()), image, "a refused start changes nothing");
        }
    }
}

#[test]
fn bytes_beyond_one_append_are_damage() {
    let dir = tempfile::tempdir().unwrap();
    let crash = crash(dir.path());
    let mut image = crash.image.clone();
    let bytes = image.bytes_mut(FIRST_SEGMENT);
    bytes[crash.end - 1] ^= 1;
    bytes.resize(crash.end + 200, 0);
    bytes[crash.end + 100] = 1;
    image.put(dir.path());
    assert_eq!(Files::open(dir.path(), WIDE).unwrap_err().code(), "journal_damaged");
}

/// Whoever pays decides on bytes in a batch; they must not decide whether the node starts.
#[test]
fn a_frame_inside_a_torn_body_does_not_pass_for_a_later_batch() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = tempfile::tempdir().unwrap();
    drop(fill(foreign.path(), WIDE, 6));
    let segment = Image::of(foreign.path()).bytes(FIRST_SEGMENT).clone();
    let starts = frame_starts(&segment);
    let copied = &segment[starts[4]..starts[6]];

    let mut journal = fill(dir.path(), WIDE, 3);
    let before = Image::of(dir.path());
    journal.append(4, copied).unwrap();
    drop(journal);
    let mut image = Image::of(dir.path());
    image.bytes_mut(MARK).clone_from(before.bytes(MARK));
    let end = frame_starts(image.bytes(FIRST_SEGMENT))[4];
    image.bytes_mut(FIRST_SEGMENT)[end - 1] ^= 1;
    image.put(dir.path());
    let (journal, recovery) = open(dir.path(), WIDE);
    assert_eq!(recovery.last_sequence, 3);
    assert_holds(&journal, 3);
}
