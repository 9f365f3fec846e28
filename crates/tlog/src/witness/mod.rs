//! Witnessing: whether a witness may cosign a checkpoint, and what both sides say to each other.
//!
//! [`decide`] is pure: what the witness stored last and a request in, what it must store or the
//! refusal out. Invariant: what is accepted is signed by the log, not smaller than what was stored,
//! and proven to have grown from it.
//!
//! | refusal, in order of precedence | status |
//! | --- | --- |
//! | the origin is unknown | 404 |
//! | a trusted key's signature fails, or there is none | 403 |
//! | `old` is above the checkpoint's size | 400 |
//! | `old` is not the stored size | 409 with that size |
//! | another root at the stored size, a wrong root at size 0 | 422 |
//! | a proof where none belongs, a proof that does not hold | 422 |
//!
//! Comparing with what is stored and storing anew must be one step, finished before
//! [`Accepted::cosign`]: otherwise a slower request could take a faster one's growth back. That is
//! the caller's part, as are the HTTP server and the clock. Source: C2SP tlog-witness.

mod answer;
mod request;

use crate::checkpoint::TreeHead;
use crate::cosignature::{CosignError, Cosigner};
use crate::hash::empty_root;
use crate::note::{NoteRefused, NoteSignature, VerifierKey};
use crate::proof::{VerifyError, verify_consistency};

pub use answer::{Answer, AnswerError, CONFLICT_CONTENT_TYPE, cosigned_body};
pub use request::{AddCheckpoint, RequestError, WITNESS_REQUEST_BYTES_MAX};

/// What a witness knows of the log that a request names.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// The keys that it trusts for the origin.
    pub keys: &'a [VerifierKey],
    /// What it cosigned last; `None` before the first time.
    pub stored: Option<TreeHead>,
}

/// A request that may be answered with a cosignature once its head is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted<'r> {
    request: &'r AddCheckpoint,
}

/// Why a witness does not cosign. The first that applies is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The witness does not watch this log.
    #[error("the origin of the checkpoint is unknown here; register the log with the witness")]
    UnknownOrigin,
    /// No trusted key has signed, or a line that claims one fails.
    #[error(transparent)]
    Signature(#[from] NoteRefused),
    /// The old size is above the size of the checkpoint.
    #[error("`old` is {old}, above the {size} leaves of the checkpoint")]
    OldAboveCheckpoint {
        /// The old size in the request.
        old: u64,
        /// The size in the checkpoint.
        size: u64,
    },
    /// The old size is not the one stored.
    #[error("this log was last cosigned at {stored} leaves; prove the growth from there")]
    Conflict {
        /// The stored size, 0 if nothing is stored.
        stored: u64,
    },
    /// The same size with another root: the log has forked.
    #[error("another root was cosigned at {size} leaves")]
    OtherRoot {
        /// The size.
        size: u64,
    },
    /// The root of no leaves is not that of the empty tree.
    #[error("the checkpoint has no leaves and not the root of the empty tree")]
    EmptyRoot,
    /// Nothing is to be proven, and hashes are there.
    #[error("no proof belongs between {old} and {size} leaves; leave it out")]
    NeedlessProof {
        /// The old size.
        old: u64,
        /// The size in the checkpoint.
        size: u64,
    },
    /// The proof does not lead from the stored root to the new one.
    #[error("the proof does not show that {size} leaves have grown from {old}")]
    Inconsistent {
        /// The old size.
        old: u64,
        /// The size in the checkpoint.
        size: u64,
        /// Where it fails.
        #[source]
        cause: VerifyError,
    },
}

impl Refusal {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownOrigin => "witness_unknown_origin",
            Self::Signature(error) => error.code(),
            Self::OldAboveCheckpoint { .. } => "witness_old_above_checkpoint",
            Self::Conflict { .. } => "witness_conflict",
            Self::OtherRoot { .. } => "witness_other_root",
            Self::EmptyRoot => "witness_empty_root",
            Self::NeedlessProof { .. } => "witness_needless_proof",
            Self::Inconsistent { .. } => "witness_inconsistent",
        }
    }

    /// The HTTP status of the answer.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::UnknownOrigin => 404,
            Self::Signature(_) => 403,
            Self::OldAboveCheckpoint { .. } => 400,
            Self::Conflict { .. } => 409,
            Self::OtherRoot { .. }
            | Self::EmptyRoot
            | Self::NeedlessProof { .. }
            | Self::Inconsistent { .. } => 422,
        }
    }

    /// Whether the log signed something that it may never sign, or that it cannot prove: a request
    /// to keep.
    pub const fn is_evidence(&self) -> bool {
        self.http_status() == 422
    }

    /// Content type and body of the answer.
    pub fn answer(&self) -> (&'static str, String) {
        match self {
            Self::Conflict { stored } => (CONFLICT_CONTENT_TYPE, format!("{stored}\n")),
            _ => ("text/plain; charset=utf-8", format!("{}: {self}\n", self.code())),
        }
    }
}

/// Whether the witness may cosign; `watched` is `None` if the origin is unknown.
pub fn decide<'r>(
    request: &'r AddCheckpoint,
    watched: Option<Watched<'_>>,
) -> Result<Accepted<'r>, Refusal> {
    let watched = watched.ok_or(Refusal::UnknownOrigin)?;
    request.note().verify(watched.keys)?;
    let new = request.checkpoint().head();
    let (old, size) = (request.old_size(), new.size);
    if old > size {
        return Err(Refusal::OldAboveCheckpoint { old, size });
    }
    let stored = watched.stored.unwrap_or(TreeHead { size: 0, root: empty_root() });
    if old != stored.size {
        return Err(Refusal::Conflict { stored: stored.size });
    }
    if size == 0 && new.root != empty_root() {
        return Err(Refusal::EmptyRoot);
    }
    if size == stored.size && new.root != stored.root {
        return Err(Refusal::OtherRoot { size });
    }
    let grown = old != 0 && size > old;
    if !grown && !request.proof().is_empty() {
        return Err(Refusal::NeedlessProof { old, size });
    }
    if grown {
        verify_consistency(old, size, request.proof(), &stored.root, &new.root)
            .map_err(|cause| Refusal::Inconsistent { old, size, cause })?;
    }
    Ok(Accepted { request })
}

impl Accepted<'_> {
    /// What must be stored, safe from power cuts, before anything is cosigned.
    pub fn head(&self) -> TreeHead {
        self.request.checkpoint().head()
    }

    /// The cosignature at a time, Unix seconds. Only after [`Self::head`] was stored.
    pub fn cosign(&self, cosigner: &Cosigner, time: u64) -> Result<NoteSignature, CosignError> {
        cosigner.cosign(self.request.note(), time)
    }
}
