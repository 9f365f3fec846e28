//! Checking a folder with a log: what is broken is named, and nothing is written.

use std::fs;
use std::path::Path;

use engine::{Report, Severity};
use tlog::{Hash, LogSigner, TreeHead};

use super::{LEAVES, World, head_at, logged, signer, some_history};
use crate::keep::{check, flip};
use crate::world::{fund, payee, payer};

fn codes(report: &Report) -> Vec<(&'static str, bool)> {
    let found = report.findings.iter();
    found.map(|found| (found.code, found.severity == Severity::Damage)).collect()
}

/// A log of some hundred leaves with an epoch and a forgotten account, published and shut down.
async fn stopped() -> (World, TreeHead) {
    let world = logged().await;
    some_history(&world).await;
    world.engine.close_epoch().await.unwrap();
    world.engine.forget(payer(1)).await.unwrap();
    for number in 1..300 {
        world.engine.fund(fund(1000 + number, payee(1), 1)).await.unwrap();
    }
    let head = head_at(&world.engine, LEAVES + 1 + 299).await;
    publish(world.dir.path(), &signer(1), head);
    assert_eq!(codes(&check(world.dir.path())), [], "while it runs");
    world.engine.shutdown().await;
    assert_eq!(codes(&check(world.dir.path())), []);
    (world, head)
}

/// Writes a checkpoint, as if it had been published.
fn publish(dir: &Path, signer: &LogSigner, head: TreeHead) {
    let text = tlog::Checkpoint::new(signer.verifier().name(), head).to_string();
    fs::write(dir.join("log/checkpoint"), signer.sign(text).unwrap().to_string()).unwrap();
}

#[tokio::test]
async fn damaged_caches_are_named_and_made_again() {
    let (mut world, head) = stopped().await;
    for (name, at) in [("leaves", 48 * 7 + 3), ("leaves", 48 * 20 + 40), ("tiles.1", 5)] {
        flip(&world.in_log(name), at);
        let report = check(world.dir.path());
        assert_eq!(codes(&report), [("log_files_damaged", false)], "{name}");
        assert!(report.sound && report.findings[0].file.as_ref().unwrap().ends_with(name));
        for gone in ["progress", "leaves", "tiles.1"] {
            fs::remove_file(world.in_log(gone)).unwrap();
        }
        assert_eq!(codes(&check(world.dir.path())), [], "nothing is left to compare");
        assert_eq!(world.restart_logged().await, head);
        world.engine.shutdown().await;
        assert_eq!(codes(&check(world.dir.path())), []);
    }
}

#[tokio::test]
async fn secrets_that_are_damaged_or_lost_are_damage() {
    let (world, _) = stopped().await;
    for name in ["secrets", "forgotten"] {
        let kept = fs::read(world.in_log(name)).unwrap();
        flip(&world.in_log(name), 20);
        let report = check(world.dir.path());
        assert_eq!(codes(&report)[0], ("log_secrets_damaged", true), "{name}");
        assert!(report.findings[0].file.as_ref().unwrap().ends_with(name));
        fs::write(world.in_log(name), kept).unwrap();
    }
    // Records that are whole, but not all.
    let kept = fs::read(world.in_log("secrets")).unwrap();
    fs::write(world.in_log("secrets"), &kept[..kept.len() - 96]).unwrap();
    assert!(codes(&check(world.dir.path())).contains(&("log_secrets_damaged", true)));
    fs::write(world.in_log("secrets"), kept).unwrap();
    assert_eq!(codes(&check(world.dir.path())), []);
}

#[tokio::test]
async fn a_checkpoint_of_another_history_is_named() {
    let (world, head) = stopped().await;
    let dir = world.dir.path();
    let differs = [("log_checkpoint_differs", true)];
    publish(dir, &signer(1), TreeHead { root: Hash([7; 32]), ..head });
    assert_eq!(codes(&check(dir)), differs);
    publish(dir, &signer(2), head);
    assert_eq!(codes(&check(dir)), differs);
    fs::write(world.in_log("checkpoint"), "no note").unwrap();
    assert_eq!(codes(&check(dir)), differs);
    publish(dir, &signer(1), TreeHead { size: head.size + 1, ..head });
    assert_eq!(codes(&check(dir)), [("log_checkpoint_ahead", false)]);
    publish(dir, &signer(1), head);
    assert_eq!(codes(&check(dir)), []);
}
