//! Statements with signatures, before and after the check.

use crate::key::{KeyPair, PublicKey, Signature, SignatureError};
use crate::layout::DecodeError;

/// Something that is signed in a fixed byte form.
pub trait Statement: Sized {
    /// The byte form: an array of known length.
    type Bytes: AsRef<[u8]>;

    /// Writes the byte form.
    fn to_bytes(&self) -> Self::Bytes;

    /// Reads the byte form; accepts exactly what [`Statement::to_bytes`] writes.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// A statement and a signature that nobody has checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<T> {
    statement: T,
    signature: Signature,
}

/// A statement whose signature fits the key that the check was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<T> {
    statement: T,
    signature: Signature,
}

impl<T: Statement> Signed<T> {
    /// Signs a statement.
    pub fn sign(statement: T, key: &KeyPair) -> Self {
        let signature = key.sign(statement.to_bytes().as_ref());
        Self { statement, signature }
    }

    /// Reads statement and signature as they travel.
    pub fn from_parts(statement: &[u8], signature: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            statement: T::from_bytes(statement)?,
            signature: Signature::from_slice(signature)?,
        })
    }

    /// Checks the signature strictly.
    pub fn verify_with(self, key: &PublicKey) -> Result<Verified<T>, SignatureError> {
        key.verify(self.statement.to_bytes().as_ref(), &self.signature)?;
        Ok(Verified { statement: self.statement, signature: self.signature })
    }

    /// For a check that is not the strict one: whoever calls it has checked.
    pub(crate) fn proven(self) -> Verified<T> {
        Verified { statement: self.statement, signature: self.signature }
    }

    /// What is claimed to be signed.
    pub fn unverified(&self) -> &T {
        &self.statement
    }

    /// The signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

impl<T> Verified<T> {
    /// The statement.
    pub fn get(&self) -> &T {
        &self.statement
    }

    /// The same statement and signature without the proof of the check, as they are stored.
    pub fn to_signed(&self) -> Signed<T>
    where
        T: Copy,
    {
        Signed { statement: self.statement, signature: self.signature }
    }

    /// A statement that something else proves: the signature is over that.
    pub(crate) fn vouched(statement: T, signature: Signature) -> Self {
        Self { statement, signature }
    }

    /// The signature that was checked.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}
