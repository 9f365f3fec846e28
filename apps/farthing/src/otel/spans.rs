//! OTLP over HTTP, in JSON.
//!
//! The events of requests that the log can tell become spans, in the encoding of
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.
//!
//! Invariants: a span says what the event says, which is the method, the pattern of the route or the
//! site, the status and the request's id: never a path, a query, a header, a payer or an amount. No
//! request waits for a span; what cannot be sent is dropped.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use engine::{Clock as _, SystemClock};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instrument::hex::Hex;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Target of the events that become spans.
const REQUEST: &str = "request";
/// Where traces go below the endpoint.
const PATH: &str = "/v1/traces";
/// Spans that wait to be sent.
const SPANS_WAITING_COUNT_MAX: usize = 8192;
/// Spans of one message.
const SPANS_COUNT_MAX: usize = 512;
/// For so long spans are gathered.
const GATHER_MS: u64 = 2_000;
/// Time for the receiver to take a message.
const EXPORT_MS_MAX: u64 = 5_000;
/// Nothing in an answer counts but its status.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// `SPAN_KIND_SERVER` and `STATUS_CODE_ERROR` of the protocol.
const KIND_SERVER: u8 = 2;
const STATUS_ERROR: u8 = 2;

/// Where spans wait once traces are wanted.
static WAITING: OnceLock<mpsc::Sender<Span>> = OnceLock::new();

/// What the log is to do beside writing lines.
pub(crate) fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Spans(&WAITING).with_filter(Targets::new().with_target(REQUEST, Level::INFO))
}

/// Sends spans to the receiver from now on, until `stop` and those that wait then.
pub(crate) async fn export(endpoint: Uri, stop: watch::Receiver<bool>) {
    let (waiting, spans) = mpsc::channel(SPANS_WAITING_COUNT_MAX);
    // A second call finds the first one's queue, which is served already.
    if WAITING.set(waiting).is_ok() {
        Exporter::new(&endpoint).run(spans, stop).await;
    }
}

/// Makes spans of events.
struct Spans(&'static OnceLock<mpsc::Sender<Span>>);

impl<S: Subscriber> Layer<S> for Spans {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(waiting) = self.0.get() else { return };
        let Ok(permit) = waiting.try_reserve() else { return };
        let mut span = Span { ended_at_ns: SystemClock.now_ns(), ..Span::default() };
        event.record(&mut span);
        permit.send(span);
    }
}

/// One request.
#[derive(Debug, Default)]
struct Span {
    ended_at_ns: u64,
    duration_us: u64,
    status: u64,
    method: &'static str,
    route: Option<String>,
    site: Option<String>,
    outcome: Option<String>,
    id: Option<String>,
}

impl Visit for Span {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "status" => self.status = value,
            "duration_us" => self.duration_us = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "method" => self.method = method(value),
            "route" => self.route = Some(value.to_owned()),
            "site" => self.site = Some(value.to_owned()),
            "outcome" => self.outcome = Some(value.to_owned()),
            "id" if !value.is_empty() => self.id = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// A caller can send any word as method, so only the known ones are passed on.
fn method(sent: &str) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| *known == sent).unwrap_or("_OTHER")
}

impl Span {
    fn to_json(&self) -> Option<Value> {
        let mut ids = [0; 24];
        getrandom::fill(&mut ids).ok()?;
        let (trace, span) = ids.split_at(16);
        let began_at_ns = self.ended_at_ns.saturating_sub(self.duration_us.saturating_mul(1_000));
        let texts = [
            ("http.request.method", Some(self.method)),
            ("http.route", self.route.as_deref()),
            ("farthing.site", self.site.as_deref()),
            ("farthing.outcome", self.outcome.as_deref()),
            ("farthing.request_id", self.id.as_deref()),
        ];
        let mut attributes: Vec<Value> =
            texts.into_iter().filter_map(|(key, text)| Some(attribute(key, text?))).collect();
        // 64-bit numbers are texts in this encoding.
        let status = json!({"intValue": self.status.to_string()});
        attributes.push(json!({"key": "http.response.status_code", "value": status}));
        let place = self.route.as_deref().or(self.site.as_deref()).unwrap_or_default();
        let is_error = self.status >= 500;
        Some(json!({
            "traceId": Hex(trace).to_string(),
            "spanId": Hex(span).to_string(),
            "name": format!("{} {place}", self.method).trim_end(),
            "kind": KIND_SERVER,
            "startTimeUnixNano": began_at_ns.to_string(),
            "endTimeUnixNano": self.ended_at_ns.to_string(),
            "attributes": attributes,
            "status": if is_error { json!({"code": STATUS_ERROR}) } else { json!({}) },
        }))
    }
}

fn attribute(key: &str, text: &str) -> Value {
    json!({"key": key, "value": {"stringValue": text}})
}

/// An `ExportTraceServiceRequest`.
fn message(spans: &[Span]) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            attribute("service.name", "farthing"),
            attribute("service.version", version),
        ]},
        "scopeSpans": [{
            "scope": {"name": "farthing", "version": version},
            "spans": spans.iter().filter_map(Span::to_json).collect::<Vec<_>>(),
        }],
    }]})
}

struct Exporter {
    url: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// The last message did not arrive; told once.
    is_failing: bool,
}

impl Exporter {
    fn new(endpoint: &Uri) -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        Self {
            url: format!("{}{PATH}", endpoint.to_string().trim_end_matches('/')),
            client: Client::builder(TokioExecutor::new()).build(connector),
            is_failing: false,
        }
    }

    async fn run(mut self, mut spans: mpsc::Receiver<Span>, mut stop: watch::Receiver<bool>) {
        let mut is_last = false;
        while !is_last {
            let (limit, mut gathered) = (Duration::from_millis(GATHER_MS), Vec::new());
            let gathering = timeout(limit, gather(&mut gathered, &mut spans, &mut stop));
            is_last = gathering.await.unwrap_or(false);
            while let Some(span) = is_last.then(|| spans.try_recv().ok()).flatten() {
                gathered.push(span);
            }
            for spans in gathered.chunks(SPANS_COUNT_MAX) {
                self.send(spans).await;
                if is_last && self.is_failing {
                    // The end of the process does not wait for a receiver that is away.
                    return;
                }
            }
        }
    }

    /// A message that does not arrive is not sent again: a trace is not worth a queue on the disk.
    async fn send(&mut self, spans: &[Span]) {
        let limit = Duration::from_millis(EXPORT_MS_MAX);
        let sent = timeout(limit, self.post(message(spans).to_string())).await;
        let why = match sent {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            Err(_) => Some("no answer in time".to_owned()),
        };
        match (&why, self.is_failing) {
            (Some(why), false) => tracing::warn!(url = self.url, why, "traces do not arrive"),
            (None, true) => tracing::warn!(url = self.url, "traces arrive again"),
            _ => {}
        }
        self.is_failing = why.is_some();
    }

    async fn post(&self, json: String) -> Result<(), String> {
        let mut request =
            Request::post(&self.url).body(Full::from(json)).map_err(|error| error.to_string())?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let answer = self.client.request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        // Read to its end, so that the connection can be used again.
        let _ = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        if head.status == StatusCode::OK { Ok(()) } else { Err(head.status.to_string()) }
    }
}

/// Takes spans until there are enough for a message; true if these are the last.
async fn gather(
    gathered: &mut Vec<Span>,
    spans: &mut mpsc::Receiver<Span>,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    while gathered.len() < SPANS_COUNT_MAX {
        let taken = tokio::select! {
            taken = spans.recv_many(gathered, SPANS_COUNT_MAX) => taken,
            _ = stop.wait_for(|stop| *stop) => return true,
        };
        if taken == 0 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    use axum::Router;
    use axum::extract::State;
    use axum::routing::post;
    use tokio::net::TcpListener;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    static TESTED: OnceLock<mpsc::Sender<Span>> = OnceLock::new();

    type Took = mpsc::Sender<(HeaderValue, Bytes)>;

    /// A receiver that passes on what it gets.
    async fn receiver() -> (Uri, mpsc::Receiver<(HeaderValue, Bytes)>) {
        let (took, messages) = mpsc::channel(8);
        let take = |State(took): State<Took>, headers: http::HeaderMap, body: Bytes| async move {
            took.send((headers[CONTENT_TYPE].clone(), body)).await.unwrap();
        };
        let router = Router::new().route(PATH, post(take)).with_state(took);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url.parse().unwrap(), messages)
    }

    fn attributes(span: &Value) -> BTreeMap<&str, &str> {
        let pairs = span["attributes"].as_array().unwrap().iter().map(|pair| {
            let value = pair["value"].as_object().unwrap().values().next().unwrap();
            (pair["key"].as_str().unwrap(), value.as_str().unwrap())
        });
        pairs.collect()
    }

    #[tokio::test]
    async fn requests_arrive_as_spans_and_nothing_else_does() {
        let (waiting, spans) = mpsc::channel(2);
        TESTED.set(waiting).unwrap();
        let layer = Spans(&TESTED).with_filter(Targets::new().with_target(REQUEST, Level::INFO));
        let before_ns = SystemClock.now_ns();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(target: "request", id = "req_1", method = "GET",
                route = "/v1/receipts/{pay_id}", status = 503_u16, duration_us = 7_u64,
                payer = "not told");
            tracing::error!(secret = "not told", "another event");
            tracing::info!(target: "request", method = "STEAL", site = "The Magazine",
                outcome = "paid", status = 200_u16, duration_us = 1_u64);
            tracing::info!(target: "request", method = "GET", route = "beyond the queue");
        });
        let (url, mut messages) = receiver().await;
        let (stop, stopped) = watch::channel(false);
        stop.send(true).unwrap();
        Exporter::new(&url).run(spans, stopped).await;
        let (kind, bytes) = messages.recv().await.unwrap();
        assert_eq!(kind, "application/json");
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        let of_resource = &message["resourceSpans"][0];
        assert_eq!(attributes(&of_resource["resource"])["service.name"], "farthing");
        let spans = of_resource["scopeSpans"][0]["spans"].as_array().unwrap();
        let [first, second] = spans.as_slice() else { panic!("{message:#}") };
        assert_eq!(
            (&first["name"], &first["kind"]),
            (&json!("GET /v1/receipts/{pay_id}"), &json!(2))
        );
        assert_eq!(first["status"], json!({"code": 2}));
        let expected = [
            ("farthing.request_id", "req_1"),
            ("http.request.method", "GET"),
            ("http.response.status_code", "503"),
            ("http.route", "/v1/receipts/{pay_id}"),
        ];
        assert_eq!(attributes(first), BTreeMap::from(expected));
        assert_eq!(
            (&second["name"], &second["status"]),
            (&json!("_OTHER The Magazine"), &json!({}))
        );
        let expected = [
            ("farthing.outcome", "paid"),
            ("farthing.site", "The Magazine"),
            ("http.request.method", "_OTHER"),
            ("http.response.status_code", "200"),
        ];
        assert_eq!(attributes(second), BTreeMap::from(expected));
        let nanoseconds = |name: &str| first[name].as_str().unwrap().parse::<u64>().unwrap();
        let (began, ended) = (nanoseconds("startTimeUnixNano"), nanoseconds("endTimeUnixNano"));
        assert!(ended >= before_ns && ended - began == 7_000);
        let ids = |span: &Value| (span["traceId"].clone(), span["spanId"].clone());
        assert_ne!(ids(first), ids(second));
        assert_eq!(first["traceId"].as_str().unwrap().len(), 32);
        assert_eq!(first["spanId"].as_str().unwrap().len(), 16);
        assert!(!String::from_utf8_lossy(&bytes).contains("not told"));
    }

    #[tokio::test]
    async fn a_receiver_that_is_away_holds_nothing_up() {
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", closed.local_addr().unwrap()).parse().unwrap();
        drop(closed);
        let mut exporter = Exporter::new(&url);
        exporter.send(&[Span::default()]).await;
        assert!(exporter.is_failing);
        let (url, mut messages) = receiver().await;
        exporter.url = Exporter::new(&url).url;
        exporter.send(&[Span::default()]).await;
        assert!(!exporter.is_failing && messages.recv().await.is_some());
    }
}
