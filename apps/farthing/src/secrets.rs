//! Secrets in files of the data folder: the keys of node and log and the two tokens, or a witness's
//! key.
//!
//! Invariants: made once, from the operating system's randomness, with permissions 0600; never
//! written over; refused when group or others may read them; never shown.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instrument::KeyPair;

use crate::data::NODE_KEY;

/// Largest file of a secret.
const SECRET_FILE_BYTES_MAX: u64 = 1024;
const SECRET_BYTES: usize = 32;
const FILE_MODE: u32 = 0o600;
const GROUP_AND_OTHERS: u32 = 0o077;

/// A secret could not be read or made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// A file could not be used.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Others can read it.
    #[error("{0} is open to others; close it with `chmod 600 {0}`")]
    Open(PathBuf),
    /// It holds something else.
    #[error("{0} does not hold 32 bytes in base64url")]
    Content(PathBuf),
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness")]
    Random,
}

/// The node's key, made if it does not exist.
pub(crate) fn node_key(data: &Path) -> Result<KeyPair, SecretError> {
    let path = data.join(NODE_KEY);
    let text = token(&path)?;
    key_pair(path, &text)
}

/// The node's key, if there is one; nothing is made.
pub(crate) fn known_node_key(data: &Path) -> Result<Option<KeyPair>, SecretError> {
    let path = data.join(NODE_KEY);
    match read(&path) {
        Err(SecretError::File { cause, .. }) if cause.kind() == ErrorKind::NotFound => Ok(None),
        found => key_pair(path, &found?).map(Some),
    }
}

fn key_pair(path: PathBuf, text: &str) -> Result<KeyPair, SecretError> {
    seed_of(path, text).map(|seed| KeyPair::from_seed(&seed))
}

/// The seed of a key, made if it does not exist.
pub(crate) fn seed(path: &Path) -> Result<[u8; SECRET_BYTES], SecretError> {
    let text = token(path)?;
    seed_of(path.to_owned(), &text)
}

fn seed_of(path: PathBuf, text: &str) -> Result<[u8; SECRET_BYTES], SecretError> {
    let seed = URL_SAFE_NO_PAD.decode(text).ok();
    seed.and_then(|seed| seed.try_into().ok()).ok_or(SecretError::Content(path))
}

/// A token, made if it does not exist.
pub(crate) fn token(path: &Path) -> Result<String, SecretError> {
    match read(path) {
        Err(SecretError::File { cause, .. }) if cause.kind() == ErrorKind::NotFound => {
            make(path)?;
            read(path)
        }
        found => found,
    }
}

/// Reads a secret that exists.
pub(crate) fn read(path: &Path) -> Result<String, SecretError> {
    let failed = |cause| SecretError::File { path: path.to_owned(), cause };
    let file = File::open(path).map_err(failed)?;
    // Asked of the open file, so the answer belongs to what is read.
    if file.metadata().map_err(failed)?.mode() & GROUP_AND_OTHERS != 0 {
        return Err(SecretError::Open(path.to_owned()));
    }
    let mut text = String::new();
    let mut limited = file.take(SECRET_FILE_BYTES_MAX);
    limited.read_to_string(&mut text).map_err(failed)?;
    match text.trim() {
        "" => Err(SecretError::Content(path.to_owned())),
        text => Ok(text.to_owned()),
    }
}

/// Writes the whole secret beside its place, then links it there, which fails if another process
/// was faster; so a file of this name is always complete.
fn make(path: &Path) -> Result<(), SecretError> {
    let failed = |cause| SecretError::File { path: path.to_owned(), cause };
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret).map_err(|_| SecretError::Random)?;
    let part = path.with_extension(format!("part-{}", std::process::id()));
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(FILE_MODE);
        let mut file = options.open(&part)?;
        writeln!(file, "{}", URL_SAFE_NO_PAD.encode(secret))?;
        file.sync_all()?;
        match std::fs::hard_link(&part, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        std::fs::remove_file(&part)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_secret_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = node_key(folder.path()).unwrap();
        assert_eq!(node_key(folder.path()).unwrap().seed(), key.seed());
        let path = folder.path().join("node.key");
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

        set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(node_key(folder.path()), Err(SecretError::Open(_))));
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        for text in ["", "c2hvcnQ"] {
            std::fs::write(&path, text).unwrap();
            set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(node_key(folder.path()), Err(SecretError::Content(_))));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
