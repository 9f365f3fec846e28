//! The log of a folder, checked against the rows that its journal makes. Writes nothing.
//!
//! Invariant: what is found here follows from the journal, the secrets and the files alone; a node may
//! run meanwhile, for what is compared does not change any more.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Access, Disk, DiskFile, read_whole};
use ledger::{ROW_BYTES, Row, RowKind};
use money::Asset;
use tlog::{Hash, Layer, Note, Tree, TreeHead, VerifierKey, leaf_hash};

use super::accounts::Accounts;
use super::columns::{Columns, LeafRow};
use super::files::{LEAF_BYTES, LEAVES};
use super::forgotten::Forgotten;
use super::secrets::{self, Secrets};
use super::worker::asset_of;
use super::{LogError, Part, publish, saved};

/// What is wrong with a log.
#[derive(Debug)]
pub(crate) enum LogFault {
    /// Secrets, or the hashes of forgotten postings.
    Secrets(PathBuf, String),
    /// The checkpoint is not of this log, or not of this history.
    Checkpoint(PathBuf, String),
    /// The checkpoint is of more leaves than the journal makes.
    Ahead(PathBuf, String),
    /// Leaves or tiles, which can be made again.
    Files(PathBuf, String),
}

/// A check under way.
pub(crate) struct Audit {
    dir: PathBuf,
    accounts: Accounts,
    forgotten: Forgotten,
    columns: Columns,
    assets: Vec<Asset>,
    tree: Tree,
    /// The checkpoint, and the root that the rows make at its size.
    known: Option<(TreeHead, Note)>,
    root: Option<Hash>,
    files: Option<Kept>,
    /// Why no more leaves could be made.
    ended: Option<LogError>,
    faults: Vec<LogFault>,
}

/// The files up to where they were saved.
struct Kept {
    dir: PathBuf,
    size: u64,
    leaves: Option<Box<dyn DiskFile>>,
    upper: Vec<Option<Box<dyn DiskFile>>>,
    fault: Option<LogFault>,
}

impl Audit {
    /// Begins with what the folder holds; `None` if it holds no log.
    pub(crate) fn open(disk: &Arc<dyn Disk>, dir: &Path) -> Option<Self> {
        let path = dir.join(secrets::NAME);
        let content = match read_whole(&**disk, &path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return None,
            read => read,
        };
        let mut faults = Vec::new();
        let accounts = content.map_err(|cause| cause.to_string());
        let accounts = accounts.and_then(|content| {
            Secrets::parse(&content)
                .map_err(|at| format!("record {at} does not agree with its check"))
        });
        let mut accounts = accounts.unwrap_or_else(|what| {
            faults.push(LogFault::Secrets(path, what));
            Accounts::default()
        });
        let forgotten = Forgotten::open(disk, dir).unwrap_or_else(|why| {
            faults.push(LogFault::Secrets(dir.join("forgotten"), why.to_string()));
            Forgotten::empty(disk, dir)
        });
        let size = saved::load(&**disk, dir, &mut accounts).ok().flatten();
        accounts.rewind();
        let files = size.map(|saved| Kept::open(disk, dir, saved.tree.size()));
        let known = publish::read_any(&**disk, &dir.join(publish::NAME)).unwrap_or_else(|what| {
            faults.push(LogFault::Checkpoint(dir.join(publish::NAME), what));
            None
        });
        Some(Self {
            dir: dir.to_owned(),
            accounts,
            forgotten,
            columns: Columns::default(),
            assets: Vec::new(),
            tree: Tree::new(),
            known,
            root: None,
            files,
            ended: None,
            faults,
        })
    }

    /// Takes what follows in the journal.
    pub(crate) fn take(&mut self, part: &Part) {
        if self.ended.is_some() {
            return;
        }
        self.look_at_root();
        let taken = match part {
            Part::Rows(bytes) => self.rows(bytes.as_chunks::<ROW_BYTES>().0),
            Part::Epoch(entry) => {
                let row = LeafRow::of_epoch();
                self.leaf(&row, leaf_hash(entry));
                Ok(())
            }
        };
        self.ended = taken.err();
    }

    fn rows(&mut self, rows: &[[u8; ROW_BYTES]]) -> Result<(), LogError> {
        for row in rows {
            let read = Row::from_bytes(*row);
            let is_new = usize::from(read.asset_number()) == self.assets.len();
            if read.kind() == Some(RowKind::AccountCreated) && is_new {
                self.assets.push(asset_of(&read)?);
            }
        }
        let first = self.tree.size();
        let mut made = Vec::with_capacity(rows.len());
        let Self { columns, accounts, forgotten, assets, .. } = self;
        columns.commit(rows, first, assets, accounts, forgotten, |row, hash| {
            made.push((row, hash));
            Ok(())
        })?;
        for (row, hash) in made {
            self.leaf(&row, hash);
        }
        Ok(())
    }

    fn leaf(&mut self, row: &LeafRow, hash: Hash) {
        let leaf = self.tree.size();
        if let Some(files) = &mut self.files {
            files.compare_leaf(leaf, row);
        }
        let files = &mut self.files;
        let grown = self.tree.append_hash(hash, &mut |node: tlog::Node, hash| {
            if let (Some(files), Some((Layer::Hashes(level @ 1..), _, _))) =
                (files.as_mut(), node.stored())
            {
                files.compare_hash(level, node.index(), &hash);
            }
        });
        if let Err(full) = grown {
            self.ended = Some(LogError::Stopped(full.to_string()));
        }
        self.look_at_root();
    }

    fn look_at_root(&mut self) {
        if self.known.as_ref().is_some_and(|(head, _)| head.size == self.tree.size()) {
            self.root = Some(self.tree.root());
        }
    }

    /// What was found. `vkey`: whose log the books have.
    pub(crate) fn finish(mut self, vkey: Option<&str>) -> Vec<LogFault> {
        self.look_at_root();
        let path = self.dir.join(publish::NAME);
        if let Some((head, note)) = &self.known {
            let key = vkey.and_then(|vkey| VerifierKey::parse(vkey).ok());
            let TreeHead { size, root } = *head;
            if key.is_some_and(|key| note.verify([&key]).is_err()) {
                let what = "it is not signed by the log of these books".to_owned();
                self.faults.push(LogFault::Checkpoint(path, what));
            } else if self.root.is_some_and(|made| made != root) {
                let what =
                    format!("it is of {size} leaves with another root than the journal makes");
                self.faults.push(LogFault::Checkpoint(path, what));
            } else if self.root.is_none() {
                let made = self.tree.size();
                let fault = if let Some(why) = &self.ended {
                    let what = format!("{size} leaves were signed, and at leaf {made}: {why}");
                    LogFault::Secrets(self.dir.join(secrets::NAME), what)
                } else {
                    let what = format!("{size} leaves were signed, and the journal makes {made}");
                    LogFault::Ahead(path, what)
                };
                self.faults.push(fault);
            }
        }
        self.faults.extend(self.files.and_then(|files| files.fault));
        self.faults
    }
}

impl Kept {
    fn open(disk: &Arc<dyn Disk>, dir: &Path, size: u64) -> Self {
        let open = |name: &str| disk.open(&dir.join(name), Access::Read).ok();
        let upper = (1..=super::files::UPPER_LEVELS).map(|level| open(&format!("tiles.{level}")));
        Self {
            size,
            leaves: open(LEAVES),
            upper: upper.collect(),
            fault: None,
            dir: dir.to_owned(),
        }
    }

    fn compare_leaf(&mut self, leaf: u64, row: &LeafRow) {
        if leaf >= self.size || self.fault.is_some() {
            return;
        }
        let right = row.to_bytes();
        let mut found = [0; LEAF_BYTES];
        let read = self
            .leaves
            .as_ref()
            .map(|file| file.read_exact_at(&mut found, leaf * LEAF_BYTES as u64));
        if read.is_none_or(|read| read.is_err()) || found != right {
            let what = format!("leaf {leaf} is not what the journal makes");
            self.fault = Some(LogFault::Files(self.dir.join(LEAVES), what));
        }
    }

    fn compare_hash(&mut self, level: u8, place: u64, hash: &Hash) {
        if place >= Layer::Hashes(level).count(self.size) || self.fault.is_some() {
            return;
        }
        let Some(file) = self.upper.get(usize::from(level) - 1) else { return };
        let mut found = [0; 32];
        let read = file.as_ref().map(|file| file.read_exact_at(&mut found, place * 32));
        if read.is_none_or(|read| read.is_err()) || found != hash.0 {
            let what = format!("hash {place} is not what the journal makes");
            let path = self.dir.join(format!("tiles.{level}"));
            self.fault = Some(LogFault::Files(path, what));
        }
    }
}
