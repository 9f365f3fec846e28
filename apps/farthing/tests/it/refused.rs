//! What an operator is told when disk, folder or files are not as they must be; and that nothing is
//! written over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::{World, balance, expect, farthing, fsck, fund, restore, run};

/// A folder in which a node has run.
fn used() -> World {
    let world = World::new();
    let node = world.start(&world.data);
    for number in 0..3 {
        expect(&fund(&world.data, number), 0, &[]);
    }
    node.stop();
    world
}

fn segment(data: &Path) -> PathBuf {
    data.join("journal").join("00000000000000000001.seg")
}

#[test]
fn a_second_process_on_the_folder_is_refused_and_the_first_goes_on() {
    let world = World::new();
    let _node = world.start(&world.data);
    let second = run(&mut world.serve(&world.data));
    expect(&second, 1, &["is open elsewhere", "stop that process first", "--data"]);
    expect(&fund(&world.data, 1), 0, &[]);
    assert_eq!(balance(&world.data), 1);
}

#[test]
fn a_damaged_folder_is_explained_and_left_alone() {
    let world = used();
    fs::remove_dir_all(world.data.join("snapshots")).unwrap();
    let path = segment(&world.data);
    let mut bytes = fs::read(&path).unwrap();
    bytes[128 + 70] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let words = ["batch 1 in", "at byte 128", "farthing fsck", "restore the newest backup"];
    expect(&run(&mut world.serve(&world.data)), 5, &words);
    let (exit, report) = fsck(&world.data);
    let found = &report["findings"][0];
    assert_eq!(
        (exit, &report["sound"], &found["code"]),
        (5, &false.into(), &"journal_damaged".into())
    );
    assert_eq!((&found["batch"], &found["offset"]), (&1.into(), &128.into()));
    let copy = world.path("copy");
    expect(&world.backup(&copy), 5, &["batch 1 in"]);
    assert!(!copy.exists() && fs::read(&path).unwrap() == bytes);
}

#[test]
fn a_newer_and_a_foreign_format_are_told_apart() {
    let world = used();
    fs::remove_dir_all(world.data.join("snapshots")).unwrap();
    let path = segment(&world.data);
    let good = fs::read(&path).unwrap();
    let mut newer = good.clone();
    newer[27] = 9;
    let seal = *blake3::hash(&newer[..96]).as_bytes();
    newer[96..128].copy_from_slice(&seal);
    fs::write(&path, &newer).unwrap();
    let words = ["has format version 9", "use a newer program", "nothing durable was changed"];
    expect(&run(&mut world.serve(&world.data)), 1, &words);
    assert_eq!(fsck(&world.data).1["findings"][0]["code"], "journal_version");
    assert!(fs::read(&path).unwrap() == newer);

    let foreign = b"SQLite format 3\0".repeat(400);
    fs::write(&path, &foreign).unwrap();
    expect(&run(&mut world.serve(&world.data)), 5, &["the segment header is broken"]);
    assert!(fs::read(&path).unwrap() == foreign);
    fs::write(&path, good).unwrap();
    world.start(&world.data).stop();
}

/// The limit on file size refuses a write as a full disk does, and needs no disk of its own.
#[test]
fn a_disk_without_room_refuses_the_start_and_a_later_one_goes_well() {
    let world = World::new();
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]);
    limited.arg(env!("CARGO_BIN_EXE_farthing")).args(world.serve(&world.data).get_args());
    let words = ["cannot write", "raise the limit on file size", "nothing durable was changed"];
    expect(&run(&mut limited), 1, &words);
    let node = world.start(&world.data);
    expect(&fund(&world.data, 1), 0, &[]);
    node.stop();
    // Nor is a backup half made taken for one.
    let copy = world.path("copy");
    fs::write(world.data.join("gateway.token"), "x".repeat(200_000)).unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]);
    limited.arg(env!("CARGO_BIN_EXE_farthing")).arg("backup").arg("--data").arg(&world.data);
    expect(&run(limited.arg("--to").arg(&copy)), 1, &["not finished; remove it"]);
    expect(&restore(&copy, &world.path("back")), 1, &["holds no finished backup"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let world = World::new();
    // Nobody makes folders there, not even the superuser.
    let folder = Path::new("/proc/farthing");
    let refused = run(&mut world.serve(folder));
    expect(&refused, 1, &["/proc/farthing", "cannot be used"]);
    let used = used();
    let refused = used.backup(folder);
    expect(&refused, 1, &["cannot create folder /proc/farthing"]);
}

#[test]
fn folders_that_hold_nothing_are_told() {
    let world = World::new();
    let nowhere = world.path("nowhere");
    let check = run(farthing().arg("fsck").arg("--data").arg(&nowhere));
    expect(&check, 1, &["holds no journal", "name the data folder"]);
    expect(&restore(&nowhere, &world.data), 1, &["holds no finished backup"]);
    expect(&world.backup(&world.path("copy")), 1, &["has no node.key"]);
    assert!(!nowhere.exists() && !world.data.exists());
    expect(&run(farthing().args(["restore", "--from", "x"])), 2, &["--data"]);
}
