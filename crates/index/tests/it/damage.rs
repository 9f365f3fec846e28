//! Damage is found where it is read, named with file and block, and never answered over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::Local;
use index::{Error, Index, Manifest, Verified, verify};

use crate::world::*;

const BLOCK: usize = 4096;

/// An index with every kind of block in its files.
fn world() -> (tempfile::TempDir, Manifest, Naive) {
    let dir = tempfile::tempdir().unwrap();
    let mut index = create(dir.path(), TINY);
    let mut naive = Naive::default();
    fill(&mut index, &mut naive, 0, 4_000);
    index.seal().unwrap();
    fill(&mut index, &mut naive, 4_000, 4_100);
    let manifest = index.seal().unwrap().manifest().unwrap();
    (dir, manifest, naive)
}

fn check(dir: &Path, manifest: &Manifest) -> Verified {
    let disk: Arc<dyn disk::Disk> = Arc::new(Local);
    verify(&disk, dir, &SCHEMA, manifest).unwrap()
}

/// Every answer of the index that can meet a file; the first error.
fn ask(index: &Index, naive: &Naive) -> Result<(), Error> {
    let mut pair = [0; PAIR_BYTES];
    for position in 0..index.len() {
        let mut row = [0; ROW_BYTES];
        index.row(position, &mut row)?;
        assert_eq!(row, naive.rows[position as usize]);
        let has_pair = index.pair(position, &mut pair)?;
        assert_eq!(has_pair, naive.pairs[position as usize] != [0; PAIR_BYTES]);
    }
    let by_key = naive.by_key();
    for key in keys(4_100) {
        assert_eq!(index.find(key)?, by_key.get(&key).copied());
    }
    for field in 0..22 {
        let found = index.positions(term(field), 0..u64::MAX, field % 2 == 0, usize::MAX)?;
        let expected = naive.positions(term(field), 0..u64::MAX, field % 2 == 0, usize::MAX);
        assert_eq!(found, expected);
    }
    Ok(())
}

/// The files with the kinds of their blocks, holes left out.
fn blocks(dir: &Path, manifest: &Manifest) -> Vec<(PathBuf, usize, u8)> {
    let mut found = Vec::new();
    for file in manifest.files() {
        let path = dir.join(file.name);
        let bytes = fs::read(&path).unwrap();
        for (number, block) in bytes.as_chunks::<BLOCK>().0.iter().enumerate() {
            if block.iter().any(|byte| *byte != 0) {
                found.push((path.clone(), number, block[0]));
            }
        }
    }
    found
}

#[test]
fn a_flipped_bit_in_any_kind_of_block_is_named() {
    let (dir, manifest, naive) = world();
    let blocks = blocks(dir.path(), &manifest);
    let whole = check(dir.path(), &manifest);
    assert_eq!((whole.faults, whole.fingerprint), (vec![], naive.fingerprint()));
    for kind in 1..=9 {
        let of_kind: Vec<_> = blocks.iter().filter(|(.., found)| *found == kind).collect();
        assert!(!of_kind.is_empty(), "no block of kind {kind}");
        let (path, number, _) = of_kind[of_kind.len() / 2];
        // Kind, level, count, padding, content, end of the content, checksum.
        for byte in [0, 1, 5, 7, 8, 100, 4_087, 4_088, 4_095] {
            let mut bytes = fs::read(path).unwrap();
            bytes[number * BLOCK + byte] ^= 0x10;
            fs::write(path, &bytes).unwrap();

            let name = path.file_name().unwrap().to_str().unwrap();
            let faults = check(dir.path(), &manifest).faults;
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].contains(name) && faults[0].contains("rebuilt"), "{faults:?}");
            match open(dir.path(), TINY, &manifest) {
                Err(error) => assert!(kind >= 8 && error.code() == "index_damaged", "{error}"),
                Ok(index) => {
                    let error = ask(&index, &naive).unwrap_err();
                    let Error::Damaged { file, block, .. } = &error else { panic!("{error}") };
                    assert_eq!((file, *block), (path, *number as u64));
                    assert_eq!(error.code(), "index_damaged");
                }
            }
            bytes[number * BLOCK + byte] ^= 0x10;
            fs::write(path, &bytes).unwrap();
        }
    }
    ask(&open(dir.path(), TINY, &manifest).unwrap(), &naive).unwrap();
}

#[test]
fn a_whole_block_in_the_wrong_place_is_named() {
    let (dir, manifest, naive) = world();
    let blocks = blocks(dir.path(), &manifest);
    for kind in 1..=8 {
        let mut of_kind = blocks.iter().filter(|(.., found)| *found == kind);
        let (Some((path, to, _)), Some((from_path, from, _))) = (of_kind.next(), of_kind.next())
        else {
            assert!([4, 7].contains(&kind), "{kind}");
            continue;
        };
        let before = fs::read(path).unwrap();
        let other = fs::read(from_path).unwrap();
        let mut bytes = before.clone();
        bytes[to * BLOCK..][..BLOCK].copy_from_slice(&other[from * BLOCK..][..BLOCK]);
        fs::write(path, bytes).unwrap();
        assert_eq!(check(dir.path(), &manifest).faults.len(), 1);
        let code = match open(dir.path(), TINY, &manifest) {
            Ok(index) => ask(&index, &naive).unwrap_err().code(),
            Err(error) => error.code(),
        };
        assert_eq!(code, "index_damaged", "{kind}");
        fs::write(path, before).unwrap();
    }
}

#[test]
fn a_file_that_ends_early_while_it_is_open_is_named() {
    let (dir, manifest, naive) = world();
    let index = open(dir.path(), TINY, &manifest).unwrap();
    let path = dir.path().join(manifest.files().next().unwrap().name);
    fs::write(&path, &fs::read(&path).unwrap()[..=BLOCK]).unwrap();
    let error = ask(&index, &naive).unwrap_err();
    assert!(error.to_string().contains("block 1: the file ends before it"), "{error}");
}

#[test]
fn an_error_of_the_background_stops_the_index_for_good() {
    for background in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut index = create(dir.path(), index::Options { background, ..TINY });
        let mut naive = Naive::default();
        fill(&mut index, &mut naive, 0, 200);
        // Nothing can be created any more where a folder stands.
        fs::create_dir(dir.path().join("00000000000000000000.run")).unwrap();
        let first = match index.seal() {
            Ok(sealed) => sealed.manifest().unwrap_err(),
            Err(error) => error,
        };
        let name = "00000000000000000000.run";
        assert!(first.to_string().contains(name), "{first}");
        let later = index.seal().unwrap_err();
        assert_eq!(later.code(), "index_stopped");
        assert!(later.to_string().contains(name), "{later}");
        assert_eq!(index.find(1).unwrap_err().code(), "index_stopped");
    }
}
