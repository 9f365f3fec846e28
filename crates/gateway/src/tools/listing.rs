//! What a server tells about itself, with what is for sale added: prices in `tools/list`, and in the
//! answer to `initialize` that payments are taken.
//!
//! Format: `_meta["x-payment-info"]` of a tool has the shape of that member in `OpenAPI` documents, its
//! `outputSchema` allows the challenge too; `capabilities.experimental.payment` is that of
//! draft-payment-transport-mcp-00. Invariants: nothing else of an answer changes, and events that are no
//! answer pass as they came; what is too large, compressed or no JSON passes unchanged. The challenge of
//! a call wins over the listing.

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderName, Response};
use http_body_util::BodyExt as _;
use http402::mpp::{Intent, METHOD};
use serde_json::{Map, Value, json};

use super::events;

/// Largest answer, or event of one, to which something is added.
const LISTING_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Where a listed tool tells its price.
const PAYMENT_INFO: &str = "x-payment-info";
/// Headers that speak of the answer's bytes.
const OF_THE_BYTES: [HeaderName; 3] =
    [CONTENT_LENGTH, ETAG, HeaderName::from_static("content-digest")];

/// What is added to the answer of one request.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    /// Number of the request.
    pub id: Value,
    /// What it asks for.
    pub asked: Asked,
}

/// What a request asks a server about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Its tools.
    Tools,
    /// What it can do.
    Capabilities,
}

impl Asked {
    /// `None` for every other method.
    pub(super) fn of(method: &str) -> Option<Self> {
        match method {
            "tools/list" => Some(Self::Tools),
            "initialize" => Some(Self::Capabilities),
            _ => None,
        }
    }
}

/// Adds to an answer; `prices` are the payment infos by the names of tools.
pub(crate) fn add(
    listing: Listing,
    prices: Map<String, Value>,
    response: Response<Body>,
) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_stream = kind.is_some_and(events::is_kind);
    let is_json = kind.is_some_and(|kind| kind.starts_with("application/json"));
    if !(parts.status.is_success() && (is_stream || is_json)) {
        return Response::from_parts(parts, body);
    }
    for name in OF_THE_BYTES {
        parts.headers.remove(name);
    }
    let (buffer, searched, is_over) = (Vec::new(), 0, false);
    let adding = Adding { body, is_stream, buffer, searched, is_over, listing, prices };
    let pieces = stream::try_unfold(adding, |mut adding| async move {
        Ok::<_, axum::Error>(adding.next().await?.map(|piece| (piece, adding)))
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}

/// A body on its way, cut into what may be an answer: the whole of it, or its events.
struct Adding {
    body: Body,
    is_stream: bool,
    buffer: Vec<u8>,
    /// Bytes of the buffer in which no event ends.
    searched: usize,
    /// Nothing is to be added any more: the rest passes as it comes.
    is_over: bool,
    listing: Listing,
    prices: Map<String, Value>,
}

impl Adding {
    async fn next(&mut self) -> Result<Option<Bytes>, axum::Error> {
        loop {
            let searches = self.is_stream && !self.is_over;
            let end = searches.then(|| events::end(&self.buffer, self.searched)).flatten();
            self.searched = if end.is_some() { 0 } else { self.buffer.len() };
            if let Some(end) = end {
                let piece: Vec<u8> = self.buffer.drain(..end).collect();
                return Ok(Some(self.added(piece).into()));
            }
            self.is_over |= self.buffer.len() > LISTING_BYTES_MAX;
            if self.is_over && !self.buffer.is_empty() {
                return Ok(Some(std::mem::take(&mut self.buffer).into()));
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    self.is_over = true;
                    let piece = std::mem::take(&mut self.buffer);
                    return Ok(Some(self.added(piece).into()));
                }
            }
        }
    }

    /// The piece as it is told on.
    fn added(&mut self, piece: Vec<u8>) -> Vec<u8> {
        let text = if self.is_stream { events::data(&piece) } else { None };
        let message = serde_json::from_slice(text.as_deref().map_or(&piece, str::as_bytes));
        let Ok(mut message @ Value::Object(_)) = message else { return piece };
        if message.get("id") != Some(&self.listing.id) || !self.add_to(&mut message) {
            return piece;
        }
        self.is_over = true;
        let message = message.to_string();
        if self.is_stream { events::with_data(&piece, &message) } else { message.into_bytes() }
    }

    /// Whether something was added.
    fn add_to(&self, message: &mut Value) -> bool {
        match self.listing.asked {
            Asked::Tools => {
                let tools = message.pointer_mut("/result/tools").and_then(Value::as_array_mut);
                tools.is_some_and(|tools| {
                    let added = tools.iter_mut().map(|tool| add_price(&self.prices, tool));
                    added.filter(|added| *added).count() > 0
                })
            }
            Asked::Capabilities => {
                let known = message.pointer_mut("/result/capabilities");
                known.and_then(Value::as_object_mut).is_some_and(|known| {
                    let experimental = known.entry("experimental").or_insert_with(|| json!({}));
                    let experimental = experimental.as_object_mut();
                    experimental
                        .map(|known| known.insert("payment".to_owned(), payment()))
                        .is_some()
                })
            }
        }
    }
}

fn add_price(prices: &Map<String, Value>, tool: &mut Value) -> bool {
    let price = tool["name"].as_str().and_then(|name| prices.get(name)).cloned();
    let Some(tool) = tool.as_object_mut() else { return false };
    let meta = tool.get("_meta").cloned().unwrap_or_else(|| json!({}));
    let (Value::Object(mut meta), Some(price)) = (meta, price) else { return false };
    meta.insert(PAYMENT_INFO.to_owned(), price);
    tool.insert("_meta".to_owned(), meta.into());
    if let Some(Value::Object(schema)) = tool.get_mut("outputSchema") {
        *schema = or_challenge(std::mem::take(schema));
    }
    true
}

/// The schema of what a priced tool answers: its output, or the challenge of x402. Clients check the one
/// as they check the other.
fn or_challenge(mut output: Map<String, Value>) -> Map<String, Value> {
    let mut both = Map::new();
    // References count from the root.
    for name in ["$schema", "$defs", "definitions"] {
        both.extend(output.remove_entry(name));
    }
    let challenge = json!({"type": "object", "required": ["x402Version", "accepts"]});
    both.insert("type".to_owned(), "object".into());
    both.insert("anyOf".to_owned(), json!([output, challenge]));
    both
}

/// The methods and intents of MPP that are taken.
fn payment() -> Value {
    json!({"methods": [METHOD], "intents": [Intent::Charge.name(), Intent::Session.name()]})
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(kind: &'static str, body: Body, asked: Asked) -> String {
        let prices = json!({"lookup": {"offers": [{"amount": "3"}]}}).as_object().unwrap().clone();
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
        response.headers_mut().insert(CONTENT_LENGTH, 1.into());
        let response = add(Listing { id: json!(1), asked }, prices, response);
        assert!(!response.headers().contains_key(CONTENT_LENGTH));
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn tools(id: u64) -> String {
        let schema = json!({"type": "object", "$defs": {"a": {}}, "properties": {"b": {"$ref": "#/$defs/a"}}});
        let tools = json!([
            {"name": "lookup", "_meta": {"a": 1}, "outputSchema": schema},
            {"name": "hello", "outputSchema": schema},
        ]);
        json!({"jsonrpc": "2.0", "id": id, "result": {"tools": tools}}).to_string()
    }

    fn assert_priced(message: &str) {
        let message: Value = serde_json::from_str(message).unwrap();
        let tools = &message["result"]["tools"];
        assert_eq!(tools[0]["_meta"]["a"], 1);
        assert_eq!(tools[0]["_meta"][PAYMENT_INFO]["offers"][0]["amount"], "3");
        let (priced, free) = (&tools[0]["outputSchema"], &tools[1]["outputSchema"]);
        assert_eq!(priced["$defs"], free["$defs"]);
        assert_eq!(priced["anyOf"][0]["properties"], free["properties"]);
        assert_eq!(priced["anyOf"][1]["required"][0], "x402Version");
        assert_eq!(tools[1].get("_meta"), None);
    }

    #[tokio::test]
    async fn prices_are_told_in_json_and_in_events() {
        assert_priced(&told("application/json", tools(1).into(), Asked::Tools).await);
        let note = ": note\r\nevent: message\r\ndata: {\"method\":\"n\"}\r\n\r\n";
        let stream = format!("{note}id: 7\ndata: {}\n\ndata: {}\n\n", tools(1), tools(1));
        // As small pieces as there can be.
        let pieces: Vec<_> = stream.bytes().map(|byte| Ok::<_, axum::Error>(vec![byte])).collect();
        let body = Body::from_stream(stream::iter(pieces));
        let told = told("text/event-stream; charset=utf-8", body, Asked::Tools).await;
        let rest = told.strip_prefix(note).unwrap().strip_prefix("id: 7\ndata: ").unwrap();
        let (answer, rest) = rest.split_once("\n\n").unwrap();
        assert_priced(answer);
        assert_eq!(rest, format!("data: {}\n\n", tools(1)), "one answer, and the rest as it came");
    }

    #[tokio::test]
    async fn what_is_no_answer_passes_as_it_came() {
        for body in [tools(2), "{".to_owned(), "[]".to_owned(), String::new()] {
            assert_eq!(told("application/json", body.clone().into(), Asked::Tools).await, body);
            let event = format!("data: {body}\n\n");
            assert_eq!(told("text/event-stream", event.clone().into(), Asked::Tools).await, event);
        }
        let odd = r#"{"id":1,"result":{"tools":[{"name":"lookup","_meta":3},7,null]}}"#;
        assert_eq!(told("application/json", odd.into(), Asked::Tools).await, odd);
        let large = tools(1) + &" ".repeat(LISTING_BYTES_MAX);
        assert_eq!(told("application/json", large.clone().into(), Asked::Tools).await, large);
    }

    #[tokio::test]
    async fn a_server_says_that_it_takes_payments() {
        let answer = r#"{"id":1,"result":{"capabilities":{"experimental":{"x":{}},"tools":{}}}}"#;
        let told = told("application/json", answer.into(), Asked::Capabilities).await;
        let told: Value = serde_json::from_str(&told).unwrap();
        let known = &told["result"]["capabilities"];
        assert_eq!(known["experimental"]["payment"]["methods"], json!(["farthing"]));
        assert_eq!(
            (known["experimental"].get("x"), known.get("tools")),
            (Some(&json!({})), Some(&json!({})))
        );
    }
}
