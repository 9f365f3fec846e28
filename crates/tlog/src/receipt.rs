//! Receipts: a file that proves offline that a leaf is in a log.
//!
//! Invariants: a receipt that was read is written back byte for byte, and every other text is
//! refused; [`Receipt::verify`] accepts a leaf only below a root that the policy's log signed and
//! its witnesses saw. What the leaf commits to, and whether `extra` opens it, is for the caller to
//! check first. Format: C2SP tlog-proof, files `.tlog-proof`.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::hash::Hash;
use crate::line::{
    encode_base64, parse_base64, parse_decimal, parse_hash, push_hashes, split_head,
};
use crate::note::{NOTE_BYTES_MAX, Note, NoteError};
use crate::policy::{Judged, Policy, Unacceptable};
use crate::proof::{VerifyError, verify_inclusion};

/// Longest receipt that is read.
pub const RECEIPT_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX;
/// Most hashes of one proof, as in witnesses' requests: enough for 2^63 leaves.
pub const PROOF_HASHES_COUNT_MAX: usize = 63;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A leaf's index, its inclusion proof and the checkpoint that the proof leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    extra: Option<Vec<u8>>,
    index: u64,
    proof: Vec<Hash>,
    note: Note,
    checkpoint: Checkpoint,
}

/// Why bytes are no receipt. The first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Longer than [`RECEIPT_BYTES_MAX`].
    #[error("the receipt is longer than {RECEIPT_BYTES_MAX} bytes")]
    TooLarge,
    /// It does not begin as every receipt does.
    #[error("the file is no receipt: its first line is not `{FIRST_LINE}`")]
    FirstLine,
    /// No empty line parts the proof from the checkpoint.
    #[error("the receipt has no checkpoint; it may have been cut")]
    NoCheckpoint,
    /// The line `extra` is not strict base64 of at least one byte.
    #[error("the line `extra` of the receipt is not base64 with padding")]
    Extra,
    /// No line `index` with a plain decimal where it must be.
    #[error("the receipt has no line `index` with a decimal without leading zeros in its place")]
    Index,
    /// More than [`PROOF_HASHES_COUNT_MAX`].
    #[error("the receipt has more than {PROOF_HASHES_COUNT_MAX} hashes")]
    TooManyHashes,
    /// A line of the proof is not strict base64 of 32 bytes.
    #[error("hash {line} of the receipt is not base64 of 32 bytes")]
    Hash {
        /// Which one, the first is 1.
        line: usize,
    },
    /// The checkpoint is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text of its note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl ReceiptError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "receipt_too_large",
            Self::FirstLine => "receipt_first_line",
            Self::NoCheckpoint => "receipt_no_checkpoint",
            Self::Extra => "receipt_extra",
            Self::Index => "receipt_index",
            Self::TooManyHashes => "receipt_too_many_hashes",
            Self::Hash { .. } => "receipt_hash",
            Self::Note(error) => error.code(),
            Self::Checkpoint(error) => error.code(),
        }
    }
}

/// Why a receipt proves nothing. The first that applies is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRefused {
    /// The checkpoint is not one that the policy accepts.
    #[error(transparent)]
    Checkpoint(#[from] Unacceptable),
    /// The index is not one of the tree.
    #[error("the receipt is for leaf {index}, but the tree of its checkpoint has {size} leaves")]
    BeyondTree {
        /// The index in the receipt.
        index: u64,
        /// The size in the checkpoint.
        size: u64,
    },
    /// The proof does not lead from the leaf to the root.
    #[error("the leaf is not at this place of the log: the receipt's proof does not hold")]
    NotIncluded(#[source] VerifyError),
}

impl ReceiptRefused {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Checkpoint(error) => error.code(),
            Self::BeyondTree { .. } => "receipt_beyond_tree",
            Self::NotIncluded(_) => "receipt_not_included",
        }
    }
}

impl Receipt {
    /// Puts a receipt together: index, hashes from the leaf's side, the checkpoint with all its
    /// signatures, and bytes that help to recompute the leaf. Nothing is verified.
    pub fn new(
        index: u64,
        proof: Vec<Hash>,
        note: Note,
        extra: Option<Vec<u8>>,
    ) -> Result<Self, ReceiptError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        let receipt = Self { extra, index, proof, note, checkpoint };
        // One check for both ways into a receipt, so that what is built can be read.
        Self::parse(receipt.to_string().as_bytes())
    }

    /// Reads a receipt.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(ReceiptError::TooLarge);
        }
        let rest = bytes.strip_prefix(FIRST_LINE.as_bytes());
        let rest = rest.and_then(|rest| rest.strip_prefix(b"\n")).ok_or(ReceiptError::FirstLine)?;
        let (head, note) = split_head(rest).ok_or(ReceiptError::NoCheckpoint)?;
        let mut lines = head.split(|byte| *byte == b'\n');
        let mut line = lines.next();
        let mut extra = None;
        if let Some(base64) = line.and_then(|line| line.strip_prefix(b"extra ")) {
            let bytes = parse_base64(base64).filter(|bytes| !bytes.is_empty());
            extra = Some(bytes.ok_or(ReceiptError::Extra)?);
            line = lines.next();
        }
        let index = line.and_then(|line| str::from_utf8(line.strip_prefix(b"index ")?).ok());
        let index = index.and_then(parse_decimal).ok_or(ReceiptError::Index)?;
        let proof = parse_proof(lines)?;
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { extra, index, proof, note, checkpoint })
    }

    /// Bytes that help to recompute the leaf. No signature covers them.
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The index of the leaf, the first is 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The hashes of the inclusion proof, from the leaf's side.
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The checkpoint with its signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// What the checkpoint says, verified or not.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Checks that the log and its witnesses, as the policy names them, vouch for a leaf.
    ///
    /// `leaf` is the hash that the caller computed from what it holds.
    pub fn verify<'p>(
        &self,
        leaf: &Hash,
        policy: &'p Policy,
    ) -> Result<Judged<'p>, ReceiptRefused> {
        let judged = policy.judge(&self.note)?;
        let head = judged.checkpoint.head();
        let verdict = verify_inclusion(leaf, self.index, head.size, &self.proof, &head.root);
        match verdict {
            Ok(()) => Ok(judged),
            Err(VerifyError::IndexBeyond { index, size }) => {
                Err(ReceiptRefused::BeyondTree { index, size })
            }
            Err(cause) => Err(ReceiptRefused::NotIncluded(cause)),
        }
    }
}

/// The receipt as it is sent and stored.
impl core::fmt::Display for Receipt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut hashes = String::new();
        push_hashes(&mut hashes, &self.proof);
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", encode_base64(extra))?;
        }
        write!(f, "index {}\n{hashes}\n{}", self.index, self.note)
    }
}

fn parse_proof<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Hash>, ReceiptError> {
    let mut proof = Vec::new();
    for (text, line) in lines.zip(1..) {
        if line > PROOF_HASHES_COUNT_MAX {
            return Err(ReceiptError::TooManyHashes);
        }
        proof.push(parse_hash(text).ok_or(ReceiptError::Hash { line })?);
    }
    Ok(proof)
}
