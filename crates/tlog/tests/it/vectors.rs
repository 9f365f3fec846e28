//! Reads every row of `conformance/tlog.json`, which another program wrote from the definitions.

use std::convert::Infallible;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tlog::{
    Hash, Layer, Tile, TileReader, VerifyError, encode_entries, encode_hashes, prove_consistency,
    prove_inclusion, root, verify_consistency, verify_inclusion,
};

use crate::reference::{Stored, entry};

const VECTORS: &str = include_str!("../../../../conformance/tlog.json");

fn rows(table: &str) -> Vec<Value> {
    let mut all: Value = serde_json::from_str(VECTORS).unwrap();
    match all[table].take() {
        Value::Array(rows) if !rows.is_empty() => rows,
        other => panic!("{table}: {other}"),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn hash(value: &Value) -> Hash {
    let digits = value.as_str().unwrap();
    let bytes: Vec<_> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect();
    Hash::try_from(bytes.as_slice()).unwrap()
}

fn proof(row: &Value) -> Vec<Hash> {
    row["proof"].as_array().unwrap().iter().map(hash).collect()
}

fn inclusion(row: &Value) -> Result<(), VerifyError> {
    let (index, size) = (number(&row["index"]), number(&row["size"]));
    verify_inclusion(&hash(&row["leaf"]), index, size, &proof(row), &hash(&row["root"]))
}

fn consistency(row: &Value) -> Result<(), VerifyError> {
    let (old, new) = (number(&row["old"]), number(&row["new"]));
    let (old_root, new_root) = (hash(&row["old_root"]), hash(&row["new_root"]));
    verify_consistency(old, new, &proof(row), &old_root, &new_root)
}

#[test]
fn no_table_is_forgotten() {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let tables = all.as_object().unwrap().iter().filter(|(_, rows)| rows.is_array());
    let names: Vec<_> = tables.map(|(name, _)| name.as_str()).collect();
    let known = [
        "consistency",
        "inclusion",
        "rejected_consistency",
        "rejected_inclusion",
        "roots",
        "tile_paths",
        "tile_sets",
    ];
    assert_eq!(names, known);
}

#[test]
fn roots_and_proofs_are_those_of_the_vectors() {
    let stored = Stored::with_leaves(70_000);
    for row in rows("roots") {
        let size = number(&row["size"]);
        assert_eq!(root(&mut stored.source(), size), Ok(hash(&row["root"])), "{size} leaves");
    }
    assert_eq!(hash(&rows("roots").last().unwrap()["root"]), stored.tree.root());
    let fetch = |tile| Ok::<_, Infallible>(stored.tile(tile));
    for row in rows("inclusion") {
        let (index, size) = (number(&row["index"]), number(&row["size"]));
        let expected = proof(&row);
        assert_eq!(prove_inclusion(&mut stored.source(), index, size).as_ref(), Ok(&expected));
        let tiled = prove_inclusion(&mut TileReader::new(size, fetch), index, size);
        assert_eq!(tiled, Ok(expected));
        assert_eq!(inclusion(&row), Ok(()));
    }
    for row in rows("consistency") {
        let (old, new) = (number(&row["old"]), number(&row["new"]));
        let expected = proof(&row);
        assert_eq!(prove_consistency(&mut stored.source(), old, new).as_ref(), Ok(&expected));
        let tiled = prove_consistency(&mut TileReader::new(new, fetch), old, new);
        assert_eq!(tiled, Ok(expected));
        assert_eq!(consistency(&row), Ok(()));
    }
}

#[test]
fn bad_proofs_are_refused_by_name() {
    let mut codes = Vec::new();
    for row in rows("rejected_inclusion") {
        codes.push((row["why"].clone(), inclusion(&row), row["wantErr"].clone()));
    }
    for row in rows("rejected_consistency") {
        codes.push((row["why"].clone(), consistency(&row), row["wantErr"].clone()));
    }
    for (why, verdict, expected) in &codes {
        let code = verdict.as_ref().map_err(VerifyError::code);
        assert_eq!(code, Err(expected.as_str().unwrap()), "{why}");
    }
    // Each kind of refusal stands in the vectors.
    let kinds = [
        "tlog_index_beyond_tree",
        "tlog_consistency_from_empty",
        "tlog_tree_shrinks",
        "tlog_proof_length",
        "tlog_tree_forked",
        "tlog_old_root_mismatch",
        "tlog_root_mismatch",
    ];
    for kind in kinds {
        assert!(codes.iter().any(|(_, _, code)| code == kind), "{kind}");
    }
}

#[test]
fn paths_of_tiles_are_those_of_the_vectors() {
    for row in rows("tile_paths") {
        let layer = match row["layer"].as_str().unwrap() {
            "entries" => Layer::Entries,
            level => Layer::Hashes(level.parse().unwrap()),
        };
        let width = u16::try_from(number(&row["width"])).unwrap();
        let tile = Tile::new(layer, number(&row["index"]), width).unwrap();
        let path = row["path"].as_str().unwrap();
        assert_eq!(tile.to_string(), path);
        assert_eq!(path.parse(), Ok(tile));
    }
}

#[test]
fn every_file_of_a_log_is_that_of_the_vectors() {
    let stored = Stored::with_leaves(70_000);
    for row in rows("tile_sets") {
        let size = number(&row["size"]);
        let mut digest = Sha256::new();
        for tile in Tile::all(size) {
            let bytes = bytes_of(tile, &stored);
            digest.update(format!("{tile}\n{}\n", bytes.len()));
            digest.update(bytes);
        }
        let count = u64::try_from(Tile::all(size).count()).unwrap();
        assert_eq!(count, number(&row["files"]), "{size} leaves");
        assert_eq!(Hash(digest.finalize().into()), hash(&row["digest"]), "{size} leaves");
    }
}

fn bytes_of(tile: Tile, stored: &Stored) -> Vec<u8> {
    if tile.layer() == Layer::Entries {
        let first = tile.index() * 256;
        let entries: Vec<_> = (first..).take(tile.width()).map(entry).collect();
        encode_entries(&entries).unwrap()
    } else {
        encode_hashes(&stored.tile(tile))
    }
}
