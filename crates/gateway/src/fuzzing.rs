//! A door for the fuzzer: what the gateway makes of request paths and of announced digests.
//!
//! Nothing else may come in here; the gateway itself never calls this module.

use std::convert::Infallible;
use std::sync::LazyLock;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::HeaderMap;
use http_body_util::BodyExt;
use instrument::BodyDigest;
use tokio::runtime::{Builder, Runtime};

use crate::body;
use crate::path::{self, PathPattern};

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
