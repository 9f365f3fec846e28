//! The bytes of one snapshot file: a sealed block, the state, a hash over both.
//!
//! Written and read in pieces, so that a large state needs no second copy in memory. A reader is
//! handed out only when the whole file was read once and matched its hash.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Take, Write};
use std::path::Path;

use disk::{Access, Disk, DiskError, DiskFile, During as _, Reader};

use crate::batch::Hash;
use crate::seal::{SEALED_BYTES, Unsealed, seal, unseal};

const TAG: &str = "farthing/snapshot";
const HASH_BYTES: usize = 32;
/// What a file has beside the state.
const OVERHEAD_BYTES: u64 = SEALED_BYTES as u64 + HASH_BYTES as u64;
const BUFFER_BYTES: usize = 256 * 1024;

/// A state that was checked, to be read piece by piece.
#[derive(Debug)]
pub struct SnapshotReader {
    sequence: u64,
    head: Hash,
    state_bytes: u64,
    state: Take<BufReader<Reader<Box<dyn DiskFile>>>>,
}

impl SnapshotReader {
    /// The last batch folded in.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Its chain hash.
    pub fn head(&self) -> Hash {
        self.head
    }

    /// The size of the whole state.
    pub fn state_bytes(&self) -> u64 {
        self.state_bytes
    }
}

impl Read for SnapshotReader {
    /// Reads on in the state; 0 at its end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.state.read(buffer)
    }
}

/// Writes a file with the state that `write` writes.
pub(crate) fn write(
    file: &mut dyn Write,
    sequence: u64,
    head: Hash,
    state_bytes: u64,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut content = [0; 48];
    content[..8].copy_from_slice(&sequence.to_be_bytes());
    content[8..40].copy_from_slice(&head.0);
    content[40..].copy_from_slice(&state_bytes.to_be_bytes());
    let mut hashed = Hashed { file, hasher: blake3::Hasher::new(), bytes: 0 };
    hashed.write_all(&seal(TAG, &content))?;
    write(&mut hashed)?;
    if hashed.bytes != SEALED_BYTES as u64 + state_bytes {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the state has another size"));
    }
    let hash = hashed.hasher.finalize();
    hashed.file.write_all(hash.as_bytes())
}

/// Hashes and counts what passes to a file.
struct Hashed<'a> {
    file: &'a mut dyn Write,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The snapshot of batch `number` in one file, or why it cannot be used.
pub(crate) fn open(
    disk: &dyn Disk,
    path: &Path,
    number: u64,
) -> Result<Result<SnapshotReader, String>, DiskError> {
    let file = disk.open(path, Access::Read).during("open", path)?;
    check(file, number).during("read", path)
}

fn check(file: Box<dyn DiskFile>, number: u64) -> io::Result<Result<SnapshotReader, String>> {
    let bytes = file.len()?;
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, Reader::new(file));
    let mut block = Vec::with_capacity(SEALED_BYTES);
    reader.by_ref().take(SEALED_BYTES as u64).read_to_end(&mut block)?;
    let (head, state_bytes) = match header(&block, number) {
        Ok(header) => header,
        Err(why) => return Ok(Err(why)),
    };
    if bytes.checked_sub(OVERHEAD_BYTES) != Some(state_bytes) {
        return Ok(Err("it is cut short or longer than it should be".to_owned()));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&block);
    hasher.update_reader(reader.by_ref().take(state_bytes))?;
    let mut hash = [0; HASH_BYTES];
    reader.read_exact(&mut hash)?;
    if hash != *hasher.finalize().as_bytes() {
        return Ok(Err("its state does not match its checksum".to_owned()));
    }
    reader.seek(SeekFrom::Start(SEALED_BYTES as u64))?;
    let state = reader.take(state_bytes);
    Ok(Ok(SnapshotReader { sequence: number, head, state_bytes, state }))
}

fn header(block: &[u8], number: u64) -> Result<(Hash, u64), String> {
    let (mut fields, _) = unseal(TAG, block).map_err(|unsealed| match unsealed {
        Unsealed::Damaged => "its header is broken".to_owned(),
        Unsealed::Version(found) => format!("its format version {found} is not known here"),
    })?;
    let sequence = fields.take_u64();
    let head = Hash(fields.take());
    let state_bytes = fields.take_u64();
    if sequence == number {
        Ok((head, state_bytes))
    } else {
        Err(format!("its header is that of batch {sequence}"))
    }
}
