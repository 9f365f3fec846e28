//! Writes a log with this crate alone: each line of a file is an entry.
//!
//! `log_of_lines LINES FOLDER ORIGIN SEED`: `SEED` is one byte of which the key is made, for tests
//! alone. The folder gets tiles, bundles and the signed checkpoint; standard output the vkey. What is
//! in the folder already stays, so that a longer file grows its log.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use tlog::{
    Checkpoint, Hash, KeyName, Layer, LogSigner, Node, Tile, Tree, TreeHead, encode_entries,
    encode_hashes,
};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [lines, folder, origin, seed] = args.as_slice() else {
        return Err("usage: log_of_lines LINES FOLDER ORIGIN SEED".into());
    };
    let text = fs::read_to_string(lines)?;
    let entries: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let folder = Path::new(folder);
    let head = write_tiles(&entries, folder)?;
    let signer = LogSigner::from_seed(KeyName::new(origin)?, &[seed.parse()?; 32]);
    let note = signer.sign(Checkpoint::new(signer.verifier().name(), head).to_string())?;
    fs::write(folder.join("checkpoint"), note.to_string())?;
    writeln!(std::io::stdout(), "{}", signer.verifier())?;
    Ok(())
}

fn write_tiles(entries: &[&[u8]], folder: &Path) -> Result<TreeHead, Box<dyn Error>> {
    // The hashes of every level of tiles, in their order.
    let mut levels: Vec<Vec<Hash>> = Vec::new();
    let mut tree = Tree::new();
    for entry in entries {
        tree.append(entry, |node: Node, hash| {
            if let Some((Layer::Hashes(level), _, _)) = node.stored() {
                let level = usize::from(level);
                levels.resize_with(levels.len().max(level + 1), Vec::new);
                levels[level].push(hash);
            }
        })?;
    }
    for tile in Tile::all(tree.size()) {
        let start = usize::try_from(tile.index())? * 256;
        let range = start..start + tile.width();
        let bytes = match tile.layer() {
            Layer::Entries => encode_entries(&entries[range])?,
            Layer::Hashes(level) => encode_hashes(&levels[usize::from(level)][range]),
        };
        let path = folder.join(tile.to_string());
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, bytes)?;
    }
    Ok(TreeHead { size: tree.size(), root: tree.root() })
}
