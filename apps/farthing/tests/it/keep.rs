//! Backup of a running node under load, restore, check.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;

use crate::world::{World, balance, code, expect, farthing, fsck, fund, restore, run, said};

#[test]
fn a_running_node_is_copied_restored_and_goes_on() {
    let world = World::new();
    let node = world.start(&world.data);
    for number in 0..3 {
        expect(&fund(&world.data, number), 0, &[]);
    }
    let (copy, back) = (world.path("copy"), world.path("back"));
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(3));
    let (before, manifest) = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 3.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                assert_eq!(code(&fund(&world.data, number)), 0);
                acknowledged.store(number + 1, Ordering::SeqCst);
            }
        });
        while acknowledged.load(Ordering::SeqCst) < 8 {
            std::thread::yield_now();
        }
        let before = acknowledged.load(Ordering::SeqCst);
        let copied = world.backup(&copy);
        let running = fsck(&world.data);
        stop.store(true, Ordering::SeqCst);
        assert_eq!(code(&copied), 0, "{}", said(&copied));
        assert_eq!(
            (running.0, &running.1["sound"], &running.1["running"]),
            (0, &true.into(), &true.into())
        );
        let answer: Value = serde_json::from_slice(&copied.stdout).unwrap();
        (before, answer)
    });
    let after = acknowledged.load(Ordering::SeqCst);
    assert_eq!(balance(&world.data), after);
    node.stop();

    let (exit, report) = fsck(&copy);
    assert_eq!((exit, &report["head"]), (0, &manifest["head"]));
    expect(&restore(&copy, &back), 0, &["never run it beside the original"]);
    for name in ["node.key", "operator.token", "gateway.token", "log.key", "log.origin"] {
        assert_eq!(fs::read(back.join(name)).unwrap(), fs::read(world.data.join(name)).unwrap());
    }
    let node = world.start(&back);
    let restored = balance(&back);
    assert!((before..=after).contains(&restored), "{before} to {after}, but {restored}");
    expect(&fund(&back, 1_000_000), 0, &[]);
    assert_eq!(balance(&back), restored + 1);
    node.stop();
    assert_eq!(fsck(&back).0, 0);
    // The original was not touched by any of this.
    let (exit, original) = fsck(&world.data);
    assert_eq!((exit, &original["findings"]), (0, &Value::Array(Vec::new())));
}

#[test]
fn a_stopped_node_is_copied_without_asking_and_nothing_is_written_over() {
    let world = World::new();
    let node = world.start(&world.data);
    expect(&fund(&world.data, 1), 0, &[]);
    node.stop();
    let copy = world.path("copy");
    expect(&world.backup(&copy), 0, &["as secret as the data folder"]);
    expect(&world.backup(&copy), 1, &["is not empty", "name another folder"]);
    expect(&restore(&copy, &world.data), 1, &["is not empty"]);
    let mut report = run(farthing().arg("fsck").arg("--data").arg(&copy));
    expect(&report, 0, &["checking"]);
    let text = String::from_utf8(std::mem::take(&mut report.stdout)).unwrap();
    assert!(text.contains("whole batches") && text.ends_with("sound\n"), "{text}");
}
