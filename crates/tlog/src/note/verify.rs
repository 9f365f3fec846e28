//! Who has signed a note.
//!
//! Invariant: signatures of unknown keys count for nothing; a signature that claims a known key and
//! fails spoils the whole note.

use super::{KeyId, KeyName, Note, NoteSignature, SignatureError, VerifierKey};

/// A known key that has signed a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'k> {
    /// The key.
    pub key: &'k VerifierKey,
    /// Of a cosignature: when it was made, Unix seconds. Signed, but not judged.
    pub time: Option<u64>,
}

/// Why a note is not trusted. The first that applies is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteRefused {
    /// A line claims a known key and is not by it.
    #[error("the signature of `{name}` with id {id} is not good: {cause}")]
    Signature {
        /// The name of the key.
        name: KeyName,
        /// The id of the key.
        id: KeyId,
        /// What is wrong.
        cause: SignatureError,
    },
    /// No known key has signed.
    #[error("no key that is known here has signed the note")]
    Unsigned,
}

impl NoteRefused {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Signature { cause, .. } => cause.code(),
            Self::Unsigned => "note_unsigned",
        }
    }
}

impl Note {
    /// The known keys that have signed, in the order of the lines, and a key as often as it signed.
    ///
    /// If two known keys share name and id, a line that claims them must be by both.
    pub fn verify<'k>(
        &self,
        known: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<Vec<Signed<'k>>, NoteRefused> {
        let signed = signed_by(&self.text, &self.signatures, known)?;
        if signed.is_empty() {
            return Err(NoteRefused::Unsigned);
        }
        Ok(signed.into_iter().map(|(_, signed)| signed).collect())
    }

    /// The same note with those of the given signatures that known keys made for its text.
    ///
    /// What a witness answered goes through here. Unknown keys are passed over, a signature that
    /// claims a known key and fails is refused with all others, and so is an answer without any.
    pub fn with_verified<'k>(
        &self,
        further: &[NoteSignature],
        known: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<Self, AppendError> {
        let signed = signed_by(&self.text, further, known)?;
        if signed.is_empty() {
            return Err(NoteRefused::Unsigned.into());
        }
        let good: Vec<_> = signed.into_iter().map(|(signature, _)| signature.clone()).collect();
        Ok(self.with_signatures(&good)?)
    }
}

/// Why signatures were not added to a note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// They are not to be trusted.
    #[error(transparent)]
    Verify(#[from] NoteRefused),
    /// The note would be too large with them.
    #[error(transparent)]
    Note(#[from] super::NoteError),
}

impl AppendError {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Verify(error) => error.code(),
            Self::Note(error) => error.code(),
        }
    }
}

fn signed_by<'s, 'k>(
    text: &str,
    signatures: &'s [NoteSignature],
    known: impl IntoIterator<Item = &'k VerifierKey>,
) -> Result<Vec<(&'s NoteSignature, Signed<'k>)>, NoteRefused> {
    let known: Vec<&VerifierKey> = known.into_iter().collect();
    let mut signed = Vec::new();
    for signature in signatures {
        let (name, id) = (signature.name(), signature.id());
        for key in known.iter().filter(|key| key.name() == name && key.id() == id) {
            let time = key
                .check(text, signature.bytes())
                .map_err(|cause| NoteRefused::Signature { name: name.clone(), id, cause })?;
            signed.push((signature, Signed { key, time }));
        }
    }
    Ok(signed)
}
