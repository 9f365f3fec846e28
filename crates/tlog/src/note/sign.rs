//! Signing of notes, as a log does it.

use ed25519_dalek::{Signer, SigningKey};

use super::{KeyName, KeyType, Note, NoteError, NoteSignature, VerifierKey};

/// A log's signing key: Ed25519, type 0x01. Its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct LogSigner {
    key: SigningKey,
    verifier: VerifierKey,
}

impl LogSigner {
    /// Builds the key from its name, which is the origin of the log, and its 32-byte seed, which must
    /// come from a good random source and serve nothing else.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::of_point(name, KeyType::Note, key.verifying_key());
        Self { key, verifier }
    }

    /// The public half, to be published as vkey.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text, which must end with a newline.
    pub fn sign(&self, text: String) -> Result<Note, NoteError> {
        let bytes = self.key.sign(text.as_bytes()).to_bytes().to_vec();
        let signature = NoteSignature::new(self.verifier.name().clone(), self.verifier.id(), bytes);
        Note::new(text, vec![signature])
    }
}
