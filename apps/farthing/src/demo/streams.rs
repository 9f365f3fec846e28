//! The magazine's streams: a tune without an end and a story told word by word.
//!
//! Both come at the pace of a listener or reader, and neither knows anything about payment: the
//! gateway counts seconds and events, and stops when they are not paid any more.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use futures_util::stream;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::tune;

/// Sound leaves in pieces of so long.
const PIECE_MS: u32 = 200;

/// Time between two words of the story.
const WORD_PAUSE_MS: u64 = 60;

/// A tune that begins anew when it is over, as a WAV file of unknown length.
pub(super) fn listen(samples: Arc<[u8]>) -> Response<Body> {
    let head = Bytes::copy_from_slice(&tune::head(u32::MAX));
    let piece_bytes = tune::bytes_in(PIECE_MS);
    let start = Instant::now();
    let sound = stream::unfold((0_u64, head), move |(count, head)| {
        let samples = Arc::clone(&samples);
        async move {
            if count == 0 {
                return Some((Ok::<_, Infallible>(head), (1, Bytes::new())));
            }
            sleep_until(start + Duration::from_millis((count - 1) * u64::from(PIECE_MS))).await;
            Some((Ok(round(&samples, count - 1, piece_bytes)), (count + 1, head)))
        }
    });
    live("audio/wav", Body::from_stream(sound))
}

/// One piece of sound out of an endless round.
fn round(samples: &[u8], index: u64, piece_bytes: usize) -> Bytes {
    let from = usize::try_from(index).unwrap_or(0).wrapping_mul(piece_bytes) % samples.len();
    samples.iter().cycle().skip(from).take(piece_bytes).copied().collect()
}

/// A text as server-sent events, one word each.
pub(super) fn tell(text: &str) -> Response<Body> {
    let words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
    let start = Instant::now();
    let events = stream::unfold(words.into_iter().enumerate(), move |mut words| async move {
        let (index, word) = words.next()?;
        sleep_until(start + Duration::from_millis(index as u64 * WORD_PAUSE_MS)).await;
        let event = format!("data: {}\n\n", json!({ "token": word }));
        Some((Ok::<_, Infallible>(Bytes::from(event)), words))
    });
    live("text/event-stream", Body::from_stream(events))
}

fn live(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_goes_on_where_it_was() {
        let samples: Vec<u8> = (0..10).collect();
        assert_eq!(&round(&samples, 0, 4)[..], [0, 1, 2, 3]);
        assert_eq!(&round(&samples, 2, 4)[..], [8, 9, 0, 1]);
        assert_eq!(&round(&samples, 5, 4)[..], [0, 1, 2, 3]);
    }
}
