//! `kill -9` at any moment: what was acknowledged is there, with the right content.
//!
//! This proves the order of write, sync and answer within the process, and recovery after it. It
//! proves nothing about power loss: the system keeps the pages of a killed process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use journal::{Journal, Options};

use crate::world::{assert_holds, body, fill, open};

const CHILD: &str = "JOURNAL_KILLED_WRITER";
const NAME: &str = "kill::every_acknowledged_batch_survives_20_kills";
const KILLS: u64 = 20;

const OPTIONS: Options = Options {
    batch_bytes_max: 4096,
    segment_bytes: 16 * 1024,
    preallocate_bytes: 4096,
    mark_every_batches: 3,
    verify_from: None,
    new_id: None,
};

#[test]
fn every_acknowledged_batch_survives_20_kills() {
    if let Some(dir) = std::env::var_os(CHILD) {
        append_until_killed(dir.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut acknowledged = 0;
    for _ in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let reached = kill_after(dir.path(), random % 60 + 1);
        assert!(reached > acknowledged);
        let (journal, recovery) = open(dir.path(), OPTIONS);
        let last = recovery.last_sequence;
        assert!(last == reached || last == reached + 1, "{reached} acknowledged, {last} there");
        assert_holds(&journal, last);
        acknowledged = last;
    }
    drop(fill(dir.path(), OPTIONS, acknowledged + 1));
}

/// Lets a child append, kills it after some acknowledgements, gives the last one it got out.
fn kill_after(dir: &Path, acknowledgements: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut last = 0;
    for _ in 0..acknowledgements {
        last = lines.next().unwrap().unwrap().parse().unwrap();
    }
    child.kill().unwrap();
    // What it said between the last line read and its end counts as well.
    for line in lines {
        last = line.unwrap().parse().unwrap();
    }
    child.wait().unwrap();
    last
}

fn append_until_killed(dir: &Path) -> ! {
    let (mut journal, _) = open(dir, OPTIONS);
    loop {
        let next = journal.next();
        journal.append(next, &body(next)).unwrap();
        eprintln!("{next}");
    }
}
