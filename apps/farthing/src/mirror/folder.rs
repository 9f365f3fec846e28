//! The folder that a log is copied into, fit to be served by any static host.
//!
//! New files are collected in `.incoming` within the folder and moved into place when all of them
//! have been checked; the checkpoint comes last, in one step. Invariants: whoever reads the folder at
//! any moment, also after a crash, finds every file that its checkpoint implies; a file that is in
//! place is never written over with other bytes.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk as _, DiskError, DiskLock, Local, create_folder, create_whole};
use tlog::policy::Policy;
use tlog::{Layer, Note, TILE_LEVEL_MAX, TILE_WIDTH, Tile};
use tokio::sync::RwLock;

use super::source::{CHECKPOINT, Seen};
use super::{MirrorError, Source};

const INCOMING: &str = ".incoming";
const LOCK: &str = "lock";

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

/// The right to write it.
pub(super) struct Writing {
    folder: Folder,
    /// Read by whoever collects a file: also one that nobody waits for any more.
    under_way: Arc<RwLock<()>>,
    _lock: Box<dyn DiskLock>,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The checkpoint in it, if there is one.
    pub(super) async fn checkpoint(&self, policy: &Policy) -> Result<Option<Seen>, MirrorError> {
        match Source::Folder(self.root.clone()).checkpoint(policy).await {
            Err(MirrorError::NoCheckpoint(_)) => Ok(None),
            seen => seen.map(Some),
        }
    }

    /// Whether a broken attempt has left something.
    pub(super) fn has_leftovers(&self) -> bool {
        self.root.join(INCOMING).exists()
    }

    /// Begins to write. What a broken attempt has collected is still there.
    pub(super) fn begin(&self) -> Result<Writing, MirrorError> {
        let incoming = self.root.join(INCOMING);
        create_folder(&Local, &incoming)?;
        let lock = incoming.join(LOCK);
        let held = Local.lock(&lock).map_err(|cause| failed(&lock, cause))?;
        let lock = held.ok_or_else(|| MirrorError::Busy(self.root.clone()))?;
        Ok(Writing { folder: self.clone(), under_way: Arc::default(), _lock: lock })
    }
}

impl Writing {
    /// Where files are collected.
    pub(super) fn incoming(&self) -> PathBuf {
        self.folder.root.join(INCOMING)
    }

    /// Collects a file; it is durable when this returns.
    pub(super) async fn collect(&self, tile: Tile, bytes: Vec<u8>) -> Result<(), MirrorError> {
        let path = self.incoming().join(tile.to_string());
        let under_way = Arc::clone(&self.under_way).read_owned().await;
        let task = tokio::task::spawn_blocking(move || {
            let written = write(&path, &bytes);
            drop(under_way);
            written
        });
        task.await.map_err(|cause| failed(&self.folder.root, std::io::Error::other(cause)))?
    }

    /// Moves everything into place that a tree needs which grew from `old` to `new` leaves, then the
    /// checkpoint.
    pub(super) async fn finish(self, old: u64, new: u64, note: &Note) -> Result<(), MirrorError> {
        let _none = self.under_way.write().await;
        let root = &self.folder.root;
        let mut last: Option<PathBuf> = None;
        for tile in Tile::grown(old, new) {
            let path = root.join(tile.to_string());
            let parent = path.parent().unwrap_or(root).to_owned();
            if last.as_ref() != Some(&parent) {
                sync(last.as_deref())?;
                create_folder(&Local, &parent)?;
                last = Some(parent);
            }
            let from = root.join(INCOMING).join(tile.to_string());
            fs::rename(from, &path).map_err(|cause| failed(&path, cause))?;
        }
        sync(last.as_deref())?;
        create_whole(&Local, root, CHECKPOINT, &[note.to_string().as_bytes()])?;
        for tile in outgrown(old, new) {
            if let Some(partials) = root.join(tile.to_string()).parent() {
                remove_tree(partials)?;
            }
        }
        remove_tree(&root.join(INCOMING))
    }

    /// Leaves the folder as it was.
    pub(super) async fn give_up(self) -> Result<(), MirrorError> {
        let _none = self.under_way.write().await;
        let root = &self.folder.root;
        remove_tree(&root.join(INCOMING))?;
        // One that was made for this is empty now; any other stays.
        let _ = fs::remove_dir(root);
        Ok(())
    }
}

/// The partial tiles of the smaller tree that are full in the larger one: nobody needs them.
fn outgrown(old: u64, new: u64) -> impl Iterator<Item = Tile> {
    let levels = (0..=TILE_LEVEL_MAX).map(Layer::Hashes);
    let layers = std::iter::once(Layer::Entries).chain(levels);
    layers
        .filter_map(move |layer| Tile::of_tree(layer, layer.count(old) / TILE_WIDTH, old))
        .filter(move |tile| tile.to_full().is_within(new))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), MirrorError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|cause| failed(parent, cause))?;
    }
    let written = File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|cause| failed(path, cause))
}

fn sync(folder: Option<&Path>) -> Result<(), MirrorError> {
    let Some(folder) = folder else { return Ok(()) };
    Local.sync_folder(folder).map_err(|cause| failed(folder, cause))
}

fn remove_tree(path: &Path) -> Result<(), MirrorError> {
    match fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(failed(path, cause)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, cause: std::io::Error) -> MirrorError {
    MirrorError::Disk { path: path.to_owned(), cause }
}

impl From<DiskError> for MirrorError {
    fn from(error: DiskError) -> Self {
        Self::Disk { path: error.path, cause: error.cause }
    }
}
