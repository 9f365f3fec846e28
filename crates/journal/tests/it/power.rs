//! A disk that loses power, bytes and names: what was acknowledged is there, at most the batch
//! under way is lost, and what is broken otherwise is refused by its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError, Fault, Simulated, When};
use journal::{AppendError, Files, Journal, OpenError, Options, Recovery};

use crate::world::{SMALL, assert_holds, body};

const LAST: u64 = 22;
const ALWAYS: When = When::PerMillion(1_000_000);

fn dir() -> &'static Path {
    Path::new("data/journal")
}

/// The same bytes each time, over a few segments; the mark lags behind in every other run.
fn options(seed: u64) -> Options {
    let mark_every_batches = if seed.is_multiple_of(2) { 1 } else { 3 };
    Options { mark_every_batches, new_id: Some([7; 16]), ..SMALL }
}

fn open(disk: &Simulated, seed: u64) -> Result<(Files, Recovery), OpenError> {
    Files::open_on(Arc::new(disk.clone()), dir(), options(seed))
}

/// Appends up to batch `last` or the first failure; gives the last batch that was acknowledged.
fn append(journal: &mut Files, last: u64) -> (u64, Option<AppendError>) {
    for next in journal.next()..=last {
        if let Err(error) = journal.append(next, &body(next)) {
            return (next - 1, Some(error));
        }
    }
    (last, None)
}

/// Opens and appends up to [`LAST`] as far as the disk lets it; the last acknowledged batch.
fn run(disk: &Simulated, seed: u64) -> u64 {
    open(disk, seed).map_or(0, |(mut journal, _)| append(&mut journal, LAST).0)
}

fn changes_of_a_run(seed: u64) -> u64 {
    let disk = Simulated::new(seed);
    assert_eq!(run(&disk, seed), LAST);
    disk.changes()
}

fn segments(disk: &Simulated) -> Vec<PathBuf> {
    let paths = disk.files().into_iter().map(|(path, _)| path);
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "seg")).collect()
}

#[test]
fn after_power_loss_at_any_change_all_that_was_acknowledged_is_there() {
    let (mut torn, mut unacknowledged) = (0, 0);
    for seed in 0..10 {
        let changes = changes_of_a_run(seed);
        for at in 1..=changes {
            let disk = Simulated::new(seed * 1000 + at);
            disk.arm(Fault::PowerLoss, When::Nth(at));
            let acknowledged = run(&disk, seed);
            let after = disk.crash();
            let (mut journal, found) = open(&after, seed)
                .unwrap_or_else(|error| panic!("seed {seed}, change {at} of {changes}: {error}"));
            let there = found.last_sequence;
            let lost = there != acknowledged && there != acknowledged + 1;
            assert!(!lost, "seed {seed}, change {at}: {acknowledged} promised, {there} there");
            assert_holds(&journal, there);
            torn += u64::from(found.torn_bytes > 0);
            unacknowledged += u64::from(there > acknowledged);
            // What it found is now promised, and it goes on.
            assert_eq!(append(&mut journal, LAST + 3).0, LAST + 3);
            drop(journal);
            assert_holds(&open(&after.crash(), seed).unwrap().0, LAST + 3);
        }
    }
    assert!(torn > 10 && unacknowledged > 100, "{torn} torn, {unacknowledged} unacknowledged");
}

#[test]
fn power_loss_during_recovery_loses_nothing_either() {
    for seed in 0..4 {
        for at in 1..=changes_of_a_run(seed) {
            let disk = Simulated::new(seed * 1000 + at);
            disk.arm(Fault::PowerLoss, When::Nth(at));
            let acknowledged = run(&disk, seed);
            let mut disk = disk.crash();
            let mut step = 1;
            let journal = loop {
                disk.arm(Fault::PowerLoss, When::Nth(step));
                match open(&disk, seed) {
                    Ok((journal, _)) => break journal,
                    Err(OpenError::Disk(_)) if disk.is_down() => disk = disk.crash(),
                    Err(error) => panic!("seed {seed}, change {at}, step {step}: {error}"),
                }
                step += 1;
            };
            assert!(journal.next() > acknowledged && step > 3);
            assert_holds(&journal, journal.next() - 1);
        }
    }
}

/// A killed process leaves bytes and names that are not durable yet, and the next one reads them.
#[test]
fn what_a_restart_after_a_kill_believes_is_durable() {
    let mut believed = 0;
    for seed in 0..4 {
        for at in 1..=changes_of_a_run(seed) {
            let disk = Simulated::new(seed * 1000 + at);
            disk.arm(Fault::PowerLoss, When::Nth(at));
            let acknowledged = run(&disk, seed);
            let disk = disk.restart();
            let there = open(&disk, seed).unwrap().1.last_sequence;
            assert!(there == acknowledged || there == acknowledged + 1);
            believed += u64::from(there > acknowledged);
            assert_holds(&open(&disk.crash(), seed).unwrap().0, there);

            let disk = Simulated::new(seed * 1000 + at);
            disk.arm(Fault::PowerLoss, When::Nth(at));
            run(&disk, seed);
            let disk = disk.restart();
            append(&mut open(&disk, seed).unwrap().0, there + 2);
            assert_holds(&open(&disk.crash(), seed).unwrap().0, there + 2);
        }
    }
    assert!(believed > 50, "{believed}");
}

/// A restart after a failed sync finds bytes in memory that are not on the disk. What it builds
/// on them must be there when the power goes later.
#[test]
fn what_a_restart_after_a_failed_sync_believes_is_durable() {
    let (mut failures, mut believed) = (0, 0);
    for seed in 0..20 {
        for at in 1..60 {
            let disk = Simulated::new(seed * 1000 + at);
            disk.arm_within(".seg", Fault::SyncError, When::Nth(at));
            let Ok((mut journal, _)) = open(&disk, seed) else { continue };
            let (acknowledged, failed) = append(&mut journal, LAST);
            let Some(failed) = failed else { break };
            assert_eq!(failed.code(), "journal_disk");
            let refused = journal.append(acknowledged + 1, b"again").unwrap_err();
            assert_eq!(refused.code(), "journal_stopped");
            drop(journal);
            failures += 1;

            let (journal, found) = open(&disk, seed).unwrap();
            assert!([acknowledged, acknowledged + 1].contains(&found.last_sequence));
            believed += u64::from(found.last_sequence > acknowledged);
            drop(journal);
            let (journal, after) = open(&disk.crash(), seed).unwrap();
            assert_eq!(after.last_sequence, found.last_sequence, "seed {seed}, sync {at}");
            assert_holds(&journal, after.last_sequence);
        }
    }
    assert!(failures > 200 && believed > 60, "{failures} failures, {believed} believed");
}

#[test]
fn any_failed_call_stops_the_journal_and_costs_no_acknowledged_batch() {
    let mut stopped = 0;
    for fault in [Fault::WriteError, Fault::SyncError] {
        for seed in 0..4 {
            for at in 1..=changes_of_a_run(seed) {
                let disk = Simulated::new(seed * 1000 + at);
                disk.arm(fault, When::Nth(at));
                let acknowledged = run(&disk, seed);
                if acknowledged < LAST {
                    stopped += 1;
                }
                let after = disk.crash();
                let (journal, found) = open(&after, seed).unwrap();
                let there = found.last_sequence;
                assert!(there == acknowledged || there == acknowledged + 1, "{fault:?} {at}");
                assert_holds(&journal, there);
            }
        }
    }
    assert!(stopped > 100, "{stopped}");
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let needed: u64 = {
        let disk = Simulated::new(0);
        run(&disk, 0);
        disk.files().iter().map(|(_, bytes)| bytes).sum()
    };
    let mut refused = 0;
    for capacity in (1100..needed).step_by(37) {
        let disk = Simulated::new(capacity);
        disk.set_capacity_bytes(Some(capacity));
        let acknowledged = match open(&disk, 0) {
            Err(error) => {
                assert!(error.to_string().contains("free space"), "{error}");
                0
            }
            Ok((mut journal, _)) => {
                let (acknowledged, failed) = append(&mut journal, LAST);
                let said = failed.unwrap().to_string();
                assert!(said.contains("free space"), "{said}");
                acknowledged
            }
        };
        refused += 1;
        disk.set_capacity_bytes(None);
        let (mut journal, found) = open(&disk, 0).unwrap();
        // Room is looked for before a byte of a batch is written.
        assert_eq!((found.last_sequence, found.torn_bytes), (acknowledged, 0));
        assert_eq!(append(&mut journal, LAST).0, LAST);
        assert_holds(&journal, LAST);
    }
    assert!(refused > 50);
}

#[test]
fn a_flipped_bit_is_harmless_or_refused_by_the_name_of_its_file() {
    let (mut refused, mut harmless) = (0, 0);
    for seed in 0..400 {
        let disk = Simulated::new(seed);
        assert_eq!(run(&disk, seed), LAST);
        let files = segments(&disk);
        let path = &files[usize::try_from(seed).unwrap() % files.len()];
        let at = disk.flip_some_bit(path).unwrap();
        match open(&disk, seed) {
            Ok((journal, _)) => {
                harmless += 1;
                assert_holds(&journal, LAST);
            }
            Err(OpenError::Damaged(damage)) => {
                refused += 1;
                assert_eq!(&damage.segment, path);
                assert!(damage.offset <= at, "{damage}, flipped at {at}");
            }
            Err(other) => panic!("{path:?} at {at}: {other}"),
        }
    }
    assert!(refused > 100 && harmless > 3, "{refused} refused, {harmless} harmless");
}

/// No checksum finds a write that was confirmed and lost, if nothing came after it. All else is
/// found, and never is a batch given out that was not appended.
#[test]
fn a_disk_that_lies_is_found_out_or_costs_the_end_alone() {
    let (mut found_out, mut cut) = (0, 0);
    for fault in [Fault::StaleWrite, Fault::MisdirectedWrite, Fault::LyingSync] {
        for seed in 0..4 {
            for at in 1..=changes_of_a_run(seed) {
                let disk = Simulated::new(seed * 1000 + at);
                disk.arm(fault, When::Nth(at));
                let acknowledged = run(&disk, seed);
                match open(&disk.crash(), seed) {
                    Ok((journal, found)) => {
                        assert_holds(&journal, found.last_sequence);
                        let vouched = found.durable_mark.unwrap_or(0);
                        assert!(found.last_sequence >= vouched);
                        cut += u64::from(found.last_sequence < acknowledged);
                    }
                    Err(OpenError::Damaged(_)) => found_out += 1,
                    Err(other) => panic!("{fault:?} at {at}: {other}"),
                }
            }
        }
    }
    assert!(found_out > 30 && cut < found_out, "{found_out} found out, {cut} cut");
}

#[test]
fn short_reads_change_nothing_and_failed_ones_are_no_damage() {
    let disk = Simulated::new(5);
    assert_eq!(run(&disk, 0), LAST);
    disk.arm(Fault::ShortRead, ALWAYS);
    assert_holds(&open(&disk, 0).unwrap().0, LAST);
    disk.disarm();
    for at in 1.. {
        disk.arm(Fault::ReadError, When::Nth(at));
        match open(&disk, 0) {
            Err(OpenError::Disk(DiskError { cause, .. })) => {
                assert_eq!(cause.raw_os_error(), Some(5));
            }
            Err(other) => panic!("read {at}: {other}"),
            Ok(_) => {
                assert!(at > 5);
                break;
            }
        }
    }
    disk.disarm();
    assert_holds(&open(&disk, 0).unwrap().0, LAST);
}

#[test]
fn the_next_segment_is_ready_before_it_is_needed_and_nothing_of_it_stays() {
    let disk = Simulated::new(1);
    let (mut journal, _) = open(&disk, 0).unwrap();
    let mut most = 0;
    for next in 1..=LAST {
        let segments_before = segments(&disk).len();
        let calls = disk.changes();
        journal.append(next, &body(next)).unwrap();
        let spare = |(path, bytes): (PathBuf, u64)| path.ends_with("spare.new").then_some(bytes);
        let spare = disk.files().into_iter().find_map(spare);
        most = most.max(spare.unwrap_or(0));
        if segments(&disk).len() > segments_before {
            // Header, sync, name, folder; frame, sync; mark. No zeros.
            assert!(disk.changes() - calls <= 7, "{}", disk.changes() - calls);
        }
    }
    assert!(segments(&disk).len() > 2 && most >= SMALL.preallocate_bytes, "{most}");
    drop(journal);
    assert!(disk.files().iter().all(|(path, _)| !path.ends_with("spare.new")));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let once = |seed| {
        let disk = Simulated::new(seed);
        disk.arm(Fault::PowerLoss, When::Nth(40));
        run(&disk, 0);
        let after = disk.crash();
        run(&after, 0);
        let files: Vec<_> =
            segments(&after).iter().map(|path| disk::read_whole(&after, path).unwrap()).collect();
        (files, after.fingerprint(), after.list(dir()).unwrap())
    };
    assert_eq!(once(3), once(3));
    assert_ne!(once(3).1, once(4).1);
}
