//! The secrets of accounts on disk: the one thing of the log that nothing else can bring back.
//!
//! `secrets` is a list of records of 48 bytes: account 16, secret 16, first leaf that it salts 8,
//! check 8 (the first bytes of the SHA-256 of what stands before). The last record of an account
//! counts. Invariants: a secret is durable before a leaf that it salts is shown to anyone; a secret
//! that was replaced is gone from the file. What a crash tore off at the end was never used.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Access, Disk, DiskFile, During, create_whole_with, read_whole};
use evidence::Secret;
use sha2::{Digest, Sha256};

use super::LogError;
use super::accounts::{AccountLog, Accounts};

const NAME: &str = "secrets";
const RECORD_BYTES: usize = 48;

/// The open file.
#[derive(Debug)]
pub(super) struct Secrets {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file: Box<dyn DiskFile>,
    bytes: u64,
}

impl Secrets {
    /// Whether there is such a file.
    pub(super) fn exist(disk: &dyn Disk, dir: &Path) -> Result<bool, LogError> {
        let path = dir.join(NAME);
        match disk.open(&path, Access::Read) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(false),
            opened => Ok(opened.during("open", &path).map(|_| true)?),
        }
    }

    /// Begins an empty file.
    pub(super) fn create(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Self, LogError> {
        create_whole_with(&**disk, dir, NAME, &mut |_| Ok(()))?;
        Ok(Self::open(disk, dir)?.0)
    }

    /// Reads what is there, and cuts what a crash left half.
    pub(super) fn open(disk: &Arc<dyn Disk>, dir: &Path) -> Result<(Self, Accounts), LogError> {
        let path = dir.join(NAME);
        let content = read_whole(&**disk, &path).during("read", &path)?;
        let (records, torn) = content.as_chunks::<RECORD_BYTES>();
        let mut accounts = Accounts::default();
        let mut whole = records.len();
        for (at, record) in records.iter().enumerate() {
            let Some((id, row)) = decode(record) else {
                if records[at..].iter().any(|later| decode(later).is_some()) {
                    return Err(LogError::SecretsDamaged { path, record: at as u64 });
                }
                whole = at;
                break;
            };
            accounts.insert(id, row);
        }
        let file = disk.open(&path, Access::InPlace).during("open", &path)?;
        let bytes = (whole * RECORD_BYTES) as u64;
        if !torn.is_empty() || whole < records.len() {
            file.set_len(bytes).during("cut", &path)?;
        }
        Ok((Self { disk: Arc::clone(disk), dir: dir.to_owned(), file, bytes }, accounts))
    }

    /// Adds accounts; they are durable when this returns.
    pub(super) fn add(&mut self, new: &[(u128, AccountLog)]) -> Result<(), LogError> {
        let path = self.dir.join(NAME);
        let bytes: Vec<u8> = new.iter().flat_map(|(id, row)| encode(*id, row)).collect();
        self.file.write_at(&bytes, self.bytes).during("write", &path)?;
        self.file.sync_data().during("sync", &path)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Writes the file anew, with what counts and nothing else.
    pub(super) fn rewrite(&mut self, accounts: &Accounts) -> Result<(), LogError> {
        let path = create_whole_with(&*self.disk, &self.dir, NAME, &mut |file| {
            accounts.iter().try_for_each(|(id, row)| file.write_all(&encode(id, row)))
        })?;
        self.file = self.disk.open(&path, Access::InPlace).during("open", &path)?;
        self.bytes = (accounts.len() * RECORD_BYTES) as u64;
        Ok(())
    }
}

fn encode(id: u128, row: &AccountLog) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..16].copy_from_slice(&id.to_be_bytes());
    record[16..32].copy_from_slice(row.secret.as_bytes());
    record[32..40].copy_from_slice(&row.since.to_be_bytes());
    let check = Sha256::digest(&record[..40]);
    record[40..].copy_from_slice(&check[..8]);
    record
}

fn decode(record: &[u8; RECORD_BYTES]) -> Option<(u128, AccountLog)> {
    if Sha256::digest(&record[..40])[..8] != record[40..] {
        return None;
    }
    let (id, rest) = record.split_first_chunk::<16>()?;
    let (secret, rest) = rest.split_first_chunk::<16>()?;
    let since = rest.first_chunk::<8>()?;
    let row = AccountLog::new(Secret::new(*secret), u64::from_be_bytes(*since));
    Some((u128::from_be_bytes(*id), row))
}
