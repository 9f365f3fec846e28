//! Order, limits and precedence of errors.

use std::fs;
use std::process::Command;

use journal::{AppendError, BATCH_BYTES_MAX, Files, Journal, OpenError, Options, ReadError};

use crate::world::{SMALL, assert_holds, body, fill, open, segments};

#[test]
fn batches_come_back_in_order_across_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    for last in [1, 7, 8, 40] {
        let journal = fill(dir.path(), SMALL, last);
        assert_holds(&journal, last);
    }
    assert!(segments(dir.path()).len() > 3);
    for path in segments(dir.path()) {
        assert!(fs::metadata(path).unwrap().len() <= SMALL.segment_bytes);
    }
    let (journal, _) = open(dir.path(), SMALL);
    for from in 1..=41 {
        let read: Vec<u64> = journal.read(from).unwrap().map(|b| b.unwrap().sequence).collect();
        assert_eq!(read, (from..=40).collect::<Vec<_>>());
    }
    for from in [0, 42] {
        assert!(matches!(journal.read(from), Err(ReadError::NotThere { first: 1, last: 40, .. })));
    }
}

#[test]
fn an_open_reader_stops_at_the_batch_that_was_last_when_it_began() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = fill(dir.path(), SMALL, 3);
    let batches = journal.read(1).unwrap();
    journal.append(4, &body(4)).unwrap();
    assert_eq!(batches.count(), 3);
}

#[test]
fn empty_and_largest_batches_fit_and_one_byte_more_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path(), SMALL);
    let largest = vec![9; SMALL.batch_bytes_max as usize];
    for (sequence, batch) in [(1, &[][..]), (2, &largest), (3, &largest), (4, &[])] {
        journal.append(sequence, batch).unwrap();
    }
    let refused = journal.append(5, &vec![9; largest.len() + 1]).unwrap_err();
    assert!(matches!(refused, AppendError::TooLarge { bytes: 1025, bytes_max: 1024 }));
    journal.append(5, &largest).unwrap();
    drop(journal);
    let (journal, _) = open(dir.path(), SMALL);
    let sizes: Vec<usize> = journal.read(1).unwrap().map(|b| b.unwrap().body.len()).collect();
    assert_eq!(sizes, [0, 1024, 1024, 0, 1024]);
}

#[test]
fn a_stale_append_is_a_conflict_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = fill(dir.path(), SMALL, 3);
    let head = journal.head();
    for stale in [0, 3, 5, u64::MAX] {
        let refused = journal.append(stale, b"stale").unwrap_err();
        assert!(
            matches!(refused, AppendError::Conflict { expected, next: 4 } if expected == stale)
        );
    }
    // Two faults at once: the conflict comes first.
    let too_large = vec![1; 2000];
    assert_eq!(journal.append(9, &too_large).unwrap_err().code(), "journal_conflict");
    assert_eq!(journal.head(), head);
    assert_holds(&journal, 3);
}

#[test]
fn the_same_batches_give_the_same_head_in_every_journal() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let few_segments = Options { segment_bytes: 8192, preallocate_bytes: 4096, ..SMALL };
    let one = fill(one.path(), SMALL, 12);
    let other = fill(other.path(), few_segments, 12);
    assert_eq!(one.head(), other.head());
}

#[test]
fn options_beyond_the_format_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for options in [
        Options { batch_bytes_max: BATCH_BYTES_MAX + 1, ..Options::default() },
        Options { segment_bytes: 128 + 96 + 1023, ..SMALL },
        Options { segment_bytes: 257 * 1024 * 1024, ..SMALL },
        Options { preallocate_bytes: 0, ..SMALL },
        Options { preallocate_bytes: 2049, ..SMALL },
        Options { mark_every_batches: 0, ..SMALL },
    ] {
        let refused = Files::open(dir.path(), options).unwrap_err();
        assert!(matches!(refused, OpenError::Options(_)), "{options:?}: {refused}");
    }
}

/// A limit on file size set by a shell makes a real write fail half-way, in this test run again.
/// It meets the zeros written ahead, so a disk that fills up leaves not even a torn batch.
#[test]
fn a_write_refused_by_the_system_stops_and_keeps_what_was_acknowledged() {
    const CHILD: &str = "JOURNAL_REFUSED_WRITE";
    let options = Options { segment_bytes: 1024 * 1024, preallocate_bytes: 1, ..SMALL };
    if let Some(dir) = std::env::var_os(CHILD) {
        let (mut journal, _) = open(dir.as_ref(), options);
        let failed = loop {
            let next = journal.next();
            if let Err(failed) = journal.append(next, &body(next)) {
                break failed;
            }
        };
        assert!(matches!(&failed, AppendError::Failed(error) if error.path.starts_with(&dir)));
        let next = journal.next();
        assert_eq!(journal.append(next, b"again").unwrap_err().code(), "journal_stopped");
        assert_holds(&journal, next - 1);
        eprintln!("acknowledged {}", next - 1);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let name = "append::a_write_refused_by_the_system_stops_and_keeps_what_was_acknowledged";
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" --exact --nocapture \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8(child.stderr).unwrap();
    assert!(child.status.success(), "{said}");
    let last = said.split("acknowledged ").nth(1).unwrap().trim().parse().unwrap();
    assert!(last > 10);
    let (journal, recovery) = open(dir.path(), options);
    assert_eq!((recovery.last_sequence, recovery.torn_bytes), (last, 0));
    assert_holds(&journal, last);
}
