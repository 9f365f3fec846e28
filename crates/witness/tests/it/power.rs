//! No way back: requests of two histories in any order, with the power or the process ending at
//! each operation of the disk.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use disk::{Fault, Simulated, When};
use tlog::{Checkpoint, Note, TreeHead};
use witness::{AddError, SetupError, Start, Store, Witness};

use crate::world::{FORK, History, LOG, TIME, cosigner, log};

const LEAVES: u64 = 12;
/// Requests of one life.
const REQUESTS: u64 = 14;

/// A small generator: the same seed gives the same requests.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

fn folder() -> &'static Path {
    Path::new("data/witness")
}

fn open(disk: &Simulated, start: Start) -> Result<Witness, SetupError> {
    let store = Store::open(Arc::new(disk.clone()), folder(), start)?;
    Witness::new(store, cosigner(), [log().verifier().clone()])
}

/// What the witness gave away, over all its lives.
#[derive(Default)]
struct Given {
    heads: Vec<TreeHead>,
}

impl Given {
    /// Checks a head against all before: never smaller, and of one history.
    fn take(&mut self, head: TreeHead) {
        let last = self.heads.last().map_or(0, |last| last.size);
        assert!(head.size >= last, "{last} leaves were cosigned, now {}", head.size);
        self.heads.push(head);
        let of = |history: History| self.heads.iter().all(|head| *head == history.head(head.size));
        assert!(of(History::First) || of(History::Second), "two histories: {:?}", self.heads);
    }

    fn last(&self) -> Option<TreeHead> {
        self.heads.last().copied()
    }
}

/// Sends requests until the disk fails, most of them from where the witness is.
fn run(witness: &Witness, random: &mut Random, given: &mut Given, requests: u64) {
    for _ in 0..requests {
        let history = if random.below(2) == 0 { History::First } else { History::Second };
        let at = witness.head(LOG).map_or(0, |head| head.size);
        let old = if random.below(4) == 0 { random.below(LEAVES) } else { at };
        let new = (at + random.below(3)).min(LEAVES);
        match witness.add_checkpoint(history.request(old, new).as_bytes(), TIME) {
            Ok(signature) => {
                let note = history.note(new);
                note.with_verified(&[signature], [cosigner().verifier()]).unwrap();
                given.take(history.head(new));
            }
            Err(AddError::Stopped) => {
                assert!(!witness.is_healthy());
                return;
            }
            Err(AddError::Refused(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// What the witness says it cosigned last must not be behind what it gave away.
fn assert_not_behind(witness: &Witness, given: &Given, context: &str) {
    let found = witness.head(LOG);
    let (size, last) = (found.map_or(0, |head| head.size), given.last());
    assert!(size >= last.map_or(0, |head| head.size), "{context}: {found:?} behind {last:?}");
    if let (Some(found), Some(last)) = (found, last) {
        assert!(size > last.size || found == last, "{context}");
    }
    if let Some(head) = found {
        let hash = "5be92bef3f42d5bcd9e2649883a59da25fe073e6e9f4e75607dd36f54d6f94d5";
        let note: Note = witness.checkpoint(hash).unwrap();
        assert_eq!(Checkpoint::parse(note.text()).unwrap().head(), head);
        note.verify([cosigner().verifier()]).unwrap();
    }
}

fn changes_of_a_run(seed: u64) -> u64 {
    let disk = Simulated::new(seed);
    let witness = open(&disk, Start::First).unwrap();
    run(&witness, &mut Random(seed), &mut Given::default(), REQUESTS);
    disk.changes()
}

/// One life after the other, each cut off at some operation, by `end`.
fn lives(seed: u64, at: u64, end: impl Fn(&Simulated) -> Simulated) -> (usize, u64) {
    let context = format!("seed {seed}, change {at}");
    let mut disk = Simulated::new(seed * 1000 + at);
    let (mut random, mut given) = (Random(seed), Given::default());
    disk.arm(Fault::PowerLoss, When::Nth(at));
    let mut ahead = 0;
    for life in 1..=3 {
        let start = if life == 1 { Start::First } else { Start::Again };
        let mut opened = open(&disk, start);
        if opened.is_err() && life == 1 {
            // The key is made when the state is there: the next start is the first one again.
            disk = end(&disk);
            opened = open(&disk, Start::First);
        }
        let witness = opened.unwrap_or_else(|error| panic!("{context}, life {life}: {error}"));
        assert_not_behind(&witness, &given, &context);
        let found = witness.head(LOG).map_or(0, |head| head.size);
        ahead += u64::from(found > given.last().map_or(0, |head| head.size));
        run(&witness, &mut random, &mut given, REQUESTS);
        drop(witness);
        disk = end(&disk);
        // The next life is cut off early.
        if life == 1 {
            let witness = open(&disk, Start::Again).unwrap();
            assert_not_behind(&witness, &given, &context);
            disk.arm(Fault::PowerLoss, When::Nth(1 + at % 7));
            run(&witness, &mut random, &mut given, REQUESTS);
            drop(witness);
            disk = end(&disk);
        }
    }
    (given.heads.len(), ahead)
}

#[test]
fn after_power_loss_at_any_change_nothing_is_taken_back() {
    let (mut given, mut ahead) = (0, 0);
    for seed in 0..3 {
        for at in 1..=changes_of_a_run(seed) {
            let (heads, unanswered) = lives(seed, at, Simulated::crash);
            given += heads;
            ahead += unanswered;
        }
    }
    // Some lives ended between storing and answering.
    assert!(given > 300 && ahead > 20, "{given} given, {ahead} ahead");
}

#[test]
fn after_a_kill_at_any_change_nothing_is_taken_back() {
    let mut ahead = 0;
    for seed in 100..103 {
        for at in 1..=changes_of_a_run(seed) {
            ahead += lives(seed, at, Simulated::restart).1;
        }
    }
    assert!(ahead > 20, "{ahead}");
}

/// A kill leaves names that are not durable; who starts on them must make them so before believing.
#[test]
fn what_a_start_after_a_kill_believes_survives_the_power() {
    let mut believed = BTreeSet::new();
    for seed in 200..203 {
        for at in 1..=changes_of_a_run(seed) {
            let disk = Simulated::new(seed * 1000 + at);
            let mut given = Given::default();
            disk.arm(Fault::PowerLoss, When::Nth(at));
            let Ok(witness) = open(&disk, Start::First) else { continue };
            run(&witness, &mut Random(seed), &mut given, REQUESTS);
            drop(witness);
            let disk = disk.restart();
            let witness = open(&disk, Start::Again).unwrap();
            let Some(head) = witness.head(LOG) else { continue };
            // Asked for the same once more it answers without a write.
            let history = if History::First.head(head.size) == head {
                History::First
            } else {
                History::Second
            };
            let body = history.request(head.size, head.size);
            witness.add_checkpoint(body.as_bytes(), TIME).unwrap();
            given.take(head);
            drop(witness);
            for _ in 0..5 {
                let after = open(&disk.crash(), Start::Again).unwrap();
                assert_not_behind(&after, &given, &format!("seed {seed}, change {at}"));
            }
            believed.insert(head.size);
        }
    }
    assert!(believed.len() > 4 && believed.last() > Some(&FORK), "{believed:?}");
}

#[test]
fn a_failed_write_stops_the_witness_until_a_restart() {
    for (fault, within) in [
        (Fault::WriteError, "heads"),
        (Fault::SyncError, "heads"),
        (Fault::WriteError, "origins"),
        (Fault::SyncError, "witness"),
    ] {
        let disk = Simulated::new(3);
        let witness = open(&disk, Start::First).unwrap();
        disk.arm_within(within, fault, When::Nth(1));
        for _ in 0..2 {
            let refused = witness.add_checkpoint(History::First.request(0, 3).as_bytes(), TIME);
            assert!(matches!(refused, Err(AddError::Stopped)), "{fault:?} {within}");
        }
        assert!(!witness.is_healthy() && witness.head(LOG).is_none());
        drop(witness);
        let witness = open(&disk.crash(), Start::Again).unwrap();
        let old = witness.head(LOG).map_or(0, |head| head.size);
        witness.add_checkpoint(History::First.request(old, 4).as_bytes(), TIME).unwrap();
    }
}
