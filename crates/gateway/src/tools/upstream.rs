//! The MCP server as the service behind a purchase.
//!
//! Invariant: the call counts as delivered only if the server answers it with a result that is no
//! error. Its answer is reduced to that, so that a copy under another number gets the same.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Map, Value};

use super::answer::{TOOL_ANSWER, unusable};
use super::call::Call;
use super::events;

/// Largest answer of a priced tool.
const TOOL_ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Asks the server for one call.
#[derive(Debug, Clone)]
pub(crate) struct ToolService<S> {
    inner: S,
    call: Call,
}

impl<S> ToolService<S> {
    pub(crate) fn new(inner: S, call: Call) -> Self {
        Self { inner, call }
    }
}

impl<S> tower::Service<Request<Body>> for ToolService<S>
where
    S: tower::Service<Request<Body>, Response = Response<Body>> + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, bought: Request<Body>) -> Self::Future {
        let (mut parts, _) = bought.into_parts();
        let Call { id, uri, message, .. } = self.call.clone();
        parts.uri = uri;
        parts.headers.insert(CONTENT_LENGTH, message.len().into());
        let both = HeaderValue::from_static("application/json, text/event-stream");
        parts.headers.insert(ACCEPT, both);
        let answered = self.inner.call(Request::from_parts(parts, Body::from(message)));
        Box::pin(async move { Ok(outcome(answered.await?, &id).await) })
    }
}

/// What the server's answer comes to.
async fn outcome(response: Response<Body>, id: &Value) -> Response<Body> {
    if !response.status().is_success() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_stream = kind.is_some_and(events::is_kind);
    let Ok(body) = Limited::new(body, TOOL_ANSWER_BYTES_MAX).collect().await else {
        return unusable();
    };
    let body = body.to_bytes();
    let message = if is_stream { from_events(&body, id) } else { message(&body, id) };
    let Some(mut message) = message else { return unusable() };
    let failed = message.get("error").is_some()
        || message.get("result").is_some_and(|result| result["isError"] == true);
    let kept: Map<String, Value> =
        ["result", "error"].into_iter().filter_map(|key| message.remove_entry(key)).collect();
    if kept.is_empty() {
        return unusable();
    }
    let kept = Value::Object(kept).to_string();
    parts.status = if failed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    parts.headers.insert(CONTENT_TYPE, TOOL_ANSWER);
    parts.headers.insert(CONTENT_LENGTH, kept.len().into());
    Response::from_parts(parts, Body::from(kept))
}

/// The answer to this call in a JSON body.
fn message(body: &[u8], id: &Value) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(message)) if message.get("id") == Some(id) => Some(message),
        _ => None,
    }
}

/// The answer to this call among events.
fn from_events(mut body: &[u8], id: &Value) -> Option<Map<String, Value>> {
    while !body.is_empty() {
        let (event, rest) = body.split_at(events::end(body, 0).unwrap_or(body.len()));
        body = rest;
        let found = events::data(event).and_then(|data| message(data.as_bytes(), id));
        if found.is_some() {
            return found;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_answer_is_found_among_events() {
        let body = "event: message\r\ndata: {\"method\":\"notifications/progress\"}\r\n\r\n\
                    : note\n\ndata: {\"id\":3,\ndata: \"result\":{}}\n\n";
        let found = from_events(body.as_bytes(), &json!(3)).unwrap();
        assert_eq!(found["result"], json!({}));
        assert_eq!(from_events(body.as_bytes(), &json!(4)), None);
    }
}
