//! Logs with two histories, a witness on a disk, and both on HTTP.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use disk::{Disk, Local};
use tlog::policy::Policy;
use tlog::witness::AddCheckpoint;
use tlog::{
    Checkpoint, Cosigner, Hash, KeyName, LogSigner, Node, Note, TreeHead, VerifierKey, leaf_hash,
    node_hash, prove_consistency, root,
};
use tokio::net::TcpListener;
use witness::{Clock, Start, Store, Witness, server};

pub const LOG: &str = "ledger.example/log1";
pub const OTHER_LOG: &str = "ledger.example/log2";
pub const TIME: u64 = 1_700_000_000;
/// Where the histories part.
pub const FORK: u64 = 5;

pub fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

pub fn log_named(text: &str) -> LogSigner {
    LogSigner::from_seed(name(text), &[7; 32])
}

pub fn log() -> LogSigner {
    log_named(LOG)
}

pub fn cosigner() -> Cosigner {
    Cosigner::from_seed(name("witness.example/w1"), &[9; 32])
}

/// Which of two histories of a log, equal in their first [`FORK`] leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    First,
    Second,
}

impl History {
    fn leaf(self, index: u64) -> Hash {
        let other = self == Self::Second && index >= FORK;
        leaf_hash(format!("leaf-{index}{}", if other { "'" } else { "" }).as_bytes())
    }

    fn hash(self, node: Node) -> Result<Hash, Infallible> {
        let Some(below) = node.level().checked_sub(1) else { return Ok(self.leaf(node.index())) };
        let child = |index| self.hash(Node::new(below, index).unwrap());
        Ok(node_hash(&child(node.index() * 2)?, &child(node.index() * 2 + 1)?))
    }

    pub fn head(self, size: u64) -> TreeHead {
        TreeHead { size, root: root(&mut |node| self.hash(node), size).unwrap() }
    }

    /// Empty where no proof belongs.
    pub fn proof(self, old: u64, new: u64) -> Vec<Hash> {
        if old == 0 || old >= new {
            return Vec::new();
        }
        prove_consistency(&mut |node| self.hash(node), old, new).unwrap()
    }

    pub fn note(self, size: u64) -> Note {
        signed(&log(), self.head(size))
    }

    /// A whole request of [`log`].
    pub fn request(self, old: u64, new: u64) -> String {
        request(old, self.proof(old, new), self.note(new))
    }
}

pub fn signed(log: &LogSigner, head: TreeHead) -> Note {
    log.sign(Checkpoint::new(log.verifier().name(), head).to_string()).unwrap()
}

pub fn request(old: u64, proof: Vec<Hash>, note: Note) -> String {
    AddCheckpoint::new(old, proof, note).unwrap().to_string()
}

pub fn open(disk: Arc<dyn Disk>, folder: &Path, start: Start) -> Witness {
    let store = Store::open(disk, folder, start).unwrap();
    Witness::new(store, cosigner(), [log().verifier().clone()]).unwrap()
}

/// A witness in a folder that goes with it.
pub fn fresh() -> (tempfile::TempDir, Arc<Witness>) {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(Arc::new(Local), folder.path(), Start::First);
    (folder, Arc::new(witness))
}

/// One second later each time it is asked.
pub fn clock() -> Clock {
    let next = AtomicU64::new(TIME);
    Arc::new(move || next.fetch_add(1, Ordering::SeqCst))
}

/// Serves until the test ends; the URL is without a slash at its end.
pub async fn serve(router: Router) -> String {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(any).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

pub async fn serve_witness(witness: Arc<Witness>) -> String {
    serve(server::router(witness, clock(), "").unwrap()).await
}

/// A policy of [`log`] with these witnesses, named `w0`, `w1` and so on.
pub fn policy(witnesses: &[(&VerifierKey, &str)]) -> Policy {
    let mut text = format!("log {}\n", log().verifier());
    for (number, (key, url)) in witnesses.iter().enumerate() {
        writeln!(text, "witness w{number} {key} {url}").unwrap();
    }
    text += "quorum none\n";
    Policy::parse(text.as_bytes()).unwrap()
}
