//! The index of history is a cache: damaged, lost or left out of a copy, it is built again from the
//! journal, and nobody who asks can tell.

use std::fs;
use std::path::{Path, PathBuf};

use engine::{
    Backup, BackupPoint, Engine, Manifest, ManualClock, Options, Severity, Started, backup, fsck,
    restore,
};

use crate::world::{Buy, START_MS, World, furnish, node, options};

/// So few rows a chunk that a short life fills several and merges them.
fn small_chunks(dir: &Path, clock: &ManualClock) -> Options {
    let mut options = options(dir, clock);
    options.index.chunk_rows = 16;
    options.index.fan_out = 2;
    options
}

fn start(dir: &Path, clock: &ManualClock) -> Started {
    Engine::start(small_chunks(dir, clock)).unwrap()
}

async fn live() -> World {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(START_MS * 1_000_000);
    let engine = start(dir.path(), &clock).engine;
    furnish(&engine).await;
    let world = World { dir, clock, engine };
    trade(&world, 1..60).await;
    world
}

async fn trade(world: &World, orders: std::ops::Range<u128>) {
    for order in orders {
        if order % 3 == 0 {
            let (payment, _) = world.proceed(&Buy::new(order, 100).split().held()).await;
            world.engine.settle(payment, Some(77), None, false).await.unwrap();
        } else {
            world.charge(&Buy::new(order, 100).by(2)).await;
        }
    }
}

/// The files of both indexes that the newest snapshot names: those that a copy takes. Merging may
/// have left others.
fn named(dir: &Path) -> Vec<PathBuf> {
    let to = tempfile::tempdir().unwrap();
    let files = copied(dir, to.path(), None).files;
    let paths = files.iter().filter(|file| file.bytes > 0).map(|file| PathBuf::from(&file.path));
    paths.filter(|path| path.starts_with("index")).collect()
}

fn copied(from: &Path, to: &Path, point: Option<BackupPoint>) -> Manifest {
    let taken_at_ms = START_MS;
    let what = Backup { from, to, node: node(), point, secrets: &[], taken_at_ms };
    backup(&what, &mut |_| {}).unwrap()
}

#[tokio::test]
async fn a_flipped_bit_in_any_file_is_found_and_the_index_built_again() {
    let mut world = live().await;
    let before = world.everything().await;
    world.engine.shutdown().await;
    let sound = fsck(world.dir.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(sound.sound && sound.findings.is_empty(), "{:?}", sound.findings);
    let names = named(world.dir.path());
    assert!(names.len() > 4, "{names:?}");
    for name in names {
        let path = world.dir.path().join(&name);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[100] ^= 4;
        fs::write(&path, flipped).unwrap();
        let report = fsck(world.dir.path(), Some(node()), &mut |_| {}).unwrap();
        let found = report
            .findings
            .iter()
            .any(|finding| (finding.code, finding.severity) == ("index_damaged", Severity::Damage));
        assert!(found && !report.sound, "{}: {:?}", path.display(), report.findings);
        fs::write(&path, whole).unwrap();
    }
    // What its advice says.
    for folder in ["index", "snapshots"] {
        fs::remove_dir_all(world.dir.path().join(folder)).unwrap();
    }
    let started = start(world.dir.path(), &world.clock);
    assert!(started.replayed_batches > 60);
    world.engine = started.engine;
    assert_eq!(world.everything().await, before);
    trade(&world, 60..65).await;
    world.assert_balanced().await;
    world.engine.shutdown().await;
    let report = fsck(world.dir.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(report.sound, "{:?}", report.findings);
}

#[tokio::test]
async fn a_snapshot_is_passed_over_if_any_of_its_files_is_missing_or_short() {
    let world = live().await;
    let before = world.everything().await;
    world.engine.shutdown().await;
    // Of pairs the last blocks may be missing: a hole stands for zeros.
    let is_whole = |name: &PathBuf| name.extension().is_some_and(|end| end != "pairs");
    let names: Vec<PathBuf> = named(world.dir.path()).into_iter().filter(is_whole).collect();
    assert!(names.len() > 4, "{names:?}");
    for name in names {
        for short in [false, true] {
            let copy = tempfile::tempdir().unwrap();
            copy_all(world.dir.path(), copy.path());
            let path = copy.path().join(&name);
            let bytes = fs::read(&path).unwrap();
            if short {
                fs::write(&path, &bytes[..bytes.len() - 4096]).unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
            let started = start(copy.path(), &world.clock);
            assert!(started.replayed_batches > 60, "{}", name.display());
            assert_eq!(crate::world::everything(&started.engine).await, before);
            started.engine.shutdown().await;
        }
    }
}

#[tokio::test]
async fn a_backup_of_a_running_node_starts_from_its_own_index() {
    let mut world = live().await;
    world.engine.shutdown().await;
    world.engine = start(world.dir.path(), &world.clock).engine;
    trade(&world, 60..70).await;
    let before = world.everything().await;
    let [copy, target] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let point = world.engine.backup_point().await.unwrap();
    let manifest = copied(world.dir.path(), copy.path(), Some(point));
    let listed = |index: &str| manifest.files.iter().any(|file| file.path.starts_with(index));
    assert!(listed("index/changes/") && listed("index/records/"));
    restore(copy.path(), target.path(), Some(node()), &mut |_| {}).unwrap();
    let started = start(target.path(), &world.clock);
    // Ten orders behind the snapshot, some of them in two batches.
    assert!((10..30).contains(&started.replayed_batches), "{}", started.replayed_batches);
    assert_eq!(crate::world::everything(&started.engine).await, before);
    started.engine.shutdown().await;

    // The checksums of the manifest cover the index too.
    let damaged = copy.path().join(&manifest.files.last().unwrap().path);
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[0] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let other = tempfile::tempdir().unwrap();
    let refused = restore(copy.path(), other.path(), Some(node()), &mut |_| {}).unwrap_err();
    assert_eq!(refused.code(), "backup_damaged");
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
