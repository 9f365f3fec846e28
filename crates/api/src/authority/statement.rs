//! Access statements, by which a payer proves its key.
//!
//! Invariants: a statement counts only at this node and within a few minutes of its issue; a refusal
//! never repeats what was shown.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::Engine;
use instrument::{Access, PublicKey, Signed};

use super::Fault;

/// How far an access statement may lie before or after the node's clock.
const ACCESS_SKEW_MS_MAX: u64 = 5 * 60 * 1000;
/// A statement of 80 bytes and a signature of 64.
const ACCESS_SIGNED_BYTES: usize = Access::BYTES + 64;

/// The key that an access statement proves.
pub(super) fn check(shown: &str, engine: &Engine) -> Result<PublicKey, Fault> {
    let refuse = |code, detail: &str| Err(Fault::unproven(code, "Farthing", detail));
    let bytes = URL_SAFE_NO_PAD.decode(shown).unwrap_or_default();
    let parts = bytes.split_at_checked(Access::BYTES);
    let Some((statement, signature)) = parts.filter(|_| bytes.len() == ACCESS_SIGNED_BYTES) else {
        let detail = "expected 144 bytes, statement and signature, in base64url without padding";
        return refuse("access_malformed", detail);
    };
    let signed = match Signed::<Access>::from_parts(statement, signature) {
        Ok(signed) => signed,
        Err(why) => return refuse("access_malformed", &why.to_string()),
    };
    let access = *signed.unverified();
    if access.node != engine.node() {
        return refuse("access_wrong_node", "the statement is for another node");
    }
    if access.issued_at_ms.abs_diff(engine.clock().now_ms()) > ACCESS_SKEW_MS_MAX {
        let detail = "the statement is more than five minutes from the node's clock; see /v1/node";
        return refuse("access_wrong_time", detail);
    }
    match signed.verify_with(&access.key) {
        Ok(_) => Ok(access.key),
        Err(why) => refuse("access_wrong_signature", &why.to_string()),
    }
}
