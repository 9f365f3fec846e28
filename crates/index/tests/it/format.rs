//! The bytes on disk are those of the format: read here by hand, from its description.

use std::fs;

use twox_hash::XxHash3_64;

use crate::world::*;

const BLOCK: usize = 4096;

fn number(bytes: &[u8], from: usize, size: usize) -> u128 {
    bytes[from..from + size].iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// The bits of a key below 2^64 in the content of a filter of one block.
fn filter_bits(key: u64) -> impl Iterator<Item = usize> {
    let mixed = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let hash = mixed ^ mixed >> 32;
    let line = ((u128::from(hash) * 63) >> 64) as usize;
    let bits = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) / 2;
    (0..7).map(move |probe| line * 512 + (bits >> (9 * probe)) as usize % 512)
}

#[test]
fn files_and_manifest_are_as_described() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = create(dir.path(), TINY);
    // Rows of 40 bytes with a bit each: 101 fit into a block.
    let rows: Vec<_> = (0..110).map(|n| row(1_000 - u128::from(n), [n % 3 + 1, 0, 0], 7)).collect();
    let mut pairs = vec![[0; PAIR_BYTES]; 110];
    pairs[9] = [5; PAIR_BYTES];
    index.append(&rows.concat(), Some(&pairs.concat())).unwrap();
    index.burn(5).unwrap();
    let manifest = encoded(&index.seal().unwrap().manifest().unwrap());
    let file = |ending| fs::read(dir.path().join(format!("{:020}.{ending}", 0))).unwrap();

    for (family, bytes) in [(0, file("rows")), (1, file("pairs")), (2, file("run"))] {
        for (at, block) in (0..).zip(bytes.as_chunks::<BLOCK>().0) {
            let sum = XxHash3_64::oneshot_with_seed(family << 62 | at, &block[..4088]);
            assert_eq!(block[4088..], sum.to_be_bytes(), "{family} {at}");
        }
    }
    let block = file("rows");
    assert_eq!(block.len(), BLOCK);
    assert_eq!(block[..8], [1, 0, 0, 0, 0, 101, 0, 0]);
    assert_eq!(block[8..][..101 * 40], rows[..101].concat());
    assert_eq!(block[8 + 101 * 40..][..13], [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let block = file("pairs");
    assert_eq!(block[..8], [2, 0, 0, 0, 0, 101, 0, 0]);
    assert_eq!(block[8..][..101 * 24], pairs[..101].concat());

    let run = file("run");
    assert_eq!(run.len(), 5 * BLOCK);
    let filter = &run[..BLOCK];
    assert_eq!(filter[..8], [5, 0, 0, 0, 0, 111, 0, 0]);
    let keys = (891..=1_000).chain([5]);
    let mut expected = vec![0; 4_080];
    keys.flat_map(filter_bits).for_each(|bit| expected[bit / 8] |= 1 << (bit % 8));
    assert_eq!(filter[8..4_088], expected);
    let segments = &run[3 * BLOCK..];
    assert_eq!(segments[..8], [8, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!([(8, 16), (24, 4), (28, 4)].map(|at| number(segments, at.0, at.1)), [5, 0, 1]);
    let run = &run[BLOCK..];
    assert_eq!(run[..8], [3, 0, 0, 0, 0, 111, 0, 0]);
    assert_eq!((number(run, 8, 16), number(run, 24, 4)), (5, u128::from(u32::MAX)));
    assert_eq!((number(run, 28, 16), number(run, 44, 4)), (891, 109));
    assert_eq!(run[BLOCK..][..8], [6, 0, 0, 0, 0, 110, 0, 0]);
    let mut terms: Vec<_> = (0..110).map(|n| (u128::from(term(n % 3 + 1) >> 24), n)).collect();
    terms.sort_unstable();
    for (at, (term, offset)) in terms.into_iter().enumerate() {
        let record = BLOCK + 8 + 9 * at;
        assert_eq!(number(run, record, 5), term);
        assert_eq!(number(run, record + 5, 4), u128::from(offset));
    }
    let head = &run[3 * BLOCK..];
    assert_eq!(head[..8], [9, 0, 0, 0, 0, 1, 0, 0]);
    let head = &head[8..][..96];
    let fields =
        [(0, 12), (12, 8), (20, 8), (28, 8), (36, 8), (44, 16), (60, 16), (76, 8), (84, 12)];
    let found: Vec<u128> = fields.iter().map(|(from, size)| number(head, *from, *size)).collect();
    assert_eq!(found, [0, 0, 110, 111, 1, 5, 1_000, 110, 1 << 64 | 2 << 32 | 5]);

    assert_eq!(&manifest[..16], b"farthing/index\0\x01");
    let shorts: Vec<u128> = (0..6).map(|at| number(&manifest, 16 + 4 * at, 4)).collect();
    assert_eq!(shorts, [40, 24, 3, 9 * 40, 9 * 24, 1]);
    assert_eq!((number(&manifest, 40, 8), number(&manifest, 48, 8)), (110, 1));
    let end = manifest.len() - 8;
    let parts = [rows[101..].concat(), pairs[101..].concat(), head.to_vec()].concat();
    assert_eq!(manifest[56..end], parts);
    assert_eq!(manifest[end..], XxHash3_64::oneshot(&manifest[..end]).to_be_bytes());
}
