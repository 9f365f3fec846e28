//! Reading and passing on the body of an answer.
//!
//! A small body is read to its end before anything is charged. A large one is pumped, and
//! its end reaches the payer only after the payment is settled. What was not delivered is not charged.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::Response;
use http_body_util::BodyExt;
use tokio::sync::mpsc;

/// Longest silence of an upstream in the middle of a body.
pub(crate) const BODY_IDLE_TIMEOUT_MS: u64 = 30_000;

/// Pieces that wait for a slow payer; the upstream waits with them.
const PIECES_AHEAD_COUNT_MAX: usize = 4;

/// The body broke off behind the gateway.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken;

/// A body that was read as far as a limit.
pub(crate) enum Start {
    /// All of it.
    Whole(Bytes),
    /// It goes on.
    More { read: Bytes, rest: Body },
}

pub(crate) async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, Broken> {
    loop {
        let idle = Duration::from_millis(BODY_IDLE_TIMEOUT_MS);
        let frame = tokio::time::timeout(idle, body.frame()).await.map_err(|_| Broken)?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(Broken),
            // Trailers are dropped: they are hop-by-hop for payers that did not ask for them.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads until the end or until there is more than `limit`.
pub(crate) async fn read_start(mut body: Body, limit: usize) -> Result<Start, Broken> {
    let mut read = BytesMut::new();
    while let Some(piece) = next_piece(&mut body).await? {
        read.extend_from_slice(&piece);
        if read.len() > limit {
            return Ok(Start::More { read: read.freeze(), rest: body });
        }
    }
    Ok(Start::Whole(read.freeze()))
}

/// How a pumped body ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Bytes that arrived from the upstream.
    pub bytes: u64,
    /// The upstream sent all of it.
    pub whole: bool,
    /// The body, if it was whole and not above the capture limit.
    pub captured: Option<Bytes>,
}

/// The payer's end of a pump.
pub(crate) struct Pump {
    pieces: mpsc::Sender<Result<Bytes, std::io::Error>>,
    payer_gone: bool,
}

/// A body for the payer, and the pump that fills it.
pub(crate) fn pump() -> (Body, Pump) {
    let (pieces, receiver) = mpsc::channel(PIECES_AHEAD_COUNT_MAX);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    (Body::from_stream(stream.boxed()), Pump { pieces, payer_gone: false })
}

impl Pump {
    async fn send(&mut self, piece: Bytes) {
        if !piece.is_empty() && !self.payer_gone && self.pieces.send(Ok(piece)).await.is_err() {
            self.payer_gone = true;
        }
    }

    /// Passes on `read` and the rest of a body and returns what was held back. With `hold_back` that
    /// is the last piece: a payer that knows the length must not see the end before the payment is
    /// settled. When the payer hangs up, reading goes on only with `finish_alone`, to learn the
    /// whole answer.
    pub(crate) async fn run(
        &mut self,
        read: Bytes,
        mut rest: Body,
        capture_limit: usize,
        hold_back: bool,
        finish_alone: bool,
    ) -> (Ended, Bytes) {
        let mut bytes = 0;
        let mut captured = Some(BytesMut::new());
        let mut held = Bytes::new();
        let mut next = Some(read);
        let whole = loop {
            if let Some(piece) = next.take().filter(|piece| !piece.is_empty()) {
                bytes += piece.len() as u64;
                captured = captured.filter(|read| read.len() + piece.len() <= capture_limit);
                if let Some(captured) = &mut captured {
                    captured.extend_from_slice(&piece);
                }
                let ready = if hold_back { std::mem::replace(&mut held, piece) } else { piece };
                self.send(ready).await;
            }
            if self.payer_gone && !finish_alone {
                captured = None;
                break true;
            }
            match next_piece(&mut rest).await {
                Err(Broken) => break false,
                Ok(None) => break true,
                Ok(piece) => next = piece,
            }
        };
        let captured = captured.filter(|_| whole).map(BytesMut::freeze);
        (Ended { bytes, whole, captured }, held)
    }

    /// Ends the payer's body with what was held back, and broken off unless it was `whole`.
    pub(crate) async fn finish(mut self, held: Bytes, whole: bool) {
        if !held.is_empty() {
            self.send(held).await;
        }
        if !whole {
            let error = std::io::Error::other("the answer broke off");
            // A payer that is gone needs no error.
            let _ = self.pieces.send(Err(error)).await;
        }
    }
}

/// Body length that an answer announces.
pub(crate) fn content_length(response: &Response<Body>) -> Option<u64> {
    response.headers().get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
