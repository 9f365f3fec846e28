//! The tiles of a log, each believed only as far as it leads to the root of a checkpoint.
//!
//! The hashes in the partial tiles at the right edge make up the root: if they do, all of them are
//! right. Every full tile has its hash in the tile above it, up to one of these. Invariant: what
//! [`Tiles::hashes`] gives is what the checkpoint signs. A few tiles are kept, never all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tlog::{
    ENTRY_BYTES_MAX, HASH_BYTES, Hash, Layer, TILE_LEVEL_MAX, TILE_WIDTH, Tile, TileReader,
    TreeHead, decode_entries, encode_entries, full_tile_hash, leaf_hash, root,
};

use super::source::read_file;
use super::{MirrorError, Source};

const WIDTH: usize = 256;
/// One byte more than a tile may have, so that a longer one is noticed.
const TILE_READ_BYTES: usize = WIDTH * HASH_BYTES + 1;
const BUNDLE_READ_BYTES: usize = WIDTH * (2 + ENTRY_BYTES_MAX) + 1;

type Hashes = Arc<[Hash]>;

/// The tiles of one checkpoint.
pub(super) struct Tiles<'s> {
    source: &'s Source,
    /// Files that a broken attempt has collected; checked like all others.
    collected: Option<PathBuf>,
    /// The partial tile of each level that has one.
    edge: BTreeMap<u8, (u64, Hashes)>,
    /// The full tile of each level above the leaves that was used last.
    newest: Mutex<BTreeMap<u8, (u64, Hashes)>>,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl<'s> Tiles<'s> {
    /// Reads the right edge, which must lead to the root.
    pub(super) async fn open(
        source: &'s Source,
        head: TreeHead,
        collected: Option<PathBuf>,
    ) -> Result<Self, MirrorError> {
        let mut tiles = Self {
            source,
            collected,
            edge: BTreeMap::new(),
            newest: Mutex::default(),
            files: AtomicU64::default(),
            bytes: AtomicU64::default(),
        };
        for tile in edge(head.size) {
            let bytes = tiles.read(tile).await?;
            let hashes = tile.decode_hashes(&bytes).map_err(|_| MirrorError::Tile(tile))?;
            if let Layer::Hashes(level) = tile.layer() {
                tiles.edge.insert(level, (tile.index(), hashes.into()));
            }
        }
        let found = fold(head.size, &tiles.edge)?;
        if found == head.root { Ok(tiles) } else { Err(MirrorError::Edge) }
    }

    /// Files and bytes that were read.
    pub(super) fn read_count(&self) -> (u64, u64) {
        (self.files.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// The root that the tree had when it had `size` leaves.
    pub(super) async fn root_at(&self, size: u64) -> Result<Hash, MirrorError> {
        let mut needed = BTreeMap::new();
        for tile in edge(size) {
            if let Layer::Hashes(level) = tile.layer() {
                let hashes = self.hashes(level, tile.index()).await?;
                needed.insert(level, (tile.index(), hashes));
            }
        }
        fold(size, &needed)
    }

    /// The hashes of a tile that the tree has.
    pub(super) async fn hashes(&self, level: u8, index: u64) -> Result<Hashes, MirrorError> {
        // Up to a tile that is believed already, and down again.
        let mut open = Vec::new();
        let mut place = (level, index);
        let mut believed = loop {
            if let Some(hashes) = self.believed(place) {
                break hashes;
            }
            let (level, index) = place;
            if level >= TILE_LEVEL_MAX {
                return Err(MirrorError::Edge);
            }
            open.push(place);
            place = (level + 1, index / TILE_WIDTH);
        };
        while let Some((level, index)) = open.pop() {
            let tile = Tile::new(Layer::Hashes(level), index, 256);
            let tile = tile.map_err(|_| MirrorError::Edge)?;
            let place = usize::try_from(index % TILE_WIDTH).unwrap_or(WIDTH);
            let expected = believed.get(place).copied().ok_or(MirrorError::Tile(tile))?;
            let hashes = self.checked(tile, |bytes| {
                let hashes = tile.decode_hashes(bytes).unwrap_or_default();
                let is_right = full_tile_hash(&hashes) == Some(expected);
                if is_right { Ok(hashes) } else { Err(MirrorError::Tile(tile)) }
            });
            believed = hashes.await?.into();
            if level > 0 {
                self.newest().insert(level, (index, Arc::clone(&believed)));
            }
        }
        Ok(believed)
    }

    /// The bytes of a bundle whose entries are leaves with these hashes.
    pub(super) async fn bundle(&self, tile: Tile, leaves: &[Hash]) -> Result<Vec<u8>, MirrorError> {
        let check = |bytes: &[u8]| {
            let entries = decode_entries(bytes, tile.width());
            let entries = entries.map_err(|cause| MirrorError::Bundle { tile, cause })?;
            let first = tile.index() * TILE_WIDTH;
            for ((entry, hash), leaf) in entries.iter().zip(leaves).zip(first..) {
                if leaf_hash(entry) != *hash {
                    return Err(MirrorError::Entry { tile, leaf });
                }
            }
            Ok(bytes.to_vec())
        };
        self.checked(tile, check).await
    }

    fn believed(&self, (level, index): (u8, u64)) -> Option<Hashes> {
        let at_edge = self.edge.get(&level).filter(|(edge, _)| *edge == index).cloned();
        let newest = || self.newest().get(&level).filter(|(newest, _)| *newest == index).cloned();
        at_edge.or_else(newest).map(|(_, hashes)| hashes)
    }

    fn newest(&self) -> std::sync::MutexGuard<'_, BTreeMap<u8, (u64, Hashes)>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a check makes of a tile, out of the collected files if they pass it.
    async fn checked<T>(
        &self,
        tile: Tile,
        check: impl Fn(&[u8]) -> Result<T, MirrorError>,
    ) -> Result<T, MirrorError> {
        if let Some(folder) = &self.collected
            && let Some(bytes) = read_file(&folder.join(tile.to_string()), limit_bytes(tile))?
            && let Ok(found) = check(&bytes)
        {
            return Ok(found);
        }
        check(&self.read(tile).await?)
    }

    /// The bytes of a tile, out of the full one if the partial one has gone.
    async fn read(&self, tile: Tile) -> Result<Vec<u8>, MirrorError> {
        let limit = limit_bytes(tile);
        let mut found = self.source.read(&tile.to_string(), limit).await?;
        if found.is_none() && !tile.is_full() {
            let full = self.source.read(&tile.to_full().to_string(), limit).await?;
            found = full.map(|bytes| beginning(tile, bytes)).transpose()?;
        }
        let bytes = found.ok_or(MirrorError::Missing(tile))?;
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

const fn limit_bytes(tile: Tile) -> usize {
    match tile.layer() {
        Layer::Entries => BUNDLE_READ_BYTES,
        Layer::Hashes(_) => TILE_READ_BYTES,
    }
}

/// The partial tiles of hashes of a tree.
fn edge(size: u64) -> impl Iterator<Item = Tile> {
    let levels = (0..=TILE_LEVEL_MAX).map(Layer::Hashes);
    levels.filter_map(move |layer| Tile::of_tree(layer, layer.count(size) / TILE_WIDTH, size))
}

/// The root over the hashes at a tree's right edge.
fn fold(size: u64, edge: &BTreeMap<u8, (u64, Hashes)>) -> Result<Hash, MirrorError> {
    let hashes_of = |tile: Tile| match tile.layer() {
        Layer::Hashes(level) => {
            let there = edge.get(&level).filter(|(index, _)| *index == tile.index());
            there.map(|(_, hashes)| Arc::clone(hashes)).ok_or(MirrorError::Missing(tile))
        }
        Layer::Entries => Err(MirrorError::Missing(tile)),
    };
    root(&mut TileReader::new(size, hashes_of), size).map_err(|_| MirrorError::Edge)
}

/// As much of a full tile as the partial one has.
fn beginning(tile: Tile, mut full: Vec<u8>) -> Result<Vec<u8>, MirrorError> {
    if tile.layer() != Layer::Entries {
        full.truncate(tile.width() * HASH_BYTES);
        return Ok(full);
    }
    let whole = tile.to_full();
    let damaged = |cause| MirrorError::Bundle { tile: whole, cause };
    let mut entries = decode_entries(&full, whole.width()).map_err(damaged)?;
    entries.truncate(tile.width());
    encode_entries(&entries).map_err(damaged)
}
