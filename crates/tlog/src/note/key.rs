//! Public keys that sign notes, their ids, and their text, the vkey.
//!
//! Checking is strict: keys and points of small order and scalars that are not reduced are refused,
//! so that every verifier reaches the same verdict.

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use super::name::{KeyName, NameError};
use crate::cosignature;
use crate::line::{encode_base64, parse_base64};

/// What a key signs. The byte stands before the key wherever key and type are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// 0x01: the text of a note, as a log signs it.
    Note,
    /// 0x04: a checkpoint and the time, as a witness signs it.
    Cosignature,
}

/// Four bytes that tell the keys of one name apart. They prove nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

/// A public key that may sign notes: name, type, 32 bytes as in RFC 8032, and the id of these three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    key_type: KeyType,
    key: VerifyingKey,
}

/// Why a text is no vkey, or bytes are no key. The first that applies is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not three parts with `+` between them.
    #[error("a vkey has the form `name+id+key`")]
    Form,
    /// The first part is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The second part is not eight lowercase hex digits.
    #[error("the id of a vkey has eight lowercase hex digits")]
    Id,
    /// The third part is not strict base64 of at least one byte.
    #[error("the key of a vkey is base64 with padding")]
    Base64,
    /// The key is of a type that this program does not check.
    #[error(
        "type {found:#04x} of a vkey is unknown here; use Ed25519: 0x01 for logs, 0x04 for witnesses"
    )]
    Type {
        /// The byte before the key.
        found: u8,
    },
    /// The key does not have 32 bytes.
    #[error("an Ed25519 key has 32 bytes, not {found}")]
    Length {
        /// How many it has.
        found: usize,
    },
    /// The bytes are no point of the curve, or one of small order, for which anybody can sign.
    #[error("the key is unusable; derive it from a secret seed")]
    Point,
    /// The id does not belong to name, type and key: the text was changed or copied wrongly.
    #[error("the id of the vkey does not fit its name and key; copy the vkey anew")]
    IdMismatch,
}

impl KeyError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "vkey_form",
            Self::Name(error) => error.code(),
            Self::Id => "vkey_id",
            Self::Base64 => "vkey_base64",
            Self::Type { .. } => "vkey_type",
            Self::Length { .. } => "vkey_length",
            Self::Point => "vkey_point",
            Self::IdMismatch => "vkey_id_mismatch",
        }
    }
}

/// Why a signature of a known key does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is not as long as signatures of this type are.
    #[error("its length is wrong")]
    Length,
    /// A cosignature claims a time beyond 2^63-1 seconds.
    #[error("its time is beyond 2^63-1 seconds")]
    Time,
    /// It does not fit text and key, or is not in canonical form.
    #[error("it does not fit the text and the key")]
    Mismatch,
}

impl SignatureError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Length => "note_signature_length",
            Self::Time => "note_signature_time",
            Self::Mismatch => "note_signature_mismatch",
        }
    }
}

impl KeyType {
    const fn byte(self) -> u8 {
        match self {
            Self::Note => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

impl KeyId {
    /// The first four bytes of `SHA-256(name || 0x0A || type || key)`.
    pub fn of(name: &KeyName, key_type: KeyType, key: &[u8; 32]) -> Self {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', key_type.byte()])
            .chain_update(key)
            .finalize()
            .into();
        let [a, b, c, d, ..] = digest;
        Self([a, b, c, d])
    }

    fn parse(text: &str) -> Option<Self> {
        let lowercase = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 8 || !text.bytes().all(lowercase) {
            return None;
        }
        u32::from_str_radix(text, 16).ok().map(|id| Self(id.to_be_bytes()))
    }
}

impl core::fmt::Debug for KeyId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// Eight lowercase hex digits.
impl core::fmt::Display for KeyId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl VerifierKey {
    /// Takes the 32 bytes of an Ed25519 key.
    pub fn new(name: KeyName, key_type: KeyType, key: &[u8; 32]) -> Result<Self, KeyError> {
        let point = VerifyingKey::from_bytes(key).map_err(|_| KeyError::Point)?;
        if point.is_weak() {
            return Err(KeyError::Point);
        }
        Ok(Self::of_point(name, key_type, point))
    }

    /// For keys that are known to be good: public halves of our own.
    pub(crate) fn of_point(name: KeyName, key_type: KeyType, key: VerifyingKey) -> Self {
        let id = KeyId::of(&name, key_type, key.as_bytes());
        Self { name, id, key_type, key }
    }

    /// Reads a vkey: `name+id+base64(type || key)`. Source: C2SP signed-note, "Verifier keys".
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        // Base64 may have a `+` of its own, names and ids may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let name = KeyName::new(name)?;
        let id = KeyId::parse(id).ok_or(KeyError::Id)?;
        let bytes = parse_base64(key).ok_or(KeyError::Base64)?;
        let (first, key) = bytes.split_first().ok_or(KeyError::Base64)?;
        let key_type = match first {
            0x01 => KeyType::Note,
            0x04 => KeyType::Cosignature,
            _ => return Err(KeyError::Type { found: *first }),
        };
        let found = key.len();
        let key: &[u8; 32] = key.try_into().map_err(|_| KeyError::Length { found })?;
        let key = Self::new(name, key_type, key)?;
        if key.id != id {
            return Err(KeyError::IdMismatch);
        }
        Ok(key)
    }

    /// The name, the origin of checkpoints if it is a log's.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What the key signs.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The 32 bytes of the key.
    pub fn bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Checks a signature over the text of a note; a cosignature yields its time, Unix seconds.
    pub(super) fn check(
        &self,
        text: &str,
        signature: &[u8],
    ) -> Result<Option<u64>, SignatureError> {
        match self.key_type {
            KeyType::Note => {
                let signature = signature.try_into().map_err(|_| SignatureError::Length)?;
                self.check_bytes(text.as_bytes(), signature)?;
                Ok(None)
            }
            KeyType::Cosignature => {
                let (time, signature) = cosignature::split(signature)?;
                self.check_bytes(&cosignature::message(time, text), signature)?;
                Ok(Some(time))
            }
        }
    }

    fn check_bytes(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), SignatureError> {
        let signature = Signature::from_bytes(signature);
        self.key.verify_strict(message, &signature).map_err(|_| SignatureError::Mismatch)
    }
}

/// The vkey.
impl core::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let bytes = [&[self.key_type.byte()], self.bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, encode_base64(&bytes))
    }
}
