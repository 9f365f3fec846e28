//! The package `tlog_tiles`, written by others, takes our hashes, proofs and tiles, and we its.

use std::convert::Infallible;

use tlog::{
    Hash, Layer, Tile, TileReader, encode_hashes, leaf_hash, prove_consistency, prove_inclusion,
    root, verify_consistency, verify_inclusion,
};
use tlog_tiles::tile as theirs;
use tlog_tiles::tlog as foreign;

use crate::reference::{Stored, entry, leaves};

const SIZES: [u64; 10] = [1, 2, 3, 255, 256, 257, 600, 65_535, 65_536, 70_000];

fn to_foreign(hash: Hash) -> foreign::Hash {
    foreign::Hash(hash.0)
}

fn all_to_foreign(hashes: &[Hash]) -> Vec<foreign::Hash> {
    hashes.iter().copied().map(to_foreign).collect()
}

fn all_from_foreign(hashes: &[foreign::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(hash.0)).collect()
}

/// Answers with our tiles, found under the paths that it asks for.
struct OurTiles<'a>(&'a Stored);

impl theirs::TileReader for OurTiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[theirs::Tile]) -> Result<Vec<Vec<u8>>, foreign::Error> {
        let read = |tile: &theirs::Tile| {
            // It writes the height of tiles first, which tlog-tiles leaves out.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            let tile: Tile = path.parse().unwrap();
            assert!(tile.is_within(self.0.tree.size()), "{tile}");
            encode_hashes(&self.0.tile(tile))
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[theirs::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn hashes_are_the_same() {
    for entry in [b"".as_slice(), b"a", &[7; 1_000]] {
        assert_eq!(to_foreign(leaf_hash(entry)), foreign::record_hash(entry));
    }
    assert_eq!(to_foreign(tlog::empty_root()), foreign::EMPTY_HASH);
    let (left, right) = (leaf_hash(b"left"), leaf_hash(b"right"));
    let joined = foreign::node_hash(to_foreign(left), to_foreign(right));
    assert_eq!(to_foreign(tlog::node_hash(&left, &right)), joined);
}

#[test]
fn each_takes_proofs_of_the_other_from_the_same_tiles() {
    let stored = Stored::with_leaves(70_000);
    let all = leaves(70_000);
    for size in SIZES {
        let fetch = |tile| Ok::<_, Infallible>(stored.tile(tile));
        let mut ours = TileReader::new(size, fetch);
        let whole = root(&mut ours, size).unwrap();
        // This reader checks the tiles against the root before it believes them.
        let tiles = OurTiles(&stored);
        let read = theirs::TileHashReader::new(size, to_foreign(whole), &tiles);
        assert_eq!(foreign::tree_hash(size, &read).unwrap(), to_foreign(whole));
        for index in [0, size / 3, size / 2, size - 1] {
            let leaf = all[index as usize];
            let proof = prove_inclusion(&mut ours, index, size).unwrap();
            let foreign_proof = all_to_foreign(&proof);
            let (root, record) = (to_foreign(whole), foreign::record_hash(&entry(index)));
            foreign::check_record(&foreign_proof, size, root, index, record).unwrap();
            let back = all_from_foreign(&foreign::prove_record(size, index, &read).unwrap());
            assert_eq!(verify_inclusion(&leaf, index, size, &back, &whole), Ok(()));
            assert_eq!(back, proof);

            let old = index + 1;
            let old_root = tlog::root(&mut stored.source(), old).unwrap();
            let proof = prove_consistency(&mut ours, old, size).unwrap();
            let foreign_proof = all_to_foreign(&proof);
            foreign::check_tree(&foreign_proof, size, root, old, to_foreign(old_root)).unwrap();
            let back = all_from_foreign(&foreign::prove_tree(size, old, &read).unwrap());
            assert_eq!(verify_consistency(old, size, &back, &old_root, &whole), Ok(()));
            assert_eq!(back, proof);
        }
    }
}

#[test]
fn a_changed_bit_is_refused_by_both() {
    let stored = Stored::with_leaves(600);
    let whole = stored.tree.root();
    let mut proof = prove_inclusion(&mut stored.source(), 300, 600).unwrap();
    proof[4].0[7] ^= 16;
    assert!(verify_inclusion(&leaves(301)[300], 300, 600, &proof, &whole).is_err());
    let record = foreign::record_hash(&entry(300));
    let foreign_proof = all_to_foreign(&proof);
    assert!(foreign::check_record(&foreign_proof, 600, to_foreign(whole), 300, record).is_err());
}

#[test]
fn growing_needs_the_same_tiles_of_hashes() {
    for (old, new) in [(0, 1), (0, 600), (255, 256), (256, 257), (300, 70_000), (65_535, 65_536)] {
        let ours: Vec<_> = Tile::grown(old, new)
            .filter(|tile| tile.layer() != Layer::Entries)
            .map(|tile| tile.to_string())
            .collect();
        let foreign: Vec<_> = theirs::Tile::new_tiles(8, old, new)
            .iter()
            .map(|tile| tile.path().replacen("tile/8/", "tile/", 1))
            .collect();
        assert_eq!(ours, foreign, "{old} to {new}");
    }
}
