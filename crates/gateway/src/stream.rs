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
use tokio::time::{Instant, timeout, timeout_at};

/// Longest silence of an upstream in the middle of a body.
pub(crate) const BODY_IDLE_TIMEOUT_MS: u64 = 30_000;

/// Longest reading of the part of a body that is read before anything is charged: a claim must
/// not run out meanwhile.
const BODY_START_TIMEOUT_MS: u64 = 90_000;

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
        let frame = timeout(idle, body.frame()).await.map_err(|_| Broken)?;
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
pub(crate) async fn read_start(body: Body, limit: usize) -> Result<Start, Broken> {
    let time = Duration::from_millis(BODY_START_TIMEOUT_MS);
    timeout(time, read_up_to(body, limit)).await.unwrap_or(Err(Broken))
}

async fn read_up_to(mut body: Body, limit: usize) -> Result<Start, Broken> {
    let mut read = BytesMut::new();
    while let Some(piece) = next_piece(&mut body).await? {
        read.extend_from_slice(&piece);
        if read.len() > limit {
            return Ok(Start::More { read: read.freeze(), rest: body });
        }
    }
    Ok(Start::Whole(read.freeze()))
}

/// Why a pump stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The upstream sent all of it.
    Whole,
    /// The upstream broke off.
    Broken,
    /// The payer hung up.
    PayerGone,
    /// The time is over; the pump can run on.
    TimeOver,
}

/// How a pump treats its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PumpRules {
    /// Keep the last piece until [`Pump::finish`]: a payer that knows the length must not see the end
    /// before the payment is settled.
    pub hold_back: bool,
    /// Read on without the payer, to learn the whole answer.
    pub finish_alone: bool,
    /// Keep a copy of a body up to this size.
    pub capture_limit: usize,
}

/// Passes a body on to the payer, who is the receiver of `pieces`.
pub(crate) struct Pump {
    pieces: mpsc::Sender<Result<Bytes, std::io::Error>>,
    rest: Body,
    pub rules: PumpRules,
    /// Arrived, not yet passed on.
    ready: Option<Bytes>,
    held_back: Bytes,
    bytes: u64,
    captured: Option<BytesMut>,
    payer_gone: bool,
}

/// A body for the payer, and the pump that fills it with `read` and then `rest`.
pub(crate) fn pump(read: Bytes, rest: Body, rules: PumpRules) -> (Body, Pump) {
    let (pieces, receiver) = mpsc::channel(PIECES_AHEAD_COUNT_MAX);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let mut pump = Pump {
        pieces,
        rest,
        rules,
        ready: None,
        held_back: Bytes::new(),
        bytes: 0,
        captured: Some(BytesMut::new()),
        payer_gone: false,
    };
    pump.take(read);
    (Body::from_stream(stream.boxed()), pump)
}

impl Pump {
    /// Runs until something happens.
    pub(crate) async fn run(&mut self, until: Option<Instant>) -> Stop {
        loop {
            let step = match until {
                None => self.step().await,
                Some(until) if Instant::now() >= until => return Stop::TimeOver,
                Some(until) => match timeout_at(until, self.step()).await {
                    Ok(step) => step,
                    Err(_) => return Stop::TimeOver,
                },
            };
            if let Some(stop) = step {
                return stop;
            }
        }
    }

    /// Moves one piece. Nothing is lost if the future is dropped.
    async fn step(&mut self) -> Option<Stop> {
        if let Some(piece) = self.ready.clone() {
            match self.pieces.reserve().await {
                Ok(permit) => permit.send(Ok(piece)),
                Err(_) => self.payer_gone = true,
            }
            self.ready = None;
        }
        if self.payer_gone && !self.rules.finish_alone {
            return Some(Stop::PayerGone);
        }
        tokio::select! {
            next = next_piece(&mut self.rest) => match next {
                Err(Broken) => Some(Stop::Broken),
                Ok(None) => Some(Stop::Whole),
                Ok(Some(piece)) => {
                    self.take(piece);
                    None
                }
            },
            () = self.pieces.closed(), if !self.payer_gone => {
                self.payer_gone = true;
                None
            }
        }
    }

    fn take(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.bytes += piece.len() as u64;
        let limit = self.rules.capture_limit;
        self.captured = self.captured.take().filter(|read| read.len() + piece.len() <= limit);
        if let Some(captured) = &mut self.captured {
            captured.extend_from_slice(&piece);
        }
        let hold_back = self.rules.hold_back;
        let piece = if hold_back { std::mem::replace(&mut self.held_back, piece) } else { piece };
        self.ready = Some(piece).filter(|piece| !piece.is_empty() && !self.payer_gone);
    }

    /// Bytes that arrived from the upstream.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The payer has taken all that there is.
    pub(crate) fn waits_for_upstream(&self) -> bool {
        self.ready.is_none() && self.pieces.capacity() == self.pieces.max_capacity()
    }

    /// What arrived, if it was not above the capture limit.
    pub(crate) fn captured(&mut self) -> Option<Bytes> {
        self.captured.take().map(BytesMut::freeze)
    }

    /// Ends the payer's body with what was held back.
    pub(crate) async fn finish(self) {
        if !self.held_back.is_empty() {
            // A payer that is gone needs no end.
            let _ = self.pieces.send(Ok(self.held_back)).await;
        }
    }

    /// Breaks the payer's body off, so that nobody takes it for whole.
    pub(crate) async fn break_off(self) {
        let error = std::io::Error::other("the answer broke off");
        // A payer that is gone needs no error.
        let _ = self.pieces.send(Err(error)).await;
    }
}

/// Body length that an answer announces.
pub(crate) fn content_length(response: &Response<Body>) -> Option<u64> {
    http_body::Body::size_hint(response.body()).exact()
}
