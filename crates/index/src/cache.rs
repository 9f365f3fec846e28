//! Blocks that were read, up to a fixed number of them.
//!
//! A block enters only after its checksum was found right. Blocks never change once they are
//! written, so nothing has to be thrown out but for room: a hand goes round and takes the first
//! block that was not used since it last passed.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use disk::{DiskFile, During};

use crate::block::{self, BLOCK_BYTES, Block, Place};
use crate::error::Error;

/// The blocks in memory.
#[derive(Debug)]
pub(crate) struct Cache {
    blocks_max: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    by_tag: HashMap<u64, usize, Spread>,
    slots: Vec<Slot>,
    hand: usize,
}

#[derive(Debug)]
struct Slot {
    tag: u64,
    block: Arc<Block>,
    is_used: bool,
}

impl Cache {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { blocks_max: (bytes / BLOCK_BYTES).max(1), held: Mutex::default() }
    }

    /// The block at `place`, which is in `file`, which is at `path`.
    pub(crate) fn get(
        &self,
        place: Place,
        file: &dyn DiskFile,
        path: &Path,
    ) -> Result<Arc<Block>, Error> {
        if let Some(block) = self.find(place.tag()) {
            return Ok(block);
        }
        let block = Arc::new(read(place, file, path)?);
        self.keep(place.tag(), Arc::clone(&block));
        Ok(block)
    }

    fn find(&self, tag: u64) -> Option<Arc<Block>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let at = *held.by_tag.get(&tag)?;
        let slot = held.slots.get_mut(at)?;
        slot.is_used = true;
        Some(Arc::clone(&slot.block))
    }

    fn keep(&self, tag: u64, block: Arc<Block>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.by_tag.contains_key(&tag) {
            return;
        }
        let fresh = Slot { tag, block, is_used: false };
        let at = if held.slots.len() < self.blocks_max {
            held.slots.push(fresh);
            held.slots.len() - 1
        } else {
            let at = held.unused();
            let old = core::mem::replace(&mut held.slots[at], fresh);
            held.by_tag.remove(&old.tag);
            at
        };
        held.by_tag.insert(tag, at);
    }
}

impl Held {
    fn unused(&mut self) -> usize {
        loop {
            self.hand = (self.hand + 1) % self.slots.len();
            if !core::mem::take(&mut self.slots[self.hand].is_used) {
                return self.hand;
            }
        }
    }
}

/// Reads and checks one block.
fn read(place: Place, file: &dyn DiskFile, path: &Path) -> Result<Block, Error> {
    let mut block = [0; BLOCK_BYTES];
    let number = u64::from(place.block);
    let damaged = |what| Error::Damaged { file: path.to_owned(), block: number, what };
    match file.read_exact_at(&mut block, number * BLOCK_BYTES as u64) {
        Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(damaged("the file ends before it"));
        }
        read => read.during("read", path)?,
    }
    block::check(&block, place).map_err(damaged)?;
    Ok(block)
}

/// Spreads numbers over a table; they need not be random.
pub(crate) type Spread = BuildHasherDefault<SpreadHasher>;

/// See [`Spread`].
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SpreadHasher(u64);

impl Hasher for SpreadHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 29;
    }
}

#[cfg(test)]
mod tests {
    use disk::{Access, Disk as _, Local};

    use super::*;
    use crate::block::{Family, Head, Kind};

    #[test]
    fn blocks_used_again_stay_and_their_number_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = Local.open(&path, Access::Create).unwrap();
        let place = |block| Place { family: Family::Run, file: 1, block };
        for number in 0..10 {
            let mut block = block::empty();
            block::content_mut(&mut block)[0] = u8::try_from(number).unwrap();
            block::seal(&mut block, Head { kind: Kind::Keys, level: 0, count: 1 }, place(number));
            file.write_at(&block[..], u64::from(number) * 4096).unwrap();
        }
        let cache = Cache::new(4 * BLOCK_BYTES);
        for round in 0..3 {
            for number in 0..10 {
                for number in [number, 0] {
                    let block = cache.get(place(number), &*file, &path).unwrap();
                    assert_eq!(u32::from(block::content(&block)[0]), number, "{round}");
                }
            }
        }
        let held = cache.held.lock().unwrap();
        assert_eq!((held.slots.len(), held.by_tag.len()), (4, 4));
        assert!(held.by_tag.contains_key(&place(0).tag()));
        drop(held);
        let error = cache.get(place(10), &*file, &path).unwrap_err();
        assert!(error.to_string().contains("block 10: the file ends before it"), "{error}");
    }
}
