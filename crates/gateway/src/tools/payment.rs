//! The payment of a call: where it stands, and how the caller wants to be told what to pay.
//!
//! A caller of x402 and one of MPP send the same first call, and both read a result. So a call without
//! payment is answered by a result that words the challenge for both; an error, which only MPP reads,
//! goes to those that show that they speak MPP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use http402::mpp::{self, ACCEPT_PAYMENT, PAYMENT_AUTHORIZATION};
use http402::x402::PAYMENT_SIGNATURE;
use serde_json::{Map, Value};

const X402_PAYMENT: &str = "x402/payment";
const MPP_CREDENTIAL: &str = "org.paymentauth/credential";
/// What the client of a request can do (MCP 2026-07-28).
const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// How a caller is told that a call costs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    /// By a result that is an error, in the words of x402 and of MPP.
    Result,
    /// By an error of JSON-RPC, in the words of MPP.
    Error,
}

impl Wording {
    fn of(headers: &HeaderMap, meta: &Map<String, Value>) -> Self {
        let takes_payments = || {
            let capabilities = meta.get(CLIENT_CAPABILITIES);
            capabilities.is_some_and(|can| can["experimental"]["payment"].is_object())
        };
        let pays_by = |name| meta.contains_key(name);
        let asks_by_mpp = || headers.contains_key(ACCEPT_PAYMENT) || takes_payments();
        if pays_by(MPP_CREDENTIAL) || (!pays_by(X402_PAYMENT) && asks_by_mpp()) {
            Self::Error
        } else {
            Self::Result
        }
    }
}

/// The request is a call of a tool: challenges and payments stand in its message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InMessage;

/// Moves the payment of a call into the headers of its purchase.
pub(super) fn take(
    parts: &mut Parts,
    message: &mut Map<String, Value>,
) -> Result<Wording, &'static str> {
    parts.extensions.insert(InMessage);
    let params = message.get_mut("params").and_then(Value::as_object_mut);
    let meta = params.and_then(|params| params.get_mut("_meta")).and_then(Value::as_object_mut);
    let Some(meta) = meta else { return Ok(Wording::of(&parts.headers, &Map::new())) };
    let wording = Wording::of(&parts.headers, meta);
    if let Some(payment) = meta.remove(X402_PAYMENT) {
        let text = payment.as_str().map_or_else(|| payment.to_string(), str::to_owned);
        let value = HeaderValue::try_from(STANDARD.encode(text));
        parts.headers.insert(PAYMENT_SIGNATURE, value.map_err(|_| UNREADABLE)?);
    }
    if let Some(credential) = meta.remove(MPP_CREDENTIAL) {
        let value = mpp::credential_from_message(&credential);
        parts.headers.insert(PAYMENT_AUTHORIZATION, value.map_err(|_| UNREADABLE)?);
    }
    let is_empty = meta.is_empty();
    if let Some(params) = message.get_mut("params").and_then(Value::as_object_mut)
        && is_empty
    {
        params.remove("_meta");
    }
    Ok(wording)
}

const UNREADABLE: &str = "the payment cannot be read";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wording(meta: &Value, headers: &[(&'static str, &'static str)]) -> Wording {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        Wording::of(&headers.collect(), meta.as_object().unwrap())
    }

    #[test]
    fn who_shows_that_it_speaks_mpp_gets_an_error() {
        let accepts = [("accept-payment", "farthing/charge")];
        let capable = json!({CLIENT_CAPABILITIES: {"experimental": {"payment": {}}}});
        assert_eq!(wording(&json!({}), &[]), Wording::Result);
        assert_eq!(wording(&json!({"progressToken": 1}), &[]), Wording::Result);
        assert_eq!(wording(&json!({CLIENT_CAPABILITIES: {"roots": {}}}), &[]), Wording::Result);
        assert_eq!(wording(&json!({}), &accepts), Wording::Error);
        assert_eq!(wording(&json!({MPP_CREDENTIAL: {}}), &[]), Wording::Error);
        assert_eq!(wording(&capable, &[]), Wording::Error);
        assert_eq!(wording(&json!({X402_PAYMENT: {}}), &accepts), Wording::Result);
    }
}
