//! The payer's end of a metered body.
//!
//! Invariant: it knows how many units the payer's connection has taken; what still waits here when
//! the payer hangs up was not delivered.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::mpsc;

/// Pieces that wait for a slow payer; the upstream waits with them.
const PIECES_AHEAD_COUNT_MAX: usize = 4;

/// The payer has hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PayerGone;

type Item = (Result<Frame<Bytes>, io::Error>, u64);

/// Where pieces are handed over.
pub(super) struct Outlet {
    items: mpsc::Sender<Item>,
    taken: Arc<AtomicU64>,
}

/// A body for the payer, and the outlet that fills it.
pub(super) fn outlet() -> (Body, Outlet) {
    let (items, receiver) = mpsc::channel::<Item>(PIECES_AHEAD_COUNT_MAX);
    let taken = Arc::<AtomicU64>::default();
    let start = (receiver, Arc::clone(&taken));
    let frames = stream::unfold(start, |(mut receiver, taken)| async move {
        let (frame, units) = receiver.recv().await?;
        taken.fetch_add(units, Ordering::AcqRel);
        Some((frame, (receiver, taken)))
    });
    (Body::new(StreamBody::new(Box::pin(frames))), Outlet { items, taken })
}

impl Outlet {
    /// Waits until there is room for a piece.
    pub(super) async fn room(&self) -> Result<mpsc::Permit<'_, Item>, PayerGone> {
        self.items.reserve().await.map_err(|_| PayerGone)
    }

    /// Hands over a piece that stands for so many units.
    pub(super) async fn hand_over(&self, bytes: Bytes, units: u64) -> Result<(), PayerGone> {
        self.room().await?.send((Ok(Frame::data(bytes)), units));
        Ok(())
    }

    /// Waits until the payer's connection has taken everything.
    pub(super) async fn drained(&self) -> Result<(), PayerGone> {
        let all = self.items.reserve_many(self.items.max_capacity()).await;
        all.map(drop).map_err(|_| PayerGone)
    }

    /// Waits until the payer hangs up.
    pub(super) async fn closed(&self) {
        self.items.closed().await;
    }

    /// Units that the payer's connection has taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }

    /// Ends the body cleanly.
    pub(super) async fn finish(self, trailers: Option<HeaderMap>) {
        if let Some(trailers) = trailers {
            // A payer that is gone needs no end.
            let _ = self.items.send((Ok(Frame::trailers(trailers)), 0)).await;
        }
    }

    /// Breaks the body off, so that nobody takes it for whole.
    pub(super) async fn break_off(self) {
        let error = io::Error::other("the answer broke off");
        // A payer that is gone needs no error.
        let _ = self.items.send((Err(error), 0)).await;
    }
}
