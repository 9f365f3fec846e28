//! Who asks: bearer tokens of the operator and of gateways, access statements of payers.
//!
//! Invariants: tokens are compared in constant time; an access statement counts only at this node
//! and within a few minutes of its issue; a refusal never repeats what was shown.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::Engine;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use instrument::{Access, PublicKey, Signed};

use crate::node::Token;
use crate::refused::Refused;

/// How far an access statement may lie before or after the node's clock.
pub(crate) const ACCESS_SKEW_MS_MAX: u64 = 5 * 60 * 1000;
/// A statement of 80 bytes and a signature of 64.
const ACCESS_SIGNED_BYTES: usize = Access::BYTES + 64;

/// Whether the caller shows something of this scheme.
pub(crate) fn has_scheme(headers: &HeaderMap, scheme: &str) -> bool {
    credentials(headers, scheme).is_some()
}

/// Requires a bearer token; `whose` names it in the refusal.
pub(crate) fn bearer(headers: &HeaderMap, token: &Token, whose: &str) -> Result<(), Refused> {
    let Some(shown) = credentials(headers, "Bearer") else {
        let detail = format!("send `Authorization: Bearer` with the {whose}'s token");
        return Err(Refused::unauthorized("token_required", "Bearer", detail));
    };
    if token.is(shown) {
        Ok(())
    } else {
        let detail = format!("the token is not the {whose}'s");
        Err(Refused::unauthorized("token_wrong", "Bearer", detail))
    }
}

/// Requires an access statement; returns the key that it proves.
pub(crate) fn payer(headers: &HeaderMap, engine: &Engine) -> Result<PublicKey, Refused> {
    let refuse = |code, detail: &str| Err(Refused::unauthorized(code, "Farthing", detail));
    let Some(shown) = credentials(headers, "Farthing") else {
        let detail = "send `Authorization: Farthing` with a signed access statement";
        return refuse("access_required", detail);
    };
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

/// What follows the scheme, which is compared without regard to case; `None` unless there is
/// exactly one such header.
fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let only = all.next().filter(|_| all.next().is_none())?;
    let (found, rest) = only.to_str().ok()?.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then_some(rest.trim())
}
