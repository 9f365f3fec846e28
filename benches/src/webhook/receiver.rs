//! The receiver: checks every signature, counts ids, notes how late each body is.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use benches::percentile::percentile;
use bytes::Bytes;
use engine::{Clock as _, SystemClock};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;

use super::sender;

/// What has arrived.
#[derive(Clone)]
pub(super) struct Received(Arc<Mutex<Arrivals>>);

#[derive(Default)]
struct Arrivals {
    ids: HashSet<String>,
    /// Of the first arrival of each id.
    delays_ns: Vec<u64>,
    count: u64,
    first_ns: Option<u64>,
    last_ns: u64,
}

/// Sums of what has arrived.
pub(super) struct Counts {
    pub(super) arrivals: u64,
    pub(super) distinct: u64,
    /// From the first arrival to the last new one.
    pub(super) spread_ns: u64,
    delays_ns: Vec<u64>,
}

impl Counts {
    pub(super) fn delay_ns(&self, percent: usize) -> Option<u64> {
        percentile(&self.delays_ns, percent)
    }
}

/// Listens on a free port; the URL.
pub(super) async fn start(total: u64) -> Result<(String, Received)> {
    let received = Received(Arc::default());
    let capacity = usize::try_from(total)?;
    received.with(|arrivals| arrivals.delays_ns.reserve(capacity));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hooks", listener.local_addr()?);
    let app = Router::new().route("/hooks", post(take)).with_state(received.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok((url, received))
}

async fn take(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> StatusCode {
    match received.take(&headers, &body) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

impl Received {
    fn take(&self, headers: &HeaderMap, body: &[u8]) -> Result<()> {
        let header = |name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).context("a header is missing")
        };
        let (id, signature) = (header("webhook-id")?, header("webhook-signature")?);
        let at_s = header("webhook-timestamp")?.parse()?;
        ensure!(sender::secret()?.sign(id, at_s, body) == signature, "the signature is wrong");
        let body: Value = serde_json::from_slice(body)?;
        let due_ns: u64 = body["data"]["due_ns"].as_str().context("no time")?.parse()?;
        let now_ns = SystemClock.now_ns();
        self.with(|arrivals| {
            arrivals.count += 1;
            arrivals.first_ns.get_or_insert(now_ns);
            if arrivals.ids.insert(id.to_owned()) {
                arrivals.last_ns = now_ns;
                arrivals.delays_ns.push(now_ns.saturating_sub(due_ns));
            }
        });
        Ok(())
    }

    /// Waits until so many ids have arrived, or none has for `patience_s`.
    pub(super) async fn reach(&self, count: u64, patience_s: u64) {
        let (mut seen, mut still_ms) = (0, 0);
        while seen < count && still_ms < patience_s * 1000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = self.with(|arrivals| arrivals.ids.len() as u64);
            still_ms = if now == seen { still_ms + 10 } else { 0 };
            seen = now;
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.with(|arrivals| {
            let mut delays_ns = arrivals.delays_ns.clone();
            delays_ns.sort_unstable();
            Counts {
                arrivals: arrivals.count,
                distinct: arrivals.ids.len() as u64,
                spread_ns: arrivals.last_ns.saturating_sub(arrivals.first_ns.unwrap_or(0)).max(1),
                delays_ns,
            }
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Arrivals) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
