//! What the gateway reads besides payments: paths, patterns, digests, and the steps between a
//! gateway apart and its node.

use engine::{Authorize, AuthorizeError};
use gateway::PathPattern;
use gateway::fuzzing::{Message, covers, digested, listed, message, segments};
use gateway::node::wire::{AuthorizeWire, AuthorizedWire, FinishWire, HoldWire, RefusedWire};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A request path. Its segments say it all: an upstream that joins them, that decodes once more or
/// that cuts parameters off sees the same resource.
pub fn path(bytes: &[u8]) -> bool {
    let Some(read) = std::str::from_utf8(bytes).ok().and_then(segments) else { return false };
    for segment in &read {
        assert!(!segment.contains(['/', '\\', '%', ';', '\0']), "{read:?}");
        assert!(segment != "." && segment != "..", "{read:?}");
    }
    assert_eq!(segments(&format!("/{}", read.join("/"))), Some(read));
    true
}

/// A pattern. It covers its own example; one segment more only with a rest, one less never.
pub fn pattern(bytes: &[u8]) -> bool {
    let Some(pattern) =
        std::str::from_utf8(bytes).ok().and_then(|text| PathPattern::parse(text).ok())
    else {
        return false;
    };
    assert_eq!(pattern.as_str().as_bytes(), bytes);
    let parts: Vec<&str> = pattern.as_str().split('/').filter(|part| !part.is_empty()).collect();
    let example: Vec<&str> =
        parts.iter().map(|part| if part.starts_with('{') { "any" } else { part }).collect();
    let is_covered = |example: &[&str]| covers(&pattern, &format!("/{}", example.join("/")));
    assert!(is_covered(&example), "{pattern:?}");
    let has_rest = parts.last().is_some_and(|part| part.starts_with("{*"));
    assert_eq!(is_covered(&[&example[..], &["more"]].concat()), has_rest, "{pattern:?}");
    if let Some((_, less)) = example.split_last() {
        assert!(!is_covered(less), "{pattern:?}");
    }
    true
}

/// A line with the `Content-Digest`, then the body. Whole bodies have the digest that is priced,
/// and no other body breaks off.
pub fn digest(bytes: &[u8]) -> bool {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, body) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let Ok(value) = HeaderValue::from_bytes(line) else { return false };
    let headers = HeaderMap::from_iter([(http::header::HeaderName::from_static(FIELD), value)]);
    digested(&headers, body).is_some_and(|(priced, forwarded)| {
        let is_right = priced == <[u8; 32]>::from(Sha256::digest(body));
        assert_eq!(forwarded.is_some(), is_right);
        assert!(forwarded.is_none_or(|forwarded| forwarded == body));
        is_right
    })
}

const FIELD: &str = "content-digest";

/// A message to an MCP server that sells `lookup`. None that is passed on calls it, and none that calls
/// it carries a payment on.
pub fn tool(bytes: &[u8]) -> bool {
    let offer = json!({
        "offer": "off_00000000000000000000000001", "path": "/mcp", "tool": "lookup",
        "price": "3", "asset": "USD", "scale": 9, "payee": "acc_00000000000000000000000001",
    });
    let Some(read) = message(offer.to_string().as_bytes(), bytes) else { return false };
    let (Message::Passed(text) | Message::Priced(text, _)) = &read;
    let told: Value = serde_json::from_slice(text).expect("what is passed on was written here");
    let calls = told["method"] == "tools/call" && told["params"]["name"] == "lookup";
    assert_eq!(calls, matches!(read, Message::Priced(..)), "{told}");
    if let Message::Priced(_, headers) = &read {
        let meta = &told["params"]["_meta"];
        assert!(
            meta.get("x402/payment").is_none() && !meta.as_object().is_some_and(|it| it.is_empty())
        );
        assert!(meta.get("org.paymentauth/credential").is_none());
        // Whatever stood there, it is read or refused.
        let _ = http402::decode_payment(headers);
    }
    true
}

/// An answer with tools, after a byte that makes it a stream or not. Nothing is lost of it, and what says
/// nothing of tools passes as it came.
pub fn listing(bytes: &[u8]) -> bool {
    let Some((first, body)) = bytes.split_first() else { return false };
    let told = listed(*first == b's', body).expect("a body that is there is told whole");
    if told == body {
        return false;
    }
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains(r#""x-payment-info":"a price""#), "{told}");
    true
}

/// The message of an authorization, which the node checks again.
pub fn authorize(bytes: &[u8]) -> bool {
    let Ok(wire) = serde_json::from_slice::<AuthorizeWire>(bytes) else { return false };
    let base = wire.base().map(str::to_owned);
    wire.open().is_ok_and(|command| {
        let again = written(&AuthorizeWire::new(&command).with_base(base));
        assert_eq!(without_nulls(&again), without_nulls(bytes));
        let read: AuthorizeWire = read(&again);
        let reopened = read.open().expect("what is written opens");
        assert_eq!(parts(reopened), parts(command));
        true
    })
}

fn parts(command: Authorize) -> impl PartialEq + std::fmt::Debug {
    let Authorize { order, purchase, terms, idempotency, mode, tags, counters } = command;
    (order.to_signed(), purchase, terms, idempotency, mode, tags, counters)
}

/// The messages about a payment under way: a hold, or a charge, settlement or release.
pub fn finish(bytes: &[u8]) -> bool {
    let hold = same_written::<HoldWire>(bytes);
    let finish = same_written::<FinishWire>(bytes);
    assert!(hold.is_none() || finish.is_none(), "a message has one meaning");
    let Some(outcome) = finish.map(|finish| finish.outcome) else { return hold.is_some() };
    let Some(wire) = outcome else { return true };
    let text = written(&wire);
    wire.open().is_ok_and(|outcome| {
        assert_eq!(written(&gateway::node::wire::OutcomeWire::from(outcome)), text);
        true
    })
}

/// The node's answer to an authorization, as a gateway apart reads it.
pub fn answer(bytes: &[u8]) -> bool {
    if let Ok(wire) = serde_json::from_slice::<RefusedWire<AuthorizeError>>(bytes) {
        let again: RefusedWire<AuthorizeError> = read(&written(&wire));
        assert_eq!(again.refused, wire.refused);
        return true;
    }
    let Ok(wire) = serde_json::from_slice::<AuthorizedWire>(bytes) else { return false };
    let text = written(&wire);
    wire.open().is_ok_and(|authorized| {
        assert_eq!(written(&AuthorizedWire::from(authorized.clone())), text);
        assert_eq!(read::<AuthorizedWire>(&text).open(), Ok(authorized));
        true
    })
}

/// A message that is written the same after it was read.
fn same_written<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let wire: T = serde_json::from_slice(bytes).ok()?;
    let text = written(&wire);
    assert_eq!(written(&read::<T>(&text)), text);
    Some(wire)
}

fn written(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("a message is JSON")
}

fn read<T: DeserializeOwned>(text: &[u8]) -> T {
    serde_json::from_slice(text).expect("what is written is read")
}

/// A member that is `null` means the same as one that is not there.
fn without_nulls(text: &[u8]) -> Value {
    let mut message: Value = read(text);
    if let Value::Object(members) = &mut message {
        members.retain(|_, member| !member.is_null());
    }
    message
}
