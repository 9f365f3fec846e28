//! The upstream's body as pieces that can be counted.
//!
//! Invariant: nothing is lost if a wait is given up; no more than [`READ_AHEAD_BYTES_MAX`] and one
//! frame are read before they can be delivered.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::events::Splitter;
use crate::meter::Unit;
use crate::stream::BODY_IDLE_TIMEOUT_MS;

/// Read while a payment is on its way to the disk.
const READ_AHEAD_BYTES_MAX: usize = 256 * 1024;

/// A piece of a body, and how many units it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub bytes: Bytes,
    pub units: u64,
    /// It can be cut anywhere, each byte being a unit.
    pub divisible: bool,
}

/// What comes next of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A piece.
    Piece(Piece),
    /// It is over.
    Whole,
    /// It broke off.
    Broken,
}

/// How a body is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    Bytes,
    Events,
    /// By something else than what is in it.
    Nothing,
}

/// A body that is being read.
pub(super) struct Pieces {
    body: Body,
    count: Count,
    /// Set for an event stream, whose pieces are whole events.
    splitter: Option<Splitter>,
    ready: VecDeque<Bytes>,
    ready_bytes: usize,
    end: Option<Next>,
    /// When the upstream was last heard of.
    heard: Instant,
    pub trailers: HeaderMap,
}

impl Pieces {
    /// A body of which `read` was read already.
    pub(super) fn new(read: Bytes, body: Body, unit: &Unit, is_event_stream: bool) -> Self {
        let count = match unit {
            Unit::Byte => Count::Bytes,
            Unit::Event => Count::Events,
            Unit::Second | Unit::Reported { .. } => Count::Nothing,
        };
        let mut pieces = Self {
            body,
            count,
            splitter: is_event_stream.then(Splitter::default),
            ready: VecDeque::new(),
            ready_bytes: 0,
            end: None,
            heard: Instant::now(),
            trailers: HeaderMap::new(),
        };
        pieces.put(read);
        pieces
    }

    /// The next piece.
    pub(super) async fn next(&mut self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.read().await;
        }
    }

    /// Reads ahead; never returns.
    pub(super) async fn fill(&mut self) -> Infallible {
        while self.end.is_none() && self.ready_bytes < READ_AHEAD_BYTES_MAX {
            self.read().await;
        }
        std::future::pending().await
    }

    /// Puts the rest of a piece back.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.ready_bytes += bytes.len();
        self.ready.push_front(bytes);
    }

    /// The upstream is not waited for while the payer is.
    pub(super) fn forgive_silence(&mut self) {
        self.heard = Instant::now();
    }

    /// What can be had without waiting.
    fn take(&mut self) -> Option<Next> {
        loop {
            if let Some(splitter) = &mut self.splitter {
                match splitter.next() {
                    Ok(Some(block)) => return Some(self.piece(block.bytes, block.is_event)),
                    Ok(None) => {}
                    Err(_) => return Some(Next::Broken),
                }
            }
            match (self.ready.pop_front(), &mut self.splitter, &self.end) {
                (Some(bytes), splitter, _) => {
                    self.ready_bytes -= bytes.len();
                    match splitter {
                        Some(splitter) => splitter.push(&bytes),
                        None => return Some(self.piece(bytes, false)),
                    }
                }
                (None, _, None) => return None,
                (None, Some(splitter), Some(Next::Whole)) => {
                    let Some(rest) = splitter.rest() else { return Some(Next::Whole) };
                    // What lacks its blank line would be lost to a reader that pays for it.
                    let whole = [&rest.bytes[..], b"\n\n"].concat();
                    return Some(self.piece(whole.into(), rest.is_event));
                }
                (None, None, Some(Next::Whole)) => return Some(Next::Whole),
                (None, _, Some(_)) => return Some(Next::Broken),
            }
        }
    }

    fn piece(&self, bytes: Bytes, is_event: bool) -> Next {
        let units = match self.count {
            Count::Bytes => bytes.len() as u64,
            Count::Events => u64::from(is_event),
            Count::Nothing => 0,
        };
        let divisible = self.count == Count::Bytes && self.splitter.is_none();
        Next::Piece(Piece { bytes, units, divisible })
    }

    async fn read(&mut self) {
        let idle = Duration::from_millis(BODY_IDLE_TIMEOUT_MS);
        let frame = timeout_at(self.heard + idle, self.body.frame()).await;
        self.heard = Instant::now();
        match frame {
            Ok(None) => self.end = Some(Next::Whole),
            Err(_) | Ok(Some(Err(_))) => self.end = Some(Next::Broken),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(bytes) => self.put(bytes),
                Err(frame) => self.trailers = frame.into_trailers().unwrap_or_default(),
            },
        }
    }

    fn put(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.ready_bytes += bytes.len();
            self.ready.push_back(bytes);
        }
    }
}
