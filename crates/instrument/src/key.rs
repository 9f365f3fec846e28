//! Ed25519 keys and the ids derived from them.
//!
//! Checking is strict (`verify_strict`): non-canonical points and scalars and keys of small order
//! are refused, so that every verifier in every language can reach the same verdict.

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use money::{AccountId, Asset, NodeId};
use sha2::{Digest, Sha256};

use crate::hex;
use crate::layout::{DecodeError, tag};

/// An Ed25519 public key, 32 bytes as in RFC 8032. Not yet known to be a point of the curve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// An Ed25519 signature, 64 bytes as in RFC 8032.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// The signature is not one of this key over these bytes, or is not in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit the statement and key")]
pub struct SignatureError;

impl core::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        hex::write(&self.0, f)
    }
}

/// 64 lowercase hex digits.
impl core::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self, f)
    }
}

impl core::fmt::Debug for Signature {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        hex::write(&self.0, f)
    }
}

impl Signature {
    /// Reads 64 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, DecodeError> {
        let found = bytes.len();
        bytes.try_into().map(Self).map_err(|_| DecodeError::SignatureLength { found })
    }
}

impl PublicKey {
    /// Checks a signature strictly.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| SignatureError)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(message, &signature).map_err(|_| SignatureError)
    }
}

/// A signing key. Its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct KeyPair(SigningKey);

impl KeyPair {
    /// Builds the key from its 32-byte seed, which must come from a good random source.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, for storing the key.
    pub fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs bytes.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

/// The account that a key owns in an asset.
pub fn payer_account(key: &PublicKey, asset: Asset) -> AccountId {
    let digest = Sha256::new()
        .chain_update(tag("farthing/payer/1"))
        .chain_update(key.0)
        .chain_update(asset.code.to_bytes())
        .chain_update([asset.scale])
        .finalize();
    AccountId::from_digest(&digest.into())
}

/// The id of the node that holds a key.
pub fn node_id(key: &PublicKey) -> NodeId {
    let digest = Sha256::new().chain_update(tag("farthing/node/1")).chain_update(key.0).finalize();
    NodeId::from_digest(&digest.into())
}
