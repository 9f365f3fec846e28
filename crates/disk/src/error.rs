//! What the system refused, on which path, and what to do about it.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

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
pub trait During<T> {
    /// The result with `action`, a verb, and `path` in its error.
    fn during(self, action: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|cause| DiskError { action, path: path.to_owned(), cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_to_do() {
        for (kind, advice) in [
            (io::ErrorKind::PermissionDenied, "write access"),
            (io::ErrorKind::StorageFull, "free space"),
            (io::ErrorKind::FileTooLarge, "ulimit"),
            (io::ErrorKind::NotFound, "check the path"),
            (io::ErrorKind::Other, "check the disk"),
        ] {
            let failed: io::Result<()> = Err(kind.into());
            let said = failed.during("open", Path::new("a/b")).unwrap_err().to_string();
            assert!(said.starts_with("cannot open a/b: ") && said.contains(advice), "{said}");
        }
    }
}
