//! All that a simulated disk holds, and what each call does to it.
//!
//! Every call goes through [`World::begin`] first: it counts, records, and lets faults strike.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::content::{Content, SECTOR_BYTES, Way};
use super::fault::{Armed, Fault, Operation};
use super::names::{Names, Node};
use super::random::{Fingerprint, Random};
use crate::Access;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const NO_POWER: &str = "the power is gone";

#[derive(Debug)]
pub(super) struct World {
    pub(super) armed: Armed,
    pub(super) capacity_bytes: Option<u64>,
    pub(super) is_down: bool,
    is_read_only: bool,
    pub(super) operations: u64,
    pub(super) changes: u64,
    pub(super) fingerprint: Fingerprint,
    random: Random,
    names: Names,
    files: BTreeMap<u64, Content>,
    next_file: u64,
    /// How often each file is locked; the one exclusive lock stands as [`EXCLUSIVE`].
    locks: BTreeMap<PathBuf, usize>,
}

const EXCLUSIVE: usize = usize::MAX;

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            armed: Armed::default(),
            capacity_bytes: None,
            is_down: false,
            is_read_only: false,
            operations: 0,
            changes: 0,
            fingerprint: Fingerprint(seed),
            random: Random(seed),
            names: Names::default(),
            files: BTreeMap::new(),
            next_file: 1,
            locks: BTreeMap::new(),
        }
    }

    pub(super) fn restart(&mut self) -> Self {
        let (names, mut files) = (self.names.clone(), self.files.clone());
        for content in files.values_mut() {
            content.handles = 0;
        }
        Self { is_read_only: self.is_read_only, ..self.after(names, files) }
    }

    pub(super) fn crash(&mut self) -> Self {
        let names = self.names.crashed(&mut self.random);
        let named = names.named();
        let mut files = BTreeMap::new();
        for (number, content) in self.files.iter().filter(|(number, _)| named.contains(number)) {
            files.insert(*number, content.crashed(&mut self.random));
        }
        for (path, number) in names.files() {
            if let Some(content) = files.get_mut(&number) {
                content.path.clone_from(path);
            }
        }
        self.after(names, files)
    }

    /// The disk of the next process.
    fn after(&mut self, names: Names, files: BTreeMap<u64, Content>) -> Self {
        self.is_down = true;
        self.operations += 1;
        // An outcome has numbers of its own, so that asking twice does not repeat them.
        let random = Random(self.random.draw());
        self.fingerprint.number(random.0);
        Self {
            armed: Armed::default(),
            is_down: false,
            is_read_only: false,
            fingerprint: self.fingerprint.clone(),
            random,
            names,
            files,
            locks: BTreeMap::new(),
            ..*self
        }
    }

    /// Counts and records the call. Gives the fault that its caller has to carry out.
    fn begin(&mut self, operation: Operation, path: &Path) -> io::Result<Option<Fault>> {
        if self.is_down {
            return Err(io::Error::other(NO_POWER));
        }
        self.operations += 1;
        self.changes += u64::from(operation.is_change());
        if self.is_read_only && operation.is_change() {
            return Err(io::Error::from_raw_os_error(EROFS));
        }
        let fault = self.armed.strike(operation, path, &mut self.random);
        self.fingerprint.number(operation as u64);
        self.fingerprint.bytes(path.as_os_str().as_encoded_bytes());
        self.fingerprint.number(fault.map_or(0, |fault| fault as u64 + 1));
        // The call under way may still have its effect; it gets no answer.
        self.is_down = fault == Some(Fault::PowerLoss);
        match fault {
            Some(Fault::ReadError) => Err(io::Error::from_raw_os_error(EIO)),
            other => Ok(other),
        }
    }

    /// The answer to a call that was carried out as far as its fault let it.
    fn end(fault: Option<Fault>) -> io::Result<()> {
        match fault {
            Some(Fault::PowerLoss) => Err(io::Error::other(NO_POWER)),
            Some(Fault::WriteError | Fault::SyncError) => Err(io::Error::from_raw_os_error(EIO)),
            _ => Ok(()),
        }
    }

    /// As [`World::begin`], for an open file.
    fn begin_on(&mut self, operation: Operation, number: u64) -> io::Result<Option<Fault>> {
        let path = self.files.get(&number).map(|content| content.path.clone()).unwrap_or_default();
        self.begin(operation, &path)
    }

    pub(super) fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        let fault = self.begin(Operation::CreateFolder, path)?;
        let mut missing: Vec<&Path> = path.ancestors().collect();
        missing.retain(|folder| !self.names.is_folder(folder));
        for folder in missing.into_iter().rev() {
            if self.names.get(folder).is_some() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            self.names.add(folder, Node::Folder);
        }
        Self::end(fault)
    }

    pub(super) fn is_folder(&self, path: &Path) -> bool {
        !self.is_down && self.names.is_folder(path)
    }

    pub(super) fn list(&mut self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.begin(Operation::List, folder)?;
        self.names.check_folder(folder)?;
        Ok(self.names.list(folder))
    }

    pub(super) fn open(&mut self, path: &Path, access: Access) -> io::Result<u64> {
        let number = if access == Access::Create {
            let fault = self.begin(Operation::Create, path)?;
            let number = self.create(path)?;
            Self::end(fault)?;
            number
        } else {
            self.begin(Operation::Open, path)?;
            self.names.file(path)?
        };
        self.content(number)?.handles += 1;
        Ok(number)
    }

    /// The empty file under this name, new or not.
    fn create(&mut self, path: &Path) -> io::Result<u64> {
        if self.names.get(path).is_some() {
            let number = self.names.file(path)?;
            let content = self.content(number)?;
            if !content.bytes().is_empty() {
                content.set_len(0);
            }
            return Ok(number);
        }
        self.names.check_folder(path.parent().unwrap_or(Path::new("")))?;
        let number = self.next_file;
        self.next_file += 1;
        self.files.insert(number, Content::new(path));
        self.names.add(path, Node::File(number));
        Ok(number)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let fault = self.begin(Operation::Rename, from)?;
        self.fingerprint.bytes(to.as_os_str().as_encoded_bytes());
        let number = self.names.file(from)?;
        if from.parent() != to.parent() || self.names.is_folder(to) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.names.rename(from, to, number);
        to.clone_into(&mut self.content(number)?.path);
        Self::end(fault)
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let fault = self.begin(Operation::Remove, path)?;
        self.names.file(path)?;
        self.names.remove(path);
        Self::end(fault)
    }

    pub(super) fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        let fault = self.begin(Operation::SyncFolder, folder)?;
        self.names.check_folder(folder)?;
        match fault {
            Some(Fault::PowerLoss | Fault::LyingSync) => {}
            Some(_) => {
                self.names.fail_sync(folder, &mut self.random);
                self.is_read_only = true;
            }
            None => self.names.sync(folder),
        }
        let named = self.names.named();
        self.files.retain(|number, content| content.handles > 0 || named.contains(number));
        Self::end(fault)
    }

    pub(super) fn lock(&mut self, path: &Path) -> io::Result<bool> {
        self.begin(Operation::Lock, path)?;
        if self.names.get(path).is_none() {
            self.create(path)?;
        }
        Ok(self.take_lock(path, true))
    }

    pub(super) fn lock_shared(&mut self, path: &Path) -> io::Result<bool> {
        self.begin(Operation::Lock, path)?;
        self.names.file(path)?;
        Ok(self.take_lock(path, false))
    }

    fn take_lock(&mut self, path: &Path, is_exclusive: bool) -> bool {
        let held = self.locks.entry(path.to_owned()).or_default();
        match (*held, is_exclusive) {
            (0, true) => *held = EXCLUSIVE,
            (EXCLUSIVE, _) | (_, true) => return false,
            (_, false) => *held += 1,
        }
        true
    }

    pub(super) fn unlock(&mut self, path: &Path) {
        if let Some(held) = self.locks.get_mut(path) {
            *held = if *held == EXCLUSIVE { 0 } else { held.saturating_sub(1) };
        }
    }

    pub(super) fn read_at(
        &mut self,
        number: u64,
        buffer: &mut [u8],
        offset: u64,
    ) -> io::Result<usize> {
        let fault = self.begin_on(Operation::Read, number)?;
        self.fingerprint.number(offset);
        let bytes = self.content(number)?.bytes();
        let rest = bytes.get(index(offset)?..).unwrap_or_default();
        let mut count = rest.len().min(buffer.len());
        if count > 1 && fault == Some(Fault::ShortRead) {
            count = 1 + index(self.random.below(count as u64 - 1))?;
        }
        let rest = self.content(number)?.bytes().get(index(offset)?..).unwrap_or_default();
        buffer[..count].copy_from_slice(&rest[..count]);
        self.fingerprint.number(count as u64);
        Ok(count)
    }

    pub(super) fn write_at(&mut self, number: u64, bytes: &[u8], offset: u64) -> io::Result<()> {
        let fault = self.begin_on(Operation::Write, number)?;
        self.fingerprint.number(offset);
        self.fingerprint.bytes(bytes);
        let at = index(offset)?;
        let room = self.room_at(number, at, bytes.len())?;
        let way = match fault {
            Some(Fault::StaleWrite) => Way::Nowhere,
            Some(Fault::MisdirectedWrite) => Way::Astray,
            _ => Way::Right,
        };
        let written = match fault {
            Some(Fault::WriteError) => self.some_sectors(bytes.len())?.min(room),
            _ => bytes.len().min(room),
        };
        let content = self.files.get_mut(&number).ok_or(io::ErrorKind::NotFound)?;
        if written > 0 {
            content.write(at, &bytes[..written], way, &mut self.random);
        }
        Self::end(fault)?;
        if written < bytes.len() { Err(io::Error::from_raw_os_error(ENOSPC)) } else { Ok(()) }
    }

    /// How many of `count` bytes at `at` find room on the disk.
    fn room_at(&mut self, number: u64, at: usize, count: usize) -> io::Result<usize> {
        let len = self.content(number)?.bytes().len();
        let Some(capacity) = self.capacity_bytes else { return Ok(count) };
        let named: BTreeSet<u64> = self.names.files().map(|(_, number)| number).collect();
        let counts =
            |number: &u64, content: &Content| content.handles > 0 || named.contains(number);
        let counted = self.files.iter().filter(|(number, content)| counts(number, content));
        let used: usize = counted.map(|(_, content)| content.bytes().len()).sum();
        let largest = len.saturating_add(index(capacity)?.saturating_sub(used));
        Ok(largest.max(len).saturating_sub(at).min(count))
    }

    fn some_sectors(&mut self, bytes: usize) -> io::Result<usize> {
        let sectors = self.random.below(bytes.div_ceil(SECTOR_BYTES) as u64);
        Ok(index(sectors)? * SECTOR_BYTES)
    }

    pub(super) fn len(&mut self, number: u64) -> io::Result<u64> {
        self.begin_on(Operation::Len, number)?;
        Ok(self.content(number)?.bytes().len() as u64)
    }

    pub(super) fn set_len(&mut self, number: u64, len: u64) -> io::Result<()> {
        let fault = self.begin_on(Operation::SetLen, number)?;
        self.fingerprint.number(len);
        if fault != Some(Fault::WriteError) {
            self.content(number)?.set_len(index(len)?);
        }
        Self::end(fault)
    }

    pub(super) fn sync(&mut self, number: u64) -> io::Result<()> {
        let fault = self.begin_on(Operation::Sync, number)?;
        let content = self.files.get_mut(&number).ok_or(io::ErrorKind::NotFound)?;
        match fault {
            Some(Fault::PowerLoss | Fault::LyingSync) => {}
            Some(_) => content.fail_sync(&mut self.random),
            None => content.sync(),
        }
        Self::end(fault)
    }

    pub(super) fn close(&mut self, number: u64) {
        if let Some(content) = self.files.get_mut(&number) {
            content.handles = content.handles.saturating_sub(1);
        }
    }

    pub(super) fn flip_bit(&mut self, path: &Path, offset: u64, bit: u8) -> bool {
        let content = self.names.file(path).ok().and_then(|number| self.files.get_mut(&number));
        match (content, index(offset)) {
            (Some(content), Ok(offset)) => content.flip(offset, bit),
            _ => false,
        }
    }

    pub(super) fn flip_some_bit(&mut self, path: &Path) -> Option<u64> {
        let len = self.files.get(&self.names.file(path).ok()?)?.durable_len();
        let offset = self.random.below(len as u64);
        let bit = u8::try_from(self.random.below(8)).unwrap_or(0);
        self.flip_bit(path, offset, bit).then_some(offset)
    }

    pub(super) fn sizes(&self) -> Vec<(PathBuf, u64)> {
        let size = |number| self.files.get(&number).map_or(0, |file| file.bytes().len() as u64);
        self.names.files().map(|(path, number)| (path.clone(), size(number))).collect()
    }

    fn content(&mut self, number: u64) -> io::Result<&mut Content> {
        self.files.get_mut(&number).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn index(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(io::Error::other)
}
