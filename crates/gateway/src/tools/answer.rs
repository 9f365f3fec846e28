//! From the answer of a purchase back to the answer of a call.
//!
//! Invariant: whatever comes, the caller gets one JSON-RPC answer with its own number, and of a payment
//! what became of it.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE_NO_PAD};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use http402::mpp::{self, PAYMENT_RECEIPT};
use http402::x402::{PAYMENT_REQUIRED, PAYMENT_RESPONSE};
use serde_json::{Value, json};

use super::payment::Wording;
use crate::body::BodyError;

const X402_PAYMENT_RESPONSE: &str = "x402/payment-response";
const MPP_PAYMENT_REQUIRED: &str = "org.paymentauth/payment-required";
const MPP_RECEIPT: &str = "org.paymentauth/receipt";
/// Of the answer to a call, before it gets its number.
pub(super) const TOOL_ANSWER: HeaderValue =
    HeaderValue::from_static("application/vnd.farthing.tool+json");
/// Largest answer that is turned back: that of a tool, and the words around it.
const CALL_ANSWER_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Codes of JSON-RPC 2.0.
const INVALID_REQUEST: i32 = -32_600;
const INVALID_PARAMS: i32 = -32_602;
const INTERNAL_ERROR: i32 = -32_603;
/// Codes of MPP: nothing paid yet; what was paid with does not count.
const PAYMENT_REQUIRED_CODE: i32 = -32_042;
const PAYMENT_REFUSED_CODE: i32 = -32_043;

/// Turns the answer of a purchase into that of the call.
pub(crate) async fn answer(
    id: &Value,
    wording: Wording,
    response: Response<Body>,
) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = Limited::new(body, CALL_ANSWER_BYTES_MAX).collect().await else {
        let broken = "the answer broke off; call again with the same payment";
        return error(StatusCode::OK, id, INTERNAL_ERROR, broken, None);
    };
    let mut body: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null);
    let from_tool = parts.headers.get(CONTENT_TYPE) == Some(&TOOL_ANSWER);
    let challenges = mpp::challenges_to_message(&parts.headers);
    let (member, mut content) = if from_tool {
        let member = if body.get("error").is_some() { "error" } else { "result" };
        (member, said(body[member].take()))
    } else if challenges.is_empty() {
        ("result", failed(&body))
    } else {
        asked(wording, &parts.headers, body, &challenges)
    };
    for (header, name, decoder) in [
        (PAYMENT_RESPONSE, X402_PAYMENT_RESPONSE, &STANDARD),
        (PAYMENT_RECEIPT, MPP_RECEIPT, &URL_SAFE_NO_PAD),
    ] {
        let told = decoded(&parts.headers, &header, decoder);
        if let Some(told) = told.filter(|_| member == "result") {
            put_meta(&mut content, name, told);
        }
    }
    let text = json!({"jsonrpc": "2.0", "id": id, member: content}).to_string();
    parts.status = StatusCode::OK;
    parts.headers.remove(WWW_AUTHENTICATE);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.insert(CONTENT_LENGTH, text.len().into());
    Response::from_parts(parts, Body::from(text))
}

/// A challenge, in the words that the caller reads; `problem` says why there is one.
fn asked(
    wording: Wording,
    headers: &HeaderMap,
    problem: Value,
    challenges: &[Value],
) -> (&'static str, Value) {
    let x402 = decoded(headers, &PAYMENT_REQUIRED, &STANDARD);
    let mut asked = json!({"httpStatus": problem["status"], "challenges": challenges});
    if wording == Wording::Result {
        let mut result = failed(x402.as_ref().unwrap_or(&problem));
        if let Some(x402) = x402 {
            result["structuredContent"] = x402;
        }
        put_meta(&mut result, MPP_PAYMENT_REQUIRED, asked);
        return ("result", result);
    }
    let code = error_code(&problem);
    if code != PAYMENT_REQUIRED_CODE {
        asked["failure"] = json!({"reason": problem["code"], "detail": problem["detail"]});
    }
    let message = problem["title"].clone();
    asked["problem"] = problem;
    asked["x402"] = x402.unwrap_or_default();
    ("error", json!({"code": code, "message": message, "data": asked}))
}

fn error_code(problem: &Value) -> i32 {
    let kind = problem["type"].as_str().and_then(|kind| kind.rsplit('/').next());
    match kind {
        _ if problem["code"] == "payment_required" => PAYMENT_REQUIRED_CODE,
        Some("malformed-credential" | "invalid-payload") => INVALID_PARAMS,
        _ => PAYMENT_REFUSED_CODE,
    }
}

/// A result that is an error. It has no structured content of its own: clients check that against the
/// schema of what the tool gives.
fn failed(why: &Value) -> Value {
    json!({
        // Since version 2026-07-28; earlier ones skip it.
        "resultType": "complete",
        "isError": true,
        "content": [{"type": "text", "text": why.to_string()}],
    })
}

fn put_meta(result: &mut Value, name: &str, value: Value) {
    let Some(result) = result.as_object_mut() else { return };
    let meta = result.entry("_meta").or_insert_with(|| json!({}));
    if !meta.is_object() {
        *meta = json!({});
    }
    meta[name] = value;
}

/// What a tool says, without what only the gateway may say.
fn said(mut content: Value) -> Value {
    if let Some(meta) = content.get_mut("_meta").and_then(Value::as_object_mut) {
        for name in [X402_PAYMENT_RESPONSE, MPP_PAYMENT_REQUIRED, MPP_RECEIPT] {
            meta.remove(name);
        }
    }
    content
}

/// JSON of a header.
fn decoded(headers: &HeaderMap, name: &HeaderName, decoder: &GeneralPurpose) -> Option<Value> {
    let bytes = decoder.decode(headers.get(name)?.as_bytes()).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn error(
    status: StatusCode,
    id: &Value,
    code: i32,
    text: &str,
    data: Option<&Value>,
) -> Response<Body> {
    let error = json!({"code": code, "message": text, "data": data});
    let text = json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The call names or pays what cannot be.
pub(super) fn invalid(id: &Value, why: &str) -> Response<Body> {
    error(StatusCode::BAD_REQUEST, id, INVALID_REQUEST, why, None)
}

/// The body did not arrive.
pub(super) fn unreadable(why: BodyError) -> Response<Body> {
    let status = StatusCode::from_u16(why.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
    let data = json!({"code": why.code()});
    error(status, &Value::Null, INVALID_REQUEST, &why.to_string(), Some(&data))
}

/// The body is compressed.
pub(super) fn encoded() -> Response<Body> {
    let data = json!({"code": "content_encoding_refused"});
    let text = "send the message without Content-Encoding: a compressed one cannot be priced";
    error(StatusCode::UNSUPPORTED_MEDIA_TYPE, &Value::Null, INVALID_REQUEST, text, Some(&data))
}

/// Several messages in one.
pub(super) fn batch() -> Response<Body> {
    let data = json!({"code": "batch_refused"});
    let text = "send one message at a time: a batch cannot be priced";
    error(StatusCode::BAD_REQUEST, &Value::Null, INVALID_REQUEST, text, Some(&data))
}

/// The server answered with something that is no answer to the call: not delivered.
pub(super) fn unusable() -> Response<Body> {
    let why = json!({
        "error": {"code": INTERNAL_ERROR, "message": "the tool gave no answer to this call"},
    });
    let text = why.to_string();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(CONTENT_TYPE, TOOL_ANSWER);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(result: Value, receipt: Option<&'static str>) -> Value {
        let mut response = Response::new(Body::from(json!({"result": result}).to_string()));
        response.headers_mut().insert(CONTENT_TYPE, TOOL_ANSWER);
        if let Some(receipt) = receipt {
            response.headers_mut().insert(PAYMENT_RECEIPT, HeaderValue::from_static(receipt));
        }
        let told = answer(&json!(1), Wording::Error, response).await;
        let told = told.into_body().collect().await.unwrap().to_bytes();
        let told: Value = serde_json::from_slice(&told).unwrap();
        told["result"]["_meta"].clone()
    }

    #[tokio::test]
    async fn a_tool_cannot_tell_of_payments() {
        let forged = json!({
            "_meta": {"a": 1, MPP_RECEIPT: {"status": "success"}, X402_PAYMENT_RESPONSE: {}},
        });
        assert_eq!(answered(forged.clone(), None).await, json!({"a": 1}));
        let receipt = "eyJzIjoxfQ";
        assert_eq!(answered(forged, Some(receipt)).await, json!({"a": 1, MPP_RECEIPT: {"s": 1}}));
        let odd = json!({"_meta": "text"});
        assert_eq!(answered(odd, Some(receipt)).await, json!({MPP_RECEIPT: {"s": 1}}));
    }
}
