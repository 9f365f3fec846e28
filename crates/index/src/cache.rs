//! Blocks that were read, up to a fixed number of them.
//!
//! A block enters only after its checksum was found right. Blocks never change once they are
//! written, so nothing has to be thrown out but for room. The number of a block's place leads to a
//! set of a few slots, each set under a lock of its own. In a full set a hand goes round, and every
//! block loses one of its uses as it passes; the first that has none left goes. So blocks that are
//! used once, like those of rows, do not drive out those that are used again and again.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::{DiskFile, During};

use crate::block::{self, BLOCK_BYTES, Block, Place};
use crate::error::Error;
use crate::narrow;

/// Slots of a set.
const WAYS: usize = 16;
/// Uses of a block that count.
const USES: u8 = 3;
/// The tag of no block: there are only three families of files.
const FREE: u64 = u64::MAX;

/// The blocks in memory.
#[derive(Debug)]
pub(crate) struct Cache {
    /// Held for moments, never while a file is read.
    sets: Vec<Mutex<Set>>,
    /// Slots of a set that are used.
    ways: usize,
}

#[derive(Debug)]
struct Set {
    tags: [u64; WAYS],
    blocks: [Option<Arc<Block>>; WAYS],
    /// Not counting that which brought the block in.
    uses: [u8; WAYS],
    hand: usize,
}

impl Cache {
    pub(crate) fn new(bytes: usize) -> Self {
        let blocks_max = (bytes / BLOCK_BYTES).max(1);
        let sets = (0..blocks_max.div_ceil(WAYS)).map(|_| Mutex::default()).collect();
        Self { sets, ways: WAYS.min(blocks_max) }
    }

    /// The block at `place`, which is in `file`, which is at `path`.
    pub(crate) fn get(
        &self,
        place: Place,
        file: &dyn DiskFile,
        path: &Path,
    ) -> Result<Arc<Block>, Error> {
        self.look(place, file, path, Arc::clone)
    }

    /// What `look` says of that block. It has to be short: others who want the block wait for it.
    pub(crate) fn look<T>(
        &self,
        place: Place,
        file: &dyn DiskFile,
        path: &Path,
        look: impl FnOnce(&Arc<Block>) -> T,
    ) -> Result<T, Error> {
        let tag = place.tag();
        let mut set = self.set(tag);
        if let Some(at) = set.tags.iter().position(|held| *held == tag) {
            set.uses[at] = USES.min(set.uses[at] + 1);
            if let Some(block) = &set.blocks[at] {
                return Ok(look(block));
            }
        }
        drop(set);
        let block = Arc::new(read(place, file, path)?);
        let found = look(&block);
        self.set(tag).keep(tag, block, self.ways);
        Ok(found)
    }

    fn set(&self, tag: u64) -> MutexGuard<'_, Set> {
        let spread = tag.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let spread = (spread ^ spread >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        let at = (u128::from(spread) * self.sets.len() as u128) >> 64;
        let set = &self.sets[narrow::index(narrow::low_half(at))];
        set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Set {
    fn default() -> Self {
        Self { tags: [FREE; WAYS], blocks: Default::default(), uses: [0; WAYS], hand: 0 }
    }
}

impl Set {
    fn keep(&mut self, tag: u64, block: Arc<Block>, ways: usize) {
        if self.tags.contains(&tag) {
            return;
        }
        loop {
            self.hand = (self.hand + 1) % ways;
            match self.uses[self.hand].checked_sub(1) {
                Some(uses) => self.uses[self.hand] = uses,
                None => break,
            }
        }
        self.tags[self.hand] = tag;
        self.blocks[self.hand] = Some(block);
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
        let [set] = &cache.sets[..] else { panic!("{cache:?}") };
        let set = set.lock().unwrap();
        assert_eq!(set.blocks.iter().flatten().count(), 4);
        assert!(set.tags.contains(&place(0).tag()));
        drop(set);
        let error = cache.get(place(10), &*file, &path).unwrap_err();
        assert!(error.to_string().contains("block 10: the file ends before it"), "{error}");
    }
}
