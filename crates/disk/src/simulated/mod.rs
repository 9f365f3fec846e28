//! A disk in memory that fails as real ones do, from a seed: for simulation and tests.
//!
//! It keeps apart what programs see and what would be there after a power loss: content waits for
//! a sync of its file, names wait for a sync of their folder. [`Simulated::crash`] gives the disk
//! as a start after a power loss finds it, [`Simulated::restart`] as one after the end of the
//! process alone; [`Simulated::arm`] makes single calls fail.
//!
//! The same seed and the same calls in the same order give the same bytes, answers and
//! [`Simulated::fingerprint`]. It is stricter than most file systems: the name of a new file is
//! durable only when its folder was synced.

mod content;
mod fault;
mod names;
mod random;
#[cfg(test)]
mod tests;
mod world;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use fault::{Fault, When};

use self::names::plain;
use self::world::World;
use crate::{Access, Disk, DiskFile, DiskLock};

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct Simulated(Arc<Mutex<World>>);

impl Simulated {
    /// An empty disk without faults, whose faults and crashes will follow `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World::new(seed))))
    }

    /// Lets `fault` strike.
    pub fn arm(&self, fault: Fault, when: When) {
        self.arm_within("", fault, when);
    }

    /// Lets `fault` strike on paths that contain `text`.
    pub fn arm_within(&self, text: &str, fault: Fault, when: When) {
        self.world().armed.add(fault, when, text);
    }

    /// Takes all armed faults back; a disk without power stays so.
    pub fn disarm(&self) {
        self.world().armed.clear();
    }

    /// Lets all files together grow to no more than `bytes`; `None` is an endless disk. Beyond it
    /// a write fails with `ENOSPC` after the part that fits.
    pub fn set_capacity_bytes(&self, bytes: Option<u64>) {
        self.world().capacity_bytes = bytes;
    }

    /// Flips bit `bit` (0 to 7) of a byte that is on the disk. Says whether there is such a byte.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) -> bool {
        self.world().flip_bit(&plain(path), offset, bit)
    }

    /// Flips one bit of the file that the seed chooses, and gives its byte; `None` if nothing of
    /// the file is on the disk.
    pub fn flip_some_bit(&self, path: &Path) -> Option<u64> {
        self.world().flip_some_bit(&plain(path))
    }

    /// Takes the power: every later call on this disk fails, and locks do not outlive it. Gives
    /// the disk that the next start finds, without armed faults. Asked again it gives another
    /// outcome of the same loss.
    #[must_use]
    pub fn crash(&self) -> Self {
        Self(Arc::new(Mutex::new(self.world().crash())))
    }

    /// Ends the process and not the power: every later call on this disk fails, and locks are
    /// free. Gives the disk as the next process finds it, with all that was written, durable or
    /// not, and without armed faults. After [`Fault::PowerLoss`] it is as if that call had ended
    /// the process.
    #[must_use]
    pub fn restart(&self) -> Self {
        Self(Arc::new(Mutex::new(self.world().restart())))
    }

    /// Whether the power is gone.
    pub fn is_down(&self) -> bool {
        self.world().is_down
    }

    /// How many calls the disk has taken, crashes included.
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// How many of them were to change something: the points at which [`Fault::PowerLoss`] can
    /// strike.
    pub fn changes(&self) -> u64 {
        self.world().changes
    }

    /// A hash over all calls so far with what they wrote, crashes included: equal for equal runs.
    pub fn fingerprint(&self) -> u64 {
        self.world().fingerprint.0
    }

    /// All files with their sizes in bytes, by path. No call of the disk, so it always answers.
    pub fn files(&self) -> Vec<(PathBuf, u64)> {
        self.world().sizes()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for Simulated {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.world().create_folder(&plain(path))
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.world().is_folder(&plain(path))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.world().list(&plain(folder))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let number = self.world().open(&plain(path), access)?;
        let is_writable = access != Access::Read;
        Ok(Box::new(Open { disk: self.clone(), number, is_writable }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.world().rename(&plain(from), &plain(to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.world().remove(&plain(path))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.world().sync_folder(&plain(path))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let path = plain(path);
        let taken = self.world().lock(&path)?;
        Ok(taken.then(|| Box::new(Held { disk: self.clone(), path }) as Box<dyn DiskLock>))
    }

    fn lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let path = plain(path);
        let taken = self.world().lock_shared(&path)?;
        Ok(taken.then(|| Box::new(Held { disk: self.clone(), path }) as Box<dyn DiskLock>))
    }

    fn is_single_threaded(&self) -> bool {
        true
    }
}

/// An open file; it stays what it was when its name goes to another.
#[derive(Debug)]
struct Open {
    disk: Simulated,
    number: u64,
    is_writable: bool,
}

impl Open {
    fn check_writable(&self) -> io::Result<()> {
        if self.is_writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

impl DiskFile for Open {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.world().read_at(self.number, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.check_writable()?;
        self.disk.world().write_at(self.number, bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.world().len(self.number)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        self.disk.world().set_len(self.number, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.world().sync(self.number)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.disk.world().sync(self.number)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.disk.world().close(self.number);
    }
}

#[derive(Debug)]
struct Held {
    disk: Simulated,
    path: PathBuf,
}

impl DiskLock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.disk.world().unlock(&self.path);
    }
}
