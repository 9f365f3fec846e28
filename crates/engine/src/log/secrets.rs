//! The secrets of accounts on disk: the one thing of the log that nothing else can bring back.
//!
//! `secrets` is a list of records of 48 bytes: account 16, secret 16, first leaf that it salts 8,
//! number of the first record that was written together with it 4, check 4 (the first bytes of the
//! SHA-256 of what stands before). The last record of an account counts. Invariants: a secret is durable before a leaf that it salts is shown
//! to anyone; a secret that was replaced is gone from the file.
//!
//! A crash may leave any part of the last write. Nothing of it was used, because it was not synced,
//! so a file whose only bad records are of its last write is cut there, and kept as `secrets.torn`.
//! Should it be damage after all, leaves that others have seen would need new secrets, and whoever
//! makes them refuses.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Access, Disk, DiskFile, During, create_whole, create_whole_with, read_whole};
use evidence::Secret;
use sha2::{Digest, Sha256};

use super::LogError;
use super::accounts::{AccountLog, Accounts};

pub(super) const NAME: &str = "secrets";
const TORN: &str = "secrets.torn";
const RECORD_BYTES: usize = 48;
const CHECKED_BYTES: usize = 44;

/// The open file.
#[derive(Debug)]
pub(super) struct Secrets {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file: Box<dyn DiskFile>,
    records: u64,
}

/// One record of the file.
struct Record {
    account: u128,
    row: AccountLog,
    /// The first record that was written together with it.
    first: u32,
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
        let whole = whole(&content)
            .map_err(|record| LogError::SecretsDamaged { path: path.clone(), record })?;
        let file = disk.open(&path, Access::InPlace).during("open", &path)?;
        let records = whole.len() as u64;
        let bytes = records * RECORD_BYTES as u64;
        if bytes < content.len() as u64 {
            create_whole(&**disk, dir, TORN, &[&content])?;
            file.set_len(bytes).during("cut", &path)?;
        }
        // Its sync may have failed, and what was read come from memory: the last write is made again.
        let last = whole.last().map_or(0, |record| record.first as usize) * RECORD_BYTES;
        file.write_at(&content[last..whole.len() * RECORD_BYTES], last as u64)
            .during("write", &path)?;
        file.sync_data().during("sync", &path)?;
        let accounts = table(whole);
        Ok((Self { disk: Arc::clone(disk), dir: dir.to_owned(), file, records }, accounts))
    }

    /// The accounts of a file's content. An error names the record that is damaged.
    pub(super) fn parse(content: &[u8]) -> Result<Accounts, u64> {
        whole(content).map(table)
    }

    /// How many records there are.
    pub(super) const fn count(&self) -> u64 {
        self.records
    }

    /// Adds accounts; they are durable when this returns.
    pub(super) fn add(&mut self, new: &[(u128, AccountLog)]) -> Result<(), LogError> {
        let path = self.dir.join(NAME);
        let first = number(self.records);
        let bytes: Vec<u8> = new.iter().flat_map(|(id, row)| encode(*id, row, first)).collect();
        let at = self.records * RECORD_BYTES as u64;
        self.file.write_at(&bytes, at).during("write", &path)?;
        self.file.sync_data().during("sync", &path)?;
        self.records += new.len() as u64;
        Ok(())
    }

    /// Writes the file anew, with what counts and nothing else.
    pub(super) fn rewrite(&mut self, accounts: &Accounts) -> Result<(), LogError> {
        let path = create_whole_with(&*self.disk, &self.dir, NAME, &mut |file| {
            // The file is there whole or not at all, so each record is a write of its own.
            let rows = accounts.sorted();
            rows.iter()
                .zip(0..)
                .try_for_each(|((id, row), at)| file.write_all(&encode(*id, row, number(at))))
        })?;
        let torn = self.dir.join(TORN);
        match self.disk.remove(&torn) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => {
                Err(cause).during("remove", &torn)?;
            }
            _ => {}
        }
        self.file = self.disk.open(&path, Access::InPlace).during("open", &path)?;
        self.records = accounts.len() as u64;
        Ok(())
    }
}

/// The records up to the first bad one, if whatever follows is of the last write; else the bad one.
fn whole(content: &[u8]) -> Result<Vec<Record>, u64> {
    let (records, _) = content.as_chunks::<RECORD_BYTES>();
    let mut found = records.iter().map(decode);
    let whole: Vec<Record> = found.by_ref().map_while(|record| record).collect();
    // Whatever was written after the bad record says where its own write began.
    let bad = number(whole.len() as u64);
    let is_torn = found.flatten().all(|record| record.first <= bad);
    if is_torn { Ok(whole) } else { Err(whole.len() as u64) }
}

fn table(records: Vec<Record>) -> Accounts {
    let mut accounts = Accounts::default();
    for record in records {
        accounts.insert(record.account, record.row);
    }
    accounts
}

/// The number of a record; there are far fewer accounts than numbers.
fn number(records: u64) -> u32 {
    u32::try_from(records).unwrap_or(u32::MAX)
}

fn encode(account: u128, row: &AccountLog, first: u32) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..16].copy_from_slice(&account.to_be_bytes());
    record[16..32].copy_from_slice(row.secret.as_bytes());
    record[32..40].copy_from_slice(&row.since.to_be_bytes());
    record[40..44].copy_from_slice(&first.to_be_bytes());
    let check = Sha256::digest(&record[..CHECKED_BYTES]);
    record[CHECKED_BYTES..].copy_from_slice(&check[..4]);
    record
}

fn decode(record: &[u8; RECORD_BYTES]) -> Option<Record> {
    if Sha256::digest(&record[..CHECKED_BYTES])[..4] != record[CHECKED_BYTES..] {
        return None;
    }
    let (account, rest) = record.split_first_chunk::<16>()?;
    let (secret, rest) = rest.split_first_chunk::<16>()?;
    let (since, rest) = rest.split_first_chunk::<8>()?;
    let first = rest.first_chunk::<4>()?;
    let row = AccountLog::new(Secret::new(*secret), u64::from_be_bytes(*since));
    let account = u128::from_be_bytes(*account);
    Some(Record { account, row, first: u32::from_be_bytes(*first) })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use disk::Simulated;

    use super::*;

    fn rows(ids: std::ops::Range<u128>) -> Vec<(u128, AccountLog)> {
        ids.map(|id| (id, AccountLog::new(Secret::new([7; 16]), 0))).collect()
    }

    fn content(disk: &Arc<dyn Disk>) -> Vec<u8> {
        read_whole(&**disk, Path::new("/log/secrets")).unwrap()
    }

    fn write(disk: &Arc<dyn Disk>, bytes: &[u8]) {
        create_whole(&**disk, Path::new("/log"), NAME, &[bytes]).unwrap();
    }

    /// Three writes of three accounts each.
    fn filled() -> (Arc<dyn Disk>, Vec<u8>) {
        let disk: Arc<dyn Disk> = Arc::new(Simulated::new(1));
        disk.create_folder(Path::new("/log")).unwrap();
        let mut secrets = Secrets::create(&disk, Path::new("/log")).unwrap();
        for first in [1, 4, 7] {
            secrets.add(&rows(first..first + 3)).unwrap();
        }
        drop(secrets);
        let bytes = content(&disk);
        (disk, bytes)
    }

    #[test]
    fn whatever_a_crash_leaves_of_the_last_write_is_cut() {
        for bad in [vec![6], vec![7], vec![8], vec![6, 7], vec![6, 8], vec![7, 8], vec![6, 7, 8]] {
            let (disk, mut bytes) = filled();
            for record in &bad {
                bytes[record * RECORD_BYTES..(record + 1) * RECORD_BYTES].fill(0);
            }
            write(&disk, &bytes);
            let (mut secrets, accounts) = Secrets::open(&disk, Path::new("/log")).unwrap();
            assert_eq!(accounts.len(), bad[0], "{bad:?}");
            secrets.add(&rows(20..21)).unwrap();
            let (_, accounts) = Secrets::open(&disk, Path::new("/log")).unwrap();
            assert_eq!(accounts.len(), bad[0] + 1);
            assert_eq!(read_whole(&*disk, Path::new("/log/secrets.torn")).unwrap(), bytes);
        }
        let (disk, bytes) = filled();
        write(&disk, &bytes[..bytes.len() - 1]);
        assert_eq!(Secrets::open(&disk, Path::new("/log")).unwrap().1.len(), 8);
    }

    #[test]
    fn a_bad_record_before_the_last_write_is_damage() {
        for (bad, rewritten) in (0..6).map(|bad| (bad, false)).chain((0..8).map(|bad| (bad, true)))
        {
            let (disk, mut bytes) = filled();
            if rewritten {
                let (mut secrets, accounts) = Secrets::open(&disk, Path::new("/log")).unwrap();
                secrets.rewrite(&accounts).unwrap();
                bytes = content(&disk);
            }
            bytes[bad * RECORD_BYTES + 20] ^= 1;
            write(&disk, &bytes);
            let error = Secrets::open(&disk, Path::new("/log")).unwrap_err();
            let LogError::SecretsDamaged { record, .. } = error else { panic!("{error}") };
            assert_eq!(record, bad as u64);
        }
    }
}
