//! Files and folders behind a trait, and the few durable actions on them that others build on.
//!
//! [`Local`] is the disk of the machine. Everything that stores something takes a [`Disk`], so that
//! the same code runs on [`Simulated`], which fails in chosen ways.
//!
//! A file that appears under its final name is whole and synced ([`create_whole`]). Nothing here
//! retries a failed write or sync, and nothing here knows what the bytes mean.

mod error;
mod folder;
mod local;
mod simulated;
mod stream;
mod whole;

use core::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};

pub use error::{DiskError, During};
pub use folder::{create_folder, number_name, numbered};
pub use local::Local;
pub use simulated::{Fault, Simulated, When};
pub use stream::{Reader, Writer, read_whole, write_zeros};
pub use whole::{create_whole, create_whole_with, remove_unfinished, unfinished};

/// Files and folders by their path. Errors are those of the system, without the path.
pub trait Disk: Debug + Send + Sync {
    /// Creates a folder and the ones above it; one that is there already is no error.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Whether `path` is a folder that can be reached.
    fn is_folder(&self, path: &Path) -> bool;

    /// The paths of all files and folders directly in `folder`, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Opens a file.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name in its folder, in place of the file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable; returns when they are.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Locks a file, created if it is not there, against every other lock. `None`: held elsewhere.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>>;

    /// Locks a file, which must exist, against [`Disk::lock`] alone. `None`: held elsewhere.
    fn lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>>;

    /// Whether all calls must come from one thread. A simulated disk says so, because only then
    /// do they come in the same order each time.
    fn is_single_threaded(&self) -> bool {
        false
    }
}

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read; it must exist.
    Read,
    /// To read and to overwrite in place; it must exist.
    InPlace,
    /// To read and write from empty: created, or cut to nothing.
    Create,
}

/// An open file. Offsets and lengths are in bytes.
pub trait DiskFile: Debug + Send + Sync {
    /// Reads what is at `offset`, which may be less than the buffer holds; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, growing the file if need be. After an error any part of
    /// them may be written. Durable only after a sync.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// The size of the file.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file is empty.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file, or lets it grow by zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes content and size durable; returns when they are. Not to be repeated after a failure:
    /// the system may have given up what it could not write.
    fn sync_data(&self) -> io::Result<()>;

    /// As [`DiskFile::sync_data`], with everything else that the system keeps about the file.
    fn sync_all(&self) -> io::Result<()>;

    /// Fills the buffer from `offset` on; [`io::ErrorKind::UnexpectedEof`] if the file ends before.
    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => {
                    buffer = buffer.get_mut(bytes..).unwrap_or_default();
                    offset += bytes as u64;
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }
}

/// A lock that is held; dropping it lets others have it.
pub trait DiskLock: Debug + Send + Sync {}
