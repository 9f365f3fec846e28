//! The verifiable log: tree, tiles, checkpoints, receipts and their verification. Pure.
//!
//! Formats are those of C2SP (tlog-tiles, signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof,
//! tlog-policy) over the tree hash of RFC 6962, section 2.1, so that programs of others verify what
//! is made here. Invariants: what a verifier accepts follows from bytes that were signed; building
//! and verifying share the hashes and nothing else.
//!
//! It must not do I/O, read a clock or draw randomness, and must not know what a leaf commits to.

mod checkpoint;
mod cosignature;
mod hash;
mod line;
mod note;
pub mod policy;
mod proof;
mod receipt;
mod tile;
mod tree;
pub mod witness;

pub use checkpoint::{Checkpoint, CheckpointError, TreeHead};
pub use cosignature::{COSIGNATURE_SECONDS_MAX, CosignError, Cosigner};
pub use hash::{HASH_BYTES, Hash, HashLengthError, empty_root, leaf_hash, leaf_hashes, node_hash};
pub use note::{
    AppendError, KeyError, KeyId, KeyName, KeyType, LogSigner, NOTE_BYTES_MAX, NameError, Note,
    NoteError, NoteRefused, NoteSignature, SIGNATURES_COUNT_MAX, SignatureError, Signed,
    VerifierKey,
};
pub use proof::{
    ProveError, VerifyError, prove_consistency, prove_inclusion, verify_consistency,
    verify_inclusion,
};
pub use receipt::{
    PROOF_HASHES_COUNT_MAX, RECEIPT_BYTES_MAX, Receipt, ReceiptError, ReceiptRefused,
};
pub use tile::{
    BundleError, ENTRY_BYTES_MAX, Layer, TILE_LEVEL_MAX, TILE_LEVELS, TILE_WIDTH, Tile,
    TileBytesError, TileError, decode_entries, encode_entries, encode_hashes, full_tile_hash,
};
pub use tree::{
    HashSource, LEAVES_COUNT_MAX, Node, TileReadError, TileReader, Tree, TreeError, root,
};
