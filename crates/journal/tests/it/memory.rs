//! The journal in memory keeps the promises of the one on files.

use journal::{AppendError, Fault, Journal, Memory};

use crate::world::{SMALL, assert_holds, body, fill};

#[test]
fn it_holds_what_was_appended_with_the_same_hashes_as_files() {
    let dir = tempfile::tempdir().unwrap();
    let files = fill(dir.path(), SMALL, 9);
    let mut memory = Memory::new();
    for sequence in 1..=9 {
        memory.append(sequence, &body(sequence)).unwrap();
    }
    assert_holds(&memory, 9);
    assert_eq!(memory.head(), files.head());
    assert!(memory.read(11).is_err() && memory.read(0).is_err());
}

#[test]
fn two_writers_cannot_both_append_the_same_batch() {
    let mut one = Memory::new();
    let mut other = one.reopen();
    one.append(1, b"one").unwrap();
    let refused = other.append(1, b"other").unwrap_err();
    assert!(matches!(refused, AppendError::Conflict { expected: 1, next: 2 }));
    other.append(2, b"other").unwrap();
    assert_eq!(one.next(), 3);
}

#[test]
fn an_injected_fault_stops_until_reopened() {
    for (fault, after_restart) in [(Fault::Lost, 2), (Fault::Kept, 3)] {
        let mut journal = Memory::new();
        journal.fail_at(3, fault);
        for sequence in 1..=2 {
            journal.append(sequence, &body(sequence)).unwrap();
        }
        assert_eq!(journal.append(3, &body(3)).unwrap_err().code(), "journal_disk");
        assert_eq!(journal.append(3, &body(3)).unwrap_err().code(), "journal_stopped");
        assert_holds(&journal, 2);
        assert_holds(&journal.reopen(), after_restart);
    }
}
