//! Tiles: where a log keeps its hashes and entries, 256 at a place (C2SP tlog-tiles).
//!
//! Hash `i` of tile (level, index) is the root over the leaves from `(index*256 + i) * 256^level`
//! on, 256^level of them; so a level has only hashes of *full* tiles below it. A tile is partial
//! while the tree has fewer of its hashes; a full tile never changes. Invariants: no tile is
//! empty; the tiles of a tree follow from its size alone.

mod bundle;
mod path;

pub use bundle::{BundleError, ENTRY_BYTES_MAX, decode_entries, encode_entries};

use crate::hash::{HASH_BYTES, Hash, node_hashes};

/// Hashes or entries of a full tile.
pub const TILE_WIDTH: u64 = 256;

/// Levels of the tree from one level of tiles to the next.
pub const TILE_LEVELS: u8 = 8;

/// The highest level of tiles that a path can name.
pub const TILE_LEVEL_MAX: u8 = 63;

/// What a tile is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The entries themselves; such a tile is called a bundle.
    Entries,
    /// Hashes at this level of tiles; those of the leaves have level 0.
    Hashes(u8),
}

/// One tile: what of, where and how wide. Its text is its path below the log's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    layer: Layer,
    index: u64,
    width: u16,
}

/// Why there is no such tile. In the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// The text does not have the form `tile/<level>/<index>`.
    #[error("this is no path of a tile: tile/<level>/<index> with .p/<width> if it is partial")]
    NotAPath,
    /// The level is no number from 0 to 63 in its shortest form, and not `entries`.
    #[error("the level of a tile is a number from 0 to {TILE_LEVEL_MAX} or the word entries")]
    Level,
    /// The index is not written in groups of three digits, or exceeds 64 bits.
    #[error("the index of a tile is written in groups of three digits, as in x001/x234/067")]
    Index,
    /// The width is out of range, or not in its shortest form.
    #[error("the width of a partial tile is a number from 1 to 255")]
    Width,
}

impl TileError {
    /// Stable name of the kind of error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAPath => "tlog_tile_path",
            Self::Level => "tlog_tile_level",
            Self::Index => "tlog_tile_index",
            Self::Width => "tlog_tile_width",
        }
    }
}

/// Why bytes are not the hashes of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{tile} has {expected} bytes, not {found}")]
pub struct TileBytesError {
    /// The tile.
    pub tile: Tile,
    /// Bytes of its hashes.
    pub expected: usize,
    /// Bytes that came.
    pub found: usize,
}

impl TileBytesError {
    /// Stable name of the error.
    pub const fn code(&self) -> &'static str {
        "tlog_tile_length"
    }
}

impl Tile {
    /// The tile at this place, from 1 to 256 hashes or entries wide.
    pub fn new(layer: Layer, index: u64, width: u16) -> Result<Self, TileError> {
        match layer {
            Layer::Hashes(level) if level > TILE_LEVEL_MAX => Err(TileError::Level),
            _ if width == 0 || u64::from(width) > TILE_WIDTH => Err(TileError::Width),
            _ => Ok(Self { layer, index, width }),
        }
    }

    /// The tile that a tree of `size` leaves has at this place, as wide as it is there; `None`
    /// where the tree has none.
    pub fn of_tree(layer: Layer, index: u64, size: u64) -> Option<Self> {
        let before = index.checked_mul(TILE_WIDTH)?;
        let width = layer.count(size).checked_sub(before)?.min(TILE_WIDTH);
        Self::new(layer, index, u16::try_from(width).ok()?).ok()
    }

    /// All tiles that a tree of `size` leaves consists of: bundles, then hashes level by level.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        Self::grown(0, size)
    }

    /// The tiles to write when a tree has grown from `old` to `new` leaves: those that are new,
    /// and those that are wider than before. None if `new` is no larger. In the order of
    /// [`Tile::all`].
    pub fn grown(old: u64, new: u64) -> impl Iterator<Item = Self> {
        let levels = (0..=TILE_LEVEL_MAX).map(Layer::Hashes);
        std::iter::once(Layer::Entries).chain(levels).flat_map(move |layer| {
            let (before, after) = (layer.count(old), layer.count(new));
            let end = if after > before { after.div_ceil(TILE_WIDTH) } else { 0 };
            (before / TILE_WIDTH..end).filter_map(move |index| Self::of_tree(layer, index, new))
        })
    }

    /// What it is made of.
    pub const fn layer(self) -> Layer {
        self.layer
    }

    /// Its place within its layer, from 0.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many hashes or entries it has: 1 to 256.
    pub fn width(self) -> usize {
        usize::from(self.width)
    }

    /// Whether it will never become wider.
    pub fn is_full(self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// The full tile at its place, which may be there in its stead when the tree has grown.
    #[must_use]
    pub const fn to_full(self) -> Self {
        Self { width: 256, ..self }
    }

    /// Whether a tree of `size` leaves has everything that belongs into it.
    pub fn is_within(self, size: u64) -> bool {
        Self::of_tree(self.layer, self.index, size).is_some_and(|tile| tile.width >= self.width)
    }

    /// Reads the hashes of a tile of hashes: 32 bytes each and not one byte more or less.
    pub fn decode_hashes(self, bytes: &[u8]) -> Result<Vec<Hash>, TileBytesError> {
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if hashes.len() != self.width() || !rest.is_empty() {
            let expected = self.width() * HASH_BYTES;
            return Err(TileBytesError { tile: self, expected, found: bytes.len() });
        }
        Ok(hashes.iter().copied().map(Hash).collect())
    }
}

impl Layer {
    /// How many hashes or entries a tree of `size` leaves has in this layer.
    pub fn count(self, size: u64) -> u64 {
        match self {
            Self::Entries => size,
            Self::Hashes(level) => {
                size.checked_shr(u32::from(level) * u32::from(TILE_LEVELS)).unwrap_or(0)
            }
        }
    }
}

/// The bytes of a tile of hashes.
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hash that a full tile has at the level of tiles above: its place there is its index. `None`
/// for a partial tile, which has none.
pub fn full_tile_hash(hashes: &[Hash]) -> Option<Hash> {
    let is_full = u64::try_from(hashes.len()) == Ok(TILE_WIDTH);
    if is_full { complete_root(hashes) } else { None }
}

/// The root over a power of two of hashes.
pub(crate) fn complete_root(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        let mut above = Vec::with_capacity(row.len() / 2);
        node_hashes(&row, &mut above);
        row = above;
    }
    row.first().copied()
}
