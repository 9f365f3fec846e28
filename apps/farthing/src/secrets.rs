//! A secret in a file of its own: a witness's key, a token, the key that seals others. Those of a data
//! folder are read through [`crate::vault`].
//!
//! Invariants: made once, from the operating system's randomness, with permissions 0600; never
//! written over; refused when group or others may read them; never shown.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use seal::is_sealed;

use crate::failure::Failure;

/// Largest file of a secret.
const SECRET_FILE_BYTES_MAX: u64 = 1024;
pub(crate) const SECRET_BYTES: usize = 32;
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
    /// It is sealed, and the key is not known.
    #[error("{0} is sealed, and the key file that opens it was not named")]
    Sealed(PathBuf),
    /// It is sealed, and does not open.
    #[error(
        "{0} does not open with this key file: it was sealed with another one, changed, or moved \
         here from another name"
    )]
    DoesNotOpen(PathBuf),
    /// It is in plain in a folder whose secrets are sealed.
    #[error("{0} is not sealed although the folder is, so it may be somebody else's")]
    Plain(PathBuf),
    /// The key lies beside what it protects.
    #[error("the key file {0} lies in the data folder that it is to protect")]
    KeyInside(PathBuf),
}

impl SecretError {
    /// Whether there is no such file.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::File { cause, .. } if cause.kind() == ErrorKind::NotFound)
    }

    /// What can be done about it, where the text does not say so.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Sealed(_) => {
                "name the key file with `seal_key_file` in [node], FARTHING_SEAL_KEY_FILE or \
                 --seal-key"
            }
            Self::DoesNotOpen(_) => {
                "name the key file of this folder; if `farthing seal rotate` was cut off, run it \
                 again as it was"
            }
            Self::Plain(_) => "put the sealed file of the newest backup back",
            Self::KeyInside(_) => "keep it elsewhere, where backups of the folder do not reach",
            _ => return None,
        })
    }
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        let failure = Self::new(error.to_string());
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// The seed of a key, made if it does not exist.
pub(crate) fn seed(path: &Path) -> Result<[u8; SECRET_BYTES], SecretError> {
    seed_of(path, &token(path)?)
}

pub(crate) fn seed_of(path: &Path, text: &str) -> Result<[u8; SECRET_BYTES], SecretError> {
    let seed = URL_SAFE_NO_PAD.decode(text).ok();
    seed.and_then(|seed| seed.try_into().ok()).ok_or_else(|| SecretError::Content(path.to_owned()))
}

/// A token, made if it does not exist.
pub(crate) fn token(path: &Path) -> Result<String, SecretError> {
    match read(path) {
        Err(error) if error.is_missing() => {
            write_new(path, &random()?)?;
            read(path)
        }
        found => found,
    }
}

/// Reads a secret that exists and is not sealed.
pub(crate) fn read(path: &Path) -> Result<String, SecretError> {
    match read_text(path)? {
        text if is_sealed(&text) => Err(SecretError::Sealed(path.to_owned())),
        text => Ok(text),
    }
}

/// Reads what is in the file of a secret.
pub(crate) fn read_text(path: &Path) -> Result<String, SecretError> {
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

/// A new secret.
pub(crate) fn random() -> Result<String, SecretError> {
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret).map_err(|_| SecretError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(secret))
}

/// Writes the whole secret beside its place, then links it there, which does nothing if another
/// process was faster; so a file of this name is always complete. Says whether it was this one.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<bool, SecretError> {
    write_part(path, text, |part| {
        let is_first = match fs::hard_link(part, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            linked => linked.map(|()| true)?,
        };
        fs::remove_file(part)?;
        Ok(is_first)
    })
}

/// Puts the text in the place of what the file had, in one step.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), SecretError> {
    write_part(path, text, |part| fs::rename(part, path))
}

fn write_part<T>(
    path: &Path,
    text: &str,
    settle: impl FnOnce(&Path) -> io::Result<T>,
) -> Result<T, SecretError> {
    let part = path.with_extension(format!("part-{}", std::process::id()));
    let write = || -> io::Result<T> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(FILE_MODE);
        let mut file = options.open(&part)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        let settled = settle(&part)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(settled)
    };
    write().map_err(|cause| SecretError::File { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_secret_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness.key");
        let made = seed(&path).unwrap();
        assert_eq!(seed(&path).unwrap(), made);
        assert!(!write_new(&path, "another").unwrap());
        assert_eq!(seed(&path).unwrap(), made);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(seed(&path), Err(SecretError::Open(_))));
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness.key");
        for text in ["", "c2hvcnQ"] {
            fs::write(&path, text).unwrap();
            set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(seed(&path), Err(SecretError::Content(_))));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
