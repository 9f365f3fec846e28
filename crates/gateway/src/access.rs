//! Access statements, by which a payer proves its key (`Authorization: Farthing …`).
//!
//! Invariants: a statement counts only at its node and within a few minutes of its issue; a refusal
//! never repeats what was shown; no statement reaches an upstream, which could show it to the node.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use instrument::{Access, PublicKey, Signed};
use money::NodeId;

/// How far an access statement may lie before or after the clock.
const ACCESS_SKEW_MS_MAX: u64 = 5 * 60 * 1000;
/// A statement of 80 bytes and a signature of 64.
const ACCESS_SIGNED_BYTES: usize = Access::BYTES + 64;
/// The authentication scheme.
const SCHEME: &str = "Farthing ";

/// Why an access statement proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Not a statement and its signature.
    #[error("{0}")]
    Malformed(String),
    /// It is for another node.
    #[error("the statement is for another node")]
    WrongNode,
    /// It is too old, or of a clock that is wrong.
    #[error("the statement is more than five minutes from the node's clock; see /v1/node")]
    WrongTime,
    /// Another key has signed it.
    #[error("{0}")]
    WrongSignature(String),
}

impl AccessError {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "access_malformed",
            Self::WrongNode => "access_wrong_node",
            Self::WrongTime => "access_wrong_time",
            Self::WrongSignature(_) => "access_wrong_signature",
        }
    }
}

/// The key that an access statement proves, in base64url as it is shown.
pub fn access_key(shown: &str, node: NodeId, now_ms: u64) -> Result<PublicKey, AccessError> {
    let bytes = URL_SAFE_NO_PAD.decode(shown).unwrap_or_default();
    let parts = bytes.split_at_checked(Access::BYTES);
    let Some((statement, signature)) = parts.filter(|_| bytes.len() == ACCESS_SIGNED_BYTES) else {
        let text = "expected 144 bytes, statement and signature, in base64url without padding";
        return Err(AccessError::Malformed(text.to_owned()));
    };
    let signed = Signed::<Access>::from_parts(statement, signature)
        .map_err(|why| AccessError::Malformed(why.to_string()))?;
    let access = *signed.unverified();
    if access.node != node {
        return Err(AccessError::WrongNode);
    }
    if access.issued_at_ms.abs_diff(now_ms) > ACCESS_SKEW_MS_MAX {
        return Err(AccessError::WrongTime);
    }
    let verified = signed.verify_with(&access.key);
    verified.map_err(|why| AccessError::WrongSignature(why.to_string()))?;
    Ok(access.key)
}

/// The key that a request proves, if it does.
pub(crate) fn key_of(headers: &HeaderMap, node: NodeId, now_ms: u64) -> Option<PublicKey> {
    let shown = headers.get_all(header::AUTHORIZATION).iter().find_map(shown)?;
    access_key(shown, node, now_ms).ok()
}

fn shown(line: &HeaderValue) -> Option<&str> {
    let (scheme, shown) = line.to_str().ok()?.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| shown.trim())
}

/// Takes access statements away.
pub(crate) fn strip(headers: &mut HeaderMap) {
    if !headers.get_all(header::AUTHORIZATION).iter().any(|line| shown(line).is_some()) {
        return;
    }
    let lines: Vec<HeaderValue> = headers.get_all(header::AUTHORIZATION).iter().cloned().collect();
    headers.remove(header::AUTHORIZATION);
    for line in lines.into_iter().filter(|line| shown(line).is_none()) {
        headers.append(header::AUTHORIZATION, line);
    }
}
