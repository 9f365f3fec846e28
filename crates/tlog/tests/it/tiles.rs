//! Tiles and bundles: which a size implies, their bytes, and proofs read from them.

use std::collections::BTreeSet;
use std::convert::Infallible;

use proptest::prelude::*;
use tlog::{
    BundleError, ENTRY_BYTES_MAX, Hash, HashSource, Layer, Node, Tile, TileBytesError, TileError,
    TileReadError, TileReader, decode_entries, encode_entries, encode_hashes, full_tile_hash,
    leaf_hash, prove_consistency, prove_inclusion, root, verify_consistency, verify_inclusion,
};

use crate::reference::{Stored, entry, flips, leaves, tree_hash};

/// Tiles of a size straight from the rule: `floor(size / 256^level) mod 256` is the partial width.
fn implied(size: u64) -> Vec<String> {
    let mut paths = Vec::new();
    let mut levels = vec![("entries".to_owned(), size)];
    levels.extend((0..8).map(|level| (level.to_string(), size / 256_u64.pow(level))));
    for (level, count) in levels {
        assert!(count < 1_000 * 256);
        paths.extend((0..count / 256).map(|index| format!("tile/{level}/{index:03}")));
        if count % 256 > 0 {
            paths.push(format!("tile/{level}/{:03}.p/{}", count / 256, count % 256));
        }
    }
    paths
}

fn paths(tiles: impl Iterator<Item = Tile>) -> Vec<String> {
    tiles.map(|tile| tile.to_string()).collect()
}

#[test]
fn the_tiles_of_every_size() {
    for size in (0..=600).chain([65_535, 65_536, 70_000]) {
        assert_eq!(paths(Tile::all(size)), implied(size), "{size} leaves");
    }
    assert_eq!(Tile::all(70_000).count(), 551);
    let of = |layer| Tile::all(70_000).filter(move |tile| tile.layer() == layer);
    let widths = |layer| {
        let full = of(layer).filter(|tile| tile.is_full()).count();
        (full, of(layer).find(|tile| !tile.is_full()).map(Tile::width))
    };
    assert_eq!(widths(Layer::Entries), (273, Some(112)));
    assert_eq!(widths(Layer::Hashes(0)), (273, Some(112)));
    assert_eq!(widths(Layer::Hashes(1)), (1, Some(17)));
    assert_eq!(widths(Layer::Hashes(2)), (0, Some(1)));
    assert_eq!(paths(Tile::all(256)), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
}

#[test]
fn growing_writes_what_is_new_and_nothing_else() {
    for old in 0..=600 {
        for new in [old, old + 1, old + 7, old + 255, old + 256, old + 600] {
            let before: BTreeSet<_> = Tile::all(old).collect();
            let expected: Vec<_> = Tile::all(new).filter(|tile| !before.contains(tile)).collect();
            assert_eq!(Tile::grown(old, new).collect::<Vec<_>>(), expected, "{old} to {new}");
            assert_eq!(Tile::grown(new + 1, old).count(), 0);
        }
    }
}

#[test]
fn a_tree_has_only_tiles_that_it_can_fill() {
    let tile = |layer, index, width| Tile::new(layer, index, width).unwrap();
    let leaf_tile = |width| tile(Layer::Hashes(0), 273, width);
    assert!(leaf_tile(112).is_within(70_000) && leaf_tile(1).is_within(70_000));
    assert!(!leaf_tile(113).is_within(70_000) && !leaf_tile(112).to_full().is_within(70_000));
    assert!(!tile(Layer::Entries, 274, 1).is_within(70_000));
    assert!(!tile(Layer::Hashes(3), 0, 1).is_within(70_000));
    assert!(!tile(Layer::Hashes(0), u64::MAX, 1).is_within(u64::MAX));
    assert!(!tile(Layer::Hashes(63), 0, 1).is_within(u64::MAX));
    assert!(tile(Layer::Hashes(7), 0, 255).is_within(u64::MAX));
    assert!(!tile(Layer::Hashes(7), 0, 256).is_within(u64::MAX));
    assert_eq!(Tile::of_tree(Layer::Hashes(0), 274, 70_000), None);
    assert_eq!(Tile::of_tree(Layer::Hashes(0), 256, 65_536), None);
    assert_eq!(Tile::new(Layer::Hashes(64), 0, 0), Err(TileError::Level));
    assert_eq!(Tile::new(Layer::Hashes(0), 0, 0), Err(TileError::Width));
    assert_eq!(Tile::new(Layer::Entries, 0, 257), Err(TileError::Width));
}

#[test]
fn a_tile_has_32_bytes_for_each_hash() {
    let hashes = leaves(256);
    for width in [1, 2, 255, 256] {
        let tile = Tile::new(Layer::Hashes(0), 5, width).unwrap();
        let bytes = encode_hashes(&hashes[..tile.width()]);
        assert_eq!(tile.decode_hashes(&bytes), Ok(hashes[..tile.width()].to_vec()));
        let longer = [bytes.as_slice(), &[0; 32]].concat();
        for wrong in [&[], &bytes[1..], &bytes[32..], &longer[..=bytes.len()], &longer] {
            let refused = tile.decode_hashes(wrong).unwrap_err();
            let (expected, found) = (bytes.len(), wrong.len());
            assert_eq!(refused, TileBytesError { tile, expected, found });
            assert_eq!(refused.code(), "tlog_tile_length");
        }
    }
}

#[test]
fn bundles_and_their_entries_make_each_other() {
    let longest = vec![7; ENTRY_BYTES_MAX];
    let some = [b"one".as_slice(), b"", &longest, b"\0\0"];
    let bytes = encode_entries(&some).unwrap();
    assert_eq!(bytes[..9], *b"\0\x03one\0\0\xff\xff");
    assert_eq!(decode_entries(&bytes, 4).unwrap(), some);
    for length in 0..bytes.len() {
        let refused = decode_entries(&bytes[..length], 4);
        assert!(matches!(refused, Err(BundleError::Cut { position: 0..=3 })), "{length}");
    }
    assert_eq!(decode_entries(&bytes[..4], 4), Err(BundleError::Cut { position: 0 }));
    assert_eq!(decode_entries(&bytes, 5), Err(BundleError::Cut { position: 4 }));
    assert_eq!(decode_entries(&bytes, 3), Err(BundleError::Trailing { bytes: 4 }));
    assert_eq!(decode_entries(&[], 0), Err(BundleError::Width { width: 0 }));
    assert_eq!(decode_entries(&bytes, 257), Err(BundleError::Width { width: 257 }));
    let full = vec![b"entry"; 256];
    assert_eq!(decode_entries(&encode_entries(&full).unwrap(), 256).unwrap(), full);
    let too_many = encode_entries(&vec![b"entry"; 257]);
    assert_eq!(too_many, Err(BundleError::Width { width: 257 }));
    let too_long = BundleError::EntryTooLong { position: 1, bytes: ENTRY_BYTES_MAX + 1 };
    assert_eq!(encode_entries(&[vec![], vec![7; ENTRY_BYTES_MAX + 1]]), Err(too_long));
    let errors = [
        (BundleError::Width { width: 0 }, "tlog_bundle_width"),
        (too_long, "tlog_entry_too_long"),
        (BundleError::Cut { position: 0 }, "tlog_bundle_cut"),
        (BundleError::Trailing { bytes: 1 }, "tlog_bundle_trailing"),
    ];
    assert!(errors.iter().all(|(error, code)| error.code() == *code));
}

#[test]
fn tiles_tell_every_root_and_proof() {
    let stored = Stored::with_leaves(70_000);
    let all = leaves(70_000);
    for size in [1, 2, 255, 256, 257, 600, 65_535, 65_536, 65_537, 70_000] {
        let fetch = |tile| Ok::<_, Infallible>(stored.tile(tile));
        let expected = tree_hash(&all[..size as usize]);
        assert_eq!(root(&mut TileReader::new(size, fetch), size), Ok(expected));
        for place in [0, size / 3, size / 2, size - 1] {
            let mut reader = TileReader::new(size, fetch);
            let proof = prove_inclusion(&mut reader, place, size).unwrap();
            let leaf = &all[place as usize];
            assert_eq!(verify_inclusion(leaf, place, size, &proof, &expected), Ok(()));
            assert!(reader.fetched() <= 5, "{} tiles", reader.fetched());
            let old = place + 1;
            let proof = prove_consistency(&mut reader, old, size).unwrap();
            let old_root = tree_hash(&all[..old as usize]);
            assert_eq!(verify_consistency(old, size, &proof, &old_root, &expected), Ok(()));
        }
    }
}

#[test]
fn a_proof_among_ten_million_leaves_reads_five_tiles_at_most() {
    // All leaves are alike, so that each level has one hash and nothing need be kept.
    let mut alike = leaves(1);
    while alike.len() < 64 {
        let below = alike[alike.len() - 1];
        alike.push(tree_hash(&[below, below]));
    }
    let size = 10_000_000;
    let fetch = |tile: Tile| {
        let Layer::Hashes(level) = tile.layer() else { panic!("{tile}") };
        Ok::<_, Infallible>(vec![alike[usize::from(level) * 8]; tile.width()])
    };
    let expected = root(&mut TileReader::new(size, fetch), size).unwrap();
    for step in 0..1_000 {
        let index = step * 9_973 % size;
        let mut reader = TileReader::new(size, fetch);
        let proof = prove_inclusion(&mut reader, index, size).unwrap();
        assert_eq!(verify_inclusion(&alike[0], index, size, &proof, &expected), Ok(()));
        assert!((3..=5).contains(&reader.fetched()), "{} tiles", reader.fetched());
    }
}

#[test]
fn what_tiles_cannot_tell_is_named() {
    let stored = Stored::with_leaves(600);
    let node = Node::new(3, 75).unwrap();
    let mut reader = TileReader::new(600, |tile| Ok::<_, Infallible>(stored.tile(tile)));
    let refused = reader.hash(node).unwrap_err();
    assert_eq!(refused, TileReadError::Beyond { node, size: 600 });
    assert_eq!(refused.code(), "tlog_node_beyond_tree");
    assert_eq!(
        reader.hash(Node::new(3, 74).unwrap()).unwrap(),
        stored.hashes[&Node::new(3, 74).unwrap()]
    );
    assert_eq!(reader.fetched(), 1);

    let tile = Tile::of_tree(Layer::Hashes(0), 2, 600).unwrap();
    let mut reader =
        TileReader::new(600, |tile| Ok::<_, Infallible>(stored.tile(tile)[1..].to_vec()));
    let refused = reader.hash(Node::new(0, 599).unwrap()).unwrap_err();
    assert_eq!(refused, TileReadError::Narrow { tile, found: 87 });
    assert_eq!(refused.code(), "tlog_tile_narrow");

    let mut reader = TileReader::new(600, |_| Err::<Vec<Hash>, _>("the disk"));
    let refused = reader.hash(Node::new(0, 599).unwrap()).unwrap_err();
    assert_eq!(refused, TileReadError::Fetch { tile, source: "the disk" });
    assert_eq!(refused.code(), "tlog_tile_unreadable");

    // A wider tile may stand in for the partial one.
    let large = Stored::with_leaves(768);
    let mut reader =
        TileReader::new(600, |tile: Tile| Ok::<_, Infallible>(large.tile(tile.to_full())));
    let hash = reader.hash(Node::new(3, 74).unwrap());
    assert_eq!(hash, Ok(large.hashes[&Node::new(3, 74).unwrap()]));
    // What it has more belongs to a larger tree.
    let node = Node::new(0, 600).unwrap();
    assert_eq!(reader.hash(node), Err(TileReadError::Beyond { node, size: 600 }));
}

#[test]
fn every_changed_bit_of_a_tile_changes_the_root() {
    let stored = Stored::with_leaves(300);
    let expected = stored.tree.root();
    // The root is made of the hash of the first leaf tile and of those in the second one.
    for (changed, place) in [(Layer::Hashes(0), 43), (Layer::Hashes(1), 0)] {
        for hash in
            flips(stored.tile(Tile::of_tree(changed, u64::from(place == 43), 300).unwrap())[place])
        {
            let fetch = |tile: Tile| {
                let mut hashes = stored.tile(tile);
                if tile.layer() == changed {
                    hashes[place] = hash;
                }
                Ok::<_, Infallible>(hashes)
            };
            assert_ne!(root(&mut TileReader::new(300, fetch), 300), Ok(expected));
        }
    }
}

#[test]
fn a_full_tile_has_one_hash_in_the_level_above() {
    let stored = Stored::with_leaves(65_536);
    for index in 0..256 {
        let tile = Tile::of_tree(Layer::Hashes(0), index, 65_536).unwrap();
        let above = stored.hashes[&Node::new(8, index).unwrap()];
        assert_eq!(full_tile_hash(&stored.tile(tile)), Some(above));
    }
    let top = Tile::of_tree(Layer::Hashes(1), 0, 65_536).unwrap();
    assert_eq!(full_tile_hash(&stored.tile(top)), Some(stored.tree.root()));
    for width in [0, 1, 128, 255] {
        assert_eq!(full_tile_hash(&leaves(width)), None);
    }
}

#[test]
fn every_changed_bit_of_a_bundle_is_seen_in_the_hashes() {
    let entries: Vec<_> = (0..20).map(entry).collect();
    let bundle = encode_entries(&entries).unwrap();
    let expected = leaves(20);
    let hashes = |bytes: &[u8]| -> Result<Vec<Hash>, BundleError> {
        Ok(decode_entries(bytes, 20)?.into_iter().map(leaf_hash).collect())
    };
    assert_eq!(hashes(&bundle).unwrap(), expected);
    for bit in 0..bundle.len() * 8 {
        let mut changed = bundle.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(hashes(&changed), Ok(expected.clone()), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn a_text_that_is_a_path_is_the_path_of_its_tile(
        text in r"tile/(entries|[0-9]{1,3})/(x?[0-9]{2,3}/){0,7}[0-9]{3}(\.p/[0-9]{1,3})?",
    ) {
        if let Ok(tile) = text.parse::<Tile>() {
            prop_assert_eq!(tile.to_string(), text);
        }
    }

    #[test]
    fn every_tile_is_found_under_its_path(
        level in 0..=64_u8,
        index in any::<u64>(),
        width in 1..=256_u16,
    ) {
        let layer = if level == 64 { Layer::Entries } else { Layer::Hashes(level) };
        let tile = Tile::new(layer, index, width).unwrap();
        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in prop::collection::vec(0..4_u8, 0..40),
        width in 0..12_usize,
    ) {
        if let Ok(entries) = decode_entries(&bytes, width) {
            prop_assert_eq!(encode_entries(&entries).unwrap(), bytes);
        }
    }
}
