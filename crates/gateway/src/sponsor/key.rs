//! The key of a node's sites, to which sponsors grant mandates.
//!
//! Invariant: the secret half never leaves the process, and is not shown.

use std::fmt;

use instrument::{KeyPair, Order, PublicKey, Signed, VerifiedOrder};
use sha2::{Digest, Sha256};

/// Opening of the text that the key is derived from.
const KEY_CONTEXT: &[u8] = b"farthing/sponsored/1";

/// Signs what sponsors pay. All gateways of a node derive the same one.
#[derive(Clone)]
pub struct SiteKey(KeyPair);

impl fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SiteKey").field(&self.public()).finish()
    }
}

impl SiteKey {
    /// The key of a node's sites, from the token that its gateways share: its seed is the SHA-256 over
    /// `farthing/sponsored/1` and the token.
    pub fn of_gateway(token: &str) -> Self {
        let seed = Sha256::new_with_prefix(KEY_CONTEXT).chain_update(token).finalize();
        Self(KeyPair::from_seed(&seed.into()))
    }

    /// The delegate of sponsors' mandates.
    pub fn public(&self) -> PublicKey {
        self.0.public()
    }

    /// Signs an order that names this key; `None` if it names another.
    pub(super) fn sign(&self, order: Order) -> Option<VerifiedOrder> {
        Signed::sign(order, &self.0).verify().ok()
    }
}
