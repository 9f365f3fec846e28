//! A thread of the background that panics stops the index, and nobody waits for it.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use disk::Local;
use index::{Error, Index, Options, Schema};

use crate::world::*;

/// A row with this field makes whoever asks for its terms panic; that is the thread that writes.
const POISON: u32 = 0xDEAD;

fn poisoned_terms(row: &[u8], terms: &mut Vec<u64>) {
    terms_of(row, terms);
    assert!(!terms.contains(&term(POISON)), "a poisoned row");
}

#[test]
fn nobody_waits_for_a_thread_that_has_panicked() {
    let (done, ends) = channel();
    let owner = std::thread::spawn(move || {
        let dir = tempfile::tempdir().unwrap();
        let schema = Schema { terms: poisoned_terms, ..SCHEMA };
        let options = Options { background: true, ..TINY };
        let mut index = Index::create(Arc::new(Local), dir.path(), schema, options).unwrap();
        let mut promises = Vec::new();
        for key in 1..9 {
            index.append(&row(key, [POISON, 0, 0], 0), None).unwrap();
            match index.seal() {
                Ok(sealed) => promises.push(sealed),
                Err(error) => assert!(matches!(error, Error::Stopped { .. })),
            }
        }
        for promise in promises {
            assert!(matches!(promise.manifest(), Err(Error::Stopped { .. })));
        }
        let stopped = index.seal().map(drop).unwrap_err().to_string();
        assert!(stopped.contains("index-write has panicked"), "{stopped}");
        drop(index);
        done.send(()).unwrap();
    });
    // Far longer than it takes.
    ends.recv_timeout(Duration::from_secs(20)).unwrap();
    owner.join().unwrap();
}
