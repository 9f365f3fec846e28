//! What a policy says of a checkpoint.

use super::{Log, Policy, Witness};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{Note, NoteRefused, Signed};

/// A checkpoint that a policy accepts, and on whose word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged<'p> {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The log that signed it.
    pub log: &'p Log,
    /// The policy's witnesses that cosigned it, in the policy's order.
    pub cosigned: Vec<Cosigned<'p>>,
}

/// A witness that cosigned a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosigned<'p> {
    /// The witness.
    pub witness: &'p Witness,
    /// When it says it did, Unix seconds; the latest time if it did so more than once.
    pub time: u64,
}

/// Why a policy does not accept a checkpoint. The first that applies is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    /// The note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// No log of the policy has this origin.
    #[error("the checkpoint is of `{origin}`, a log that the policy does not know")]
    UnknownLog {
        /// The origin.
        origin: String,
    },
    /// A signature that claims a key of the policy fails, or no key of the policy has signed.
    #[error(transparent)]
    Signature(#[from] NoteRefused),
    /// Only others have signed.
    #[error("the log `{origin}` has not signed the checkpoint")]
    LogSignatureMissing {
        /// The origin.
        origin: String,
    },
    /// Not enough witnesses have cosigned.
    #[error("{found} of the policy's witnesses have cosigned: its quorum is not met")]
    QuorumUnmet {
        /// How many have.
        found: usize,
    },
}

impl Unacceptable {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Checkpoint(error) => error.code(),
            Self::UnknownLog { .. } => "unknown_log",
            Self::Signature(error) => error.code(),
            Self::LogSignatureMissing { .. } => "log_signature_missing",
            Self::QuorumUnmet { .. } => "quorum_unmet",
        }
    }
}

impl Policy {
    /// Whether a log of the policy signed this checkpoint and enough of its witnesses cosigned it.
    pub fn judge(&self, note: &Note) -> Result<Judged<'_>, Unacceptable> {
        let checkpoint = Checkpoint::parse(note.text())?;
        let origin = checkpoint.origin();
        let is_origin = |log: &&Log| log.key.name().as_str() == origin;
        if !self.logs.iter().any(|log| is_origin(&log)) {
            return Err(Unacceptable::UnknownLog { origin: origin.to_owned() });
        }
        let logs = self.logs.iter().map(|log| &log.key);
        let witnesses = self.witnesses.iter().map(|witness| &witness.key);
        let signed = note.verify(logs.chain(witnesses))?;
        let has_signed = |log: &&Log| signed.iter().any(|signed| *signed.key == log.key);
        let Some(log) = self.logs.iter().filter(is_origin).find(has_signed) else {
            return Err(Unacceptable::LogSignatureMissing { origin: origin.to_owned() });
        };
        let cosigned: Vec<_> =
            self.witnesses.iter().filter_map(|witness| cosigned(witness, &signed)).collect();
        let counts = |witness: &Witness| cosigned.iter().any(|found| found.witness == witness);
        if !self.quorum_is_met(counts) {
            return Err(Unacceptable::QuorumUnmet { found: cosigned.len() });
        }
        Ok(Judged { checkpoint, log, cosigned })
    }
}

fn cosigned<'p>(witness: &'p Witness, signed: &[Signed<'_>]) -> Option<Cosigned<'p>> {
    let own = signed.iter().filter(|signed| *signed.key == witness.key);
    let time = own.filter_map(|signed| signed.time).max()?;
    Some(Cosigned { witness, time })
}
