//! The scheme inside messages of JSON-RPC, as servers of the Model Context Protocol speak it: terms that
//! headers carry as base64url stand there as JSON.
//!
//! Format: draft-payment-transport-mcp-00; `opaque` stays the text that it is in headers, as clients read
//! it. Invariant: a challenge keeps its id on the way through a message, because its terms are written in
//! canonical form on the way back.

use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::{EchoedChallenge, METHOD, OfferedList, SCHEME};
use crate::error::{EncodeError, Part, Place};
use crate::json;

/// The challenges of a 402 answer as a message names them, in the order of its headers.
pub fn challenges_to_message(headers: &HeaderMap) -> Vec<Value> {
    let list = OfferedList::from_headers(headers).unwrap_or_default();
    list.offered.iter().filter_map(|offered| challenge(&offered.echo)).collect()
}

fn challenge(echo: &EchoedChallenge) -> Option<Value> {
    let text = |text: &str| Some(Value::from(text));
    let decoded = |text: &str| {
        let bytes =
            json::from_base64_url(text.as_bytes(), Place::of(Part::WwwAuthenticate)).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let members = [
        ("id", text(&echo.id)),
        ("realm", text(&echo.realm)),
        ("method", text(METHOD)),
        ("intent", text(&echo.intent)),
        ("request", Some(decoded(&echo.request)?)),
        ("expires", echo.expires.as_deref().and_then(text)),
        ("digest", echo.digest.as_deref().and_then(text)),
        ("opaque", echo.opaque.as_deref().and_then(text)),
        ("description", echo.description.as_deref().and_then(text)),
    ];
    let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Some(Value::Object(members.collect()))
}

/// The credential of a message as the header that says the same. What is no credential makes a header
/// that [`super::decode_payment`] refuses.
pub fn credential_from_message(credential: &Value) -> Result<HeaderValue, EncodeError> {
    let mut credential = credential.clone();
    let request = credential.pointer_mut("/challenge/request").filter(|terms| terms.is_object());
    if let Some(terms) = request {
        // A map keeps its members in the order of their names, which makes the text canonical.
        *terms = Value::from(json::to_base64_url(&json::write(terms)?));
    }
    let text = format!("{SCHEME} {}", json::to_base64_url(&json::write(&credential)?));
    HeaderValue::try_from(text).map_err(|_| EncodeError)
}

#[cfg(test)]
mod tests {
    use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_challenge_comes_back_as_it_went() {
        let terms = json!({
            "amount": "5", "currency": "usd",
            "methodDetails": {"network": "farthing:1", "z": {"b": 1, "a": "é"}},
        });
        let request = json::to_base64_url(terms.to_string().as_bytes());
        let opaque = json::to_base64_url(br#"{"method":"POST","resource":"http://a/t"}"#);
        let echo = EchoedChallenge {
            id: "abc".to_owned(),
            realm: "a".to_owned(),
            intent: "charge".to_owned(),
            request: request.clone(),
            opaque: Some(opaque.clone()),
            ..EchoedChallenge::default()
        };
        let shown = challenge(&echo).unwrap();
        assert_eq!(shown["request"], terms);
        assert_eq!(shown["opaque"], opaque);
        assert_eq!(shown.get("expires"), None);
        let credential = json!({"challenge": shown, "payload": {"order": "o"}});
        let header = credential_from_message(&credential).unwrap();
        let text = header.to_str().unwrap().strip_prefix("Payment ").unwrap();
        let place = Place::of(Part::Authorization);
        let read = json::from_base64_url(text.as_bytes(), place).unwrap();
        let read: Value = serde_json::from_slice(&read).unwrap();
        assert_eq!(read["challenge"]["request"], request);
        assert_eq!(read["challenge"]["opaque"], opaque);
        assert_eq!(read["payload"], credential["payload"]);
    }

    #[test]
    fn what_is_no_credential_is_refused_by_the_reader_of_headers() {
        for wrong in [json!(null), json!("text"), json!([1]), json!({"challenge": 7})] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, credential_from_message(&wrong).unwrap());
            assert!(super::super::decode_payment(&headers).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_challenges_are_left_out() {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"a\""));
        assert!(challenges_to_message(&headers).is_empty());
    }
}
