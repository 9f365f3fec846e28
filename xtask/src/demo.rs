//! A running `farthing demo` for the suites that talk to it from outside.
//!
//! Invariant: it listens on 127.0.0.1 only, on ports that were free, with a data folder of its own,
//! and it is gone when its value is dropped.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::Workspace;
use crate::process::{self, Background};

const START_MS_MAX: u64 = 60_000;
const ANSWER_MS_MAX: u64 = 2_000;
const POLL_MS: u64 = 50;

/// The process and where it listens.
pub(crate) struct Demo {
    site: SocketAddr,
    node: SocketAddr,
    binary: PathBuf,
    data: PathBuf,
    _process: Background,
}

/// Starts the release binary and waits until its node answers.
pub(crate) fn start(workspace: &Workspace) -> Result<Demo> {
    let binary = workspace.root.join("target/release/farthing");
    if !binary.is_file() {
        bail!("target/release/farthing is missing: run `cargo xtask test --only release` first");
    }
    let (site, node) = free_ports()?;
    let data = workspace.root.join(format!("target/demo-{}", node.port()));
    if data.exists() {
        std::fs::remove_dir_all(&data).context("cannot clear the demo's data folder")?;
    }
    let mut command = process::command(&workspace.root, "target/release/farthing demo")?;
    command.args(["--site-port", &site.port().to_string()]);
    command.args(["--node-port", &node.port().to_string()]);
    command.arg("--data").arg(&data);
    let mut process = Background::start(&mut command)?;
    let deadline = Instant::now() + Duration::from_millis(START_MS_MAX);
    while !answers(node) {
        process.still_runs()?;
        if Instant::now() > deadline {
            bail!("`farthing demo` did not answer on {node} within {START_MS_MAX} ms");
        }
        std::thread::sleep(Duration::from_millis(POLL_MS));
    }
    Ok(Demo { site, node, binary, data, _process: process })
}

impl Demo {
    /// The environment that every outside suite reads.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("FARTHING_SITE_URL", format!("http://{}", self.site)),
            ("FARTHING_NODE_URL", format!("http://{}", self.node)),
            ("FARTHING_BIN", self.binary.display().to_string()),
            ("FARTHING_DEMO_DATA", self.data.display().to_string()),
        ]
    }
}

/// Both are held while they are chosen, so they differ.
fn free_ports() -> Result<(SocketAddr, SocketAddr)> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok((first.local_addr()?, second.local_addr()?))
}

fn answers(node: SocketAddr) -> bool {
    ask(node).is_ok_and(|line| line.starts_with("HTTP/1.1 200"))
}

fn ask(node: SocketAddr) -> Result<String> {
    let limit = Duration::from_millis(ANSWER_MS_MAX);
    let mut stream = TcpStream::connect_timeout(&node, limit)?;
    stream.set_read_timeout(Some(limit))?;
    write!(stream, "GET /v1/node HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n\r\n")?;
    let mut head = [0_u8; 12];
    stream.read_exact(&mut head)?;
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_200_counts_as_an_answer() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            for status in ["503 Starting", "200 OK"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0_u8];
                    stream.read_exact(&mut byte).unwrap();
                    request.extend(byte);
                }
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        assert!(!answers(address));
        assert!(answers(address));
        server.join().unwrap();
        assert!(!answers(address), "nobody listens any more");
    }
}
