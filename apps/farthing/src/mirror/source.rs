//! Where a log is read from: a URL or a folder.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use client::LogClient;
use tlog::policy::Policy;
use tlog::{Checkpoint, Note, TreeHead};

use super::MirrorError;

/// Name of the checkpoint.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// More than a note may have, so that a longer one is noticed.
const CHECKPOINT_READ_BYTES: usize = tlog::NOTE_BYTES_MAX + 1;

/// A log to read.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Below a URL.
    Web(LogClient),
    /// In a folder.
    Folder(PathBuf),
}

/// A checkpoint that was judged.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Size and root.
    pub(crate) head: TreeHead,
    /// Which log.
    pub(crate) origin: String,
    /// With its signatures.
    pub(crate) note: Note,
}

impl Source {
    /// The file at a path of the log; `None` if it is not there.
    pub(super) async fn read(
        &self,
        path: &str,
        limit_bytes: usize,
    ) -> Result<Option<Vec<u8>>, MirrorError> {
        match self {
            Self::Web(log) => {
                let read = log.read(path, limit_bytes).await;
                Ok(read.map_err(MirrorError::Unreachable)?.map(Vec::from))
            }
            Self::Folder(folder) => read_file(&folder.join(path), limit_bytes),
        }
    }

    /// The newest checkpoint, if the policy accepts it.
    pub(super) async fn checkpoint(&self, policy: &Policy) -> Result<Seen, MirrorError> {
        let place = self.to_string();
        let read = self.read(CHECKPOINT, CHECKPOINT_READ_BYTES).await?;
        let bytes = read.ok_or_else(|| MirrorError::NoCheckpoint(place.clone()))?;
        judge(&bytes, place, policy)
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Web(log) => f.write_str(log.prefix()),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
        }
    }
}

fn judge(bytes: &[u8], place: String, policy: &Policy) -> Result<Seen, MirrorError> {
    let note = match Note::parse(bytes) {
        Ok(note) => note,
        Err(cause) => return Err(MirrorError::NoteMalformed { place, cause }),
    };
    let checkpoint: Checkpoint = match policy.judge(&note) {
        Ok(judged) => judged.checkpoint,
        Err(cause) => return Err(MirrorError::NotTrusted { place, cause }),
    };
    Ok(Seen { head: checkpoint.head(), origin: checkpoint.origin().to_owned(), note })
}

/// A whole file, `None` if it is not there; of a longer one than the limit only the beginning.
pub(super) fn read_file(path: &Path, limit_bytes: usize) -> Result<Option<Vec<u8>>, MirrorError> {
    let failed = |cause| MirrorError::Disk { path: path.to_owned(), cause };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        // A file in the place of a folder is no more there than nothing.
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(cause) => return Err(failed(cause)),
    };
    let mut bytes = Vec::new();
    let limit = u64::try_from(limit_bytes).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}
