//! Checking, copying and restoring a data folder: under load, with everything that can be broken
//! broken, and nothing ever written over.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use engine::{
    Backup, BackupPoint, Engine, KeepError, MANIFEST, Manifest, ManualClock, Mode, Report,
    Severity, backup, fsck, is_running, restore,
};
use journal::{Files, Journal, Snapshots};
use money::NodeId;
use tempfile::TempDir;

use crate::world::{
    Buy, Granted, START_MS, World, everything, furnish, node, open, options, outcome,
};

/// Every file below a folder with its content.
pub fn image(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(image(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

/// A check, which must change nothing.
pub fn check(dir: &Path) -> Report {
    let before = image(dir);
    let report = fsck(dir, Some(node()), &mut |_| {}).unwrap();
    assert!(report.running || image(dir) == before, "a check changes nothing");
    report
}

pub fn damage(report: &Report) -> Vec<&'static str> {
    let damage = report.findings.iter().filter(|found| found.severity == Severity::Damage);
    assert_eq!(report.sound, damage.clone().count() == 0);
    damage.map(|found| found.code).collect()
}

fn back_up(from: &Path, to: &Path, point: Option<BackupPoint>) -> Result<Manifest, KeepError> {
    let secrets = &["node.key", "operator.token"];
    let taken_at_ms = START_MS;
    backup(&Backup { from, to, node: node(), point, secrets, taken_at_ms }, &mut |_| {})
}

fn put_back(from: &Path, to: &Path) -> Result<engine::Restored, KeepError> {
    restore(from, to, Some(node()), &mut |_| {})
}

/// A node with small segments and payments of every kind in its books.
pub async fn busy() -> World {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(START_MS * 1_000_000);
    let engine = start(dir.path(), &clock);
    furnish(&engine).await;
    let world = World { dir, clock, engine };
    trade(&world, 100).await;
    world
}

pub fn start(dir: &Path, clock: &ManualClock) -> Engine {
    let mut options = options(dir, clock);
    options.journal.batch_bytes_max = 1024 * 1024;
    options.journal.segment_bytes = 1024 * 1024 + 512;
    options.journal.preallocate_bytes = 4096;
    Engine::start(options).unwrap().engine
}

pub async fn trade(world: &World, from: u128) {
    let granted = Granted::new(from, 2, 500, 1000);
    world.grant(&granted).await;
    world.charge(&Buy::new(from, 300).split()).await;
    world.charge(&Buy::new(from + 1, 20).under(&granted)).await;
    let (settled, _) = world.proceed(&Buy::new(from + 2, 77).under(&granted).held()).await;
    let body = outcome(&"kept ".repeat(12_000));
    world.engine.settle(settled, Some(30), Some(body), true).await.unwrap();
    let (released, claim) = world.proceed(&Buy::new(from + 3, 50).under(&granted).held()).await;
    world.engine.release(released, claim, None).await.unwrap();
    world.proceed(&Buy::new(from + 4, 5).split().mode(Mode::Hold { seconds: 1 })).await;
    world.clock.advance_ms(1500);
    world.proceed(&Buy::new(from + 5, 60).under(&granted).held()).await;
}

fn newest_segment(dir: &Path) -> PathBuf {
    let entries = fs::read_dir(dir.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "seg")).max().unwrap()
}

pub fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_sound_folder_is_found_sound_running_and_stopped() {
    let mut world = busy().await;
    let running = check(world.dir.path());
    assert!(running.running && damage(&running).is_empty(), "{:?}", running.findings);
    let point = world.engine.backup_point().await.unwrap();
    assert_eq!((running.last_batch, running.head), (point.last_batch, point.head));
    world.restart().await;
    trade(&world, 200).await;
    world.engine.shutdown().await;
    let stopped = check(world.dir.path());
    assert!(!stopped.running && stopped.findings.is_empty(), "{:?}", stopped.findings);
    assert_eq!(stopped.snapshots_equal.len(), 2);
    assert_eq!((stopped.node, stopped.folded_batch), (Some(node()), stopped.last_batch));
    assert_eq!((stopped.payments, stopped.mandates), (12, 2));
    assert!(stopped.books.iter().all(|sums| sums.balanced));
    // Without the key the books say themselves whose they are.
    assert_eq!(fsck(world.dir.path(), None, &mut |_| {}).unwrap().node, Some(node()));
}

#[tokio::test]
async fn a_copy_of_a_running_node_restores_to_the_same_state() {
    let world = busy().await;
    fs::write(world.dir.path().join("node.key"), "a key").unwrap();
    let (copy, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(is_running(world.dir.path()).unwrap());
    let point = world.engine.backup_point().await.unwrap();
    let live = world.everything().await;
    // What comes after the point does not belong to the copy.
    world.charge(&Buy::new(900, 1)).await;
    let manifest = back_up(world.dir.path(), copy.path(), Some(point)).unwrap();
    assert_eq!((manifest.last_batch, manifest.head), (point.last_batch, point.head));
    assert_eq!(check(copy.path()).findings, []);
    let restored = put_back(copy.path(), back.path()).unwrap();
    assert!(restored.report.sound);
    assert_eq!(fs::read(back.path().join("node.key")).unwrap(), b"a key");
    let started = open(back.path(), &world.clock);
    assert_eq!(everything(&started.engine).await, live);
    assert_eq!(started.recovery.last_sequence, point.last_batch);
    let again = World { dir: back, clock: world.clock.clone(), engine: started.engine };
    again.charge(&Buy::new(901, 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_under_load_hold_all_that_was_acknowledged_before() {
    let world = busy().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let (done, acknowledged) = std::sync::mpsc::channel();
    let mut clients = Vec::new();
    for client in 0..4_u8 {
        let (engine, stopped, done) = (world.engine.clone(), stopped.clone(), done.clone());
        clients.push(tokio::spawn(async move {
            let first = 10_000 * (u128::from(client) + 1);
            for order in first..first + 9_000 {
                if *stopped.borrow() {
                    break;
                }
                let buy = Buy::new(order, 1).by(client % 3 + 1).split().mode(Mode::Charge);
                engine.authorize(buy.command()).await.unwrap();
                done.send(buy.id()).unwrap();
            }
        }));
    }
    let mut known = Vec::new();
    for _ in 0..5 {
        while known.len() % 200 < 150 {
            known.push(acknowledged.recv().unwrap());
        }
        known.extend(acknowledged.try_iter());
        let point = world.engine.backup_point().await.unwrap();
        let (copy, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        back_up(world.dir.path(), copy.path(), Some(point)).unwrap();
        let restored = put_back(copy.path(), back.path()).unwrap();
        assert_eq!(
            (restored.report.last_batch, restored.report.head),
            (point.last_batch, point.head)
        );
        let engine = open(back.path(), &world.clock).engine;
        for id in &known {
            let payment = *id;
            let there = engine.read(move |state| state.payment(payment).is_some()).await.unwrap();
            assert!(there, "{id} was acknowledged before the copy and is not in it");
        }
        engine.shutdown().await;
        known.push(acknowledged.recv().unwrap());
    }
    stop.send(true).unwrap();
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn a_stopped_folder_is_copied_as_far_as_it_is_whole() {
    let world = busy().await;
    let copy = tempfile::tempdir().unwrap();
    let refused = back_up(world.dir.path(), copy.path(), None).unwrap_err();
    assert_eq!(refused.code(), "node_running");
    let live = world.everything().await;
    world.engine.shutdown().await;
    let before = image(world.dir.path());
    back_up(world.dir.path(), copy.path(), None).unwrap();
    assert!(image(world.dir.path()) == before, "a backup changes nothing");
    let back = tempfile::tempdir().unwrap();
    put_back(copy.path(), back.path()).unwrap();
    assert_eq!(everything(&open(back.path(), &world.clock).engine).await, live);

    flip(&newest_segment(world.dir.path()), 200);
    let target = tempfile::tempdir().unwrap();
    let target = target.path().join("new");
    let refused = back_up(world.dir.path(), &target, None).unwrap_err();
    assert!(refused.is_damage() && !target.exists(), "{refused}");
}

#[tokio::test]
async fn damage_in_a_batch_is_explained() {
    let world = busy().await;
    world.engine.shutdown().await;
    let segment = newest_segment(world.dir.path());
    // The body of the second batch.
    let bytes = fs::read(&segment).unwrap();
    let first = 128 + 96 + u32::from_be_bytes(bytes[144..148].try_into().unwrap()) as usize;
    flip(&segment, first + 64);
    let report = check(world.dir.path());
    let found = &report.findings[0];
    assert_eq!((found.code, found.batch), ("journal_damaged", Some(2)));
    assert_eq!((found.offset, found.file.as_ref()), (Some(first as u64), Some(&segment)));
    assert!(found.advice.contains("Batches up to 1 are not affected"), "{}", found.advice);
    // Only the first batch could be folded, but the later ones are still known to be whole.
    assert_eq!(report.folded_batch, 1);
    assert!(report.last_batch > 10);
    assert_eq!(damage(&report), ["journal_damaged"]);
}

#[tokio::test]
async fn entries_that_cannot_be_are_found_though_their_batch_is_whole() {
    for (body, code) in [(&b"no entry at all"[..], "entry_malformed"), (&[], "entry_misfit")] {
        let world = busy().await;
        world.engine.shutdown().await;
        let settings = journal::Options::default();
        let (mut files, _) = Files::open(&world.dir.path().join("journal"), settings).unwrap();
        // Without a text of its own, the first batch comes a second time.
        let first = files.read(1).unwrap().next().unwrap().unwrap().body;
        let sequence = files.next();
        files.append(sequence, if body.is_empty() { &first } else { body }).unwrap();
        drop(files);
        let report = check(world.dir.path());
        assert_eq!(damage(&report), [code]);
        let found = &report.findings[0];
        assert_eq!(found.batch, Some(sequence));
        let file = fs::read(found.file.as_ref().unwrap()).unwrap();
        let at = usize::try_from(found.offset.unwrap()).unwrap();
        assert!(file[at..].starts_with(if body.is_empty() { &first[..8] } else { body }));
        assert_eq!(report.folded_batch, sequence - 1);
    }
}

#[tokio::test]
async fn a_snapshot_that_differs_is_damage_and_a_broken_one_a_notice() {
    let world = busy().await;
    world.engine.shutdown().await;
    let snapshots = Snapshots::look(&world.dir.path().join("snapshots"));
    let good = snapshots.latest().unwrap().snapshot.unwrap();
    let path = snapshots.list().unwrap()[0].1.clone();
    let bytes = fs::read(&path).unwrap();

    flip(&path, bytes.len() / 2);
    let report = check(world.dir.path());
    assert_eq!((damage(&report).len(), report.findings[0].code), (0, "snapshot_unusable"));

    // Whole by its checksum, but a unit was added somewhere.
    let mut state = good.state.clone();
    let middle = state.len() / 2;
    state[middle] ^= 1;
    snapshots.write(good.sequence, good.head, &state).unwrap();
    assert_eq!(damage(&check(world.dir.path())), ["snapshot_differs"]);
    // A copy of it is whole by its manifest, and still not restored.
    let (copy, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    back_up(world.dir.path(), copy.path(), None).unwrap();
    let refused = put_back(copy.path(), back.path()).unwrap_err();
    assert_eq!(refused.code(), "backup_damaged");
    assert_eq!(fs::read_dir(back.path()).unwrap().count(), 0);
    let mut head = good.head;
    head.0[3] ^= 1;
    snapshots.write(good.sequence, head, &good.state).unwrap();
    assert_eq!(damage(&check(world.dir.path())), ["snapshot_differs"]);

    snapshots.write(good.sequence, good.head, &good.state).unwrap();
    assert_eq!(check(world.dir.path()).snapshots_equal, [good.sequence]);
    snapshots.write(good.sequence + 1, good.head, &good.state).unwrap();
    assert_eq!(damage(&check(world.dir.path())), ["snapshot_ahead"]);
}

#[tokio::test]
async fn torn_tails_missing_marks_and_leftovers_are_notices() {
    let world = busy().await;
    world.engine.shutdown().await;
    let journal = world.dir.path().join("journal");
    fs::remove_file(journal.join("durable")).unwrap();
    fs::remove_dir_all(world.dir.path().join("snapshots")).unwrap();
    fs::write(journal.join("00000000000000009999.seg.new"), b"half").unwrap();
    let segment = newest_segment(world.dir.path());
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end - 5..].fill(0);
    fs::write(&segment, bytes).unwrap();
    let report = check(world.dir.path());
    let codes: Vec<&str> = report.findings.iter().map(|found| found.code).collect();
    assert_eq!(codes, ["torn_tail", "unfinished_file", "mark_missing"]);
    assert!(report.sound);
}

#[tokio::test]
async fn books_and_key_of_different_nodes_are_told() {
    let world = busy().await;
    world.engine.shutdown().await;
    let other = NodeId::new(1).unwrap();
    let report = fsck(world.dir.path(), Some(other), &mut |_| {}).unwrap();
    assert_eq!(report.findings[0].code, "other_node");
    assert!(!report.sound);
    let nowhere = fsck(&world.dir.path().join("nowhere"), None, &mut |_| {}).unwrap_err();
    assert_eq!(nowhere.code(), "no_journal");
}

#[tokio::test]
async fn nothing_is_written_over() {
    let world = busy().await;
    world.engine.shutdown().await;
    let copy = tempfile::tempdir().unwrap();
    back_up(world.dir.path(), copy.path(), None).unwrap();
    let (source, copied) = (image(world.dir.path()), image(copy.path()));
    for target in [copy.path(), world.dir.path(), &newest_segment(world.dir.path())] {
        let again = back_up(world.dir.path(), target, None).unwrap_err();
        assert_eq!(again.code(), "folder_not_empty");
        let again = put_back(copy.path(), target).unwrap_err();
        assert_eq!(again.code(), "folder_not_empty");
    }
    assert!((image(world.dir.path()), image(copy.path())) == (source, copied));
}

async fn copied() -> (World, TempDir) {
    let world = busy().await;
    fs::write(world.dir.path().join("node.key"), "a key").unwrap();
    world.engine.shutdown().await;
    let copy = tempfile::tempdir().unwrap();
    back_up(world.dir.path(), copy.path(), None).unwrap();
    (world, copy)
}

#[tokio::test]
async fn a_backup_with_any_file_changed_or_missing_is_not_restored() {
    let (_world, copy) = copied().await;
    let manifest = Manifest::read(copy.path()).unwrap();
    assert_eq!(manifest.files[0].path, "journal/durable");
    let names: Vec<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert!(names.len() >= 4 && names.contains(&"node.key"), "{names:?}");
    let target = tempfile::tempdir().unwrap();
    let target = target.path().join("new");
    let refused = |code: &str| {
        let error = put_back(copy.path(), &target).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!target.exists());
    };
    for name in names {
        let path = copy.path().join(name);
        let good = fs::read(&path).unwrap();
        flip(&path, good.len() - 1);
        refused("backup_damaged");
        fs::write(&path, &good[..good.len() - 1]).unwrap();
        refused("backup_damaged");
        fs::remove_file(&path).unwrap();
        refused("backup_damaged");
        fs::write(&path, good).unwrap();
    }
    put_back(copy.path(), &target).unwrap();
}

#[tokio::test]
async fn a_manifest_that_cannot_be_is_refused() {
    let (world, copy) = copied().await;
    let path = copy.path().join(MANIFEST);
    let good = fs::read_to_string(&path).unwrap();
    let target = tempfile::tempdir().unwrap();
    let target = target.path().join("new");
    let head = good.split("\"head\": \"").nth(1).unwrap()[..64].to_owned();
    let zeros = "0".repeat(64);
    for (from, to, code) in [
        ("\"version\": 1", "\"version\": 2", "backup_manifest"),
        ("farthing/backup", "farthing/other", "backup_manifest"),
        ("journal/durable", "../durable", "backup_manifest"),
        ("journal/durable", "/etc/durable", "backup_manifest"),
        (head.as_str(), zeros.as_str(), "backup_damaged"),
        ("{", "", "backup_manifest"),
    ] {
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let error = put_back(copy.path(), &target).unwrap_err();
        assert_eq!(error.code(), code, "{from} as {to}: {error}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(put_back(copy.path(), &target).unwrap_err().code(), "no_backup");
    fs::write(&path, good).unwrap();
    let other = NodeId::new(1).unwrap();
    let error = restore(copy.path(), &target, Some(other), &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "other_node");
    assert!(!target.exists());
    let refused = Backup {
        from: world.dir.path(),
        to: &target,
        node: other,
        point: Some(BackupPoint { node: node(), last_batch: 1, head: [0; 32] }),
        secrets: &[],
        taken_at_ms: 0,
    };
    assert_eq!(backup(&refused, &mut |_| {}).unwrap_err().code(), "other_node");
}

#[tokio::test]
async fn a_restore_that_broke_off_does_not_start() {
    let (world, copy) = copied().await;
    let manifest = Manifest::read(copy.path()).unwrap();
    let segments = manifest.files.iter().position(|file| file.path.contains(".seg")).unwrap();
    for count in 1..=segments {
        let target = tempfile::tempdir().unwrap();
        for file in &manifest.files[..count] {
            let path = target.path().join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(copy.path().join(&file.path), path).unwrap();
        }
        assert!(Engine::start(options(target.path(), &world.clock)).is_err());
    }
}

#[tokio::test]
async fn segments_behind_both_snapshots_can_be_moved_away_and_put_back() {
    let mut world = busy().await;
    for round in 0..3 {
        for part in 0..8 {
            trade(&world, 1000 + 100 * (10 * round + part)).await;
        }
        world.engine.shutdown().await;
        world.engine = start(world.dir.path(), &world.clock);
    }
    let live = world.everything().await;
    world.engine.shutdown().await;
    let whole = check(world.dir.path());
    let away = tempfile::tempdir().unwrap();
    let moved: Vec<_> = whole.segments.iter().filter(|segment| segment.archivable).collect();
    assert!(!moved.is_empty() && moved.len() < whole.segments.len(), "{:?}", whole.segments);
    let name = |path: &Path| path.file_name().unwrap().to_owned();
    for segment in &moved {
        fs::rename(&segment.file, away.path().join(name(&segment.file))).unwrap();
    }
    let report = check(world.dir.path());
    assert!(report.sound, "{:?}", report.findings);
    assert_eq!(report.findings[0].code, "segments_moved_away");
    assert_eq!((report.payments, report.head), (whole.payments, whole.head));
    let (copy, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    back_up(world.dir.path(), copy.path(), None).unwrap();
    put_back(copy.path(), back.path()).unwrap();
    world.engine = start(back.path(), &world.clock);
    assert_eq!(world.everything().await, live);
    for segment in &moved {
        fs::rename(away.path().join(name(&segment.file)), &segment.file).unwrap();
    }
    assert_eq!(check(world.dir.path()).findings, []);
}
