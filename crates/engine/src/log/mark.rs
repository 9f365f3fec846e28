//! Why a folder's log may not go on by itself: the folder is a copy, or a new log was begun.
//!
//! `halted` is a line of text: `restored <batch>` after a restore, `renewed <vkey>` when a new log has
//! been begun. Invariant: while it is there, only the log that it names signs.

use std::io::ErrorKind;
use std::path::Path;

use disk::{Disk, During, create_whole, read_whole};

use super::LogError;

/// The file within the log's folder.
pub(crate) const MARK: &str = "halted";

const RESTORED: &str = "restored ";
const RENEWED: &str = "renewed ";

/// What a restore writes.
pub(crate) fn restored(batch: u64) -> String {
    format!("{RESTORED}{batch}\n")
}

/// What stands there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// This is a copy of the books up to some batch, and the log may have signed more since.
    Copy(String),
    /// The log with this key is the one that goes on.
    Renewed(String),
}

impl Mark {
    pub(super) fn read(disk: &dyn Disk, dir: &Path) -> Result<Option<Self>, LogError> {
        let path = dir.join(MARK);
        let bytes = match read_whole(disk, &path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.during("read", &path)?,
        };
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end();
        Ok(Some(match line.strip_prefix(RENEWED) {
            Some(vkey) => Self::Renewed(vkey.to_owned()),
            None => Self::Copy(line.strip_prefix(RESTORED).unwrap_or("unknown").to_owned()),
        }))
    }

    /// From now on only the log with this key signs.
    pub(super) fn renew(disk: &dyn Disk, dir: &Path, vkey: &str) -> Result<(), LogError> {
        create_whole(disk, dir, MARK, &[RENEWED.as_bytes(), vkey.as_bytes(), b"\n"])?;
        Ok(())
    }

    /// Takes it away: its log goes on.
    pub(super) fn remove(disk: &dyn Disk, dir: &Path) -> Result<(), LogError> {
        let path = dir.join(MARK);
        disk.remove(&path).during("remove", &path)?;
        disk.sync_folder(dir).during("sync folder", dir)?;
        Ok(())
    }

    /// Why the log with this key may not sign. `is_guarded`: a second memory has seen nothing newer.
    pub(super) fn objection(&self, vkey: &str, is_guarded: bool) -> Option<String> {
        match self {
            Self::Renewed(other) if other == vkey => None,
            Self::Renewed(other) => Some(format!("a new log was begun, `{other}`")),
            Self::Copy(_) if is_guarded => None,
            Self::Copy(batch) => Some(format!(
                "this data folder was restored from a backup of batch {batch}, and the log may have \
                 signed more than it holds"
            )),
        }
    }
}
