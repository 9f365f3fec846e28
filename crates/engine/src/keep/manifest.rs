//! The manifest of a backup: which files belong to it, how large they are, and their SHA-256.
//!
//! Format: `docs/reference/backup.md`. Written last, so a folder with a manifest was whole once. A
//! name in it never leads out of the backup's folder.

use std::fs;
use std::io;
use std::path::{Component, Path};

use money::NodeId;
use serde::{Deserialize, Serialize};

use super::{KeepError, files};

/// Name of the manifest within a backup.
pub const MANIFEST: &str = "backup.json";

const FORMAT: &str = "farthing/backup";
const VERSION: u32 = 1;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    version: u32,
    /// The node.
    pub node: NodeId,
    /// When it was taken, Unix milliseconds.
    pub taken_at_ms: u64,
    /// The last batch in it.
    pub last_batch: u64,
    /// The chain hash up to and including that batch, 64 hex digits in JSON.
    #[serde(with = "hex")]
    pub head: [u8; 32],
    /// Every file but the manifest; the durable mark first.
    pub files: Vec<BackedUpFile>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUpFile {
    /// Its path within the backup, with `/`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, 64 hex digits in JSON.
    #[serde(with = "hex")]
    pub sha256: [u8; 32],
}

impl Manifest {
    pub(super) fn new(point: super::BackupPoint, taken_at_ms: u64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            node: point.node,
            taken_at_ms,
            last_batch: point.last_batch,
            head: point.head,
            files: Vec::new(),
        }
    }

    /// The sum of all sizes.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Reads the manifest of the backup in `folder`.
    pub fn read(folder: &Path) -> Result<Self, KeepError> {
        let path = folder.join(MANIFEST);
        let text = match fs::read(&path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(KeepError::NoBackup(folder.into()));
            }
            other => files::during("read", &path, other)?,
        };
        let wrong = |why: String| KeepError::Manifest { path: path.clone(), why };
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|why| wrong(format!("it is damaged: {why}")))?;
        if manifest.format != FORMAT {
            return Err(wrong("it is not the manifest of a backup".to_owned()));
        }
        if manifest.version != VERSION {
            let found = manifest.version;
            return Err(wrong(format!(
                "its format version {found} is not {VERSION}; use a newer program"
            )));
        }
        match manifest.files.iter().find(|file| !stays_inside(&file.path)) {
            Some(file) => Err(wrong(format!("`{}` leads out of the backup", file.path))),
            None => Ok(manifest),
        }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), KeepError> {
        let path = folder.join(MANIFEST);
        let json = serde_json::to_vec_pretty(self).map_err(|why| KeepError::Manifest {
            path: path.clone(),
            why: format!("it cannot be written: {why}"),
        })?;
        Ok(files::create(&path, &json)?)
    }
}

fn stays_inside(path: &str) -> bool {
    let mut components = Path::new(path).components().peekable();
    components.peek().is_some() && components.all(|part| matches!(part, Component::Normal(_)))
}

/// 32 bytes as 64 lowercase hex digits.
pub(super) mod hex {
    use journal::Hash;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8; 32], out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&Hash(*bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        let hash = Hash::from_hex(&text);
        hash.map(|hash| hash.0).ok_or_else(|| de::Error::custom("64 lowercase hex digits expected"))
    }
}
