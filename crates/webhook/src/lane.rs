//! One endpoint's lane: deliveries that are due, a few at a time, each signed and sent once.
//!
//! What comes of them goes back to the outbox, which alone decides what follows.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use crossbeam_channel::Sender;
use engine::Clock;
use futures_util::{StreamExt as _, stream};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::Full;
use money::EndpointId;
use seal::Seal;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::exchange::{Answer, Http};
use crate::outbox::Input;
use crate::sign::signatures;
use crate::source::Registered;
use crate::store::{Attempt, Due};

/// Most deliveries of an endpoint that are in memory.
pub(crate) const QUEUED_COUNT_MAX: usize = 512;

const AGENT: &str = concat!("farthing/", env!("CARGO_PKG_VERSION"), " (webhooks)");

/// What came of an attempt.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) endpoint: EndpointId,
    pub(crate) due: Due,
    pub(crate) attempt: Attempt,
    pub(crate) outcome: Outcome,
}

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    /// The receiver wants nothing more.
    Gone,
    Failed {
        /// Pause that the receiver asked for.
        asked_ms: Option<u64>,
    },
}

/// What all lanes share.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) http: Http,
    pub(crate) seal: Seal,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) runtime: Handle,
    pub(crate) inbox: Sender<Input>,
    /// Deliveries of one endpoint at a time.
    pub(crate) in_flight_count: usize,
}

/// An endpoint as the outbox has it.
pub(crate) struct Lane {
    pub(crate) registered: Arc<Registered>,
    /// Position of the next event to look at.
    pub(crate) next: u64,
    /// Deliveries that are neither taken nor dead.
    pub(crate) pending: u64,
    pub(crate) failing_since_ms: Option<u64>,
    /// Deliveries that were handed over and are not back.
    pub(crate) handed: HashSet<i64>,
    queue: mpsc::Sender<Due>,
    task: AbortHandle,
}

impl Drop for Lane {
    /// What is under way is given up; it is pending still and goes out again.
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Lane {
    pub(crate) fn new(registered: Registered, post: &Post) -> Self {
        let registered = Arc::new(registered);
        let (queue, mut jobs) = mpsc::channel(QUEUED_COUNT_MAX);
        let (own, shared) = (Arc::clone(&registered), post.clone());
        let task = post.runtime.spawn(async move {
            let jobs = stream::poll_fn(move |context| jobs.poll_recv(context));
            let each = |due| deliver(&own, &shared, due);
            jobs.for_each_concurrent(shared.in_flight_count, each).await;
        });
        Self {
            registered,
            next: 0,
            pending: 0,
            failing_since_ms: None,
            handed: HashSet::new(),
            queue,
            task: task.abort_handle(),
        }
    }

    pub(crate) fn id(&self) -> EndpointId {
        self.registered.id
    }

    pub(crate) fn is_active(&self) -> bool {
        self.registered.endpoint.active
    }

    /// How many more deliveries it takes. One that fails is tried with one at a time.
    pub(crate) fn room(&self) -> usize {
        let most = if self.failing_since_ms.is_some() { 1 } else { QUEUED_COUNT_MAX };
        most.saturating_sub(self.handed.len())
    }

    /// Hands a delivery over.
    pub(crate) fn hand(&mut self, due: Due) {
        let number = due.number;
        if self.queue.try_send(due).is_ok() {
            self.handed.insert(number);
        }
    }
}

async fn deliver(registered: &Registered, post: &Post, due: Due) {
    let now_ms = post.clock.now_ms();
    let answer = match request(registered, post, &due, now_ms) {
        Ok(request) => post.http.send(request).await,
        Err(why) => Answer::None(crate::exchange::NoAnswer::Broken(why)),
    };
    let (outcome, status, error) = judge(answer);
    let attempt = Attempt { at_ms: now_ms, status, error };
    // Without the outbox the program is on its way out.
    let _ = post.inbox.send(Input::Done(Done { endpoint: registered.id, due, attempt, outcome }));
}

fn request(
    registered: &Registered,
    post: &Post,
    due: &Due,
    now_ms: u64,
) -> Result<Request<Full<Bytes>>, String> {
    let secrets = registered.endpoint.secrets(registered.id, &post.seal, now_ms);
    let secrets = secrets.map_err(|error| error.to_string())?;
    let at_s = now_ms / 1000;
    let signed = signatures(&secrets, &due.message, at_s, &due.body);
    Request::post(&registered.endpoint.url)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(USER_AGENT, HeaderValue::from_static(AGENT))
        .header("webhook-id", &due.message)
        .header("webhook-timestamp", at_s)
        .header("webhook-signature", signed)
        .body(Full::new(Bytes::copy_from_slice(&due.body)))
        .map_err(|error| error.to_string())
}

fn judge(answer: Answer) -> (Outcome, Option<u16>, Option<String>) {
    match answer {
        Answer::Status { status, retry_after_ms } => {
            let outcome = match status {
                200..300 => Outcome::Delivered,
                410 => Outcome::Gone,
                429 | 503 => Outcome::Failed { asked_ms: retry_after_ms },
                _ => Outcome::Failed { asked_ms: None },
            };
            (outcome, Some(status), None)
        }
        Answer::None(why) => {
            let words = format!("{}: {why}", why.code());
            (Outcome::Failed { asked_ms: None }, None, Some(words))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_depends_on_the_status() {
        let judged = |status| judge(Answer::Status { status, retry_after_ms: Some(7) }).0;
        assert_eq!(judged(204), Outcome::Delivered);
        assert_eq!(judged(410), Outcome::Gone);
        for status in [429, 503] {
            assert_eq!(judged(status), Outcome::Failed { asked_ms: Some(7) });
        }
        // A redirect is not followed, so it is a failure.
        for status in [301, 308, 400, 404, 500] {
            assert_eq!(judged(status), Outcome::Failed { asked_ms: None });
        }
    }
}
