//! Processes of the binary: one that runs to its end, one that serves until it is stopped.
//!
//! Invariant: nothing of the surroundings gets in (no settings, no wallet, no colour), and no
//! process outlives its test.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything that must happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary in a folder that is home and current folder, with an environment of its own.
pub fn farthing(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_farthing"));
    command.env_clear().env("HOME", folder).current_dir(folder).stdin(Stdio::null());
    command
}

/// What a command left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    #[track_caller]
    pub fn failed(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        assert!(self.out.is_empty(), "{self:#?}");
        self
    }

    /// What must stand on standard error.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.err.contains(words), "`{words}` is missing in {self:#?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {self:#?}"))
    }
}

/// Runs a command to its end, which must come in time.
pub fn run(command: &mut Command) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let out = read_aside(child.stdout.take().unwrap());
    let err = read_aside(child.stderr.take().unwrap());
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{command:?} does not end: {}", out.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let code = status.code().unwrap();
    Ran { code, out: out.join().unwrap(), err: err.join().unwrap() }
}

fn read_aside(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    })
}

/// A process that serves.
pub struct Running {
    child: Child,
    /// Kept open, so that the process can write whenever it wants to.
    _out: BufReader<ChildStdout>,
    errors: PathBuf,
}

impl Running {
    /// Starts it and waits until it says where it serves: `last` opens the last such line.
    pub fn start(command: &mut Command, errors: PathBuf, last: &str) -> Self {
        let mut child = spawn(command, &errors);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with(last) {
            line.clear();
            let read = out.read_line(&mut line).unwrap();
            assert!(read > 0, "it did not start: {}", std::fs::read_to_string(&errors).unwrap());
        }
        Self { child, _out: out, errors }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, by SIGTERM.
    pub fn terminate(&self) {
        // The standard library can only kill; a shell has more signals on every machine.
        let line = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn ended(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// What it wrote to standard error.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a process and kills it after a time, however far it has come.
pub fn start_and_kill(command: &mut Command, errors: &Path, after: Duration) {
    let mut child = spawn(command, errors);
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn spawn(command: &mut Command, errors: &Path) -> Child {
    let errors = File::create(errors).unwrap();
    command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap()
}

/// A port at which nobody listens, for a process that must come back at the same place.
///
/// It lies below the range from which the system takes the ports of outgoing connections: else a
/// client that asks while nobody listens could meet itself, or take the port away.
pub fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 20_000;
    static STEP: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    loop {
        let step = STEP.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Asks again and again until the answer is there, for a while.
pub async fn until<T, A: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> A) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it did not happen in time: {what}");
}
