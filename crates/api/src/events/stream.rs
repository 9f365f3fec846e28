//! The stream of events: server-sent events that go on where a reader was.
//!
//! Invariants: an event's `id` is its position, so `Last-Event-ID` goes on behind it; a stream ends
//! after a while, so that a key that was deleted hears no more; there are only so many streams.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, HeaderName};
use http402::{Problem, problem};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::{Instant, timeout_at};
use webhook::Notice;

use super::{Hears, look};
use crate::authority::{Caller, Scope};
use crate::node::Shared;
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::Refusals;

/// Most streams at a time.
pub(crate) const EVENT_STREAMS_COUNT_MAX: usize = 64;
/// Longest life of a stream; its reader opens the next one.
const EVENT_STREAM_SECONDS_MAX: u64 = 15 * 60;
/// Something is said so often.
const BEAT_SECONDS: u64 = 15;
/// A reader waits so long before it opens a stream that broke.
const RETRY_MS: u64 = 1_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What is listened to.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Position of the first event; by default the stream begins now.
    from: Option<u64>,
    /// Names of events, with commas between.
    r#type: Option<String>,
}

/// One event of the stream, by its fields.
#[derive(utoipa::ToSchema)]
#[schema(as = StreamedEvent)]
#[expect(dead_code, reason = "it only describes what the framework writes")]
struct Streamed {
    /// Name of the event.
    event: String,
    /// The event as JSON, as `GET /v1/events` has it.
    data: String,
    /// Its position, for `Last-Event-ID`; made-up events have none.
    id: Option<String>,
    /// Milliseconds after which a reader opens a stream that broke.
    retry: Option<u64>,
}

struct Listening {
    shared: Arc<Shared>,
    hears: Hears,
    next: u64,
    waiting: VecDeque<Arc<Notice>>,
    end: watch::Receiver<u64>,
    tests: broadcast::Receiver<Arc<Notice>>,
    closing: watch::Receiver<bool>,
    until: Instant,
    _permit: OwnedSemaphorePermit,
}

/// Events as they happen, as server-sent events
#[utoipa::path(get, path = "/v1/events/stream", tag = "events", security(("bearer" = ["read"])),
    params(Asked, ("Last-Event-ID" = Option<u64>, Header, description = "Go on behind this one")),
    responses((status = 200, description = "A stream", body = Streamed,
        content_type = "text/event-stream"), Refusals))]
pub(super) async fn open(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    asked: Result<Query<Asked>, Refused>,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let Query(Asked { from, r#type }) = asked?;
    let hears = Hears::new(reach, r#type.as_deref())?;
    let webhooks = shared.webhooks()?;
    let end = shared.engine().events_end();
    let next = last_event_id(&headers)?.or(from).unwrap_or(*end.borrow());
    let permit = Arc::clone(&shared.streams).try_acquire_owned().map_err(|_| too_many())?;
    let listening = Listening {
        hears,
        next,
        waiting: VecDeque::new(),
        end,
        tests: webhooks.tests(),
        closing: webhooks.closing(),
        until: Instant::now() + Duration::from_secs(EVENT_STREAM_SECONDS_MAX),
        _permit: permit,
        shared: Arc::clone(&shared),
    };
    let events = stream::unfold(listening, |mut listening| async move {
        let notice = listening.next().await?;
        Some((Ok::<_, Infallible>(listening.event(&notice)), listening))
    });
    let beat = KeepAlive::new().interval(Duration::from_secs(BEAT_SECONDS));
    Ok(Sse::new(events).keep_alive(beat).into_response())
}

/// The position behind the last event that the reader has.
fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Refused> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    let position = position.and_then(|position| position.checked_add(1)).ok_or_else(|| {
        let detail = "the header is not an id that this stream gave";
        Refused::bad_request("invalid_header", detail).with_param("Last-Event-ID")
    })?;
    Ok(Some(position))
}

fn too_many() -> Refused {
    let title = "There are too many streams";
    let detail = format!("a node has at most {EVENT_STREAMS_COUNT_MAX} streams of events");
    let mut problem = Problem::new(503, "too_many_streams", title, detail);
    problem.retry = problem::Retry::AfterSeconds(5);
    Refused::new(problem)
}

impl Listening {
    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Option<Arc<Notice>> {
        loop {
            if *self.closing.borrow() || Instant::now() >= self.until {
                return None;
            }
            if let Some(notice) = self.waiting.pop_front() {
                return Some(notice);
            }
            let (notices, next) = look(&self.shared, &self.hears, self.next).await.ok()?;
            let moved = next > self.next;
            self.next = self.next.max(next);
            self.waiting.extend(notices.into_iter().map(Arc::new));
            if !moved {
                timeout_at(self.until, self.wait()).await.ok()??;
            }
        }
    }

    /// Until there may be more; `None` ends the stream.
    async fn wait(&mut self) -> Option<()> {
        tokio::select! {
            changed = self.end.changed() => changed.ok(),
            closing = self.closing.changed() => closing.ok(),
            test = self.tests.recv() => match test {
                Ok(notice) => {
                    // What it wants is not narrowed by accounts: a test belongs to nobody.
                    let wanted = self.hears.accounts.is_none() && self.hears.hears(&notice);
                    self.waiting.extend(wanted.then_some(notice));
                    Some(())
                }
                Err(broadcast::error::RecvError::Lagged(_)) => Some(()),
                Err(broadcast::error::RecvError::Closed) => None,
            },
        }
    }

    fn event(&self, notice: &Notice) -> Event {
        let body = notice.body(self.hears.audience());
        let event = Event::default()
            .event(notice.name)
            .retry(Duration::from_millis(RETRY_MS))
            .data(String::from_utf8_lossy(&body));
        match notice.position {
            Some(position) => event.id(position.to_string()),
            None => event,
        }
    }
}
