//! Processes of the program and the folders that they work on.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const CONFIG: &str = r#"
[node]
listen = "127.0.0.1:0"

[[asset]]
code = "USD"

[[payee]]
name = "author"
"#;

/// The public key of a payer.
pub const KEY: &str = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";

pub struct World {
    pub dir: TempDir,
    pub data: PathBuf,
}

/// A node that serves; killed when it is dropped.
pub struct Node(Child);

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("farthing.toml"), CONFIG).unwrap();
        Self { data: dir.path().join("data"), dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn serve(&self, data: &Path) -> Command {
        let mut command = farthing();
        command.arg("serve").arg("--config").arg(self.path("farthing.toml"));
        command.arg("--data").arg(data);
        command
    }

    /// Starts a node on a folder and waits until it serves.
    pub fn start(&self, data: &Path) -> Node {
        let mut child =
            self.serve(data).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if !line.starts_with("node") {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("the node does not serve: {said}");
        }
        Node(child)
    }

    pub fn backup(&self, to: &Path) -> Output {
        run(farthing().arg("backup").arg("--data").arg(&self.data).arg("--to").arg(to))
    }
}

impl Node {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to stop and waits.
    pub fn stop(mut self) {
        let kill = Command::new("kill").arg(self.id().to_string()).status().unwrap();
        assert!(kill.success() && self.0.wait().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn farthing() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_farthing"));
    for name in ["FARTHING_DATA", "FARTHING_OPERATOR_TOKEN", "FARTHING_SEAL_KEY_FILE", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}

pub fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Lets one base unit of money enter under a number; the same number again changes nothing.
pub fn fund(data: &Path, number: u64) -> Output {
    let mut command = farthing();
    command.args(["fund", KEY, "0.000000001", "--reference", &format!("slip {number}")]);
    run(command.arg("--data").arg(data))
}

/// Requires an exit code, and all of these words on standard error.
#[track_caller]
pub fn expect(output: &Output, exit: i32, words: &[&str]) {
    let said = said(output);
    assert_eq!(code(output), exit, "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

pub fn fsck(data: &Path) -> (i32, Value) {
    let output = run(farthing().arg("fsck").arg("--json").arg("--data").arg(data));
    (code(&output), serde_json::from_slice(&output.stdout).unwrap())
}

pub fn restore(from: &Path, data: &Path) -> Output {
    run(farthing().arg("restore").arg("--from").arg(from).arg("--data").arg(data))
}

/// What the payer has, in base units; money enters by [`fund`].
pub fn balance(data: &Path) -> u64 {
    let output = run(farthing().args(["accounts", "--json", "--data"]).arg(data));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["books"]["balanced"], true);
    let accounts = answer["accounts"].as_array().unwrap();
    let payer = accounts.iter().find(|account| account["role"] == "payer");
    payer.map_or(0, |payer| payer["available"].as_str().unwrap().parse().unwrap())
}
