//! The power goes at every change of the disk, and disks do what disks should not: the last
//! manifest that was promised opens, whole, or the damage is found.

use std::path::Path;
use std::sync::Arc;

use disk::{Disk, Fault, Simulated, When};
use index::{Error, Index, Manifest, Options, verify};

use crate::world::*;

const DIR: &str = "node/index";
const SEALS: u32 = 9;

/// What was promised last, and everything that was promised before it.
#[derive(Default)]
struct Promised {
    manifests: Vec<(Manifest, Naive)>,
}

fn options() -> Options {
    Options { chunk_rows: 50, ..TINY }
}

/// Appends, seals and removes until the end or the first error.
fn work(disk: &Simulated, promised: &mut Promised) -> Result<(), String> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut index = Index::create(shared, Path::new(DIR), SCHEMA, options())
        .map_err(|error| error.to_string())?;
    go_on(&mut index, Naive::default(), promised).map_err(|error| error.to_string())
}

fn go_on(index: &mut Index, mut naive: Naive, promised: &mut Promised) -> Result<(), Error> {
    let first = naive.rows.len() as u32;
    for part in 0..SEALS {
        fill(index, &mut naive, first + part * 57, first + part * 57 + 57);
        let manifest = index.seal()?.manifest()?;
        promised.manifests.push((manifest, naive.clone()));
        if part % 4 == 3 {
            let kept: Vec<&Manifest> =
                promised.manifests.iter().rev().take(2).map(|(manifest, _)| manifest).collect();
            index.keep_only(&kept)?;
        }
    }
    Ok(())
}

/// Opens what was promised last and compares all of it; then the index goes on.
fn check_last(disk: &Simulated, promised: &Promised, case: &str) {
    let Some((manifest, naive)) = promised.manifests.last() else { return };
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let dir = Path::new(DIR);
    let mut index =
        Index::open(Arc::clone(&shared), dir, SCHEMA, options(), manifest, &[]).expect(case);
    let verified = verify(&shared, dir, &SCHEMA, manifest).expect(case);
    assert_eq!(verified.faults, [""; 0], "{case}");
    assert_eq!(verified.fingerprint, naive.fingerprint(), "{case}");
    let by_key = naive.by_key();
    for key in keys(naive.rows.len() as u32 + 60) {
        assert_eq!(index.find(key).expect(case), by_key.get(&key).copied(), "{case}");
    }
    let mut later = Promised::default();
    go_on(&mut index, naive.clone(), &mut later).expect(case);
    let (manifest, naive) = later.manifests.last().expect(case);
    let verified = verify(&shared, dir, &SCHEMA, manifest).expect(case);
    assert_eq!((verified.faults, verified.fingerprint), (vec![], naive.fingerprint()), "{case}");
}

#[test]
fn power_lost_at_any_change_loses_nothing_that_was_promised() {
    let whole = Simulated::new(1);
    work(&whole, &mut Promised::default()).unwrap();
    let changes = whole.changes();
    assert!(changes > 100, "{changes}");
    for at in 1..=changes {
        let disk = Simulated::new(at);
        disk.arm(Fault::PowerLoss, When::Nth(at));
        let mut promised = Promised::default();
        let stopped = work(&disk, &mut promised);
        assert!(stopped.is_err(), "{at}");
        check_last(&disk.crash(), &promised, &format!("power lost at {at}"));
    }
    assert_eq!(whole.fingerprint(), {
        let again = Simulated::new(1);
        work(&again, &mut Promised::default()).unwrap();
        again.fingerprint()
    });
}

#[test]
fn a_disk_that_refuses_stops_the_index_and_loses_nothing_that_was_promised() {
    for (fault, struck_least) in
        [(Fault::WriteError, 20), (Fault::SyncError, 40), (Fault::ReadError, 4)]
    {
        let mut struck = 0;
        for at in 1..80 {
            let disk = Simulated::new(at);
            disk.arm_within(DIR, fault, When::Nth(at));
            let mut promised = Promised::default();
            let stopped = work(&disk, &mut promised);
            if let Err(error) = stopped {
                struck += 1;
                assert!(error.contains("check the disk"), "{fault:?} {at}: {error}");
            }
            check_last(&disk.crash(), &promised, &format!("{fault:?} {at}"));
        }
        assert!(struck >= struck_least, "{fault:?}: {struck}");
    }
    for capacity in [0, 4_096, 10_000, 60_000, 100_000] {
        let disk = Simulated::new(capacity);
        disk.set_capacity_bytes(Some(capacity));
        let mut promised = Promised::default();
        assert!(work(&disk, &mut promised).unwrap_err().contains("free space"), "{capacity}");
        let disk = disk.crash();
        disk.set_capacity_bytes(None);
        check_last(&disk, &promised, &format!("{capacity} bytes"));
    }
}

#[test]
fn a_disk_that_lies_is_found_out() {
    let mut found_out = 0;
    for seed in 0..150 {
        let fault =
            [Fault::LyingSync, Fault::StaleWrite, Fault::MisdirectedWrite][seed as usize % 3];
        let disk = Simulated::new(seed);
        disk.arm(fault, When::Nth(1 + seed / 3));
        let mut promised = Promised::default();
        let worked = work(&disk, &mut promised);
        let Some((manifest, naive)) = promised.manifests.last() else { continue };
        let shared: Arc<dyn Disk> = Arc::new(disk.crash());
        let case = format!("{fault:?} seed {seed}: {worked:?}");
        let dir = Path::new(DIR);
        if Index::open(Arc::clone(&shared), dir, SCHEMA, options(), manifest, &[]).is_err() {
            found_out += 1;
            continue;
        }
        let verified = verify(&shared, dir, &SCHEMA, manifest).expect(&case);
        if verified.faults.is_empty() {
            assert_eq!(verified.fingerprint, naive.fingerprint(), "{case}");
        } else {
            found_out += 1;
        }
    }
    assert!(found_out > 20, "{found_out}");
}
