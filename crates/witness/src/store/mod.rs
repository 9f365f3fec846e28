//! What a witness cosigned last of each log, in files that survive.
//!
//! | file | content |
//! | --- | --- |
//! | `lock` | held while the store is open |
//! | `origins` | the logs of which something was cosigned, so that a missing head is noticed |
//! | `heads/<hex SHA-256 of the origin>` | the newest checkpoint with its cosignature |
//! | `evidence/` | requests that a log should never have signed |
//!
//! Invariants: comparing with the newest head and replacing it is one step under the log's lock; the
//! new head is durable when [`Store::advance`] returns; a head never gives way to a smaller one or
//! to another root of its size; after a failed write nothing is stored any more.
//!
//! It must not judge requests: [`tlog::witness::decide`] does, called within that step.

mod error;
mod evidence;
mod sealed;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::{Disk, DiskError, DiskLock, During as _, create_folder, create_whole, read_whole};
use tlog::{Checkpoint, Note, TreeHead};

use self::evidence::Evidence;
use self::sealed::Kind;
use crate::digest;

pub use error::{AdvanceError, OpenError};
pub use evidence::{
    EVIDENCE_FILES_COUNT_MAX, EVIDENCE_FORKS_COUNT_MAX, EVIDENCE_UNPROVEN_COUNT_MAX,
};
pub(crate) use evidence::{Rejected, Weight};

const ORIGINS: &str = "origins";

/// Whether the witness may have cosigned something before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Its key does not exist yet.
    First,
    /// Its key exists: without its state it must not go on.
    Again,
}

/// The newest cosigned checkpoint of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Newest {
    pub(crate) head: TreeHead,
    /// With the signatures of the log and of the witness.
    pub(crate) note: Note,
}

/// What was cosigned, by log.
#[derive(Debug)]
pub struct Store {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    heads: PathBuf,
    logs: Mutex<BTreeMap<String, Arc<Log>>>,
    /// Origins that the file names.
    listed: Mutex<BTreeSet<String>>,
    evidence: Evidence,
    stopped: AtomicBool,
    _lock: Box<dyn DiskLock>,
}

#[derive(Debug, Default)]
struct Log {
    /// Held from comparing to the end of storing; never across an await.
    step: Mutex<()>,
    /// Held for moments only, so that reading waits for no disk.
    newest: Mutex<Option<Newest>>,
}

impl Store {
    /// Opens the folder, which is made if it is not there.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, start: Start) -> Result<Self, OpenError> {
        let heads = folder.join("heads");
        create_folder(&*disk, &heads)?;
        let lock_path = folder.join("lock");
        let lock = disk.lock(&lock_path).during("lock", &lock_path)?;
        let lock = lock.ok_or_else(|| OpenError::Locked { folder: folder.to_owned() })?;
        disk::remove_unfinished(&*disk, folder)?;
        disk::remove_unfinished(&*disk, &heads)?;
        let evidence = Evidence::open(Arc::clone(&disk), folder.join("evidence"))?;
        let store = Self {
            evidence,
            disk,
            folder: folder.to_owned(),
            heads,
            logs: Mutex::default(),
            listed: Mutex::default(),
            stopped: AtomicBool::new(false),
            _lock: lock,
        };
        store.load(start)?;
        Ok(store)
    }

    fn load(&self, start: Start) -> Result<(), OpenError> {
        // A process that was killed may have renamed what is now read before the name was durable.
        self.disk.sync_folder(&self.heads).during("sync folder", &self.heads)?;
        let path = self.folder.join(ORIGINS);
        let listed = match read_whole(&*self.disk, &path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                if start == Start::Again {
                    return Err(OpenError::StateMissing { path });
                }
                BTreeSet::new()
            }
            read => {
                let bytes = read.during("read", &path)?;
                let content = sealed::open(Kind::Origins, &bytes).ok_or_else(|| damaged(&path))?;
                content.lines().map(str::to_owned).collect()
            }
        };
        let mut logs = self.read_heads()?;
        for origin in &listed {
            if !logs.contains_key(origin) {
                let path = self.head_path(origin);
                return Err(OpenError::HeadMissing { path, origin: origin.clone() });
            }
        }
        // Also where it is as it was: the last process may have ended before it was durable.
        let all: BTreeSet<String> = logs.keys().cloned().collect();
        self.write_origins(&all)?;
        lock(&self.logs).append(&mut logs);
        *lock(&self.listed) = all;
        Ok(())
    }

    fn read_heads(&self) -> Result<BTreeMap<String, Arc<Log>>, OpenError> {
        let mut logs = BTreeMap::new();
        let mut paths = self.disk.list(&self.heads).during("list folder", &self.heads)?;
        paths.sort();
        for path in paths {
            let bytes = read_whole(&*self.disk, &path).during("read", &path)?;
            let content = sealed::open(Kind::Head, &bytes).ok_or_else(|| damaged(&path))?;
            let (origin, newest) = parse(content).ok_or_else(|| damaged(&path))?;
            if path != self.head_path(&origin) {
                let why = "it is the head of another log than its name says";
                return Err(OpenError::Damaged { path, why });
            }
            let newest = Mutex::new(Some(newest));
            logs.insert(origin, Arc::new(Log { step: Mutex::default(), newest }));
        }
        Ok(logs)
    }

    /// The file of a log's head.
    pub(crate) fn head_path(&self, origin: &str) -> PathBuf {
        self.heads.join(digest::hex(origin.as_bytes()))
    }

    /// What was cosigned last of a log; never waits for the disk.
    pub(crate) fn newest(&self, origin: &str) -> Option<Newest> {
        let log = lock(&self.logs).get(origin).cloned()?;
        let newest = lock(&log.newest);
        newest.clone()
    }

    /// Origins and newest checkpoints of all logs of which something was cosigned.
    pub(crate) fn all(&self) -> Vec<(String, Newest)> {
        let logs: Vec<_> =
            lock(&self.logs).iter().map(|(origin, log)| (origin.clone(), log.clone())).collect();
        logs.into_iter()
            .filter_map(|(origin, log)| Some((origin, lock(&log.newest).clone()?)))
            .collect()
    }

    /// Whether nothing has been cosigned yet.
    pub fn is_unused(&self) -> bool {
        lock(&self.listed).is_empty()
    }

    /// Whether a write has failed: nothing is stored any more.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Asks `decide` what may follow the newest head of a log, `None` if there is none, and stores
    /// the cosigned checkpoint that it gives. When this returns it is durable.
    pub fn advance<E>(
        &self,
        origin: &str,
        decide: impl FnOnce(Option<TreeHead>) -> Result<Note, E>,
    ) -> Result<Note, AdvanceError<E>> {
        let log = Arc::clone(lock(&self.logs).entry(origin.to_owned()).or_default());
        let _step = lock(&log.step);
        if self.is_stopped() {
            return Err(AdvanceError::Stopped);
        }
        let before = lock(&log.newest).as_ref().map(|newest| newest.head);
        let note = decide(before).map_err(AdvanceError::Refused)?;
        let checkpoint = Checkpoint::parse(note.text());
        let checkpoint = checkpoint.map_err(|_| AdvanceError::Backwards)?;
        let head = checkpoint.head();
        let forward = before.is_none_or(|old| old.size < head.size || old == head);
        if checkpoint.origin() != origin || !forward {
            return Err(AdvanceError::Backwards);
        }
        // The same head again needs no write: it is durable, and only the time is new.
        if before != Some(head) {
            self.write_head(origin, &note).map_err(|error| {
                self.stopped.store(true, Ordering::SeqCst);
                AdvanceError::Disk(error)
            })?;
        }
        *lock(&log.newest) = Some(Newest { head, note: note.clone() });
        Ok(note)
    }

    fn write_head(&self, origin: &str, note: &Note) -> Result<(), DiskError> {
        let name = digest::hex(origin.as_bytes());
        let text = sealed::seal(Kind::Head, &note.to_string());
        create_whole(&*self.disk, &self.heads, &name, &[text.as_bytes()])?;
        let mut listed = lock(&self.listed);
        if !listed.contains(origin) {
            let mut all = listed.clone();
            all.insert(origin.to_owned());
            self.write_origins(&all)?;
            *listed = all;
        }
        Ok(())
    }

    fn write_origins(&self, origins: &BTreeSet<String>) -> Result<(), DiskError> {
        let lines = origins.iter().flat_map(|origin| [origin.as_str(), "\n"]);
        let text = sealed::seal(Kind::Origins, &lines.collect::<String>());
        create_whole(&*self.disk, &self.folder, ORIGINS, &[text.as_bytes()]).map(drop)
    }

    /// Keeps a rejected request as evidence, within the limits; a failure is logged and changes
    /// nothing else.
    pub(crate) fn keep(&self, rejected: &Rejected<'_>) {
        self.evidence.keep(rejected);
    }
}

fn parse(content: &str) -> Option<(String, Newest)> {
    let note = Note::parse(content.as_bytes()).ok()?;
    let checkpoint = Checkpoint::parse(note.text()).ok()?;
    Some((checkpoint.origin().to_owned(), Newest { head: checkpoint.head(), note }))
}

fn damaged(path: &Path) -> OpenError {
    OpenError::Damaged { path: path.to_owned(), why: "it is not as it was written" }
}

/// A panic elsewhere leaves what is behind these locks whole: it is changed in one assignment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
