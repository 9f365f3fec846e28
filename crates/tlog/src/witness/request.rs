//! What a log sends to a witness: the size it was last cosigned at, a proof, and a checkpoint.
//!
//! Format: C2SP tlog-witness, the body of `POST <submission prefix>/add-checkpoint`.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::hash::Hash;
use crate::line::{parse_decimal, parse_hash, push_hashes, split_head};
use crate::note::{NOTE_BYTES_MAX, Note, NoteError};
use crate::receipt::PROOF_HASHES_COUNT_MAX;

/// Longest body of a request that is read: a note with the longest head before it.
pub const WITNESS_REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + 4096;

/// The body of a request; nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    old_size: u64,
    proof: Vec<Hash>,
    note: Note,
    checkpoint: Checkpoint,
}

/// Why a body is no request. The first that applies is told; a witness answers 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Longer than [`WITNESS_REQUEST_BYTES_MAX`].
    #[error("the request is longer than {WITNESS_REQUEST_BYTES_MAX} bytes")]
    TooLarge,
    /// No empty line parts the proof from the checkpoint.
    #[error("the request has no checkpoint; send one behind an empty line")]
    NoCheckpoint,
    /// The first line is not `old` with a plain decimal.
    #[error("the first line of the request is not `old` and a decimal without leading zeros")]
    OldSize,
    /// A line of the proof is not strict base64 of 32 bytes.
    #[error("hash {line} of the request is not base64 of 32 bytes")]
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
    /// More than [`PROOF_HASHES_COUNT_MAX`].
    #[error("the request has more than {PROOF_HASHES_COUNT_MAX} hashes")]
    TooManyHashes,
}

impl RequestError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "witness_request_too_large",
            Self::NoCheckpoint => "witness_request_no_checkpoint",
            Self::OldSize => "witness_request_old_size",
            Self::Hash { .. } => "witness_request_hash",
            Self::Note(error) => error.code(),
            Self::Checkpoint(error) => error.code(),
            Self::TooManyHashes => "witness_request_too_many_hashes",
        }
    }

    /// The HTTP status that a witness answers with.
    pub const fn http_status(self) -> u16 {
        400
    }
}

impl AddCheckpoint {
    /// Puts a request together: the size that the witness cosigned last, 0 if none, the consistency
    /// proof from there, and the signed checkpoint.
    pub fn new(old_size: u64, proof: Vec<Hash>, note: Note) -> Result<Self, RequestError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if proof.len() > PROOF_HASHES_COUNT_MAX {
            return Err(RequestError::TooManyHashes);
        }
        Ok(Self { old_size, proof, note, checkpoint })
    }

    /// Reads a body.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > WITNESS_REQUEST_BYTES_MAX {
            return Err(RequestError::TooLarge);
        }
        let (head, note) = split_head(bytes).ok_or(RequestError::NoCheckpoint)?;
        let mut lines = head.split(|byte| *byte == b'\n');
        let old = lines.next().and_then(|line| str::from_utf8(line.strip_prefix(b"old ")?).ok());
        let old_size = old.and_then(parse_decimal).ok_or(RequestError::OldSize)?;
        let mut proof = Vec::new();
        for (text, line) in lines.zip(1..) {
            proof.push(parse_hash(text).ok_or(RequestError::Hash { line })?);
        }
        Self::new(old_size, proof, Note::parse(note)?)
    }

    /// The size that the sender believes was cosigned last.
    pub fn old_size(&self) -> u64 {
        self.old_size
    }

    /// The consistency proof.
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The checkpoint with its signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// What the checkpoint says. Its origin is what a witness looks its keys and state up by.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// The body as it is sent.
impl core::fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut hashes = String::new();
        push_hashes(&mut hashes, &self.proof);
        write!(f, "old {}\n{hashes}\n{}", self.old_size, self.note)
    }
}
