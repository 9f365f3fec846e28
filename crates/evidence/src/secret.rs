//! The secret of an account.

use core::fmt;

/// Bytes of an account's secret.
pub const SECRET_BYTES: usize = 16;

/// An account's secret: salts, labels and places of the account follow from it. The node draws it
/// at random and keeps it out of journal and log; whoever learns it can open every posting of the
/// account of which the other parts are known.
#[derive(Clone, Copy)]
pub struct Secret([u8; SECRET_BYTES]);

impl Secret {
    /// Wraps bytes, which must come from a good random source.
    pub const fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the place where the node keeps secrets and for hashing.
    pub const fn as_bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }
}

/// Says nothing of the bytes.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
