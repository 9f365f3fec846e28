//! Cosignatures: a witness says that it saw a checkpoint, grown from all it saw before, at a time.
//!
//! Format: C2SP tlog-cosignature, Ed25519, type 0x04: eight bytes of time, big-endian Unix seconds,
//! and a signature over a header, the time and the whole text of the checkpoint. The signed bytes do
//! not name the witness: one key must serve one witness only.
//!
//! It must not decide whether a checkpoint may be cosigned: [`crate::witness`] does.

use ed25519_dalek::{Signer, SigningKey};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{KeyName, KeyType, Note, NoteSignature, SignatureError, VerifierKey};

/// Latest time of a cosignature, in Unix seconds: the format's bound.
pub const COSIGNATURE_SECONDS_MAX: u64 = (1 << 63) - 1;

/// A witness's signing key: Ed25519, type 0x04. Its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Cosigner {
    key: SigningKey,
    verifier: VerifierKey,
}

/// Why nothing was cosigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CosignError {
    /// The text of the note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The time is beyond [`COSIGNATURE_SECONDS_MAX`].
    #[error("the time of a cosignature is in seconds, at most 2^63-1")]
    Time,
}

impl CosignError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Checkpoint(error) => error.code(),
            Self::Time => "cosignature_time",
        }
    }
}

impl Cosigner {
    /// Builds the key from the witness's name and a 32-byte seed, which must come from a good random
    /// source and serve nothing else.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::of_point(name, KeyType::Cosignature, key.verifying_key());
        Self { key, verifier }
    }

    /// The public half, to be published as vkey.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Cosigns the checkpoint in a note at a time, Unix seconds.
    ///
    /// Whoever calls this says that the checkpoint is the largest seen of its log and consistent with
    /// all before, and has stored that.
    pub fn cosign(&self, note: &Note, time: u64) -> Result<NoteSignature, CosignError> {
        Checkpoint::parse(note.text())?;
        if time > COSIGNATURE_SECONDS_MAX {
            return Err(CosignError::Time);
        }
        let signature = self.key.sign(&message(time, note.text())).to_bytes();
        let bytes = [time.to_be_bytes().as_slice(), &signature].concat();
        Ok(NoteSignature::new(self.verifier.name().clone(), self.verifier.id(), bytes))
    }
}

/// What is signed.
pub fn message(time: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

/// Time and signature of a cosignature.
pub fn split(bytes: &[u8]) -> Result<(u64, &[u8; 64]), SignatureError> {
    let (time, signature) = bytes.split_first_chunk().ok_or(SignatureError::Length)?;
    let signature = signature.try_into().map_err(|_| SignatureError::Length)?;
    let time = u64::from_be_bytes(*time);
    if time > COSIGNATURE_SECONDS_MAX {
        return Err(SignatureError::Time);
    }
    Ok((time, signature))
}
