//! `farthing witness` as a process: its key and folder, a clean end, and `kill -9` at any moment.

use std::convert::Infallible;
use std::fs::{self, OpenOptions, Permissions, set_permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tlog::policy::Policy;
use tlog::{
    Checkpoint, Hash, KeyName, LogSigner, Node, Note, TreeHead, leaf_hash, node_hash,
    prove_consistency, root,
};
use witness::client::{Client, Options, Outcome};

use crate::process::{Ran, Running, farthing, free_port, run, start_and_kill};

const LOG: &str = "ledger.example/log1";
const NAME: &str = "witness.example/w1";
/// `printf ledger.example/log1 | sha256sum`
const LOG_HASH: &str = "5be92bef3f42d5bcd9e2649883a59da25fe073e6e9f4e75607dd36f54d6f94d5";
const KILLS: u64 = 25;
/// Every so many kills the witness is killed while it starts.
const KILL_AT_START_EVERY: u64 = 5;

/// A witness's folder, and where it listens.
struct World {
    folder: tempfile::TempDir,
    port: u16,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), port: free_port() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = farthing(self.folder.path());
        command.args(["witness", "--data", "w", "--name", NAME]);
        command.args(["--listen", &format!("127.0.0.1:{}", self.port)]).args(more);
        command
    }

    fn serving(&self) -> Command {
        self.command(&["--log", &log().verifier().to_string()])
    }

    fn start(&self) -> Running {
        Running::start(&mut self.serving(), self.path("errors"), "data")
    }

    fn run(&self, more: &[&str]) -> Ran {
        run(&mut self.command(more))
    }

    fn key(&self) -> String {
        self.run(&["--print-key"]).succeeded().out.trim().to_owned()
    }

    fn client(&self) -> Client {
        let (log, key, port) = (log(), self.key(), self.port);
        let text =
            format!("log {}\nwitness w {key} http://127.0.0.1:{port}\nquorum w\n", log.verifier());
        let (answer_ms, collect_ms) = (30_000, 30_000);
        let options = Options { answer_ms, collect_ms, pause_first_ms: 0, ..Options::default() };
        Client::new(&Policy::parse(text.as_bytes()).unwrap(), options).unwrap()
    }
}

fn log() -> LogSigner {
    LogSigner::from_seed(KeyName::new(LOG).unwrap(), &[7; 32])
}

/// The log's tree; `fork` makes another one from leaf 1 on.
fn hash(node: Node, fork: bool) -> Result<Hash, Infallible> {
    let Some(below) = node.level().checked_sub(1) else {
        let other = if fork && node.index() > 0 { "'" } else { "" };
        return Ok(leaf_hash(format!("leaf-{}{other}", node.index()).as_bytes()));
    };
    let child = |index| hash(Node::new(below, index).unwrap(), fork);
    Ok(node_hash(&child(node.index() * 2)?, &child(node.index() * 2 + 1)?))
}

fn note(size: u64, fork: bool) -> Note {
    let head = TreeHead { size, root: root(&mut |node| hash(node, fork), size).unwrap() };
    log().sign(Checkpoint::new(log().verifier().name(), head).to_string()).unwrap()
}

async fn ask(client: &mut Client, size: u64, fork: bool) -> Outcome {
    let prove = |old, new| async move {
        prove_consistency(&mut |node| hash(node, fork), old, new).map_err(|error| error.to_string())
    };
    client.collect(&note(size, fork), prove).await.unwrap().witnesses.remove(0).outcome
}

#[test]
fn the_key_is_made_once_for_its_owner_alone() {
    let world = World::new();
    let key = world.key();
    assert!(key.starts_with(&format!("{NAME}+")), "{key}");
    assert_eq!(world.key(), key);
    let mode = |name: &str| world.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("w"), mode("w/witness.key")), (0o700, 0o600));
    let secret = fs::read_to_string(world.path("w/witness.key")).unwrap();
    let mut running = world.serving();
    let process = Running::start(
        &mut running,
        world.path("errors"),
        &format!("policy   witness {NAME} {key} http://"),
    );
    // While it runs its key can be told, and no second one starts.
    assert_eq!(world.key(), key);
    world.run(&["--log", &log().verifier().to_string()]).failed(1).says("another witness runs");
    process.terminate();
    assert_eq!(process.ended().code(), Some(0));
    let said = fs::read_to_string(world.path("errors")).unwrap();
    assert!(said.contains("stopping") && !said.contains(secret.trim()), "{said}");
    set_permissions(world.path("w/witness.key"), Permissions::from_mode(0o644)).unwrap();
    world.run(&["--print-key"]).failed(1).says("chmod 600");
}

#[test]
fn wrong_arguments_are_told_with_what_to_do() {
    let world = World::new();
    let log = log().verifier().to_string();
    world.run(&[]).failed(2).says("--log");
    world.run(&["--log", "nonsense"]).failed(2).says("`nonsense` is not the key of a log");
    world.run(&["--log", &log, "--url", "witness.example"]).failed(2).says("https://");
    world.run(&["--log", &log, "--url", "https://a.example/a%20b"]).failed(2).says("--url");
    world.run(&["--logs", "missing.txt"]).failed(2).says("missing.txt");
    fs::write(world.path("large.txt"), "#".repeat(1024 * 1024 + 1)).unwrap();
    world.run(&["--logs", "large.txt"]).failed(2).says("more than 1048576 bytes");
    let key = world.key();
    world.run(&["--log", &key]).failed(2).says("is the key of a witness");
    run(farthing(world.folder.path()).args(["witness", "--name", "a b", "--print-key"]))
        .failed(2)
        .says("name of a key");
}

#[tokio::test]
async fn logs_come_from_a_file_and_what_was_cosigned_survives_the_process() {
    let world = World::new();
    fs::write(world.path("logs.txt"), format!("# one log\n\n{}\n", log().verifier())).unwrap();
    let mut command = world.command(&["--logs", "logs.txt", "--url", "https://w.example/deep/w1"]);
    let process = Running::start(&mut command, world.path("errors"), "data");
    let mut client = world.client();
    assert!(matches!(ask(&mut client, 5, false).await, Outcome::Cosigned { .. }));
    process.terminate();
    assert_eq!(process.ended().code(), Some(0));

    // Without what it cosigned it does not go on.
    let (head, origins) = (world.path("w/heads").join(LOG_HASH), world.path("w/origins"));
    let (head_bytes, origins_bytes) = (fs::read(&head).unwrap(), fs::read(&origins).unwrap());
    fs::remove_file(&head).unwrap();
    let log = log().verifier().to_string();
    world.run(&["--log", &log]).failed(5).says(LOG_HASH);
    fs::write(&head, &head_bytes).unwrap();
    OpenOptions::new().append(true).open(&head).unwrap().write_all(b"x").unwrap();
    world.run(&["--log", &log]).failed(5).says("is damaged");
    fs::write(&head, &head_bytes).unwrap();
    fs::remove_file(&origins).unwrap();
    world.run(&["--log", &log]).failed(5).says("nobody knows what this key has cosigned");
    fs::write(&origins, &origins_bytes).unwrap();
    let key = world.path("w/witness.key");
    fs::rename(&key, world.path("kept.key")).unwrap();
    world.run(&["--log", &log]).failed(5).says("witness.key is missing");
    assert!(!key.exists(), "a new key was made over an old state");
    fs::rename(world.path("kept.key"), &key).unwrap();

    let process = world.start();
    let mut client = world.client();
    assert!(matches!(ask(&mut client, 5, true).await, Outcome::Alarm(_)));
    let mut client = world.client();
    assert!(matches!(ask(&mut client, 8, false).await, Outcome::Cosigned { .. }));
    assert_eq!(fs::read_dir(world.path("w/evidence")).unwrap().count(), 1);
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_25_kills_nothing_that_was_cosigned_is_taken_back() {
    let world = World::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let (mut cosigned, mut size) = (0, 0);
    for round in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if round % KILL_AT_START_EVERY == 0 {
            let after = Duration::from_micros(random % 30_000);
            start_and_kill(&mut world.serving(), &world.path("errors"), after);
        }
        let process = world.start();
        let mut client = world.client();
        // What contradicts the past is refused, or is as new as the witness itself.
        if cosigned > 1 {
            let mut forked = world.client();
            assert!(matches!(ask(&mut forked, cosigned, true).await, Outcome::Alarm(_)));
        }
        let first = ask(&mut client, size.max(1), false).await;
        assert!(matches!(first, Outcome::Cosigned { .. }), "round {round}: {first:?}");
        cosigned = size.max(1);
        size = cosigned;
        let after = Duration::from_micros(random % 20_000);
        let killer = tokio::task::spawn_blocking(move || {
            std::thread::sleep(after);
            process.kill();
        });
        // Grow until nobody answers; the last request may or may not have been stored.
        loop {
            size += 1;
            match ask(&mut client, size, false).await {
                Outcome::Cosigned { .. } => cosigned = size,
                Outcome::Unreachable(_) => break,
                other => panic!("round {round}: {other:?}"),
            }
        }
        killer.await.unwrap();
    }
    assert!(cosigned > 2 * KILLS, "{cosigned}: too few requests came through for a trial");
}
