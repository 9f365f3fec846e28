//! The problem types of the scheme, for refusals that are answered in this dialect.
//!
//! Invariant: `code` stays the stable name of a refusal; the type only says to which of the scheme's
//! kinds it belongs.

use serde_json::{Map, Value};

/// Opening of every problem type of the scheme.
const BASE: &str = "https://paymentauth.org/problems/";

/// The scheme's problem type of a refusal with this code.
pub fn problem_type(code: &str) -> String {
    format!("{BASE}{}", kind(code))
}

/// Members that the scheme puts beside those of a problem: the challenge that was refused, and what
/// a channel lacks, in base units.
pub fn problem_members(
    challenge_id: Option<&str>,
    required_top_up: Option<u128>,
) -> Map<String, Value> {
    let challenge = challenge_id.map(|id| ("challengeId".to_owned(), Value::from(id)));
    let lacking =
        required_top_up.map(|units| ("requiredTopUp".to_owned(), Value::from(units.to_string())));
    challenge.into_iter().chain(lacking).collect()
}

fn kind(code: &str) -> &'static str {
    match code {
        "payment_required" => "payment-required",
        "insufficient_funds" => "payment-insufficient",
        "order_expired" | "payment_expired" | "channel_expired" => "payment-expired",
        "method_unsupported" => "method-unsupported",
        "challenge_unknown"
        | "challenge_realm"
        | "challenge_scope"
        | "challenge_digest"
        | "challenge_terms"
        | "order_outlives_challenge" => "invalid-challenge",
        "invalid_base64"
        | "invalid_json"
        | "payment_too_large"
        | "payment_repeated"
        | "payment_ambiguous"
        | "intent_unsupported"
        | "malformed_credential" => "malformed-credential",
        "invalid_payload" | "invalid_payment_requirements" | "channel_terms" => "invalid-payload",
        "channel_unknown" => "session/channel-not-found",
        "channel_closed" | "channel_closing" => "session/channel-finalized",
        "channel_exhausted" => "session/insufficient-balance",
        "voucher_above_deposit" | "tick_above_deposit" | "tick_beyond_end" => {
            "session/amount-exceeds-deposit"
        }
        "voucher_lower" | "voucher_stale" | "tick_stale" => "session/delta-too-small",
        "terms_signature" | "voucher_signature" | "top_up_signature" | "close_signature"
        | "tick_invalid" => "session/invalid-signature",
        _ => "verification-failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecodeError;
    use crate::error::{Part, Place};
    use crate::mpp::EchoError;

    #[test]
    fn refusals_of_this_crate_have_their_own_kinds() {
        let place = Place::of(Part::Authorization);
        let decode = [
            (DecodeError::Repeated { place }, "malformed-credential"),
            (DecodeError::NotBase64Url { place }, "malformed-credential"),
            (DecodeError::TooLarge { place, limit_bytes: 1 }, "malformed-credential"),
            (DecodeError::Intent { place }, "malformed-credential"),
            (DecodeError::Method { place }, "method-unsupported"),
            (DecodeError::Missing { place }, "invalid-payload"),
            (DecodeError::Action { place }, "invalid-payload"),
        ];
        for (error, expected) in decode {
            assert_eq!(kind(error.code()), expected, "{error}");
        }
        for error in [
            EchoError::Forged,
            EchoError::Realm,
            EchoError::Scope,
            EchoError::Digest,
            EchoError::Terms,
            EchoError::Outlives,
        ] {
            assert_eq!(kind(error.code()), "invalid-challenge", "{error}");
        }
        assert_eq!(
            problem_type("channel_unknown"),
            "https://paymentauth.org/problems/session/channel-not-found"
        );
    }

    #[test]
    fn members_are_left_out_if_there_is_nothing_to_say() {
        assert!(problem_members(None, None).is_empty());
        let members = problem_members(Some("abc"), Some(5));
        assert_eq!(
            Value::from(members),
            serde_json::json!({"challengeId": "abc", "requiredTopUp": "5"})
        );
    }
}
