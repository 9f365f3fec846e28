//! The bytes of one simulated file: on the disk, in the page cache, and the writes between them.
//!
//! Reads see the cache. A sync brings the waiting writes to the disk. A power loss keeps, loses or
//! tears each of them by itself, so later ones can be there without earlier ones.

use std::path::{Path, PathBuf};

use super::random::Random;

/// The unit that the disk writes whole or not at all.
pub(super) const SECTOR_BYTES: usize = 512;

/// One file, whatever its name.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// Its newest name.
    pub(super) path: PathBuf,
    /// How often it is open.
    pub(super) handles: usize,
    cached: Vec<u8>,
    durable: Vec<u8>,
    waiting: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

/// What becomes of a write on its way to the disk.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Right,
    Nowhere,
    Astray,
}

impl Content {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.cached
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8], way: Way, random: &mut Random) {
        put(&mut self.cached, offset, bytes);
        let offset = match way {
            Way::Right => offset,
            Way::Nowhere => return,
            Way::Astray => astray(offset, self.cached.len(), random),
        };
        self.waiting.push(Change::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.cached.resize(len, 0);
        self.waiting.push(Change::SetLen(len));
    }

    pub(super) fn sync(&mut self) {
        for change in std::mem::take(&mut self.waiting) {
            change.reach(&mut self.durable);
        }
    }

    /// What waits is given up as far as the seed wants it, and nothing tells the cache.
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        self.durable = self.after_power_loss(random);
        self.waiting.clear();
    }

    /// What a start after a power loss finds.
    pub(super) fn crashed(&self, random: &mut Random) -> Self {
        let durable = self.after_power_loss(random);
        let cached = durable.clone();
        Self { path: self.path.clone(), handles: 0, cached, durable, waiting: Vec::new() }
    }

    fn after_power_loss(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        // All or nothing happens often on real machines, and seldom by many coins.
        let mood = random.below(4);
        for change in &self.waiting {
            match (mood, random.below(3)) {
                (0, _) | (2 | 3, 0) => change.be_lost(&mut bytes, random),
                (1, _) | (2 | 3, 1) => change.clone().reach(&mut bytes),
                _ => change.tear(&mut bytes, random),
            }
        }
        bytes
    }

    /// Flips a bit on the disk; the cache has it right only while the byte waits to be written.
    /// Says whether there is such a byte.
    pub(super) fn flip(&mut self, offset: usize, bit: u8) -> bool {
        let Some(byte) = self.durable.get_mut(offset) else { return false };
        *byte ^= 1 << (bit % 8);
        let waits = self.waiting.iter().any(|change| change.covers(offset));
        if let Some(byte) = self.cached.get_mut(offset).filter(|_| !waits) {
            *byte ^= 1 << (bit % 8);
        }
        true
    }

    pub(super) fn durable_len(&self) -> usize {
        self.durable.len()
    }
}

impl Change {
    fn reach(self, disk: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => put(disk, offset, &bytes),
            Self::SetLen(len) => disk.resize(len, 0),
        }
    }

    /// The size of a file may be on the disk without its bytes.
    fn be_lost(&self, disk: &mut Vec<u8>, random: &mut Random) {
        if let Self::Write { offset, bytes } = self
            && offset + bytes.len() > disk.len()
            && random.coin()
        {
            disk.resize(offset + bytes.len(), 0);
        }
    }

    fn tear(&self, disk: &mut Vec<u8>, random: &mut Random) {
        let Self::Write { offset, bytes } = self else { return self.be_lost(disk, random) };
        let mut at = 0;
        while at < bytes.len() {
            let piece = bytes.len().min(at + to_next_sector(offset + at)) - at;
            if random.coin() {
                put(disk, offset + at, &bytes[at..at + piece]);
            }
            at += piece;
        }
    }

    fn covers(&self, at: usize) -> bool {
        match self {
            Self::Write { offset, bytes } => (*offset..offset + bytes.len()).contains(&at),
            Self::SetLen(len) => at >= *len,
        }
    }
}

fn put(target: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if target.len() < end {
        target.resize(end, 0);
    }
    target[offset..end].copy_from_slice(bytes);
}

fn to_next_sector(offset: usize) -> usize {
    SECTOR_BYTES - offset % SECTOR_BYTES
}

/// Another place of the file, a number of whole sectors away.
fn astray(offset: usize, len: usize, random: &mut Random) -> usize {
    let (within, own) = (offset % SECTOR_BYTES, offset / SECTOR_BYTES);
    let sectors = (len / SECTOR_BYTES).max(1);
    let drawn = usize::try_from(random.below(sectors as u64)).unwrap_or(0);
    // The one after the last stands for its own place, so that it always goes astray.
    (if drawn == own { sectors } else { drawn }) * SECTOR_BYTES + within
}
