//! The service behind the gateway: one short text for every path, and long bodies below `/bytes` and
//! `/events`, as cheap as a service can be, so that the figures are the gateway's.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Result;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, Uri};
use bytes::Bytes;
use futures_util::stream;

use super::sale::ARTICLE_BYTES;

/// Paths below it have no price and are answered as those without it.
pub(crate) const FREE_PREFIX: &str = "/free";
/// An event, the size of a token of a language model with its frame.
const EVENT: &[u8] = b"data: {\"index\":0,\"text\":\" measured\",\"finish_reason\":null}\n\n";
pub(crate) const EVENT_BYTES: u64 = EVENT.len() as u64;
const PIECE_BYTES: usize = 64 * 1024;

/// Serves at the address in `words` until killed.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [address] = words else {
        anyhow::bail!("usage: upstream ADDRESS");
    };
    let address: SocketAddr = address.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let article = Bytes::from(vec![b'a'; ARTICLE_BYTES]);
        let piece = Bytes::from(vec![b'a'; PIECE_BYTES]);
        let answer = move |uri: Uri| {
            let (kind, body) = match long(uri.path(), &piece) {
                Some(long) => long,
                None => ("text/plain", Body::from(article.clone())),
            };
            let mut answer = Response::new(body);
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            async move { answer }
        };
        super::listen(address, axum::Router::new().fallback(answer)).await
    })
}

/// A body of as many bytes or events as the path says.
fn long(path: &str, piece: &Bytes) -> Option<(&'static str, Body)> {
    let path = path.strip_prefix(FREE_PREFIX).unwrap_or(path);
    let (kind, count) = path.strip_prefix('/')?.split_once('/')?;
    let count: usize = count.parse().ok()?;
    match kind {
        "bytes" => {
            let piece = piece.clone();
            let pieces = (0..count).step_by(PIECE_BYTES).map(move |start| {
                Ok::<_, Infallible>(piece.slice(..PIECE_BYTES.min(count - start)))
            });
            Some(("application/octet-stream", Body::from_stream(stream::iter(pieces))))
        }
        "events" => {
            let event = Ok::<_, Infallible>(Bytes::from_static(EVENT));
            let events = std::iter::repeat_n(event, count);
            Some(("text/event-stream", Body::from_stream(stream::iter(events))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn long_bodies_are_as_long_as_their_path_says() {
        let piece = Bytes::from(vec![b'a'; PIECE_BYTES]);
        for (path, bytes) in [
            ("/bytes/200000", 200_000),
            ("/free/bytes/65536", 65_536),
            ("/events/3", 3 * EVENT_BYTES),
        ] {
            let (_, body) = long(path, &piece).unwrap();
            assert_eq!(body.collect().await.unwrap().to_bytes().len() as u64, bytes, "{path}");
        }
        assert!(long("/articles/1", &piece).is_none() && long("/free/1", &piece).is_none());
    }
}
