//! Each fault does what it says, and only when it should.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::*;
use crate::{create_folder, create_whole, read_whole};

const SECTOR: usize = content::SECTOR_BYTES;

/// A disk with the file `a/file` of `bytes`, all durable.
fn with_file(seed: u64, bytes: &[u8]) -> (Simulated, Box<dyn DiskFile>) {
    let disk = Simulated::new(seed);
    create_folder(&disk, Path::new("a")).unwrap();
    let path = create_whole(&disk, Path::new("a"), "file", &[bytes]).unwrap();
    let file = disk.open(&path, Access::InPlace).unwrap();
    (disk, file)
}

fn path() -> &'static Path {
    Path::new("a/file")
}

fn content(disk: &Simulated) -> Vec<u8> {
    read_whole(disk, path()).unwrap()
}

fn count(bytes: &[u8], value: u8) -> usize {
    bytes.split(|byte| *byte == value).count() - 1
}

/// What many crashes of the same loss leave of the file.
fn outcomes(disk: &Simulated) -> BTreeSet<Vec<u8>> {
    (0..200).map(|_| content(&disk.crash())).collect()
}

#[test]
fn what_was_synced_survives_every_crash_and_the_rest_any_way() {
    let (disk, file) = with_file(1, &[1; 3 * SECTOR]);
    file.write_at(&[2; SECTOR], 0).unwrap();
    file.sync_data().unwrap();
    // Two writes of two sectors each; the first overlaps the second.
    file.write_at(&[3; 2 * SECTOR], SECTOR as u64).unwrap();
    file.write_at(&[4; 2 * SECTOR], 2 * SECTOR as u64).unwrap();
    assert_eq!(content(&disk)[2 * SECTOR..], [4; 2 * SECTOR]);
    let outcomes = outcomes(&disk);
    for bytes in &outcomes {
        assert_eq!(bytes[..SECTOR], [2; SECTOR]);
        for sector in bytes.chunks(SECTOR) {
            assert!(sector.iter().all(|byte| *byte == sector[0]), "a sector was torn");
        }
    }
    let firsts: BTreeSet<Vec<u8>> = outcomes
        .iter()
        .map(|bytes| bytes.chunks(SECTOR).skip(1).map(|sector| sector[0]).collect())
        .collect();
    for expected in [
        &[1, 1][..], // all lost
        &[3, 4, 4],  // all kept
        &[1, 4, 4],  // the later kept, the earlier lost
        &[3, 3],     // the earlier kept
        &[3, 1],     // torn
        &[1, 1, 0],  // the size without the bytes
    ] {
        assert!(firsts.contains(expected), "{expected:?} is not among {firsts:?}");
    }
    assert!(file.read_at(&mut [0], 0).is_err() && disk.is_down());
}

#[test]
fn names_become_durable_with_their_folder() {
    let (disk, _) = with_file(2, b"old");
    let folder = Path::new("a");
    let names = |disk: &Simulated| -> Vec<String> {
        let paths = disk.list(folder).unwrap().into_iter();
        paths.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let (new, kept, renamed) = (folder.join("new"), folder.join("kept"), folder.join("renamed"));
    disk.open(&kept, Access::Create).unwrap();
    disk.sync_folder(folder).unwrap();
    disk.rename(&kept, &renamed).unwrap();
    disk.open(&new, Access::Create).unwrap();
    disk.remove(path()).unwrap();
    assert_eq!(names(&disk), ["new", "renamed"]);
    let found: BTreeSet<Vec<String>> = (0..200).map(|_| names(&disk.crash())).collect();
    for expected in [&["file", "kept"][..], &["new", "renamed"], &["file", "new", "renamed"]] {
        assert!(found.iter().any(|names| names == expected), "{expected:?}: {found:?}");
    }
    for names in &found {
        let both = names.contains(&"kept".to_owned()) && names.contains(&"renamed".to_owned());
        assert!(!both, "a rename was torn");
    }
    // The same with a sync at the end has one outcome, and its locks are free.
    let (disk, _) = with_file(2, b"old");
    disk.remove(path()).unwrap();
    disk.open(&new, Access::Create).unwrap();
    assert!(disk.lock(&folder.join("lock")).unwrap().is_some());
    disk.sync_folder(folder).unwrap();
    for _ in 0..50 {
        let after = disk.crash();
        assert_eq!(names(&after), ["lock", "new"]);
        assert!(after.lock(&folder.join("lock")).unwrap().is_some());
    }
}

#[test]
fn a_lost_folder_takes_what_is_in_it() {
    let disk = Simulated::new(3);
    disk.create_folder(Path::new("a/b")).unwrap();
    disk.open(Path::new("a/b/file"), Access::Create).unwrap();
    disk.sync_folder(Path::new("a/b")).unwrap();
    let (mut lost, mut kept) = (0, 0);
    for _ in 0..100 {
        let after = disk.crash();
        match after.open(Path::new("./a/b/file"), Access::Read) {
            Ok(_) => kept += 1,
            Err(_) => lost += 1,
        }
        assert!(after.files().len() <= 1);
    }
    assert!(lost > 0 && kept > 0);
}

#[test]
fn a_failed_write_may_leave_its_first_sectors() {
    let mut left = BTreeSet::new();
    for seed in 0..50 {
        let (disk, file) = with_file(seed, &[0; 4 * SECTOR]);
        disk.arm(Fault::WriteError, When::Nth(2));
        file.write_at(&[1; SECTOR], 0).unwrap();
        let failed = file.write_at(&[2; 3 * SECTOR], SECTOR as u64).unwrap_err();
        assert_eq!(failed.raw_os_error(), Some(5));
        let bytes = content(&disk);
        let written = count(&bytes, 2);
        assert_eq!(bytes[SECTOR..SECTOR + written], vec![2; written]);
        left.insert(written / SECTOR);
        file.write_at(&[3; SECTOR], 0).unwrap();
    }
    assert_eq!(left, BTreeSet::from([0, 1, 2]));
}

#[test]
fn after_a_failed_sync_reads_and_syncs_look_well_and_the_disk_may_lack_the_bytes() {
    let mut found = BTreeSet::new();
    for seed in 0..50 {
        let (disk, file) = with_file(seed, b"old");
        disk.arm(Fault::SyncError, When::Nth(1));
        file.write_at(b"new", 0).unwrap();
        assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(5));
        assert_eq!(content(&disk), b"new");
        file.sync_data().unwrap();
        let after: BTreeSet<Vec<u8>> = outcomes(&disk);
        assert_eq!(after.len(), 1, "the loss was decided when the sync failed");
        found.extend(after);
        // Written once more and synced, it is there.
        let (disk, file) = with_file(seed, b"old");
        disk.arm(Fault::SyncError, When::Nth(1));
        file.write_at(b"new", 0).unwrap();
        file.sync_data().unwrap_err();
        file.write_at(b"new", 0).unwrap();
        file.sync_data().unwrap();
        assert_eq!(content(&disk.crash()), b"new");
    }
    assert_eq!(found, BTreeSet::from([b"old".to_vec(), b"new".to_vec()]));
}

#[test]
fn a_failed_sync_of_a_folder_loses_names_and_makes_the_disk_read_only() {
    let mut found = BTreeSet::new();
    for seed in 0..50 {
        let (disk, _) = with_file(seed, b"");
        disk.open(Path::new("a/new"), Access::Create).unwrap();
        disk.arm(Fault::SyncError, When::Nth(1));
        assert_eq!(disk.sync_folder(Path::new("a")).unwrap_err().raw_os_error(), Some(5));
        let refused = disk.sync_folder(Path::new("a")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
        content(&disk);
        assert_eq!(disk.files().len(), 2);
        found.insert(disk.crash().files().len());
    }
    assert_eq!(found, BTreeSet::from([1, 2]));
}

#[test]
fn a_lying_sync_makes_nothing_durable_and_the_next_honest_one_does() {
    let (disk, file) = with_file(4, b"old");
    disk.arm(Fault::LyingSync, When::Nth(1));
    file.write_at(b"new", 0).unwrap();
    file.sync_all().unwrap();
    let lying = outcomes(&disk);
    assert_eq!(lying, BTreeSet::from([b"old".to_vec(), b"new".to_vec()]));
    let (disk, file) = with_file(4, b"old");
    disk.arm(Fault::LyingSync, When::Nth(1));
    file.write_at(b"new", 0).unwrap();
    file.sync_all().unwrap();
    file.sync_all().unwrap();
    assert_eq!(outcomes(&disk), BTreeSet::from([b"new".to_vec()]));
}

#[test]
fn a_full_disk_takes_what_fits_and_says_so() {
    let (disk, file) = with_file(5, &[1; 100]);
    disk.set_capacity_bytes(Some(130));
    file.write_at(&[2; 100], 0).unwrap();
    let full = file.write_at(&[3; 40], 100).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    assert_eq!(disk.files(), [(path().to_owned(), 130)]);
    let more = disk.open(Path::new("a/more"), Access::Create).unwrap();
    assert_eq!(more.write_at(b"x", 0).unwrap_err().kind(), ErrorKind::StorageFull);
    file.set_len(129).unwrap();
    more.write_at(b"x", 0).unwrap();
    // A removed file gives its room back when nobody has it open.
    disk.remove(path()).unwrap();
    assert!(more.write_at(b"x", 1).is_err());
    drop(file);
    more.write_at(&[0; 129], 1).unwrap();
}

#[test]
fn reads_fall_short_or_fail() {
    let (disk, file) = with_file(6, &[7; 1000]);
    disk.arm(Fault::ShortRead, When::PerMillion(1_000_000));
    let mut buffer = [0; 1000];
    let counts: BTreeSet<usize> = (0..100).map(|_| file.read_at(&mut buffer, 0).unwrap()).collect();
    assert!(counts.len() > 50 && !counts.contains(&0) && !counts.contains(&1000));
    file.read_exact_at(&mut buffer, 0).unwrap();
    assert_eq!(buffer, [7; 1000]);
    disk.disarm();
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 1000);
    disk.arm(Fault::ReadError, When::Nth(1));
    assert_eq!(file.read_at(&mut buffer, 0).unwrap_err().raw_os_error(), Some(5));
    assert_eq!(file.read_at(&mut buffer, 1000).unwrap(), 0);
}

#[test]
fn a_flipped_bit_stays_flipped() {
    let (disk, open) = with_file(7, &[0; 64]);
    open.write_at(&[0xff], 5).unwrap();
    for (offset, there) in [(3, true), (5, true), (64, false)] {
        assert_eq!(disk.flip_bit(path(), offset, 4), there);
    }
    // The byte that waits to be written hides what is below it, and replaces it.
    assert_eq!(content(&disk)[..6], [0, 0, 0, 16, 0, 0xff]);
    open.sync_data().unwrap();
    assert_eq!(content(&disk.crash())[..6], [0, 0, 0, 16, 0, 0xff]);
    let (disk, _) = with_file(7, &[0; 64]);
    let at = usize::try_from(disk.flip_some_bit(path()).unwrap()).unwrap();
    let bytes = content(&disk);
    assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    assert_ne!(bytes[at], 0);
    assert_eq!(disk.flip_some_bit(Path::new("a/other")), None);
}

#[test]
fn stale_and_misdirected_writes_show_after_the_power_was_gone() {
    for (fault, lost) in [(Fault::StaleWrite, 0), (Fault::MisdirectedWrite, SECTOR)] {
        let (disk, file) = with_file(8, &[0; 8 * SECTOR]);
        disk.arm(fault, When::Nth(1));
        file.write_at(&[1; SECTOR], 2 * SECTOR as u64).unwrap();
        file.sync_data().unwrap();
        assert_eq!(content(&disk)[2 * SECTOR..3 * SECTOR], [1; SECTOR]);
        let after = content(&disk.crash());
        assert_eq!(after[2 * SECTOR..3 * SECTOR], [0; SECTOR]);
        assert_eq!(count(&after, 1), lost);
    }
}

#[test]
fn the_power_goes_at_the_nth_change_and_nothing_works_until_the_next_start() {
    let mut found = BTreeSet::new();
    for seed in 0..50 {
        let (disk, file) = with_file(seed, b"old");
        let before = disk.changes();
        disk.arm(Fault::PowerLoss, When::Nth(2));
        file.write_at(b"one", 0).unwrap();
        content(&disk);
        file.sync_data().unwrap_err();
        assert_eq!(disk.changes(), before + 2);
        for failed in [
            file.sync_data(),
            file.write_at(b"two", 0),
            disk.remove(path()),
            disk.lock(Path::new("a/lock")).map(drop),
            disk.open(path(), Access::Read).map(drop),
        ] {
            failed.unwrap_err();
        }
        let after = disk.crash();
        found.insert(content(&after));
        after.open(path(), Access::InPlace).unwrap().write_at(b"two", 0).unwrap();
    }
    assert_eq!(found, BTreeSet::from([b"old".to_vec(), b"one".to_vec()]));
}

#[test]
fn the_end_of_a_process_loses_nothing_that_was_written_and_frees_its_locks() {
    let (disk, file) = with_file(12, b"old");
    let lock = Path::new("a/lock");
    let held = disk.lock(lock).unwrap();
    disk.arm(Fault::PowerLoss, When::Nth(2));
    file.write_at(b"new", 0).unwrap();
    disk.rename(path(), Path::new("a/other")).unwrap_err();
    let after = disk.restart();
    assert!(held.is_some() && after.lock(lock).unwrap().is_some());
    file.sync_data().unwrap_err();
    assert_eq!(read_whole(&after, Path::new("a/other")).unwrap(), b"new");
    // It was never synced, so it still depends on the power.
    let files: BTreeSet<_> = (0..50).map(|_| after.crash().files()).collect();
    assert!(files.len() > 1);
}

#[test]
fn faults_strike_where_they_are_armed() {
    let (disk, one) = with_file(9, b"");
    let other = disk.open(Path::new("a/other"), Access::Create).unwrap();
    disk.arm_within("other", Fault::WriteError, When::PerMillion(1_000_000));
    one.write_at(b"x", 0).unwrap();
    other.write_at(b"x", 0).unwrap_err();
    // A file is where its newest name is.
    disk.rename(Path::new("a/other"), Path::new("a/third")).unwrap();
    other.write_at(b"x", 0).unwrap();
    disk.disarm();
    disk.arm(Fault::WriteError, When::PerMillion(500_000));
    let failed = (0..1000).filter(|_| one.write_at(b"x", 0).is_err()).count();
    assert!((400..600).contains(&failed), "{failed}");
}

#[test]
fn access_and_locks_are_those_of_the_local_disk() {
    let (disk, _) = with_file(10, b"abc");
    let read = disk.open(path(), Access::Read).unwrap();
    read.write_at(b"x", 0).unwrap_err();
    read.set_len(0).unwrap_err();
    let missing = |error: io::Error| assert_eq!(error.kind(), ErrorKind::NotFound);
    missing(disk.open(Path::new("a/none"), Access::InPlace).unwrap_err());
    missing(disk.open(Path::new("b/none"), Access::Create).unwrap_err());
    missing(disk.list(Path::new("b")).unwrap_err());
    missing(disk.lock_shared(Path::new("a/lock")).unwrap_err());
    assert!(disk.is_folder(Path::new("a")) && !disk.is_folder(path()));
    assert!(disk.create_folder(&path().join("below")).is_err());
    assert!(disk.open(path(), Access::Create).unwrap().is_empty().unwrap());

    let lock_path = Path::new("a/lock");
    let lock = disk.lock(lock_path).unwrap();
    assert!(lock.is_some() && disk.lock(lock_path).unwrap().is_none());
    assert!(disk.lock_shared(lock_path).unwrap().is_none());
    drop(lock);
    let shared = [disk.lock_shared(lock_path).unwrap(), disk.lock_shared(lock_path).unwrap()];
    assert!(shared.iter().all(Option::is_some) && disk.lock(lock_path).unwrap().is_none());
    drop(shared);
    assert!(disk.lock(lock_path).unwrap().is_some());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed: u64, last: u8| {
        let (disk, open) = with_file(seed, &[0; 4096]);
        disk.arm(Fault::ShortRead, When::PerMillion(300_000));
        disk.arm(Fault::WriteError, When::PerMillion(100_000));
        for at in 0..200 {
            let _ = open.write_at(&[1; 700], at * 20);
            let _ = open.read_at(&mut [0; 100], at);
        }
        let _ = open.write_at(&[last], 0);
        let after = disk.crash();
        (content(&after), after.fingerprint(), after.operations())
    };
    assert_eq!(run(11, 1), run(11, 1));
    assert_ne!(run(11, 1).1, run(12, 1).1);
    assert_ne!(run(11, 1).1, run(11, 2).1, "one byte was another");
}
