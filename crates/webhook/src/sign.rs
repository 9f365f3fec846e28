//! Standard Webhooks: secrets of endpoints and the signatures made with them.
//!
//! Signed is `id.timestamp.body`; a signature is `v1,` and an HMAC-SHA256, or `v1a,` and an Ed25519
//! signature, in base64. Source: the specification of Standard Webhooks, version 1.0.
//!
//! Invariant: a secret is never printed by `Debug`. This module reads no clock.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use seal::NoRandomness;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Bytes of a new secret, and of the seed of an Ed25519 key.
const SECRET_BYTES: usize = 32;
/// Shortest shared secret that is taken, by the specification.
pub const SHARED_BYTES_MIN: usize = 24;
/// Longest one.
pub const SHARED_BYTES_MAX: usize = 64;

const SHARED: &str = "whsec_";
const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";

/// How an endpoint's messages are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// A secret that node and receiver share.
    #[default]
    Hmac,
    /// A key pair: who receives can verify and not sign.
    Ed25519,
}

/// What signs.
#[derive(Clone)]
pub enum Secret {
    /// HMAC-SHA256 with these bytes.
    Shared(Vec<u8>),
    /// Ed25519.
    Key(Box<SigningKey>),
}

/// A text that is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret is `whsec_` and 24 to 64 bytes in base64, or `whsk_` and an Ed25519 key of 32 or 64 bytes"
)]
pub struct SecretError;

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared(_) => "Secret::Shared(..)",
            Self::Key(_) => "Secret::Key(..)",
        })
    }
}

impl Secret {
    /// A new one from the operating system's randomness.
    pub fn generate(scheme: Scheme) -> Result<Self, NoRandomness> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(match scheme {
            Scheme::Hmac => Self::Shared(bytes.to_vec()),
            Scheme::Ed25519 => Self::Key(Box::new(SigningKey::from_bytes(&bytes))),
        })
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| SecretError);
        if let Some(text) = text.strip_prefix(SHARED) {
            let bytes = decode(text)?;
            let fits = (SHARED_BYTES_MIN..=SHARED_BYTES_MAX).contains(&bytes.len());
            return if fits { Ok(Self::Shared(bytes)) } else { Err(SecretError) };
        }
        let bytes = decode(text.strip_prefix(PRIVATE).ok_or(SecretError)?)?;
        let key = match bytes.len() {
            32 => SigningKey::from_bytes(&bytes.try_into().map_err(|_| SecretError)?),
            64 => SigningKey::from_keypair_bytes(&bytes.try_into().map_err(|_| SecretError)?)
                .map_err(|_| SecretError)?,
            _ => return Err(SecretError),
        };
        Ok(Self::Key(Box::new(key)))
    }

    /// How it signs.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Shared(_) => Scheme::Hmac,
            Self::Key(_) => Scheme::Ed25519,
        }
    }

    /// The text form, `whsec_…` or `whsk_…`: a secret.
    pub fn text(&self) -> String {
        match self {
            Self::Shared(bytes) => format!("{SHARED}{}", STANDARD.encode(bytes)),
            Self::Key(key) => format!("{PRIVATE}{}", STANDARD.encode(key.to_keypair_bytes())),
        }
    }

    /// What the receiver verifies with: the shared secret itself, or the public key `whpk_…`.
    pub fn verifier_text(&self) -> String {
        match self {
            Self::Shared(_) => self.text(),
            Self::Key(key) => format!("{PUBLIC}{}", STANDARD.encode(key.verifying_key())),
        }
    }

    /// One signature of the header `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp_s: u64, body: &[u8]) -> String {
        let head = format!("{id}.{timestamp_s}.");
        match self {
            Self::Shared(secret) => {
                let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
                    unreachable!("HMAC takes keys of any length")
                };
                mac.update(head.as_bytes());
                mac.update(body);
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            }
            Self::Key(key) => {
                let signed = [head.as_bytes(), body].concat();
                format!("v1a,{}", STANDARD.encode(key.sign(&signed).to_bytes()))
            }
        }
    }
}

/// The header `webhook-signature`: one signature for each secret that is valid now.
pub fn signatures(secrets: &[Secret], id: &str, timestamp_s: u64, body: &[u8]) -> String {
    let signatures: Vec<String> =
        secrets.iter().map(|secret| secret.sign(id, timestamp_s, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const AT_S: u64 = 1_614_265_330;

    #[test]
    fn a_shared_secret_signs_as_the_specification_shows() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(secret.sign(ID, AT_S, BODY), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn another_implementation_makes_and_takes_the_same_signature() {
        let secret = Secret::generate(Scheme::Hmac).unwrap();
        let other = standardwebhooks::Webhook::new(&secret.text()).unwrap();
        let at_s = 1_700_000_000_u64;
        let theirs = other.sign(ID, i64::try_from(at_s).unwrap(), BODY).unwrap();
        assert_eq!(secret.sign(ID, at_s, BODY), theirs);
    }

    #[test]
    fn a_key_pair_signs_what_its_public_text_verifies() {
        let secret = Secret::generate(Scheme::Ed25519).unwrap();
        let signature = secret.sign(ID, AT_S, BODY);
        let public = secret.verifier_text();
        let public = STANDARD.decode(public.strip_prefix("whpk_").unwrap()).unwrap();
        let key = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
        let signature = STANDARD.decode(signature.strip_prefix("v1a,").unwrap()).unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        let signed = [format!("{ID}.{AT_S}.").as_bytes(), BODY].concat();
        key.verify(&signed, &signature).unwrap();
    }

    #[test]
    fn texts_are_read_back_and_others_refused() {
        for scheme in [Scheme::Hmac, Scheme::Ed25519] {
            let secret = Secret::generate(scheme).unwrap();
            assert_eq!(Secret::parse(&secret.text()).unwrap().text(), secret.text());
        }
        let short = format!("whsec_{}", STANDARD.encode([1; SHARED_BYTES_MIN - 1]));
        let long = format!("whsec_{}", STANDARD.encode([1; SHARED_BYTES_MAX + 1]));
        for text in ["", "whsec_", "whsk_AAAA", "whpk_AAAA", "whsec_%", &short, &long] {
            assert!(Secret::parse(text).is_err(), "{text}");
        }
        let shown = format!("{:?}", Secret::generate(Scheme::Hmac).unwrap());
        assert_eq!(shown, "Secret::Shared(..)");
    }

    #[test]
    fn while_a_secret_is_replaced_both_sign() {
        let secrets = [Scheme::Hmac, Scheme::Ed25519].map(|way| Secret::generate(way).unwrap());
        let header = signatures(&secrets, ID, AT_S, BODY);
        let parts: Vec<&str> = header.split(' ').collect();
        assert!(parts[0].starts_with("v1,") && parts[1].starts_with("v1a,") && parts.len() == 2);
    }
}
