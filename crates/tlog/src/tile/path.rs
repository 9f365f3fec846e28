//! Paths of tiles: `tile/<level>/<index>`, with `.p/<width>` if the tile is partial.
//!
//! An index is written in groups of three digits, every group but the last behind an `x`: 1234067
//! is `x001/x234/067`. Invariant: a tile has exactly one path, and no other text is read as it.

use std::fmt;
use std::str::FromStr;

use super::{Layer, TILE_LEVEL_MAX, TILE_WIDTH, Tile, TileError};

const GROUP: u64 = 1_000;

impl fmt::Display for Tile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            Layer::Entries => write!(out, "tile/entries/")?,
            Layer::Hashes(level) => write!(out, "tile/{level}/")?,
        }
        let groups = self.index.checked_ilog(GROUP).unwrap_or(0);
        for power in (1..=groups).rev() {
            write!(out, "x{:03}/", self.index / GROUP.pow(power) % GROUP)?;
        }
        write!(out, "{:03}", self.index % GROUP)?;
        if self.is_full() { Ok(()) } else { write!(out, ".p/{}", self.width) }
    }
}

impl FromStr for Tile {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let below = path.strip_prefix("tile/").ok_or(TileError::NotAPath)?;
        let (layer, place) = below.split_once('/').ok_or(TileError::NotAPath)?;
        let layer = match layer {
            "entries" => Layer::Entries,
            level => Layer::Hashes(level_number(level).ok_or(TileError::Level)?),
        };
        let (index, width) = match place.split_once(".p/") {
            Some((index, width)) => (index, Some(width)),
            None => (place, None),
        };
        let index = index_number(index).ok_or(TileError::Index)?;
        let width = match width {
            Some(width) => partial_width(width).ok_or(TileError::Width)?,
            None => return Self::new(layer, index, 1).map(Self::to_full),
        };
        Self::new(layer, index, width)
    }
}

fn level_number(text: &str) -> Option<u8> {
    let level = u8::try_from(shortest(text)?).ok()?;
    (level <= TILE_LEVEL_MAX).then_some(level)
}

fn partial_width(text: &str) -> Option<u16> {
    let width = shortest(text)?;
    (1..TILE_WIDTH).contains(&u64::from(width)).then_some(width)
}

/// A number of at most three digits without leading zeros.
fn shortest(text: &str) -> Option<u16> {
    let is_shortest = text == "0" || !text.starts_with('0');
    let is_digits = text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_shortest && is_digits { text.parse().ok() } else { None }
}

fn index_number(text: &str) -> Option<u64> {
    let (above, last) = match text.rsplit_once('/') {
        Some((above, last)) => (Some(above), last),
        None => (None, text),
    };
    let mut index = 0;
    for marked in above.into_iter().flat_map(|above| above.split('/')) {
        index = group(index, marked.strip_prefix('x')?)?;
        // A first group of zeros would give the index another, longer path.
        if index == 0 {
            return None;
        }
    }
    group(index, last)
}

/// The index with three more digits at its end.
fn group(index: u64, digits: &str) -> Option<u64> {
    let is_group = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_group { digits.parse().ok()? } else { return None };
    index.checked_mul(GROUP)?.checked_add(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(layer: Layer, index: u64, width: u16) -> Tile {
        Tile::new(layer, index, width).unwrap()
    }

    #[test]
    fn a_path_and_its_tile_name_each_other() {
        for (text, expected) in [
            ("tile/0/000", tile(Layer::Hashes(0), 0, 256)),
            ("tile/0/999.p/1", tile(Layer::Hashes(0), 999, 1)),
            ("tile/1/x001/000.p/255", tile(Layer::Hashes(1), 1_000, 255)),
            ("tile/63/x001/x234/067", tile(Layer::Hashes(63), 1_234_067, 256)),
            ("tile/entries/273.p/112", tile(Layer::Entries, 273, 112)),
            ("tile/entries/x018/x446/x744/x073/x709/x551/615", tile(Layer::Entries, u64::MAX, 256)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
            assert_eq!(expected.to_string(), text);
        }
    }

    #[test]
    fn every_other_text_is_refused_by_name() {
        use TileError::{Index, Level, NotAPath, Width};
        for (text, expected) in [
            ("", NotAPath),
            ("tile", NotAPath),
            ("tile/0", NotAPath),
            ("/tile/0/000", NotAPath),
            ("Tile/0/000", NotAPath),
            ("tile//000", Level),
            ("tile/64/000", Level),
            ("tile/00/000", Level),
            ("tile/01/000", Level),
            ("tile/+1/000", Level),
            ("tile/-1/000", Level),
            ("tile/256/000", Level),
            ("tile/data/000", Level),
            ("tile/0/", Index),
            ("tile/0/0", Index),
            ("tile/0/00", Index),
            ("tile/0/0000", Index),
            ("tile/0/x000", Index),
            ("tile/0/x000/001", Index),
            ("tile/0/x001/x000", Index),
            ("tile/0/001/000", Index),
            ("tile/0/x01/000", Index),
            ("tile/0/X001/000", Index),
            ("tile/0/+01", Index),
            ("tile/0/000/", Index),
            ("tile/0/x018/x446/x744/x073/x709/x551/616", Index),
            ("tile/0/x001/x018/x446/x744/x073/x709/x551/615", Index),
            ("tile/0/000.p", Index),
            ("tile/0/000p/1", Index),
            ("tile/0/000.p/", Width),
            ("tile/0/000.p/0", Width),
            ("tile/0/000.p/01", Width),
            ("tile/0/000.p/256", Width),
            ("tile/0/000.p/1000", Width),
            ("tile/0/000.p/-1", Width),
            ("tile/0/000.p/1/", Width),
            ("tile/0/000.p/1.p/1", Width),
            ("tile/0/٠٠٠", Index),
            // Of several faults the first in the path is named.
            ("tile/64/0.p/0", Level),
            ("tile/0/0.p/0", Index),
        ] {
            assert_eq!(text.parse::<Tile>(), Err(expected), "{text}");
        }
        let codes = [NotAPath, Level, Index, Width].map(|error| error.code());
        assert_eq!(
            codes,
            ["tlog_tile_path", "tlog_tile_level", "tlog_tile_index", "tlog_tile_width"]
        );
    }
}
