//! A load generator over HTTP/1.1: some connections that stay open, one request at a time on each.
//!
//! Two ways: *closed*, each connection as fast as answers come (most requests per second), and
//! *paced*, requests due at fixed times (latency at a given rate; where a connection is still busy it
//! counts from the time the request was due, so a stall is not hidden by requests that were never
//! sent). Requests are built before
//! the clock starts. Every body is read to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};

use crate::connection::{Connection, encode, head};
use crate::percentile::percentile;
use crate::report::float;

/// A longer wait for one answer is a failure of the run.
const ANSWER_MS_MAX: u64 = 30_000;

/// What is sent: an absolute URI and a whole body.
pub type Call = Request<Bytes>;

/// A plan: the requests are dealt to the connections in turn.
pub struct Load {
    connections: usize,
    calls: Vec<Call>,
    interval: Option<Duration>,
}

impl Load {
    /// As fast as answers come.
    pub fn new(connections: usize, calls: Vec<Call>) -> Self {
        Self { connections: connections.max(1), calls, interval: None }
    }

    /// One request each `interval`, over all connections together.
    #[must_use]
    pub fn paced(self, interval: Duration) -> Self {
        Self { interval: Some(interval), ..self }
    }
}

/// A GET of `origin` + `path`.
pub fn get(origin: &str, path: &str) -> Result<Call> {
    Request::get(format!("{origin}{path}")).body(Bytes::new()).context("not an address")
}

/// What came back.
pub struct Outcome {
    elapsed: Duration,
    statuses: BTreeMap<StatusCode, usize>,
    /// Sorted.
    latencies: Vec<Duration>,
}

impl Outcome {
    /// Answers of any status in each second of the run.
    pub fn requests_per_s(&self) -> f64 {
        float(self.latencies.len() as u64) / self.elapsed.as_secs_f64()
    }

    /// The latency that `percent` of 100 requests stayed below or at, in milliseconds.
    pub fn latency_ms(&self, percent: usize) -> f64 {
        percentile(&self.latencies, percent)
            .map_or(f64::NAN, |latency: Duration| latency.as_secs_f64() * 1000.0)
    }

    /// Answers by status.
    pub fn statuses(&self) -> &BTreeMap<StatusCode, usize> {
        &self.statuses
    }

    /// Fails unless each answer had this status.
    pub fn expect_only(&self, status: StatusCode) -> Result<()> {
        if self.statuses.keys().any(|other| *other != status) || self.statuses.is_empty() {
            bail!("expected only {status}, got {:?}", self.statuses);
        }
        Ok(())
    }

    /// Fails unless half of the answers had one status and half the other.
    pub fn expect_halves(&self, one: StatusCode, other: StatusCode) -> Result<()> {
        let half = self.latencies.len() / 2;
        let expected = BTreeMap::from([(one, half), (other, half)]);
        if self.statuses != expected || half == 0 {
            bail!("expected {one} and {other} half each, got {:?}", self.statuses);
        }
        Ok(())
    }
}

/// One answer, read for what it says rather than for how fast it came.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Bytes of the request as it went over the wire, body included.
    pub request_bytes: usize,
    /// Bytes of status line and headers of the answer as they came over the wire.
    pub head_bytes: usize,
}

/// Sends one request over a connection of its own.
pub fn ask(call: &Call) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let authority = call.uri().authority().context("a request without host")?.to_string();
    let request = encode(call)?;
    runtime.block_on(async {
        let mut connection = Connection::open(&authority).await?;
        let status = connection.exchange(&request).await?;
        let head = head(connection.answer())?;
        let lines = std::str::from_utf8(head)?.split("\r\n").skip(1);
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            headers.append(name.parse::<HeaderName>()?, HeaderValue::from_str(value.trim())?);
        }
        Ok(Answer { status, headers, request_bytes: request.len(), head_bytes: head.len() })
    })
}

/// Long answers that were read at once, each over a connection of its own.
#[derive(Debug)]
pub struct Streamed {
    /// From the first request until the last answer ended.
    pub elapsed: Duration,
    /// Bytes of the shortest body.
    pub least_bytes: u64,
}

/// Sends all requests at once and reads their answers, which must be 200 and come in chunks.
pub fn read_streams(calls: &[Call]) -> Result<Streamed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut ready = Vec::new();
        for call in calls {
            let authority = call.uri().authority().context("a request without host")?;
            ready.push((Connection::open(authority.as_str()).await?, encode(call)?));
        }
        let started = Instant::now();
        let read = |(mut connection, request): (Connection, Vec<u8>)| {
            tokio::spawn(async move { connection.stream(&request).await })
        };
        let tasks: Vec<_> = ready.into_iter().map(read).collect();
        let mut least_bytes = u64::MAX;
        for task in tasks {
            let (status, bytes) = task.await.context("a stream's task ended early")??;
            ensure!(status == StatusCode::OK, "a stream was answered {status}");
            least_bytes = least_bytes.min(bytes);
        }
        Ok(Streamed { elapsed: started.elapsed(), least_bytes })
    })
}

/// Sends the whole plan; any connection error ends it.
pub fn run(load: &Load) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(send(load))
}

async fn send(load: &Load) -> Result<Outcome> {
    let first = load.calls.first().context("a load without requests")?;
    let authority = first.uri().authority().context("a request without host")?.to_string();
    let requests: Arc<[Vec<u8>]> = load.calls.iter().map(encode).collect::<Result<_>>()?;
    let mut connections = Vec::new();
    for _ in 0..load.connections.min(requests.len()) {
        connections.push(Connection::open(&authority).await?);
    }
    let started = Instant::now();
    let step = connections.len();
    let tasks: Vec<_> = connections
        .into_iter()
        .enumerate()
        .map(|(start, connection)| {
            let requests = Arc::clone(&requests);
            let share = Share { start, step, requests, interval: load.interval };
            tokio::spawn(share.send(connection, started))
        })
        .collect();
    let mut outcome =
        Outcome { elapsed: Duration::ZERO, statuses: BTreeMap::new(), latencies: Vec::new() };
    for task in tasks {
        for (status, latency) in task.await.context("a connection's task ended early")?? {
            *outcome.statuses.entry(status).or_default() += 1;
            outcome.latencies.push(latency);
        }
    }
    outcome.elapsed = started.elapsed();
    outcome.latencies.sort_unstable();
    Ok(outcome)
}

/// Every `step`th request from `start` on: the part of one connection.
struct Share {
    start: usize,
    step: usize,
    requests: Arc<[Vec<u8>]>,
    interval: Option<Duration>,
}

impl Share {
    async fn send(
        self,
        mut connection: Connection,
        started: Instant,
    ) -> Result<Vec<(StatusCode, Duration)>> {
        let mut answers = Vec::with_capacity(self.requests.len() / self.step + 1);
        for index in (self.start..self.requests.len()).step_by(self.step) {
            let due = self.due(index, started).await?;
            let answer = tokio::time::timeout(
                Duration::from_millis(ANSWER_MS_MAX),
                connection.exchange(&self.requests[index]),
            );
            let status = answer.await.context("no answer in time")??;
            answers.push((status, due.elapsed()));
        }
        Ok(answers)
    }

    async fn due(&self, index: usize, started: Instant) -> Result<Instant> {
        let Some(interval) = self.interval else {
            return Ok(Instant::now());
        };
        let due = started + interval * u32::try_from(index)?;
        if Instant::now() >= due {
            // The connection was busy when the request was due: the wait belongs to its latency.
            return Ok(due);
        }
        // The runtime's timer wakes up to a millisecond late; that is not the server's latency.
        tokio::time::sleep_until(due.into()).await;
        Ok(Instant::now())
    }
}
