//! Reading a JSON-RPC request: is it a call of a priced tool?

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use serde_json::{Map, Value, json};

use super::listing::{Asked, Listing};
use super::payment::{self, Wording};
use super::{Tool, answer};
use crate::body;
use crate::routes::Routes;

const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// What a request to an MCP server is.
pub(crate) enum Read {
    /// Nothing that is priced.
    Other(Request<Body>),
    /// A question to which prices are added.
    Listing(Request<Body>, Listing),
    /// A priced call, as the purchase that it is, and how to go back.
    Call(Request<Body>, Call),
    /// It cannot be read, or could be read in two ways.
    Refused(Response<Body>),
}

/// A call of a priced tool.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Number of the call.
    pub id: Value,
    /// How the caller is told what to pay.
    pub wording: Wording,
    /// Where the server is asked.
    pub uri: Uri,
    /// The message for the server, without payment.
    pub message: Bytes,
}

/// Looks into a request to an MCP server that has priced tools.
///
/// What cannot be read is refused, and what is passed on is what was read here, written anew: a server
/// that reads a message in another way must not find a priced call in it.
pub(crate) async fn read(routes: &Routes, request: Request<Body>) -> Read {
    if request.method() != Method::POST || !routes.has_tools(request.uri().path()) {
        return Read::Other(request);
    }
    let (mut parts, body) = request.into_parts();
    if parts.headers.contains_key(CONTENT_ENCODING) {
        return Read::Refused(answer::encoded());
    }
    let bytes = match body::whole(body).await {
        Ok(bytes) => bytes,
        Err(error) => return Read::Refused(answer::unreadable(error)),
    };
    let message = match serde_json::from_slice(&bytes) {
        Ok(Value::Object(message)) => message,
        Ok(Value::Array(_)) => return Read::Refused(answer::batch()),
        _ => return Read::Refused(answer::invalid(&Value::Null, "the body is no JSON object")),
    };
    let id = message.get("id").cloned().unwrap_or(Value::Null);
    if let Err(why) = agrees(&parts.headers, &message) {
        return Read::Refused(answer::invalid(&id, why));
    }
    let Some(path) = priced(routes, parts.uri.path(), &message) else {
        let asked = message.get("method").and_then(Value::as_str).and_then(Asked::of);
        let bytes = Value::Object(message).to_string();
        parts.headers.remove(CONTENT_DIGEST);
        parts.headers.insert(CONTENT_LENGTH, bytes.len().into());
        let Some(asked) = asked else {
            return Read::Other(Request::from_parts(parts, Body::from(bytes)));
        };
        parts.headers.remove(ACCEPT_ENCODING);
        let request = Request::from_parts(parts, Body::from(bytes));
        return Read::Listing(request, Listing { id, asked });
    };
    if id.is_null() {
        return Read::Refused(answer::invalid(&id, "a call of a priced tool needs an `id`"));
    }
    match purchase(parts, message, &path) {
        Ok((request, call)) => Read::Call(request, call),
        Err(why) => Read::Refused(answer::invalid(&id, why)),
    }
}

/// Headers by which servers may route must name what the body names (MCP 2026-07-28).
fn agrees(headers: &HeaderMap, message: &Map<String, Value>) -> Result<(), &'static str> {
    let named = |header: &HeaderName, value: Option<&Value>| {
        let all = headers.get_all(header).iter();
        let text = value.and_then(Value::as_str).unwrap_or_default();
        all.into_iter().all(|shown| shown.as_bytes() == text.as_bytes())
    };
    if !named(&MCP_METHOD, message.get("method")) {
        return Err("the header `Mcp-Method` names another method than the body");
    }
    let is_call = message.get("method").is_some_and(|method| method == "tools/call");
    let name = message.get("params").and_then(|params| params.get("name"));
    if is_call && !named(&MCP_NAME, name) {
        return Err("the header `Mcp-Name` names another tool than the body");
    }
    Ok(())
}

/// The path that stands for the tool, if the message calls a priced one.
fn priced(routes: &Routes, path: &str, message: &Map<String, Value>) -> Option<String> {
    if message.get("method")?.as_str()? != "tools/call" {
        return None;
    }
    let name = message.get("params")?.get("name")?.as_str()?;
    routes.tool(path, name).map(Tool::path)
}

fn purchase(
    mut parts: http::request::Parts,
    mut message: Map<String, Value>,
    path: &str,
) -> Result<(Request<Body>, Call), &'static str> {
    let id = message.get("id").cloned().unwrap_or(Value::Null);
    let wording = payment::take(&mut parts, &mut message)?;
    let params = &message["params"];
    // Keys of a `Map` are sorted, so equal arguments give equal bytes.
    let bought = json!({"name": params["name"], "arguments": params.get("arguments")}).to_string();
    let uri = parts.uri.clone();
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    let virtual_uri: Result<Uri, _> = format!("{path}{query}").parse();
    parts.uri = virtual_uri.map_err(|_| "the tool's name cannot be routed")?;
    parts.headers.remove(CONTENT_DIGEST);
    parts.headers.insert(CONTENT_LENGTH, bought.len().into());
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    parts.headers.remove(ACCEPT_ENCODING);
    let message = Bytes::from(Value::Object(message).to_string());
    Ok((Request::from_parts(parts, Body::from(bought)), Call { id, wording, uri, message }))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use http402::x402::PAYMENT_SIGNATURE;

    use super::*;

    #[test]
    fn the_payment_is_taken_out_and_the_number_is_no_part_of_the_purchase() {
        let parts = || {
            let request = Request::post("/mcp").body(()).unwrap();
            request.into_parts().0
        };
        let message = |id: u64, meta: Value| {
            let params = json!({"name": "t", "arguments": {"b": 1, "a": 2}, "_meta": meta});
            let message =
                json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
            message.as_object().unwrap().clone()
        };
        let paid = message(7, json!({"x402/payment": {"x402Version": 2}}));
        let (request, call) = purchase(parts(), paid, "/mcp/tools/t").unwrap();
        let shown = request.headers()[PAYMENT_SIGNATURE].to_str().unwrap();
        assert_eq!(STANDARD.decode(shown).unwrap(), br#"{"x402Version":2}"#);
        assert_eq!(request.uri(), "/mcp/tools/t");
        assert_eq!(call.id, 7);
        let sent: Value = serde_json::from_slice(&call.message).unwrap();
        assert_eq!(sent["params"].get("_meta"), None, "the tool sees no payment");
        let unpaid = message(8, json!({"progressToken": 1}));
        let (unpaid, call) = purchase(parts(), unpaid, "/mcp/tools/t").unwrap();
        assert_eq!(request.headers()[CONTENT_LENGTH], unpaid.headers()[CONTENT_LENGTH]);
        let sent: Value = serde_json::from_slice(&call.message).unwrap();
        assert_eq!(sent["params"]["_meta"]["progressToken"], 1);
    }
}
