//! The index as a check sees it: each of its files is looked at, and no advice costs the books.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use engine::{Engine, Report};

use crate::keep::{busy, check, damage, flip, image, start, trade};
use crate::world::{everything, options};

/// The files of the index with something in them.
fn index_files(dir: &Path) -> Vec<PathBuf> {
    let files = image(&dir.join("index")).into_iter();
    files.filter(|(_, bytes)| !bytes.is_empty()).map(|(path, _)| path).collect()
}

/// That there is damage, and nothing but damage of the index.
fn assert_only_index_damaged(report: &Report, what: &str) {
    let mut found = damage(report);
    found.dedup();
    assert_eq!(found, ["index_damaged"], "{what}: {:?}", report.findings);
}

#[tokio::test]
async fn every_file_of_the_index_is_checked() {
    let world = busy().await;
    for round in 0..6 {
        trade(&world, 1000 + 100 * round).await;
    }
    world.engine.shutdown().await;
    let dir = world.dir.path();
    assert_eq!(check(dir).findings, []);
    let files = index_files(dir);
    let endings: BTreeSet<_> = files.iter().filter_map(|path| path.extension()).collect();
    assert!(endings.len() > 1, "{files:?}");
    for path in files {
        let whole = fs::read(&path).unwrap();
        for at in [0, 2000, whole.len() - 1] {
            flip(&path, at);
            assert_only_index_damaged(&check(dir), &format!("{} {at}", path.display()));
            fs::write(&path, &whole).unwrap();
        }
        fs::remove_file(&path).unwrap();
        assert_only_index_damaged(&check(dir), &format!("{} gone", path.display()));
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(check(dir).findings, []);
}

/// Without the first segments nothing can be built again: what is left is kept, and the advice
/// does not cost the books.
#[tokio::test]
async fn an_index_without_the_first_segments_is_not_given_up() {
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
    let dir = world.dir.path();
    for segment in check(dir).segments.iter().filter(|segment| segment.archivable) {
        fs::remove_file(&segment.file).unwrap();
    }
    assert!(check(dir).sound);
    let before = image(dir);
    for name in ["changes", "records"] {
        // Both snapshots need it.
        let path = dir.join("index").join(name).join("00000000000000000000.run");
        fs::remove_file(&path).unwrap();
        let report = check(dir);
        let found = report.findings.iter().find(|found| found.code == "index_damaged").unwrap();
        assert!(found.advice.contains("put the older segments back"), "{found:?}");
        assert!(Engine::start(options(dir, &world.clock)).is_err());
        fs::write(&path, &before[&path]).unwrap();
        assert!(image(dir).keys().eq(before.keys()), "a start that fails removes nothing");
    }
    let restarted = start(dir, &world.clock);
    assert_eq!(everything(&restarted).await, live);
}
