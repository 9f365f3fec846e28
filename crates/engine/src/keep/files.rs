//! The few durable actions that a backup and a restore are made of.
//!
//! Files and folders are made for their owner alone and never written over; each is synced before
//! the next begins.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use journal::DiskError;
use sha2::{Digest, Sha256};

use super::KeepError;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const CHUNK_BYTES: usize = 1024 * 1024;
/// What is looked at for zeros: file systems keep holes in blocks of this size or a part of it.
const PIECE_BYTES: usize = 64 * 1024;

/// Names the action and path of a failed call.
pub(super) fn during<T>(
    action: &'static str,
    path: &Path,
    result: io::Result<T>,
) -> Result<T, DiskError> {
    result.map_err(|cause| DiskError { action, path: path.to_owned(), cause })
}

/// Makes `folder`, or takes it if it is empty.
pub(super) fn take_empty(folder: &Path) -> Result<(), KeepError> {
    require_empty(folder)?;
    if !folder.exists() {
        make(folder)?;
    }
    Ok(())
}

/// Refuses a folder that holds anything.
pub(super) fn require_empty(folder: &Path) -> Result<(), KeepError> {
    match fs::read_dir(folder) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(()),
        Err(cause) if cause.kind() == ErrorKind::NotADirectory => {
            Err(KeepError::NotEmpty(folder.into()))
        }
        listed => match during("list folder", folder, listed)?.next() {
            None => Ok(()),
            Some(_) => Err(KeepError::NotEmpty(folder.into())),
        },
    }
}

pub(super) fn make(folder: &Path) -> Result<(), DiskError> {
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
    during("create folder", folder, made)?;
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), DiskError> {
    during("sync folder", folder, File::open(folder).and_then(|opened| opened.sync_all()))
}

/// Creates a file that must not exist.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let written = new_file(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    during("write", path, written)
}

/// Copies the first `bytes` of a file into one that must not exist, and gives their SHA-256.
pub(super) fn copy(
    from: &Path,
    bytes: u64,
    to: &Path,
    done: &mut dyn FnMut(u64),
) -> Result<[u8; 32], DiskError> {
    copy_from(during("open", from, File::open(from))?, from, bytes, to, done)
}

/// A file that stays readable, whatever becomes of its name.
pub(super) struct Opened {
    file: File,
    path: PathBuf,
    pub bytes: u64,
}

impl Opened {
    /// Opens a file with the size it has now; `None` if it is not there.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, DiskError> {
        let file = match File::open(path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            opened => during("open", path, opened)?,
        };
        let bytes = during("read the size of", path, file.metadata())?.len();
        Ok(Some(Self { file, path: path.to_owned(), bytes }))
    }

    /// Copies it into a file that must not exist, and gives its SHA-256.
    pub(super) fn copy(self, to: &Path, done: &mut dyn FnMut(u64)) -> Result<[u8; 32], DiskError> {
        copy_from(self.file, &self.path, self.bytes, to, done)
    }
}

/// Pieces that are all zeros are left out, so that what takes no room takes none in the copy.
fn copy_from(
    from: File,
    path: &Path,
    bytes: u64,
    to: &Path,
    done: &mut dyn FnMut(u64),
) -> Result<[u8; 32], DiskError> {
    let target = during("write", to, new_file(to))?;
    let mut at = 0;
    let digest = read_from(from, path, bytes, |chunk| {
        for piece in chunk.chunks(PIECE_BYTES) {
            if piece.iter().any(|byte| *byte != 0) {
                during("write", to, target.write_all_at(piece, at))?;
            }
            at += piece.len() as u64;
        }
        done(chunk.len() as u64);
        Ok(())
    })?;
    during("write", to, target.set_len(bytes))?;
    during("sync", to, target.sync_all())?;
    Ok(digest)
}

/// SHA-256 of the first `bytes` of a file.
pub(super) fn digest(
    path: &Path,
    bytes: u64,
    done: &mut dyn FnMut(u64),
) -> Result<[u8; 32], DiskError> {
    read(path, bytes, |chunk| {
        done(chunk.len() as u64);
        Ok(())
    })
}

fn read(
    path: &Path,
    bytes: u64,
    take: impl FnMut(&[u8]) -> Result<(), DiskError>,
) -> Result<[u8; 32], DiskError> {
    read_from(during("open", path, File::open(path))?, path, bytes, take)
}

fn read_from(
    file: File,
    path: &Path,
    bytes: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), DiskError>,
) -> Result<[u8; 32], DiskError> {
    let mut source = file.take(bytes);
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = match source.read(&mut chunk) {
            Err(cause) if cause.kind() == ErrorKind::Interrupted => continue,
            other => during("read", path, other)?,
        };
        if length == 0 {
            break;
        }
        digest.update(&chunk[..length]);
        take(&chunk[..length])?;
    }
    if source.limit() > 0 {
        return during("read", path, Err(ErrorKind::UnexpectedEof.into()));
    }
    Ok(digest.finalize().into())
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_copy_has_the_same_bytes_and_no_more_room_for_holes() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let file = File::create_new(&from).unwrap();
        file.write_all_at(b"begin", 0).unwrap();
        file.write_all_at(b"middle", 5_000_000).unwrap();
        file.set_len(20_000_003).unwrap();
        for bytes in [20_000_003, 5_000_003, 3, 0] {
            let mut seen = 0;
            let digest = copy(&from, bytes, &to, &mut |more| seen += more).unwrap();
            let expected = &fs::read(&from).unwrap()[..usize::try_from(bytes).unwrap()];
            assert!(fs::read(&to).unwrap() == expected, "{bytes}");
            assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(expected)));
            assert_eq!(seen, bytes);
            let taken = to.metadata().unwrap().blocks() * 512;
            assert!(taken <= 4 * PIECE_BYTES as u64, "{taken} bytes for {bytes}");
            assert!(copy(&from, bytes, &to, &mut |_| {}).is_err(), "nothing is written over");
            fs::remove_file(&to).unwrap();
        }
    }
}
