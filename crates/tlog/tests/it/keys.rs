//! Keys, checkpoints and notes that the tests share.

use tlog::{Checkpoint, Cosigner, Hash, KeyName, LogSigner, Note, TreeHead};

pub const LOG: &str = "ledger.example/log1";
pub const WITNESS: &str = "witness.example/w1";
pub const TIME: u64 = 1_700_000_000;

pub fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

pub fn log() -> LogSigner {
    LogSigner::from_seed(name(LOG), &[7; 32])
}

pub fn witness() -> Cosigner {
    Cosigner::from_seed(name(WITNESS), &[9; 32])
}

/// A witness of its own for each number.
pub fn witness_number(number: u8) -> Cosigner {
    Cosigner::from_seed(name(&format!("witness.example/number{number}")), &[100 + number; 32])
}

/// A checkpoint signed by [`log`].
pub fn signed(head: TreeHead) -> Note {
    log().sign(Checkpoint::new(&name(LOG), head).to_string()).unwrap()
}

/// The same note with cosignatures.
pub fn cosigned(note: &Note, witnesses: &[Cosigner]) -> Note {
    let lines: Vec<_> =
        witnesses.iter().map(|witness| witness.cosign(note, TIME).unwrap()).collect();
    note.with_signatures(&lines).unwrap()
}

/// Tree heads that differ, of no tree: notes do not ask for one. Those of trees are in `histories`.
pub fn head(size: u64) -> TreeHead {
    let mut root = [0xab; 32];
    root[..8].copy_from_slice(&size.to_be_bytes());
    TreeHead { size, root: Hash(root) }
}
