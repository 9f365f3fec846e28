//! How far the log had come: size, peaks and every account's newest leaf, in one file.
//!
//! A cache: without it the log is built anew from the rows. Invariants: the file is whole or not
//! there; what it tells of is durable. Layout of `progress`, numbers big-endian: `farthing/log/1`,
//! size 8, count of peaks 1, peaks 32 each, count of accounts 8, per account id 16 and newest leaf
//! 8, then the SHA-256 of all before.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use disk::{Disk, DiskError, During, create_whole_with, read_whole};
use sha2::{Digest, Sha256};
use tlog::{Hash, Tree};

use super::accounts::Accounts;

const NAME: &str = "progress";
const MAGIC: &[u8] = b"farthing/log/1";

/// Writes the file.
pub(super) fn save(
    disk: &dyn Disk,
    dir: &Path,
    tree: &Tree,
    accounts: &Accounts,
) -> Result<(), DiskError> {
    create_whole_with(disk, dir, NAME, &mut |file| {
        let mut out = Hashed { file, hash: Sha256::new() };
        out.write_all(MAGIC)?;
        out.write_all(&tree.size().to_be_bytes())?;
        out.write_all(&[u8::try_from(tree.peaks().len()).unwrap_or(0)])?;
        tree.peaks().iter().try_for_each(|peak| out.write_all(&peak.0))?;
        out.write_all(&(accounts.len() as u64).to_be_bytes())?;
        for (id, row) in accounts.sorted() {
            out.write_all(&id.to_be_bytes())?;
            out.write_all(&row.last.to_be_bytes())?;
        }
        let digest = out.hash.finalize();
        file.write_all(&digest)
    })
    .map(drop)
}

/// Removes the file for good, if it is there.
pub(super) fn remove(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    let path = dir.join(NAME);
    match disk.remove(&path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(()),
        removed => {
            removed.during("remove", &path)?;
            disk.sync_folder(dir).during("sync folder", dir)
        }
    }
}

struct Hashed<'a> {
    file: &'a mut dyn Write,
    hash: Sha256,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What the file tells.
pub(super) struct Saved {
    pub tree: Tree,
    /// It names accounts that have no secret, though they had one when it was written.
    pub lacks_secrets: bool,
}

/// Reads the file into the accounts that are known. `None` if it is not there or is damaged.
pub(super) fn load(
    disk: &dyn Disk,
    dir: &Path,
    accounts: &mut Accounts,
) -> Result<Option<Saved>, DiskError> {
    let path = dir.join(NAME);
    let bytes = match read_whole(disk, &path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.during("read", &path)?,
    };
    Ok(parse(&bytes, accounts))
}

fn parse(bytes: &[u8], accounts: &mut Accounts) -> Option<Saved> {
    let (content, digest) = bytes.split_last_chunk::<32>()?;
    if Sha256::digest(content)[..] != digest[..] {
        return None;
    }
    let rest = content.strip_prefix(MAGIC)?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (count, rest) = rest.split_first()?;
    let (peaks, rest) = rest.split_at_checked(usize::from(*count) * 32)?;
    let peaks = peaks.as_chunks::<32>().0.iter().copied().map(Hash).collect();
    let tree = Tree::from_peaks(u64::from_be_bytes(*size), peaks).ok()?;
    let (count, rest) = rest.split_first_chunk::<8>()?;
    let (rows, rest) = rest.as_chunks::<24>();
    if !rest.is_empty() || rows.len() as u64 != u64::from_be_bytes(*count) {
        return None;
    }
    let mut saved = Saved { tree, lacks_secrets: false };
    for row in rows {
        let (id, last) = row.split_first_chunk::<16>()?;
        let last = last.first_chunk::<8>()?;
        match accounts.get_mut(u128::from_be_bytes(*id)) {
            Some(account) => account.last = u64::from_be_bytes(*last),
            None => saved.lacks_secrets = true,
        }
    }
    Some(saved)
}
