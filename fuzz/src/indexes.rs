//! Manifests of an index, and the files that they name.
//!
//! Every block and every manifest carries a checksum, so bytes that a fuzzer changed would reach no
//! code behind it. Here the checksums are made anew after the change: files that lie, not files
//! that rot.

use std::path::Path;
use std::sync::Arc;

use disk::{Access, Disk, Simulated};
use index::{Index, Manifest, Options, Schema, verify};
use ledger::{ROW_BYTES, Row};
use twox_hash::XxHash3_64;

/// Rows as the ledger has them.
pub const SCHEMA: Schema = Schema { row_bytes: ROW_BYTES, pair_bytes: ROW_BYTES, keys, terms };

/// So small that a few rows make several files.
pub const OPTIONS: Options =
    Options { chunk_rows: 20, fan_out: 2, cache_bytes: 1 << 16, file_blocks: 1, background: false };

const BLOCK_BYTES: usize = 4096;
const CHECKSUM_BYTES: usize = 8;
/// How the names of files of pairs end.
const PAIRS: &str = "pairs";

/// Files larger than this together are not written.
const BLOCKS_COUNT_MAX: u64 = 64;

fn keys(row: &[u8], out: &mut Vec<u128>) {
    ledger::keys(&row_of(row), out);
}

fn terms(row: &[u8], out: &mut Vec<u64>) {
    ledger::terms(&row_of(row), out);
}

fn row_of(bytes: &[u8]) -> Row {
    Row::from_bytes(bytes.try_into().expect("the index hands out whole rows"))
}

/// A manifest, its checksum made right. What is padding when it is read is zeros when it is written.
pub fn manifest(bytes: &[u8]) -> bool {
    let sealed = with_checksum(bytes, 0);
    Manifest::decode(&sealed).is_ok_and(|manifest| {
        let mut again = Vec::new();
        manifest.encode(&mut again);
        assert_eq!(again.len(), sealed.len());
        assert_eq!(Manifest::decode(&again).as_ref(), Ok(&manifest));
        true
    })
}

/// A manifest and its files, cut where padding begins: a length of two bytes before each block.
/// What the check finds sound opens and is read to the end, and nothing else brings it down.
pub fn files(bytes: &[u8]) -> bool {
    let mut pieces = Pieces(bytes);
    let Some(manifest) = pieces.next() else { return false };
    let Ok(manifest) = Manifest::decode(&with_checksum(manifest, 0)) else { return false };
    if manifest.files().take(100).map(|file| file.bytes / BLOCK_BYTES as u64).sum::<u64>()
        > BLOCKS_COUNT_MAX
        || manifest.files().nth(50).is_some()
    {
        return false;
    }
    let disk: Arc<dyn Disk> = Arc::new(Simulated::new(0));
    let dir = Path::new("index");
    disk.create_folder(dir).expect("a folder");
    let mut blocks = 0;
    for file in manifest.files() {
        // Pairs lie in as many blocks as the rows before them, though the last may be missing.
        let own = file.bytes / BLOCK_BYTES as u64;
        blocks = if file.name.ends_with(PAIRS) { blocks } else { own };
        write(&*disk, &dir.join(&file.name), blocks, &mut pieces);
    }
    let Ok(verified) = verify(&disk, dir, &SCHEMA, &manifest) else { return false };
    let Ok(index) = Index::open(disk, dir, SCHEMA, OPTIONS, &manifest, &[]) else { return false };
    let read = read(&index);
    if verified.faults.is_empty() {
        assert_eq!(read.map_err(|error| error.to_string()), Ok(verified.fingerprint.rows));
    }
    verified.faults.is_empty()
}

/// Everything that can be asked; how many rows there are.
fn read(index: &Index) -> Result<u64, index::Error> {
    let (mut row, mut pair) = ([0; ROW_BYTES], [0; ROW_BYTES]);
    for position in 0..index.len() {
        index.row(position, &mut row)?;
        index.pair(position, &mut pair)?;
        let (mut row_keys, mut row_terms) = (Vec::new(), Vec::new());
        keys(&row, &mut row_keys);
        for key in row_keys {
            index.find(key)?;
            index.find(key ^ 1)?;
        }
        terms(&row, &mut row_terms);
        for term in row_terms {
            index.positions(term, 0..index.len(), true, 3)?;
            index.positions(term, position..u64::MAX, false, usize::MAX)?;
        }
    }
    let mut all = Vec::new();
    index.rows(0..index.len(), &mut all)?;
    Ok((all.len() / ROW_BYTES) as u64)
}

fn write(disk: &dyn Disk, path: &Path, blocks: u64, pieces: &mut Pieces<'_>) {
    let file = disk.open(path, Access::Create).expect("a file");
    let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
    let number: u64 = name.parse().expect("a number");
    let kind: u64 = match path.extension().and_then(|end| end.to_str()) {
        Some("rows") => 0,
        Some(PAIRS) => 1,
        _ => 2,
    };
    for block in 0..blocks {
        let Some(content) = pieces.next() else { return };
        let mut content = content.to_vec();
        content.resize(BLOCK_BYTES - CHECKSUM_BYTES, 0);
        let seed = (kind << 62).wrapping_add(number << 32).wrapping_add(block);
        let sealed = with_checksum(&content, seed);
        file.write_at(&sealed, block * BLOCK_BYTES as u64).expect("room");
    }
}

/// The bytes of an index as [`files`] takes them.
pub fn packed(disk: &dyn Disk, dir: &Path, manifest: &Manifest) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut put = |piece: &[u8]| {
        let length = u16::try_from(piece.len()).expect("a piece is shorter than a block");
        out.extend(length.to_be_bytes());
        out.extend(piece);
    };
    let mut bytes = Vec::new();
    manifest.encode(&mut bytes);
    put(&bytes[..bytes.len() - CHECKSUM_BYTES]);
    let mut blocks = 0;
    for file in manifest.files() {
        let mut content = disk::read_whole(disk, &dir.join(&file.name))?;
        if file.name.ends_with(PAIRS) {
            content.resize(blocks * BLOCK_BYTES, 0);
        }
        blocks = content.len() / BLOCK_BYTES;
        for block in content.chunks(BLOCK_BYTES) {
            let content = &block[..BLOCK_BYTES - CHECKSUM_BYTES];
            let end = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            put(&content[..end]);
        }
    }
    Ok(out)
}

fn with_checksum(bytes: &[u8], seed: u64) -> Vec<u8> {
    let sum = XxHash3_64::oneshot_with_seed(seed, bytes);
    [bytes, &sum.to_be_bytes()].concat()
}

/// Byte strings, each behind its length of two bytes; one that is cut short ends there.
struct Pieces<'a>(&'a [u8]);

impl<'a> Pieces<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (piece, rest) = rest.split_at(length);
        self.0 = rest;
        Some(piece)
    }
}
