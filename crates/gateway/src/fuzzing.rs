//! A door for the fuzzer: what the gateway makes of request paths, of announced digests, and of the
//! messages of MCP.
//!
//! Nothing else may come in here; the gateway itself never calls this module.

use std::convert::Infallible;
use std::sync::LazyLock;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use instrument::BodyDigest;
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::body;
use crate::path::{self, PathPattern};
use crate::published::PublishedOffer;
use crate::routes::Routes;
use crate::tools::{self, Asked, Listing, Read};

static CLOCK: LazyLock<Option<Runtime>> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().ok());

/// Size of the pieces in which [`digested`] lets a body arrive.
const PIECE_BYTES: usize = 5;

/// The segments by which a request path is routed; `None` if the path is refused.
pub fn segments(path: &str) -> Option<Vec<String>> {
    path::segments(path).ok()
}

/// Whether an offer with this pattern covers a request path.
pub fn covers(pattern: &PathPattern, path: &str) -> bool {
    path::segments(path).is_ok_and(|segments| pattern.matches(&segments))
}

/// A request body of unknown length as it is priced and forwarded: the digest that the payment must
/// name, and the whole body unless it breaks off on its way. `None` if the request is refused.
pub fn digested(headers: &HeaderMap, body: &[u8]) -> Option<(BodyDigest, Option<Bytes>)> {
    // Reading has a time limit, and a time limit needs a clock.
    let _clock = CLOCK.as_ref()?.enter();
    let pieces: Vec<_> = body.chunks(PIECE_BYTES).map(Bytes::copy_from_slice).collect();
    let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
    let priced = body::digest(headers, body).now_or_never()?.ok()?;
    let forwarded = priced.body.collect().now_or_never()?.ok();
    Some((priced.digest, forwarded.map(http_body_util::Collected::to_bytes)))
}

/// What becomes of a message to an MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// It goes on, as these bytes.
    Passed(Bytes),
    /// A call of the priced tool, without its payment; the headers hold that.
    Priced(Bytes, Box<HeaderMap>),
}

/// A message to an MCP server at `/mcp`, of which the offer prices a tool. `None` if it is refused.
pub fn message(offer: &[u8], body: &[u8]) -> Option<Message> {
    let _clock = CLOCK.as_ref()?.enter();
    let offer = PublishedOffer::read(offer).ok()?.to_offer().ok()?;
    let routes = Routes::new(vec![offer]).ok()?;
    let request = Request::post("/mcp").body(Body::from(body.to_vec())).ok()?;
    match tools::read(&routes, request).now_or_never()? {
        Read::Refused(_) => None,
        Read::Call(request, call) => {
            Some(Message::Priced(call.message, Box::new(request.into_parts().0.headers)))
        }
        Read::Other(request) | Read::Listing(request, _) => {
            let whole = request.into_body().collect().now_or_never()?.ok()?;
            Some(Message::Passed(whole.to_bytes()))
        }
    }
}

/// The answer of an MCP server to the request 1 for its tools, of which `lookup` has a price.
pub fn listed(is_stream: bool, body: &[u8]) -> Option<Bytes> {
    let pieces: Vec<_> = body.chunks(PIECE_BYTES).map(Bytes::copy_from_slice).collect();
    let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
    let kind = if is_stream { "text/event-stream" } else { "application/json" };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let listing = Listing { id: json!(1), asked: Asked::Tools };
    let prices = Map::from_iter([("lookup".to_owned(), Value::from("a price"))]);
    let told = tools::add_listing(listing, prices, response);
    Some(told.into_body().collect().now_or_never()?.ok()?.to_bytes())
}
