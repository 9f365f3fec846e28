//! A copy of a data folder up to one durable batch, also while the node runs.
//!
//! Order: durable mark, segments, snapshot, index, secrets, log, manifest. Each batch is checked against the
//! hash chain on the way. Of a folder that no node has open, everything whole is copied.

use std::path::{Path, PathBuf};

use journal::{Parts, Position, ReadOnly, Snapshot, Snapshots};
use money::NodeId;

use super::manifest::{BackedUpFile, Manifest};
use super::{BackupPoint, JOURNAL, KeepError, Progress, SNAPSHOTS, files, open_journal, past};
use crate::log::{LOG, LOG_FILES};

/// How often a snapshot is sought whose files a running node has not dropped meanwhile.
const SNAPSHOT_ATTEMPTS: usize = 3;

/// What to copy where.
#[derive(Debug, Clone, Copy)]
pub struct Backup<'a> {
    /// The data folder.
    pub from: &'a Path,
    /// Where the copy goes; empty or not there.
    pub to: &'a Path,
    /// The node whose key lies in the data folder.
    pub node: NodeId,
    /// What the running node named; `None` if none runs.
    pub point: Option<BackupPoint>,
    /// Paths of further files in the data folder that belong to it; one that is not there is left
    /// out.
    pub secrets: &'a [&'a str],
    /// The time, Unix milliseconds.
    pub taken_at_ms: u64,
}

/// Makes the copy.
pub fn backup(
    backup: &Backup<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Manifest, KeepError> {
    let Backup { from, to, node, .. } = *backup;
    let journal = open_journal(from)?;
    files::require_empty(to)?;
    let snapshots = Snapshots::look(&from.join(SNAPSHOTS));
    let point = match backup.point {
        Some(point) if point.node == node => point,
        Some(point) => return Err(KeepError::OtherNode { key: node, books: point.node }),
        None => last_whole(&journal, &snapshots, backup)?,
    };
    // Before the segments: the writer goes on, and keeps only the newest snapshots.
    let (snapshot, past) = snapshot_with_past(from, &snapshots, point.last_batch)?;
    let parts = journal.parts(point.position())?;
    require_start(&journal, snapshot.as_ref())?;
    let log = open_log(from)?;
    files::take_empty(to)?;
    let mut copy = Copy { backup, manifest: Manifest::new(point, backup.taken_at_ms), progress };
    copy.journal(&parts)?;
    copy.snapshot(snapshot.as_ref())?;
    copy.past(past)?;
    copy.secrets()?;
    copy.log(log)?;
    let manifest = copy.manifest;
    files::sync_folder(to)?;
    manifest.write(to)?;
    files::sync_folder(to)?;
    Ok(manifest)
}

/// The last whole batch of a folder that no node has open.
fn last_whole(
    journal: &ReadOnly,
    snapshots: &Snapshots,
    backup: &Backup<'_>,
) -> Result<BackupPoint, KeepError> {
    if journal.is_open_elsewhere() {
        return Err(KeepError::Running(backup.from.into()));
    }
    let known = match journal.first()? {
        Some(first) if first > 1 => snapshots.latest()?.snapshot,
        _ => None,
    };
    let known = known.map(|known| Position { sequence: known.sequence, hash: known.head });
    let seen = journal.inspect(known, &mut |_| {})?;
    match seen.faults.into_iter().next() {
        Some(fault) => Err(fault.into()),
        None => Ok(BackupPoint {
            node: backup.node,
            last_batch: seen.last.sequence,
            head: seen.last.hash.0,
        }),
    }
}

/// Files, opened, with their paths within the data folder.
type Past = Vec<(PathBuf, files::Opened)>;

/// The newest snapshot and the files of the index that it needs. While a node runs it may drop
/// them for a newer snapshot; what is open stays readable.
fn snapshot_with_past(
    from: &Path,
    snapshots: &Snapshots,
    last_batch: u64,
) -> Result<(Option<Snapshot>, Past), KeepError> {
    for _ in 0..SNAPSHOT_ATTEMPTS {
        let Some(snapshot) = snapshots.latest_at_most(last_batch)?.snapshot else { break };
        let mut past = Vec::new();
        // A snapshot of another format needs no files: a start passes it over.
        let needed = past::files(&snapshot.state).unwrap_or_default();
        let count = needed.len();
        for path in needed {
            if let Some(opened) = files::Opened::open(&from.join(&path))? {
                past.push((path, opened));
            }
        }
        if past.len() == count {
            return Ok((Some(snapshot), past));
        }
    }
    Ok((None, Vec::new()))
}

/// What only the log's own files know, opened in this order: every account that the checkpoint covers
/// has its secret, and every secret that was replaced its forgotten postings.
fn open_log(from: &Path) -> Result<Past, KeepError> {
    let mut opened = Vec::new();
    for name in LOG_FILES {
        let path = Path::new(LOG).join(name);
        if let Some(file) = files::Opened::open(&from.join(&path))? {
            opened.push((path, file));
        }
    }
    Ok(opened)
}

/// A journal whose beginning was moved away is worth something only with a snapshot.
fn require_start(journal: &ReadOnly, snapshot: Option<&Snapshot>) -> Result<(), KeepError> {
    let first = journal.first()?.unwrap_or(1);
    let known = snapshot.map_or(0, |snapshot| snapshot.sequence);
    if known.saturating_add(1) >= first {
        return Ok(());
    }
    let what = format!(
        "the journal begins at batch {first} and no snapshot reaches it; put the older segments back"
    );
    Err(KeepError::Unsound(what))
}

struct Copy<'a, 'b> {
    backup: &'a Backup<'a>,
    manifest: Manifest,
    progress: &'b mut dyn FnMut(Progress),
}

impl Copy<'_, '_> {
    fn journal(&mut self, parts: &Parts) -> Result<(), KeepError> {
        let dir = self.backup.to.join(JOURNAL);
        files::make(&dir)?;
        let mark = parts.write_mark(&dir)?;
        self.list(&mark)?;
        let total_bytes = parts.segments.iter().map(|part| part.bytes).sum();
        let mut done_bytes = 0;
        for part in &parts.segments {
            let Some(name) = part.path.file_name() else { continue };
            let progress = &mut *self.progress;
            let sha256 = files::copy(&part.path, part.bytes, &dir.join(name), &mut |bytes| {
                done_bytes += bytes;
                progress(Progress { doing: "copying", done_bytes, total_bytes });
            })?;
            let path = format!("{JOURNAL}/{}", name.display());
            self.manifest.files.push(BackedUpFile { path, bytes: part.bytes, sha256 });
        }
        Ok(files::sync_folder(&dir)?)
    }

    fn snapshot(&mut self, snapshot: Option<&Snapshot>) -> Result<(), KeepError> {
        let dir = self.backup.to.join(SNAPSHOTS);
        files::make(&dir)?;
        if let Some(Snapshot { sequence, head, state }) = snapshot {
            let copied = Snapshots::look(&dir);
            copied.write(*sequence, *head, state)?;
            for (_, path) in copied.list()? {
                self.list(&path)?;
            }
        }
        Ok(())
    }

    fn past(&mut self, past: Past) -> Result<(), KeepError> {
        self.opened("copying the index", past)
    }

    /// The log's caches are not copied: they are made again.
    fn log(&mut self, log: Past) -> Result<(), KeepError> {
        self.opened("copying the log", log)
    }

    fn opened(&mut self, doing: &'static str, past: Past) -> Result<(), KeepError> {
        let total_bytes = past.iter().map(|(_, opened)| opened.bytes).sum();
        let mut done_bytes = 0;
        for (path, opened) in past {
            let to = self.backup.to.join(&path);
            let folder = to.parent().unwrap_or(self.backup.to);
            files::make(folder)?;
            let (bytes, progress) = (opened.bytes, &mut *self.progress);
            let sha256 = opened.copy(&to, &mut |bytes| {
                done_bytes += bytes;
                progress(Progress { doing, done_bytes, total_bytes });
            })?;
            files::sync_folder(folder)?;
            let path = path.display().to_string();
            self.manifest.files.push(BackedUpFile { path, bytes, sha256 });
        }
        Ok(())
    }

    fn secrets(&mut self) -> Result<(), KeepError> {
        for name in self.backup.secrets {
            let to = self.backup.to.join(name);
            // What the size is asked of stays what is copied: the log replaces its files whole.
            let Some(opened) = files::Opened::open(&self.backup.from.join(name))? else { continue };
            let folder = to.parent().unwrap_or(self.backup.to);
            files::make(folder)?;
            opened.copy(&to, &mut |_| {})?;
            files::sync_folder(folder)?;
            self.list(&to)?;
        }
        Ok(())
    }

    /// Enters a file that stands in the copy.
    fn list(&mut self, path: &Path) -> Result<(), KeepError> {
        let bytes = files::during("read the size of", path, path.metadata())?.len();
        let sha256 = files::digest(path, bytes, &mut |_| {})?;
        let inside = path.strip_prefix(self.backup.to).unwrap_or(path);
        let path = inside.display().to_string();
        self.manifest.files.push(BackedUpFile { path, bytes, sha256 });
        Ok(())
    }
}
