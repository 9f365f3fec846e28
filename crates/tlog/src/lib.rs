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
mod line;
mod note;
pub mod policy;
mod receipt;
pub mod witness;

pub use checkpoint::{Checkpoint, CheckpointError, TreeHead};
pub use cosignature::{COSIGNATURE_SECONDS_MAX, CosignError, Cosigner};
pub use note::{
    AppendError, KeyError, KeyId, KeyName, KeyType, LogSigner, NOTE_BYTES_MAX, NameError, Note,
    NoteError, NoteRefused, NoteSignature, SIGNATURES_COUNT_MAX, SignatureError, Signed,
    VerifierKey,
};
pub use receipt::{
    PROOF_HASHES_COUNT_MAX, RECEIPT_BYTES_MAX, Receipt, ReceiptError, ReceiptRefused,
};
