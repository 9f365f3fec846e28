//! Key directories of crawlers: a JSON Web Key Set (RFC 7517) at a well-known address.
//!
//! Invariant: only Ed25519 keys are taken (RFC 8037), other kinds are passed over, and a key is
//! known by the thumbprint that follows from it (RFC 7638), never by what the set calls it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instrument::PublicKey;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Longest directory that is read.
pub const DIRECTORY_BYTES_MAX: usize = 64 * 1024;
/// Most keys that are taken from a directory; further ones are passed over.
pub const DIRECTORY_KEYS_MAX: usize = 64;

/// Why a document is not a key directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Above the limit.
    #[error("the key directory is larger than {DIRECTORY_BYTES_MAX} bytes")]
    TooLarge,
    /// Not a key set.
    #[error("the key directory is not a JSON Web Key Set: an object with a list `keys`")]
    Shape,
    /// No key that could be used.
    #[error("the key directory holds no Ed25519 key that is valid now")]
    NoKey,
}

impl DirectoryError {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "directory_too_large",
            Self::Shape => "directory_malformed",
            Self::NoKey => "directory_without_key",
        }
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    crv: String,
    x: String,
    #[serde(default)]
    nbf: Option<serde_json::Number>,
    #[serde(default)]
    exp: Option<serde_json::Number>,
}

/// The Ed25519 keys of a directory that are valid at `now_ms`.
pub fn directory(json: &[u8], now_ms: u64) -> Result<Vec<PublicKey>, DirectoryError> {
    if json.len() > DIRECTORY_BYTES_MAX {
        return Err(DirectoryError::TooLarge);
    }
    let set: KeySet = serde_json::from_slice(json).map_err(|_| DirectoryError::Shape)?;
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Key>(key).ok());
    let found: Vec<PublicKey> =
        keys.filter_map(|key| ed25519(&key, now_ms)).take(DIRECTORY_KEYS_MAX).collect();
    if found.is_empty() { Err(DirectoryError::NoKey) } else { Ok(found) }
}

fn ed25519(key: &Key, now_ms: u64) -> Option<PublicKey> {
    if key.kty != "OKP" || key.crv != "Ed25519" {
        return None;
    }
    // Implementations write seconds and milliseconds; nobody signed before the year 5138 in seconds.
    let moment = |number: &serde_json::Number| {
        let number = number.as_u64()?;
        Some(if number < 100_000_000_000 { number.saturating_mul(1000) } else { number })
    };
    let begun = key.nbf.as_ref().is_none_or(|nbf| moment(nbf).is_some_and(|nbf| nbf <= now_ms));
    let open = key.exp.as_ref().is_none_or(|exp| moment(exp).is_some_and(|exp| now_ms < exp));
    if !begun || !open {
        return None;
    }
    let x = URL_SAFE_NO_PAD.decode(&key.x).ok()?;
    x.try_into().ok().map(PublicKey)
}

/// JWK thumbprint of a key, base64url: what crawlers send as `keyid`.
pub fn thumbprint(key: &PublicKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.0);
    let json = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(json))
}
