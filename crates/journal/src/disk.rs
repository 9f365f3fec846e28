//! The few durable actions on files and folders that the journal is made of.
//!
//! A file that appears under its final name is whole and synced: it is written beside it, synced,
//! renamed, and the folder synced. Nothing here retries; every error names the action and path.

use core::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The ending of a file that is not whole yet. Left over after a crash, it holds nothing of worth.
const UNFINISHED: &str = "new";

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// What was being done to which path when the system refused.
#[derive(Debug, thiserror::Error)]
pub struct DiskError {
    /// What was tried, as in "cannot `action` `path`".
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub cause: io::Error,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fix = match self.cause.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "give the node write access to it"
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free space there, then start again"
            }
            io::ErrorKind::FileTooLarge => {
                "raise the limit on file size (`ulimit -f`), then start again"
            }
            io::ErrorKind::NotFound => "check the path",
            _ => "check the disk, then start again",
        };
        write!(f, "cannot {} {}: {}; {fix}", self.action, self.path.display(), self.cause)
    }
}

/// Names the action and path of a failed call.
pub(crate) trait During<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|cause| DiskError { action, path: path.to_owned(), cause })
    }
}

/// Creates the folder if it is not there and makes its name durable.
pub(crate) fn create_folder(dir: &Path) -> Result<(), DiskError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).during("create folder", dir)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(dir: &Path) -> Result<(), DiskError> {
    File::open(dir).and_then(|folder| folder.sync_all()).during("sync folder", dir)
}

/// Creates or replaces `dir/name` with the joined `parts`, whole or not at all.
pub(crate) fn create_whole(dir: &Path, name: &str, parts: &[&[u8]]) -> Result<PathBuf, DiskError> {
    let path = dir.join(name);
    let unfinished = dir.join(format!("{name}.{UNFINISHED}"));
    File::create(&unfinished)
        .and_then(|mut file| {
            parts.iter().try_for_each(|part| file.write_all(part))?;
            file.sync_all()
        })
        .during("write", &unfinished)?;
    fs::rename(&unfinished, &path).during("rename into place", &path)?;
    sync_folder(dir)?;
    Ok(path)
}

/// Removes what [`create_whole`] left behind in a crash.
pub(crate) fn remove_unfinished(dir: &Path) -> Result<(), DiskError> {
    for path in unfinished(dir)? {
        fs::remove_file(&path).during("remove", &path)?;
    }
    Ok(())
}

/// The numbered files `dir/<20 digits>.<ending>`, lowest number first.
pub(crate) fn numbered(dir: &Path, ending: &str) -> Result<Vec<(u64, PathBuf)>, DiskError> {
    let mut found: Vec<(u64, PathBuf)> = paths(dir)?
        .into_iter()
        .filter_map(|path| {
            let digits = path.file_name()?.to_str()?.strip_suffix(ending)?.strip_suffix('.')?;
            let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten().map(|number| (number, path))
        })
        .collect();
    found.sort();
    Ok(found)
}

/// The name under which [`numbered`] finds a file.
pub(crate) fn number_name(number: u64, ending: &str) -> String {
    format!("{number:020}.{ending}")
}

/// Opens an existing file to read and overwrite it in place.
pub(crate) fn open_in_place(path: &Path) -> Result<File, DiskError> {
    OpenOptions::new().read(true).write(true).open(path).during("open", path)
}

/// Writes zeros over `from..to`, growing the file if it is shorter.
pub(crate) fn write_zeros(file: &File, mut from: u64, to: u64) -> io::Result<()> {
    while from < to {
        let left = usize::try_from(to - from).unwrap_or(usize::MAX);
        let part = &ZEROS[..left.min(ZEROS.len())];
        file.write_all_at(part, from)?;
        from += part.len() as u64;
    }
    Ok(())
}

/// The files of [`create_whole`] that are not finished.
pub(crate) fn unfinished(dir: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let mut found = paths(dir)?;
    found.retain(|path| path.extension().is_some_and(|ending| ending == UNFINISHED));
    Ok(found)
}

fn paths(dir: &Path) -> Result<Vec<PathBuf>, DiskError> {
    fs::read_dir(dir)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .during("list folder", dir)
}
