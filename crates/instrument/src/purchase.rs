//! The purchase digest: what exactly an order pays for.
//!
//! Invariant: two requests that differ in method, origin, path, query or body have different
//! digests, because every part is preceded by its length.

use core::fmt;

use sha2::{Digest, Sha256};

use crate::hex;
use crate::layout::tag;

/// SHA-256 of a request body.
pub type BodyDigest = [u8; 32];

/// SHA-256 over the method, origin, path, query and body digest of one request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PurchaseDigest(pub [u8; 32]);

impl fmt::Debug for PurchaseDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

/// 64 lowercase hex digits.
impl fmt::Display for PurchaseDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl PurchaseDigest {
    /// Reads 64 lowercase hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
}

/// Digest of an empty body, which stands for "no body".
pub fn empty_body_digest() -> BodyDigest {
    Sha256::digest([]).into()
}

/// The parts of a purchase, in the order in which they are hashed.
#[derive(Debug, Clone, Copy)]
pub struct PurchaseHasher<'a> {
    /// Request method in upper case.
    pub method: &'a str,
    /// `scheme://host[:port]` as the payer sees it.
    pub origin: &'a str,
    /// Path as sent, percent-encoding untouched.
    pub path: &'a str,
    /// Query with its leading `?`, or empty when the URL has none.
    pub query: &'a str,
    /// SHA-256 of the body.
    pub body: BodyDigest,
}

impl PurchaseHasher<'_> {
    /// The digest.
    pub fn digest(&self) -> PurchaseDigest {
        let mut hasher = Sha256::new_with_prefix(tag("farthing/purchase/1"));
        for part in [self.method, self.origin, self.path, self.query] {
            // A request head is bounded far below 4 GiB; a longer part could only come from a
            // caller that skipped that bound, and then must not collide with a shorter one.
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            hasher.update(length.to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(self.body);
        PurchaseDigest(hasher.finalize().into())
    }
}
