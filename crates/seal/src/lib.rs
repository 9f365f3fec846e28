//! Secrets at rest: sealed with a key that lies in a file of its own.
//!
//! A sealed text is `seal1.` and the base64 of a random nonce of 12 bytes and the output of
//! ChaCha20-Poly1305 (RFC 8439). Invariants: a sealed text opens only in the place for which it was
//! sealed, so secrets cannot be swapped between documents or files; nothing of a text that was changed
//! is shown. It must not read or write files, nor say where keys are kept.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};

const MARK: &str = "seal1.";
const NONCE_BYTES: usize = 12;

/// A sealed text does not open: another key, another place, or it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret does not open: put the right `seal.key` back, or make a new secret")]
pub struct SealError;

/// The operating system gave no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no randomness")]
pub struct NoRandomness;

/// Whether a text says of itself that it is sealed.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(MARK)
}

/// Seals and opens.
#[derive(Clone)]
pub struct Seal(ChaCha20Poly1305);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

impl Seal {
    /// With the key of the file.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(ChaCha20Poly1305::new(&Key::from(*key)))
    }

    /// Seals a text for a place, such as the id of its document or the name of its file.
    pub fn seal(&self, place: &str, text: &str) -> Result<String, NoRandomness> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| NoRandomness)?;
        let payload = Payload { msg: text.as_bytes(), aad: place.as_bytes() };
        let Ok(sealed) = self.0.encrypt(&Nonce::from(nonce), payload) else {
            unreachable!("only a text of 256 GiB cannot be sealed")
        };
        Ok(format!("{MARK}{}", STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Opens what was sealed for the place.
    pub fn open(&self, place: &str, sealed: &str) -> Result<String, SealError> {
        let bytes = sealed.strip_prefix(MARK).ok_or(SealError)?;
        let bytes = STANDARD_NO_PAD.decode(bytes).map_err(|_| SealError)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let text = self.0.decrypt(&Nonce::from(*nonce), payload).map_err(|_| SealError)?;
        String::from_utf8(text).map_err(|_| SealError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_which_one_bit_was_changed_does_not_open() {
        let seal = Seal::new(&[7; 32]);
        let sealed = seal.seal("node.key", "a secret").unwrap();
        let bytes = STANDARD_NO_PAD.decode(&sealed[MARK.len()..]).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = format!("{MARK}{}", STANDARD_NO_PAD.encode(changed));
            assert!(is_sealed(&changed));
            assert_eq!(seal.open("node.key", &changed), Err(SealError), "bit {bit}");
        }
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_with_its_key_and_nowhere_else() {
        let seal = Seal::new(&[7; 32]);
        let sealed = seal.seal("we_1", "whsec_x").unwrap();
        assert!(!sealed.contains("whsec"));
        assert_eq!(seal.open("we_1", &sealed).unwrap(), "whsec_x");
        assert_ne!(seal.seal("we_1", "whsec_x").unwrap(), sealed);
        assert_eq!(seal.open("we_2", &sealed), Err(SealError));
        assert_eq!(Seal::new(&[8; 32]).open("we_1", &sealed), Err(SealError));
        for text in ["", "seal1.", "seal1.AAAA", "seal2.AAAA", &sealed[..sealed.len() - 2]] {
            assert_eq!(seal.open("we_1", text), Err(SealError), "{text}");
        }
    }
}
