//! What is sealed and not written yet: readable, waited for, and in no manifest too early.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use disk::{Access, Disk, DiskFile, DiskLock, Local};
use index::{Index, Options};

use crate::world::*;

/// A local disk on which nothing is created while the gate is shut.
#[derive(Debug, Default)]
struct Gate {
    is_open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn open_up(&self) {
        *self.is_open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

impl Disk for Gate {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        Local.create_folder(path)
    }
    fn is_folder(&self, path: &Path) -> bool {
        Local.is_folder(path)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Local.list(folder)
    }
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        if access == Access::Create {
            let shut = self.is_open.lock().unwrap();
            drop(self.changed.wait_while(shut, |is_open| !*is_open).unwrap());
        }
        Local.open(path, access)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Local.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Local.remove(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        Local.sync_folder(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        Local.lock(path)
    }
    fn lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        Local.lock_shared(path)
    }
}

#[test]
fn sealed_chunks_are_read_from_memory_and_a_third_seal_would_wait() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Arc::new(Gate::default());
    let options = Options { background: true, ..TINY };
    let shared: Arc<dyn Disk> = gate.clone();
    let mut index = Index::create(shared, dir.path(), SCHEMA, options).unwrap();
    let mut naive = Naive::default();
    let mut sealed = Vec::new();
    for part in 0..2 {
        assert!(!index.would_seal_wait());
        fill(&mut index, &mut naive, part * 130, part * 130 + 130);
        sealed.push((index.seal().unwrap(), naive.clone()));
    }
    assert!(index.would_seal_wait());
    // Two chunks are sealed, none is written, and a third one grows beyond its size.
    fill(&mut index, &mut naive, 260, 470);
    assert!(index.is_chunk_full());
    naive.check(&index, 21, keys(500));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

    // The writer waits within a seal, and a reader for the first manifest, until the gate opens.
    let third = thread::spawn(move || {
        let third = index.seal().unwrap();
        (index, third)
    });
    let opener = thread::spawn(move || gate.open_up());
    let mut manifests = Vec::new();
    for (sealed, naive) in sealed {
        let manifest = sealed.manifest().unwrap();
        assert_eq!(manifest.len(), naive.rows.len() as u64);
        manifests.push((manifest, naive));
    }
    opener.join().unwrap();
    let (index, sealed) = third.join().unwrap();
    naive.check(&index, 21, keys(500));
    // What is sealed is written, also when the index is dropped at once.
    drop(index);
    let manifest = sealed.manifest().unwrap();
    naive.check(&open(dir.path(), options, &manifest).unwrap(), 21, keys(500));
}
