//! Request bodies: their digest must be known before a payment can be checked.
//!
//! A small body is read and hashed. A large one must come with `Content-Digest` (RFC 9530); then it
//! streams through, and its last piece is held back until the digest has proven right, so that the
//! upstream never sees a whole body that was not paid for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use http::HeaderMap;
use http_body_util::BodyExt;
use instrument::{BodyDigest, empty_body_digest};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use crate::stream::BODY_IDLE_TIMEOUT_MS;

/// Largest request body that is read before the payment is checked.
pub const REQUEST_BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// Longest time that such a body may take to arrive: nobody has paid yet.
const REQUEST_BUFFER_SECONDS_MAX: u64 = 60;

/// Why a request body cannot be priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Too large to be read first, and no digest was announced.
    #[error(
        "a body above {REQUEST_BUFFER_BYTES_MAX} bytes needs the header \
         `Content-Digest: sha-256=:<base64>:`"
    )]
    DigestRequired,
    /// The header does not hold a SHA-256 digest.
    #[error("`Content-Digest` must hold `sha-256=:<base64 of 32 bytes>:`")]
    DigestMalformed,
    /// The body that was read has another digest.
    #[error("the body does not have the announced `Content-Digest`")]
    DigestMismatch,
    /// The client sends nothing for too long.
    #[error("the request body did not arrive in time")]
    TooSlow,
    /// The client broke off.
    #[error("the request body could not be read to its end")]
    Broken,
}

impl BodyError {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::DigestRequired => "content_digest_required",
            Self::DigestMalformed => "content_digest_malformed",
            Self::DigestMismatch => "content_digest_mismatch",
            Self::TooSlow => "request_body_timeout",
            Self::Broken => "request_body_broken",
        }
    }

    pub(crate) fn http_status(self) -> u16 {
        match self {
            Self::DigestRequired => 413,
            Self::TooSlow => 408,
            Self::DigestMalformed | Self::DigestMismatch | Self::Broken => 400,
        }
    }
}

/// A body with its digest, ready to be forwarded once.
pub(crate) struct Digested {
    pub digest: BodyDigest,
    pub body: Body,
    /// Becomes true if the body breaks off on its way, or is not the one that was announced.
    pub failed: Arc<AtomicBool>,
}

impl Digested {
    fn whole(digest: BodyDigest, body: Body) -> Self {
        Self { digest, body, failed: Arc::default() }
    }
}

/// Finds out the digest of a request body, reading as little as that takes.
pub(crate) async fn digest(headers: &HeaderMap, body: Body) -> Result<Digested, BodyError> {
    if http_body::Body::is_end_stream(&body) {
        return Ok(Digested::whole(empty_body_digest(), Body::empty()));
    }
    let announced = announced(headers)?;
    let length = http_body::Body::size_hint(&body).exact();
    let fits = length.map(|length| length <= REQUEST_BUFFER_BYTES_MAX as u64);
    match (announced, fits) {
        (Some(digest), None | Some(false)) => {
            let failed = Arc::<AtomicBool>::default();
            let body = checked(body, digest, Arc::clone(&failed));
            Ok(Digested { digest, body, failed })
        }
        (None, Some(false)) => Err(BodyError::DigestRequired),
        (announced, None | Some(true)) => {
            let bytes = whole(body).await?;
            let digest = Sha256::digest(&bytes).into();
            if announced.is_some_and(|announced| announced != digest) {
                return Err(BodyError::DigestMismatch);
            }
            Ok(Digested::whole(digest, Body::from(bytes)))
        }
    }
}

/// The next piece of a request body; a client that sends nothing for too long is cut off.
async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, BodyError> {
    let idle = Duration::from_millis(BODY_IDLE_TIMEOUT_MS);
    loop {
        match timeout(idle, body.frame()).await.map_err(|_| BodyError::TooSlow)? {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads a body of at most [`REQUEST_BUFFER_BYTES_MAX`] in at most [`REQUEST_BUFFER_SECONDS_MAX`].
pub(crate) async fn whole(body: Body) -> Result<Bytes, BodyError> {
    let time = Duration::from_secs(REQUEST_BUFFER_SECONDS_MAX);
    timeout(time, pieces(body)).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn pieces(mut body: Body) -> Result<Bytes, BodyError> {
    let mut bytes = Vec::new();
    while let Some(data) = next_piece(&mut body).await? {
        if bytes.len() + data.len() > REQUEST_BUFFER_BYTES_MAX {
            return Err(BodyError::DigestRequired);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

fn announced(headers: &HeaderMap) -> Result<Option<BodyDigest>, BodyError> {
    let Some(value) = headers.get("content-digest") else { return Ok(None) };
    let text = value.to_str().map_err(|_| BodyError::DigestMalformed)?;
    let mut digests = text.split(',').map(str::trim);
    let Some(sha256) = digests.find_map(|item| item.strip_prefix("sha-256=:")) else {
        // Another algorithm says nothing that can be checked here.
        return Ok(None);
    };
    let encoded = sha256.strip_suffix(':').ok_or(BodyError::DigestMalformed)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| BodyError::DigestMalformed)?;
    bytes.try_into().map(Some).map_err(|_| BodyError::DigestMalformed)
}

/// Streams a body and fails before its last piece unless it has the digest.
fn checked(body: Body, expected: BodyDigest, failed: Arc<AtomicBool>) -> Body {
    struct Checked {
        body: Body,
        hasher: Option<Sha256>,
        held_back: Option<Bytes>,
        expected: BodyDigest,
    }
    let start = Checked { body, hasher: Some(Sha256::new()), held_back: None, expected };
    let pieces = stream::try_unfold(start, |mut state| async move {
        loop {
            let Some(hasher) = &mut state.hasher else { return Ok(None) };
            if let Some(data) = next_piece(&mut state.body).await? {
                hasher.update(&data);
                if let Some(ready) = state.held_back.replace(data) {
                    return Ok(Some((ready, state)));
                }
                continue;
            }
            let hasher = state.hasher.take().unwrap_or_default();
            if <BodyDigest>::from(hasher.finalize()) != state.expected {
                return Err(BodyError::DigestMismatch);
            }
            return Ok(state.held_back.take().map(|last| (last, state)));
        }
    });
    let noted = pieces.inspect_err(move |_: &BodyError| failed.store(true, Ordering::Release));
    Body::from_stream(noted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte comes before the pause is too long, by the paused clock of the test.
    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_in_is_given_up() {
        let pause = Duration::from_millis(BODY_IDLE_TIMEOUT_MS / 2);
        let bytes = stream::unfold((), move |()| async move {
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let began = tokio::time::Instant::now();
        let read = digest(&HeaderMap::new(), Body::from_stream(bytes)).await;
        assert!(matches!(read, Err(BodyError::TooSlow)));
        assert_eq!(began.elapsed().as_secs(), REQUEST_BUFFER_SECONDS_MAX);
    }
}
