//! The files of the tree: what the log keeps of each leaf, and the hashes of full tiles.
//!
//! `leaves` has 48 bytes a leaf: the commitment 32, the leaf before it of the debit account and of the
//! credit account 8 each, big-endian. `tiles.N` has the hashes at level N of the tiles, 32 bytes
//! each, from level 1 on; those of level 0 follow from the commitments. At the place of an epoch
//! record stand zeros: the state has its bytes. All of it follows from the journal and the secrets.
//!
//! Invariant: what stands before a size that was told to a reader never changes. Nothing here is
//! synced but by [`Files::sync`]: what a crash takes away is made again.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use disk::{Access, Disk, DiskError, DiskFile, During};
use tlog::{
    Hash, Layer, TILE_WIDTH, Tile, TileReader, encode_entries, encode_hashes, leaf_hash,
    leaf_hashes,
};

use super::columns::LeafRow;

pub(super) const LEAVES: &str = "leaves";
pub(super) const LEAF_BYTES: usize = 48;
const HASH_BYTES: u64 = 32;
/// Levels of tiles above the first; eight more would hold more leaves than there are numbers.
pub(super) const UPPER_LEVELS: u8 = 7;

/// Epoch records by their leaf.
pub(super) type Epochs = BTreeMap<u64, Arc<[u8]>>;

/// The open files. Shared: one writes behind the end, all read before it.
#[derive(Debug)]
pub(super) struct Files {
    leaves: (PathBuf, Box<dyn DiskFile>),
    upper: Vec<(PathBuf, Box<dyn DiskFile>)>,
    epochs: RwLock<Epochs>,
}

impl Files {
    /// Opens the files, or makes empty ones where there are none.
    pub(super) fn open(disk: &dyn Disk, dir: &Path) -> Result<Self, DiskError> {
        let open = |name: String| {
            let path = dir.join(name);
            let file = match disk.open(&path, Access::InPlace) {
                Err(cause) if cause.kind() == ErrorKind::NotFound => {
                    disk.open(&path, Access::Create)
                }
                opened => opened,
            };
            file.during("open", &path).map(|file| (path.clone(), file))
        };
        let leaves = open(LEAVES.to_owned())?;
        let upper = (1..=UPPER_LEVELS).map(|level| open(format!("tiles.{level}")));
        let files =
            Self { leaves, upper: upper.collect::<Result<_, _>>()?, epochs: RwLock::default() };
        disk.sync_folder(dir).during("sync folder", dir)?;
        Ok(files)
    }

    /// Whether the files reach as far as a tree of this size needs.
    pub(super) fn reach(&self, size: u64) -> Result<bool, DiskError> {
        let has = |(path, file): &(PathBuf, Box<dyn DiskFile>), bytes: u64| {
            file.len().during("read the size of", path).map(|len| len >= bytes)
        };
        let mut reach = has(&self.leaves, size * LEAF_BYTES as u64)?;
        for (level, file) in (1..).zip(&self.upper) {
            reach &= has(file, Layer::Hashes(level).count(size) * HASH_BYTES)?;
        }
        Ok(reach)
    }

    /// Writes leaves from index `first` on.
    pub(super) fn write_leaves(&self, first: u64, rows: &[u8]) -> Result<(), DiskError> {
        let (path, file) = &self.leaves;
        file.write_at(rows, first * LEAF_BYTES as u64).during("write", path)
    }

    /// Writes hashes of a level from 1 on, from place `first` on.
    pub(super) fn write_hashes(
        &self,
        level: u8,
        first: u64,
        hashes: &[Hash],
    ) -> Result<(), DiskError> {
        let Some((path, file)) = self.upper.get(usize::from(level) - 1) else { return Ok(()) };
        file.write_at(&encode_hashes(hashes), first * HASH_BYTES).during("write", path)
    }

    /// Remembers an epoch record.
    pub(super) fn add_epoch(&self, leaf: u64, entry: Arc<[u8]>) {
        self.epochs.write().unwrap_or_else(PoisonError::into_inner).insert(leaf, entry);
    }

    /// Makes everything durable.
    pub(super) fn sync(&self) -> Result<(), DiskError> {
        std::iter::once(&self.leaves)
            .chain(&self.upper)
            .try_for_each(|(path, file)| file.sync_data().during("sync", path))
    }

    /// What is kept of the leaves in a range, all of which are there.
    pub(super) fn leaves(&self, range: Range<u64>) -> Result<Vec<LeafRow>, DiskError> {
        let (path, file) = &self.leaves;
        let count = usize::try_from(range.end - range.start).unwrap_or(0);
        let mut bytes = vec![0; count * LEAF_BYTES];
        file.read_exact_at(&mut bytes, range.start * LEAF_BYTES as u64).during("read", path)?;
        let (rows, _) = bytes.as_chunks::<LEAF_BYTES>();
        Ok(rows.iter().map(LeafRow::from_bytes).collect())
    }

    fn epochs_in(&self, range: Range<u64>) -> Epochs {
        let epochs = self.epochs.read().unwrap_or_else(PoisonError::into_inner);
        epochs.range(range).map(|(leaf, entry)| (*leaf, Arc::clone(entry))).collect()
    }

    /// The entries of the leaves in a range.
    pub(super) fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, DiskError> {
        let epochs = self.epochs_in(range.clone());
        let rows = self.leaves(range.clone())?;
        Ok(range
            .zip(rows)
            .map(|(leaf, row)| match epochs.get(&leaf) {
                Some(entry) => entry.to_vec(),
                None => row.entry().to_vec(),
            })
            .collect())
    }

    fn leaf_hashes(&self, range: Range<u64>) -> Result<Vec<Hash>, DiskError> {
        let rows = self.leaves(range.clone())?;
        let entries: Vec<_> = rows.into_iter().map(LeafRow::entry).collect();
        let mut hashes = leaf_hashes(&entries);
        for (leaf, entry) in self.epochs_in(range.clone()) {
            let place = usize::try_from(leaf - range.start).ok();
            if let Some(hash) = place.and_then(|place| hashes.get_mut(place)) {
                *hash = leaf_hash(&entry);
            }
        }
        Ok(hashes)
    }

    /// The hashes of a tile of hashes.
    pub(super) fn hashes(&self, tile: Tile) -> Result<Vec<Hash>, DiskError> {
        let first = tile.index() * TILE_WIDTH;
        let Layer::Hashes(level @ 1..=UPPER_LEVELS) = tile.layer() else {
            return self.leaf_hashes(first..first + tile.width() as u64);
        };
        let (path, file) = &self.upper[usize::from(level) - 1];
        let mut bytes = vec![0; tile.width() * 32];
        file.read_exact_at(&mut bytes, first * HASH_BYTES).during("read", path)?;
        Ok(bytes.as_chunks::<32>().0.iter().copied().map(Hash).collect())
    }

    /// The bytes of a tile as it is served; the tree has at least its width.
    pub(super) fn tile(&self, tile: Tile) -> Result<Vec<u8>, DiskError> {
        if tile.layer() != Layer::Entries {
            return Ok(encode_hashes(&self.hashes(tile)?));
        }
        let first = tile.index() * TILE_WIDTH;
        let entries = self.entries(first..first + tile.width() as u64)?;
        // An entry is far shorter than a bundle allows.
        Ok(encode_entries(&entries).unwrap_or_default())
    }

    /// The hashes of a tree of this size, to prove from.
    pub(super) fn tree(
        &self,
        size: u64,
    ) -> TileReader<impl FnMut(Tile) -> Result<Vec<Hash>, DiskError>, Vec<Hash>> {
        TileReader::new(size, |tile| self.hashes(tile))
    }
}

impl LeafRow {
    /// At the place of an epoch record.
    pub(super) const fn of_epoch() -> Self {
        Self { commitment: Hash([0; 32]), prev: [super::NO_LEAF; 2] }
    }

    pub(super) fn to_bytes(self) -> [u8; LEAF_BYTES] {
        let mut bytes = [0; LEAF_BYTES];
        bytes[..32].copy_from_slice(&self.commitment.0);
        bytes[32..40].copy_from_slice(&self.prev[0].to_be_bytes());
        bytes[40..].copy_from_slice(&self.prev[1].to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; LEAF_BYTES]) -> Self {
        let number = |from: usize| {
            bytes[from..from + 8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let mut commitment = [0; 32];
        commitment.copy_from_slice(&bytes[..32]);
        Self { commitment: Hash(commitment), prev: [number(32), number(40)] }
    }

    /// The entry of the leaf.
    fn entry(self) -> [u8; 33] {
        evidence::record::entry(&self.commitment)
    }
}
