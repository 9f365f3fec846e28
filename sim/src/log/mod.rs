//! The log of a node's books as an outsider follows it: heads that were published, receipts, epochs.
//!
//! Invariants that it sees to: a head that anybody has got is never contradicted, whatever happens
//! to the node; every leaf opens to what the oracle's books say; the accounts' chains have no gap;
//! the tree is the naive one over the entries.

mod check;
mod damage;
mod life;
mod steps;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use disk::{Fault, Simulated, When};
use engine::LogOptions;
use money::AccountId;
use tlog::policy::Policy;
use tlog::{KeyName, LogSigner, TreeHead};

use crate::node::Node;
use crate::plan::LogPlan;
use crate::random::Random;
use tree::Hash;

/// Where the log's own files are, but not their folder: when that cannot be synced, the whole disk
/// takes no writes any more.
pub const FILES: &str = "/data/log/";

/// The log's second memory, beside the data folder.
const GUARD: &str = "/guard/checkpoint";

/// Sets the stream of the log apart from that of the life.
const STREAM: u64 = 0x6c6f_6720_626f_6f6b;

/// An epoch that is in the log.
#[derive(Debug, Clone)]
struct Epoch {
    /// Rows before it.
    rows: usize,
    /// When it was closed.
    at_ns: u64,
    /// Its entry; `None` if nobody was told.
    entry: Option<Vec<u8>>,
}

/// How far an account is forgotten, by its leaves.
#[derive(Debug, Clone, Copy, Default)]
struct Gone {
    /// Up to here for certain.
    until: Option<u64>,
    /// Up to here, if what was cut off came to its end.
    perhaps: Option<u64>,
}

/// What outsiders know of the log.
pub struct Watch {
    plan: LogPlan,
    random: Random,
    signer: Option<LogSigner>,
    policy: Option<Policy>,
    /// Where the node's secrets come from: never the same twice.
    secrets: Arc<Mutex<Random>>,
    /// Heads that were signed, the root by the size, and whether they were published.
    heads: BTreeMap<u64, (Hash, bool)>,
    /// Sizes up to which the heads were compared with the entries.
    compared: u64,
    /// Entries as they were seen, and what they hash to.
    entries: Vec<Vec<u8>>,
    leaves: Vec<Hash>,
    /// The newest leaf of each account among them.
    last: BTreeMap<AccountId, u64>,
    epochs: Vec<Epoch>,
    /// One that was cut off: it is in the log or not.
    unknown: Option<Epoch>,
    forgotten: BTreeMap<AccountId, Gone>,
    /// Whether the books have a log.
    pub is_opened: bool,
    /// Something went wrong with the log's own files.
    pub is_hit: bool,
}

impl Watch {
    /// With a stream of its own: without a log a seed lives the same life.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ STREAM);
        let plan = LogPlan::draw(&mut random);
        let name = KeyName::new("sim.example/log").ok();
        let signer = name.map(|name| LogSigner::from_seed(name, &[7; 32]));
        let policy = signer.as_ref().and_then(|signer| {
            Policy::parse(format!("log {}\nquorum none\n", signer.verifier()).as_bytes()).ok()
        });
        Self {
            plan,
            signer,
            policy,
            secrets: Arc::new(Mutex::new(random.fork())),
            random,
            heads: BTreeMap::new(),
            compared: 0,
            entries: Vec::new(),
            leaves: Vec::new(),
            last: BTreeMap::new(),
            epochs: Vec::new(),
            unknown: None,
            forgotten: BTreeMap::new(),
            is_opened: false,
            is_hit: false,
        }
    }

    pub fn plan(&self) -> &LogPlan {
        &self.plan
    }

    /// What goes wrong in the log's own files in the turn to come.
    pub fn fault(&mut self) -> Option<(Fault, When)> {
        if !self.random.chance(self.plan.faults) {
            return None;
        }
        self.is_hit = true;
        let faults = [Fault::WriteError, Fault::SyncError, Fault::ReadError];
        let fault = *self.random.pick(&faults)?;
        Some((fault, When::Nth(self.random.between(1, 6))))
    }

    /// Whether what was read before is read again.
    pub fn looks_at_all(&mut self) -> bool {
        self.random.chance(100)
    }

    /// Makes the guard, once.
    pub fn prepare(&self, disk: &Simulated) -> Result<(), String> {
        if !self.plan.has_guard {
            return Ok(());
        }
        let guard = Path::new(GUARD);
        let folder = guard.parent().unwrap_or(guard);
        disk::create_folder(disk, folder).map_err(|error| error.to_string())?;
        engine::create_guard(disk, guard).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// How the log is set up at the next start; now and then it is off.
    pub fn options(&mut self) -> Option<LogOptions> {
        if !self.plan.is_on || self.random.chance(self.plan.off) {
            return None;
        }
        let secrets = Arc::clone(&self.secrets);
        let mut options = LogOptions::new(self.signer.clone()?);
        options.random = Arc::new(move |bytes| {
            let mut random = secrets.lock().unwrap_or_else(PoisonError::into_inner);
            bytes.fill_with(|| random.next().to_be_bytes()[0]);
            Ok(())
        });
        options.guard = self.plan.has_guard.then(|| PathBuf::from(GUARD));
        options.save_every_leaves = self.plan.save_every_leaves;
        Some(options)
    }

    /// A node whose writer has stopped may still sign: what it signs then counts as well.
    pub fn last_word(&mut self, node: &Node) -> Result<(), String> {
        let signed = node.log().and_then(|log| log.sign().ok());
        signed.map_or(Ok(()), |(head, _)| self.signed(head, false))
    }

    /// Takes note of a head that was signed.
    fn signed(&mut self, head: TreeHead, is_published: bool) -> Result<(), String> {
        let known = self.heads.entry(head.size).or_insert((head.root.0, false));
        known.1 |= is_published;
        if known.0 == head.root.0 {
            return Ok(());
        }
        Err(format!("two heads of {} leaves were signed that differ", head.size))
    }
}

/// Whether a file of the log holds what nothing else brings back.
pub fn is_kept(path: &Path) -> bool {
    ["secrets", "forgotten", "checkpoint"]
        .iter()
        .any(|name| path.starts_with("/guard") || path == Path::new(FILES).join(name))
}
