//! Hashes of a tree out of its tiles, fetched when they are needed.
//!
//! Tiles keep every eighth level; the levels between are hashed anew, at most 255 hashes a tile.
//! Each tile is fetched once by one reader. A reader serves one proof or a few and is then
//! dropped: it keeps all that it fetched. It believes its tiles; verification does not.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{HashSource, Node};
use crate::hash::Hash;
use crate::tile::{Layer, TILE_LEVELS, TILE_WIDTH, Tile, complete_root};

/// Reads the hashes of a tree of known size from tiles that `fetch` brings.
///
/// `fetch` is asked for the tiles that a tree of this size implies, partial ones at the right
/// edge, and may bring a wider tile at the same place.
pub struct TileReader<F, T> {
    size: u64,
    fetch: F,
    tiles: BTreeMap<(u8, u64), T>,
}

/// Why a hash could not be read from tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileReadError<E> {
    /// The tree is too small to have the node.
    #[error("a tree of {size} leaves has no node {} at level {}", node.index(), node.level())]
    Beyond {
        /// The node.
        node: Node,
        /// Leaves of the tree.
        size: u64,
    },
    /// The tile could not be fetched.
    #[error("{tile} could not be read")]
    Fetch {
        /// The tile.
        tile: Tile,
        /// Why not.
        source: E,
    },
    /// The tile has fewer hashes than a tree of this size implies.
    #[error("{tile} has {found} hashes: too few")]
    Narrow {
        /// The tile that was asked for.
        tile: Tile,
        /// Hashes that came.
        found: usize,
    },
}

impl<E> TileReadError<E> {
    /// Stable name of the kind of error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Beyond { .. } => "tlog_node_beyond_tree",
            Self::Fetch { .. } => "tlog_tile_unreadable",
            Self::Narrow { .. } => "tlog_tile_narrow",
        }
    }
}

impl<F, T, E> TileReader<F, T>
where
    F: FnMut(Tile) -> Result<T, E>,
    T: AsRef<[Hash]>,
{
    /// A reader of the tree of `size` leaves.
    pub const fn new(size: u64, fetch: F) -> Self {
        Self { size, fetch, tiles: BTreeMap::new() }
    }

    /// How many tiles have been fetched.
    pub fn fetched(&self) -> usize {
        self.tiles.len()
    }

    /// The hashes of a tile at a level of tiles, of which a tree of this size has at least one.
    fn tile(&mut self, level: u8, index: u64) -> Result<&[Hash], TileReadError<E>> {
        let kept: &T = match self.tiles.entry((level, index)) {
            Entry::Occupied(kept) => kept.into_mut(),
            Entry::Vacant(place) => {
                let Some(tile) = Tile::of_tree(Layer::Hashes(level), index, self.size) else {
                    return Ok(&[]);
                };
                let hashes =
                    (self.fetch)(tile).map_err(|source| TileReadError::Fetch { tile, source })?;
                let found = hashes.as_ref().len();
                if found < tile.width() {
                    return Err(TileReadError::Narrow { tile, found });
                }
                place.insert(hashes)
            }
        };
        Ok(kept.as_ref())
    }
}

impl<F, T, E> HashSource for TileReader<F, T>
where
    F: FnMut(Tile) -> Result<T, E>,
    T: AsRef<[Hash]>,
{
    type Error = TileReadError<E>;

    fn hash(&mut self, node: Node) -> Result<Hash, TileReadError<E>> {
        let beyond = TileReadError::Beyond { node, size: self.size };
        if node.leaf_after() > self.size {
            return Err(beyond);
        }
        let height = node.level() % TILE_LEVELS;
        let first = node.index() << height;
        let Ok(place) = usize::try_from(first % TILE_WIDTH) else { return Err(beyond) };
        let tile = self.tile(node.level() / TILE_LEVELS, first / TILE_WIDTH)?;
        tile.get(place..place + (1 << height)).and_then(complete_root).ok_or(beyond)
    }
}
