//! From the answer of a purchase back to the answer of a call.
//!
//! Invariant: whatever comes, the caller gets one JSON-RPC answer with its own number, and of a payment
//! what became of it.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use http402::x402::{PAYMENT_REQUIRED, PAYMENT_RESPONSE};
use serde_json::{Value, json};

use crate::body::BodyError;

const X402_PAYMENT_RESPONSE: &str = "x402/payment-response";
/// Of the answer to a call, before it gets its number.
pub(super) const TOOL_ANSWER: HeaderValue =
    HeaderValue::from_static("application/vnd.farthing.tool+json");
/// Largest answer that is turned back: that of a tool, and the words around it.
const CALL_ANSWER_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Codes of JSON-RPC 2.0.
const INVALID_REQUEST: i32 = -32_600;
const INTERNAL_ERROR: i32 = -32_603;

/// Turns the answer of a purchase into that of the call.
pub(crate) async fn answer(id: &Value, response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = Limited::new(body, CALL_ANSWER_BYTES_MAX).collect().await else {
        let broken = "the answer broke off; call again with the same payment";
        return error(StatusCode::OK, id, INTERNAL_ERROR, broken, None);
    };
    let body: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or(Value::Null);
    let mut message = json!({"jsonrpc": "2.0", "id": id});
    let from_tool = parts.headers.get(CONTENT_TYPE) == Some(&TOOL_ANSWER);
    if parts.status == StatusCode::PAYMENT_REQUIRED {
        let challenge = header(&parts.headers, &PAYMENT_REQUIRED).unwrap_or(body);
        message["result"] = failed(&challenge);
    } else if from_tool && body.get("error").is_some() {
        message["error"] = body["error"].clone();
    } else if from_tool {
        message["result"] = body["result"].clone();
    } else {
        message["result"] = failed(&body);
    }
    if let Some(settled) = header(&parts.headers, &PAYMENT_RESPONSE)
        && let Some(result) = message.get_mut("result").and_then(Value::as_object_mut)
    {
        let meta = result.entry("_meta").or_insert_with(|| json!({}));
        meta[X402_PAYMENT_RESPONSE] = settled;
    }
    let text = message.to_string();
    parts.status = StatusCode::OK;
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.insert(CONTENT_LENGTH, text.len().into());
    Response::from_parts(parts, Body::from(text))
}

/// A result that is an error, for programs and for models.
fn failed(why: &Value) -> Value {
    json!({
        // Since version 2026-07-28; earlier ones skip it.
        "resultType": "complete",
        "isError": true,
        "structuredContent": why,
        "content": [{"type": "text", "text": why.to_string()}],
    })
}

/// Base64 JSON of a header.
fn header(headers: &HeaderMap, name: &HeaderName) -> Option<Value> {
    let bytes = STANDARD.decode(headers.get(name)?.as_bytes()).ok()?;
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
