//! The public Merkle vectors of the folder `shared/data/merkle` beside the repository. A clone that
//! has no such folder says so; our own vectors are checked in any case.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tlog::{Hash, HashLengthError, leaf_hash, verify_consistency, verify_inclusion};

/// The files of a folder and those below it, or `None` if it is absent.
fn files(kind: &str) -> Option<Vec<PathBuf>> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/merkle").join(kind);
    if !folder.is_dir() {
        // Past the capture of test output, so that it is seen when the test passes.
        let said = "the public Merkle vectors are absent: our own vectors alone were checked\n";
        std::io::stderr().write_all(said.as_bytes()).unwrap();
        return None;
    }
    let (mut folders, mut found) = (vec![folder], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    found.sort();
    Some(found)
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn hash(value: &Value) -> Result<Hash, HashLengthError> {
    Hash::try_from(bytes(value).as_slice())
}

/// Some roots are texts of other lengths, in one good vector too, whose two trees are the same.
/// Roots are only compared, so a hash of such a text takes its place, and the verdict remains that
/// of verification.
fn root(value: &Value) -> Hash {
    hash(value).unwrap_or_else(|_| leaf_hash(&bytes(value)))
}

fn proof(vector: &Value) -> Result<Vec<Hash>, HashLengthError> {
    vector["proof"].as_array().into_iter().flatten().map(hash).collect()
}

fn inclusion(vector: &Value) -> bool {
    let (index, size) = (vector["leafIdx"].as_u64().unwrap(), vector["treeSize"].as_u64().unwrap());
    let (Ok(leaf), Ok(proof)) = (hash(&vector["leafHash"]), proof(vector)) else { return false };
    verify_inclusion(&leaf, index, size, &proof, &root(&vector["root"])).is_ok()
}

fn consistency(vector: &Value) -> bool {
    let (old, new) = (vector["size1"].as_u64().unwrap(), vector["size2"].as_u64().unwrap());
    let Ok(proof) = proof(vector) else { return false };
    let (old_root, new_root) = (root(&vector["root1"]), root(&vector["root2"]));
    verify_consistency(old, new, &proof, &old_root, &new_root).is_ok()
}

/// How many vectors were accepted and refused, all as they say.
fn check(kind: &str, verdict: impl Fn(&Value) -> bool) -> Option<(usize, usize)> {
    let (mut accepted, mut refused) = (0, 0);
    for path in files(kind)? {
        let vector: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let is_accepted = verdict(&vector);
        assert_eq!(is_accepted, !vector["wantErr"].as_bool().unwrap(), "{}", path.display());
        if is_accepted { accepted += 1 } else { refused += 1 }
    }
    Some((accepted, refused))
}

#[test]
fn public_inclusion_vectors() {
    if let Some(counts) = check("inclusion", inclusion) {
        assert_eq!(counts, (6, 92));
    }
}

#[test]
fn public_consistency_vectors() {
    if let Some(counts) = check("consistency", consistency) {
        assert_eq!(counts, (6, 92));
    }
}
