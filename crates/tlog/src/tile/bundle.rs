//! Bundles: the bytes of a tile of entries, `(length as u16, big-endian || entry)*` (C2SP
//! tlog-tiles).
//!
//! Invariant: a bundle has as many entries as its tile is wide, and nothing behind the last one.
//! Entries may be empty. What is in them is not looked at.

use super::TILE_WIDTH;

/// Most bytes of an entry.
pub const ENTRY_BYTES_MAX: usize = 65_535;

const LENGTH_BYTES: usize = 2;

/// Why entries are no bundle, or bytes no entries. In the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A bundle has 1 to 256 entries.
    #[error("a bundle has 1 to {TILE_WIDTH} entries, not {width}")]
    Width {
        /// How many were given or asked for.
        width: usize,
    },
    /// An entry is longer than its length can tell.
    #[error("entry {position} has {bytes} bytes: more than {ENTRY_BYTES_MAX}")]
    EntryTooLong {
        /// Its place in the bundle, from 0.
        position: usize,
        /// Its length.
        bytes: usize,
    },
    /// The bytes end before the last entry does.
    #[error("the bundle ends within entry {position}")]
    Cut {
        /// The place of the entry that is not whole, from 0.
        position: usize,
    },
    /// There are bytes behind the last entry.
    #[error("{bytes} bytes stand behind the last entry of the bundle")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

impl BundleError {
    /// Stable name of the kind of error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Width { .. } => "tlog_bundle_width",
            Self::EntryTooLong { .. } => "tlog_entry_too_long",
            Self::Cut { .. } => "tlog_bundle_cut",
            Self::Trailing { .. } => "tlog_bundle_trailing",
        }
    }
}

/// The bytes of a bundle of 1 to 256 entries.
pub fn encode_entries<T: AsRef<[u8]>>(entries: &[T]) -> Result<Vec<u8>, BundleError> {
    check_width(entries.len())?;
    let mut bytes = Vec::new();
    for (position, entry) in entries.iter().map(AsRef::as_ref).enumerate() {
        let too_long = BundleError::EntryTooLong { position, bytes: entry.len() };
        let length = u16::try_from(entry.len()).map_err(|_| too_long)?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle that is `width` entries wide.
pub fn decode_entries(bytes: &[u8], width: usize) -> Result<Vec<&[u8]>, BundleError> {
    check_width(width)?;
    let mut entries = Vec::with_capacity(width);
    let mut rest = bytes;
    for position in 0..width {
        let (entry, behind) = first_entry(rest).ok_or(BundleError::Cut { position })?;
        entries.push(entry);
        rest = behind;
    }
    if rest.is_empty() { Ok(entries) } else { Err(BundleError::Trailing { bytes: rest.len() }) }
}

fn first_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn check_width(width: usize) -> Result<(), BundleError> {
    let is_width = u64::try_from(width).is_ok_and(|width| (1..=TILE_WIDTH).contains(&width));
    if is_width { Ok(()) } else { Err(BundleError::Width { width }) }
}
