//! The disk of the machine: every call is one or two of the system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::{Access, Disk, DiskFile, DiskLock};

/// The disk of the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Local;

impl Disk for Local {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true);
        match access {
            Access::Read => {}
            Access::InPlace => {
                options.write(true);
            }
            Access::Create => {
                options.write(true).create(true).truncate(true);
            }
        }
        Ok(Box::new(options.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        let taken = file.try_lock();
        held(file, taken)
    }

    fn lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let file = File::open(path)?;
        let taken = file.try_lock_shared();
        held(file, taken)
    }
}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        Self::sync_all(self)
    }
}

#[derive(Debug)]
struct Lock(File);

impl DiskLock for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough while a child process that is being started shares it.
        let _ = self.0.unlock();
    }
}

fn held(file: File, taken: Result<(), TryLockError>) -> io::Result<Option<Box<dyn DiskLock>>> {
    match taken {
        Ok(()) => Ok(Some(Box::new(Lock(file)))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_decides_what_may_be_done_and_what_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for access in [Access::Read, Access::InPlace] {
            let missing = Local.open(&path, access).unwrap_err();
            assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        }
        let file = Local.open(&path, Access::Create).unwrap();
        assert!(file.is_empty().unwrap());
        file.write_at(b"abcdef", 2).unwrap();
        file.set_len(5).unwrap();
        file.sync_data().unwrap();
        file.sync_all().unwrap();
        Local.open(&path, Access::InPlace).unwrap().write_at(b"x", 0).unwrap();
        let file = Local.open(&path, Access::Read).unwrap();
        let mut bytes = [0; 5];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes, *b"x\0abc");
        let short = file.read_exact_at(&mut bytes, 1).unwrap_err();
        assert_eq!(short.kind(), io::ErrorKind::UnexpectedEof);
        assert!(file.write_at(b"y", 0).is_err());
        assert!(Local.open(&path, Access::Create).unwrap().is_empty().unwrap());
    }

    #[test]
    fn names_are_listed_changed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        Local.open(&one, Access::Create).unwrap();
        Local.rename(&one, &two).unwrap();
        assert_eq!(Local.list(dir.path()).unwrap(), std::slice::from_ref(&two));
        Local.sync_folder(dir.path()).unwrap();
        assert!(Local.is_folder(dir.path()) && !Local.is_folder(&two));
        Local.remove(&two).unwrap();
        assert_eq!(Local.list(dir.path()).unwrap(), Vec::<PathBuf>::new());
        Local.remove(&two).unwrap_err();
    }

    #[test]
    fn one_lock_excludes_all_others_and_shared_locks_only_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert_eq!(Local.lock_shared(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        let lock = Local.lock(&path).unwrap();
        assert!(lock.is_some());
        assert!(Local.lock(&path).unwrap().is_none());
        assert!(Local.lock_shared(&path).unwrap().is_none());
        drop(lock);
        let shared = [Local.lock_shared(&path).unwrap(), Local.lock_shared(&path).unwrap()];
        assert!(shared.iter().all(Option::is_some));
        assert!(Local.lock(&path).unwrap().is_none());
        drop(shared);
        assert!(Local.lock(&path).unwrap().is_some());
    }
}
