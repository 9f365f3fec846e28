//! Rows for tests, and the naive index that answers from vectors.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use disk::Local;
use index::{Fingerprint, Found, Index, Manifest, OpenError, Options, Schema};

/// Key 16 bytes, zeros: none; then three terms of 4 bytes, zeros: none; then 12 bytes of anything.
pub const ROW_BYTES: usize = 40;
pub const PAIR_BYTES: usize = 24;

pub const SCHEMA: Schema =
    Schema { row_bytes: ROW_BYTES, pair_bytes: PAIR_BYTES, keys: keys_of, terms: terms_of };

pub const TINY: Options =
    Options { chunk_rows: 64, fan_out: 2, cache_bytes: 1 << 16, file_blocks: 3, background: false };

pub fn keys_of(row: &[u8], keys: &mut Vec<u128>) {
    keys.extend(Some(u128::from_be_bytes(row[..16].try_into().unwrap())).filter(|key| *key != 0));
}

pub fn terms_of(row: &[u8], terms: &mut Vec<u64>) {
    let fields = row[16..28].as_chunks::<4>().0;
    terms.extend(
        fields.iter().map(|field| u32::from_be_bytes(*field)).filter(|f| *f != 0).map(term),
    );
}

pub fn term(field: u32) -> u64 {
    u64::from(field).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

pub fn row(key: u128, fields: [u32; 3], rest: u8) -> [u8; ROW_BYTES] {
    let mut row = [rest; ROW_BYTES];
    row[..16].copy_from_slice(&key.to_be_bytes());
    for (at, field) in fields.iter().enumerate() {
        row[16 + 4 * at..20 + 4 * at].copy_from_slice(&field.to_be_bytes());
    }
    row
}

/// Everything in vectors.
#[derive(Debug, Clone, Default)]
pub struct Naive {
    pub rows: Vec<[u8; ROW_BYTES]>,
    pub pairs: Vec<[u8; PAIR_BYTES]>,
    pub burned: Vec<u128>,
}

impl Naive {
    /// What each key belongs to.
    pub fn by_key(&self) -> BTreeMap<u128, Found> {
        let mut keys = Vec::new();
        let mut found = BTreeMap::new();
        for (position, row) in (0..).zip(&self.rows) {
            keys_of(row, &mut keys);
            found.extend(keys.drain(..).map(|key| (key, Found::Row(position))));
        }
        found.extend(self.burned.iter().map(|key| (*key, Found::Burned)));
        found
    }

    pub fn positions(&self, term: u64, within: Range<u64>, newest: bool, limit: usize) -> Vec<u64> {
        let mut found: Vec<u64> = (0..)
            .zip(&self.rows)
            .filter(|(position, row)| {
                let mut terms = Vec::new();
                terms_of(&row[..], &mut terms);
                within.contains(position) && terms.contains(&term)
            })
            .map(|(position, _)| position)
            .collect();
        if newest {
            found.reverse();
        }
        found.truncate(limit);
        found
    }

    pub fn fingerprint(&self) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        for (position, (row, pair)) in self.rows.iter().zip(&self.pairs).enumerate().rev() {
            fingerprint.add_row(&SCHEMA, position as u64, row, Some(pair));
        }
        self.burned.iter().for_each(|key| fingerprint.add_burned(*key));
        fingerprint
    }

    /// Compares every answer that the index can give.
    pub fn check(&self, index: &Index, fields: u32, keys: impl Iterator<Item = u128>) {
        let len = self.rows.len() as u64;
        assert_eq!(index.len(), len);
        let mut all = Vec::new();
        index.rows(0..len, &mut all).unwrap();
        assert_eq!(all, self.rows.concat());
        for (position, (row, pair)) in (0..).zip(self.rows.iter().zip(&self.pairs)) {
            let (mut found_row, mut found_pair) = ([0; ROW_BYTES], [0; PAIR_BYTES]);
            index.row(position, &mut found_row).unwrap();
            assert_eq!(found_row, *row, "row {position}");
            let has_pair = index.pair(position, &mut found_pair).unwrap();
            assert_eq!(has_pair, *pair != [0; PAIR_BYTES], "pair {position}");
            assert_eq!(found_pair, *pair, "pair {position}");
        }
        let by_key = self.by_key();
        let keys: Vec<u128> = keys.collect();
        let mut found = vec![None];
        index.find_many(&keys, &mut found).unwrap();
        assert_eq!(found.len(), keys.len() + 1);
        for (key, found) in keys.iter().zip(&found[1..]) {
            assert_eq!(index.find(*key).unwrap(), by_key.get(key).copied(), "key {key}");
            assert_eq!(*found, by_key.get(key).copied(), "key {key} among many");
        }
        let half = len / 2;
        for field in 0..=fields {
            for within in [0..u64::MAX, half..len, 0..half, half / 2..half + 3, half..half] {
                for newest in [false, true] {
                    for limit in [usize::MAX, 3, 0] {
                        let found =
                            index.positions(term(field), within.clone(), newest, limit).unwrap();
                        let expected = self.positions(term(field), within.clone(), newest, limit);
                        assert_eq!(found, expected, "{field} {within:?} {newest} {limit}");
                    }
                }
            }
        }
    }
}

pub fn create(dir: &Path, options: Options) -> Index {
    Index::create(Arc::new(Local), dir, SCHEMA, options).unwrap()
}

pub fn open(dir: &Path, options: Options, manifest: &Manifest) -> Result<Index, OpenError> {
    Index::open(Arc::new(Local), dir, SCHEMA, options, manifest, &[])
}

pub fn encoded(manifest: &Manifest) -> Vec<u8> {
    let mut bytes = Vec::new();
    manifest.encode(&mut bytes);
    bytes
}

/// Appends rows with numbers `from..to` to both: keys scattered, fields few, some pairs.
pub fn fill(index: &mut Index, naive: &mut Naive, from: u32, to: u32) {
    let first = naive.rows.len();
    for number in from..to {
        let key = if number % 9 == 4 { 0 } else { u128::from(number * 7919 % 10_007 + 1) << 60 };
        let fields = [number % 7 + 1, number % 5 + 1, u32::from(number % 11 == 0) * 20];
        let pair = if number % 50 < 20 { [number as u8; PAIR_BYTES] } else { [0; PAIR_BYTES] };
        naive.rows.push(row(key, fields, number as u8));
        naive.pairs.push(pair);
        if number % 13 == 0 {
            let burned = u128::from(number) << 61 | 1;
            index.burn(burned).unwrap();
            naive.burned.push(burned);
        }
    }
    index.append(&naive.rows[first..].concat(), Some(&naive.pairs[first..].concat())).unwrap();
}

/// Keys of [`fill`], burned ones, and some that nobody has.
pub fn keys(numbers: u32) -> impl Iterator<Item = u128> {
    (0..numbers).flat_map(|number| {
        let key = u128::from(number * 7919 % 10_007 + 1) << 60;
        [key, key + 1, u128::from(number) << 61 | 1]
    })
}
