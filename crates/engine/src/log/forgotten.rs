//! Hashes of postings whose salts are forgotten, so that their leaves can still be shown and made
//! again.
//!
//! `forgotten` is a list of records of 48 bytes: leaf 8, side 1 (0 debit, 1 credit), hash 32, check 7
//! (the first bytes of the SHA-256 of what stands before). Invariant: the hashes are durable before
//! the secret behind their salts is destroyed.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, During, create_whole_with, read_whole};
use sha2::{Digest, Sha256};
use tlog::Hash;

use super::LogError;

pub(super) const NAME: &str = "forgotten";
const RECORD_BYTES: usize = 48;

/// All hashes of forgotten postings.
#[derive(Debug)]
pub(super) struct Forgotten {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    hashes: HashMap<(u64, u8), Hash>,
}

impl Forgotten {
    /// Reads what is there.
    pub(super) fn open(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Self, LogError> {
        let path = dir.join(NAME);
        let content = match read_whole(&**disk, &path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => Vec::new(),
            read => read.during("read", &path)?,
        };
        let (records, rest) = content.as_chunks::<RECORD_BYTES>();
        let mut hashes = HashMap::new();
        for (at, record) in records.iter().enumerate() {
            let (key, hash) = decode(record)
                .ok_or(LogError::SecretsDamaged { path: path.clone(), record: at as u64 })?;
            hashes.insert(key, hash);
        }
        if !rest.is_empty() {
            return Err(LogError::SecretsDamaged { path, record: records.len() as u64 });
        }
        Ok(Self { disk: Arc::clone(disk), dir: dir.to_owned(), hashes })
    }

    pub(super) fn empty(disk: &Arc<dyn Disk>, dir: &Path) -> Self {
        Self { disk: Arc::clone(disk), dir: dir.to_owned(), hashes: HashMap::new() }
    }

    pub(super) fn get(&self, leaf: u64, side: u8) -> Option<Hash> {
        self.hashes.get(&(leaf, side)).copied()
    }

    /// Adds postings; all are durable when this returns.
    pub(super) fn add(&mut self, postings: &[((u64, u8), Hash)]) -> Result<(), LogError> {
        self.hashes.extend(postings.iter().copied());
        let mut keys: Vec<_> = self.hashes.keys().copied().collect();
        keys.sort_unstable();
        create_whole_with(&*self.disk, &self.dir, NAME, &mut |file| {
            keys.iter().try_for_each(|key| {
                let hash = self.hashes.get(key).copied().unwrap_or(Hash([0; 32]));
                file.write_all(&encode(*key, hash))
            })
        })?;
        Ok(())
    }
}

fn encode((leaf, side): (u64, u8), hash: Hash) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..8].copy_from_slice(&leaf.to_be_bytes());
    record[8] = side;
    record[9..41].copy_from_slice(&hash.0);
    let check = Sha256::digest(&record[..41]);
    record[41..].copy_from_slice(&check[..7]);
    record
}

fn decode(record: &[u8; RECORD_BYTES]) -> Option<((u64, u8), Hash)> {
    if Sha256::digest(&record[..41])[..7] != record[41..] {
        return None;
    }
    let (leaf, rest) = record.split_first_chunk::<8>()?;
    let (side, rest) = rest.split_first()?;
    let hash = rest.first_chunk::<32>()?;
    Some(((u64::from_be_bytes(*leaf), *side), Hash(*hash)))
}
