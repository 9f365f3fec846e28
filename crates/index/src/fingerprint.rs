//! A few numbers that two sets of rows share only if they are alike.
//!
//! Sums of hashes, so the order in which rows, keys and terms are added does not matter. Made to
//! find errors, not to resist an attack.

use twox_hash::XxHash3_64;

use crate::narrow;
use crate::options::Schema;
use crate::record::kept;

/// Counts and sums over rows with their positions, keys and terms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many rows.
    pub rows: u64,
    /// Over rows and pairs with their positions.
    pub row_sum: u64,
    /// How many keys of rows.
    pub keys: u64,
    /// Over keys with their positions.
    pub key_sum: u64,
    /// How many burned keys.
    pub burned: u64,
    /// Over burned keys.
    pub burned_sum: u64,
    /// How many terms of rows, each once for a row.
    pub terms: u64,
    /// Over terms, as far as they are kept, with their positions.
    pub term_sum: u64,
}

impl Fingerprint {
    /// Adds a row; `pair` is what is beside it, none or zeros if there is none.
    pub fn add_row(&mut self, schema: &Schema, position: u64, row: &[u8], pair: Option<&[u8]>) {
        self.add_bare_row(position, row, pair);
        let (mut keys, mut terms) = (Vec::new(), Vec::new());
        (schema.keys)(row, &mut keys);
        for key in keys {
            self.add_key(key, position);
        }
        (schema.terms)(row, &mut terms);
        for term in &mut terms {
            *term = kept(*term);
        }
        terms.sort_unstable();
        terms.dedup();
        for term in terms {
            self.add_term(term, position);
        }
    }

    /// Adds a burned key.
    pub fn add_burned(&mut self, key: u128) {
        self.burned += 1;
        self.burned_sum = self.burned_sum.wrapping_add(mixed(key, u64::MAX));
    }

    pub(crate) fn add_bare_row(&mut self, position: u64, row: &[u8], pair: Option<&[u8]>) {
        let sum = |bytes: &[u8]| XxHash3_64::oneshot_with_seed(position, bytes);
        let pair = pair.filter(|pair| pair.iter().any(|byte| *byte != 0));
        self.rows += 1;
        self.row_sum = self.row_sum.wrapping_add(sum(row));
        self.row_sum = self.row_sum.wrapping_add(pair.map_or(0, |pair| sum(pair).rotate_left(1)));
    }

    pub(crate) fn add_key(&mut self, key: u128, position: u64) {
        self.keys += 1;
        self.key_sum = self.key_sum.wrapping_add(mixed(key, position));
    }

    /// Adds the kept part of a term.
    pub(crate) fn add_term(&mut self, term: u64, position: u64) {
        self.terms += 1;
        self.term_sum = self.term_sum.wrapping_add(mixed(u128::from(term), position));
    }
}

fn mixed(number: u128, position: u64) -> u64 {
    let low = narrow::low_half(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let high = narrow::low_half(number >> 64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    let mixed =
        (low ^ high.rotate_left(32)).wrapping_add(position.wrapping_mul(0x1656_67B1_9E37_79F9));
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    mixed ^ mixed >> 32
}
