//! What a payer has, as it changes: server-sent events for the wallet.
//!
//! Each event is the whole answer of `GET /v1/payer`, so a reader that missed some misses nothing.
//! Invariants: the stream looks at the books a few times a second at most, however busy the node is;
//! it ends after a while, and its reader proves the key anew; there are only so many.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http402::{Problem, problem};
use instrument::PublicKey;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Payer, found};
use crate::authority::Caller;
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::Refusals;

/// Most streams of payers at a time.
pub(crate) const PAYER_STREAMS_COUNT_MAX: usize = 256;
/// Longest life of a stream; its reader opens the next one.
const PAYER_STREAM_SECONDS_MAX: u64 = 15 * 60;
/// Between two looks at the books.
const LOOK_MS_MIN: u64 = 250;
/// Something is said so often.
const BEAT_SECONDS: u64 = 15;

struct Watching {
    shared: Arc<Shared>,
    key: PublicKey,
    /// What was told last.
    told: String,
    end: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    until: Instant,
    _permit: OwnedSemaphorePermit,
}

/// What a payer has, as it changes
///
/// Server-sent events: the first at once, the next whenever something changed. Each holds the whole
/// answer of `GET /v1/payer`.
#[utoipa::path(get, path = "/v1/payer/stream", tag = "payers", security(("payer" = [])),
    responses((status = 200, description = "A stream; the data of each event is a `Payer`", body = Payer,
        content_type = "text/event-stream"), Refusals))]
pub(super) async fn open(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
) -> Result<Response, Refused> {
    let key = caller.payer()?;
    // A key without account is told so, instead of hearing nothing.
    found(&shared, key).await?;
    let permit = Arc::clone(&shared.payer_streams).try_acquire_owned().map_err(|_| too_many())?;
    let watching = Watching {
        key,
        told: String::new(),
        end: shared.engine().events_end(),
        closing: shared.webhooks()?.closing(),
        until: Instant::now() + Duration::from_secs(PAYER_STREAM_SECONDS_MAX),
        _permit: permit,
        shared: Arc::clone(&shared),
    };
    let events = stream::unfold(watching, |mut watching| async move {
        let event = watching.next().await?;
        Some((Ok::<_, Infallible>(event), watching))
    });
    let beat = KeepAlive::new().interval(Duration::from_secs(BEAT_SECONDS));
    Ok(Sse::new(events).keep_alive(beat).into_response())
}

fn too_many() -> Refused {
    let title = "There are too many streams";
    let detail = format!("a node has at most {PAYER_STREAMS_COUNT_MAX} streams of payers");
    let mut problem = Problem::new(503, "too_many_streams", title, detail);
    problem.retry = problem::Retry::AfterSeconds(5);
    Refused::new(problem)
}

impl Watching {
    /// The next change; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        // The first look is at once.
        let mut waits = !self.told.is_empty();
        loop {
            if waits {
                timeout_at(self.until, self.changed()).await.ok()??;
                sleep(Duration::from_millis(LOOK_MS_MIN)).await;
            }
            waits = true;
            self.end.mark_unchanged();
            let payer = found(&self.shared, self.key).await.ok()?;
            let text = serde_json::to_string(&payer).ok()?;
            if text != self.told {
                self.told.clone_from(&text);
                return Some(Event::default().event("payer").data(text));
            }
        }
    }

    /// Until something happened on the node; `None` ends the stream.
    async fn changed(&mut self) -> Option<()> {
        if *self.closing.borrow() {
            return None;
        }
        tokio::select! {
            changed = self.end.changed() => changed.ok(),
            _ = self.closing.changed() => None,
        }
    }
}
