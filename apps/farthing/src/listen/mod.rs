//! `farthing listen`: the node's events, signed and posted to a port of this machine.
//!
//! Made for building a receiver: no endpoint is registered, nothing is retried, and trouble on the way
//! is made on purpose. Invariant: the secret stays the same for a node, so that a receiver under
//! development can keep it.

mod chaos;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::{NodeClient, StreamEvent, Timeouts};
use engine::{Clock as _, SystemClock};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;
use webhook::Secret;

use crate::cli::{ListenArgs, ListenFormat};
use crate::failure::Failure;
use crate::operator::connect;
use crate::term;

pub(crate) use chaos::Trouble;
use chaos::{Chaos, Copy, Spoiled};

/// Pause before a broken stream is opened again.
const AGAIN_MS: u64 = 1_000;
/// The stream beats more often; silence for so long means that it is dead.
const SILENCE_MS: u64 = 45_000;

/// What each copy needs.
struct Forward {
    node: NodeClient,
    url: Option<String>,
    secret: Secret,
    format: ListenFormat,
}

/// Listens until the process is asked to stop.
pub(crate) async fn run(args: ListenArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    let secret = secret_of(&token)?;
    if args.print_secret {
        term::line(&secret.text());
        return Ok(());
    }
    let seed = args.seed.unwrap_or_else(|| SystemClock.now_ns() % 1_000_000);
    let mut chaos = Chaos::new(args.chaos, seed);
    let timeouts = Timeouts { piece_ms: SILENCE_MS, node_ms: SILENCE_MS, ..Timeouts::default() };
    let node = NodeClient::new(node.url(), timeouts)?;
    term::note(&format!("events of {}; the secret is {}", node.url(), secret.text()));
    if !chaos.is_calm() {
        term::note(&format!("chaos with --seed {seed}"));
    }
    let forward =
        Arc::new(Forward { node: node.clone(), url: args.forward_to, secret, format: args.format });
    let mut after: Option<String> = None;
    let mut under_way = JoinSet::new();
    let mut opened = false;
    loop {
        let stream = node.events(&token, &args.events, after.as_deref()).await;
        let mut stream = match stream {
            Ok(stream) => stream,
            // What the node refuses now it refuses again; what broke may heal.
            Err(error) if !opened => return Err(error.into()),
            Err(error) => {
                term::note(&format!("the node does not answer: {error}"));
                tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
                continue;
            }
        };
        opened = true;
        while let Ok(Some(event)) = stream.next().await {
            if event.id.is_some() {
                after.clone_from(&event.id);
            }
            forward.take(event, &mut chaos, &mut under_way).await;
        }
        tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
    }
}

/// The same token, the same secret.
fn secret_of(token: &str) -> Result<Secret, Failure> {
    let digest = Sha256::new_with_prefix(b"farthing/listen/1").chain_update(token).finalize();
    let text =
        format!("whsec_{}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, digest));
    Secret::parse(&text).map_err(|error| Failure::new(error.to_string()))
}

impl Forward {
    async fn take(
        self: &Arc<Self>,
        event: StreamEvent,
        chaos: &mut Chaos,
        under_way: &mut JoinSet<()>,
    ) {
        let event = Arc::new(event);
        for copy in chaos.copies() {
            let (own, event) = (Arc::clone(self), Arc::clone(&event));
            let sent = async move { own.send(&event, copy).await };
            if chaos.is_calm() {
                // In order, one after the other.
                sent.await;
            } else {
                under_way.spawn(sent);
            }
        }
        // Those that are over make room.
        while under_way.try_join_next().is_some() {}
    }

    async fn send(&self, event: &StreamEvent, copy: Copy) {
        tokio::time::sleep(Duration::from_millis(copy.delay_ms)).await;
        let body: Value = serde_json::from_str(&event.data).unwrap_or_default();
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        let Some(url) = &self.url else { return self.tell(event, &id, copy, &body, None) };
        let (headers, sent) = self.signed(&id, &event.data, copy);
        let started = Instant::now();
        let status = match self.node.forward(url, headers, sent).await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let took_ms = started.elapsed().as_millis();
        self.tell(event, &id, copy, &body, Some(&format!("{status} in {took_ms} ms")));
    }

    fn signed(&self, id: &str, data: &str, copy: Copy) -> (HeaderMap, Bytes) {
        let at_s = SystemClock.now_ms() / 1000;
        let mut body = data.to_owned();
        let mut signature = self.secret.sign(id, at_s, body.as_bytes());
        match copy.spoiled {
            None => {}
            Some(Spoiled::Signature) => signature = self.secret.sign(id, at_s + 1, body.as_bytes()),
            Some(Spoiled::Body) => body.insert(1, ' '),
        }
        let mut headers = HeaderMap::new();
        let at_s = at_s.to_string();
        for (name, value) in
            [("webhook-id", id), ("webhook-timestamp", &at_s), ("webhook-signature", &signature)]
        {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        (headers, Bytes::from(body))
    }

    fn tell(&self, event: &StreamEvent, id: &str, copy: Copy, body: &Value, answer: Option<&str>) {
        let spoiled = match copy.spoiled {
            None => None,
            Some(Spoiled::Signature) => Some("bad signature"),
            Some(Spoiled::Body) => Some("bad body"),
        };
        if self.format == ListenFormat::Json {
            let line = json!({
                "event": body, "answer": answer, "delay_ms": copy.delay_ms, "spoiled": spoiled,
            });
            return term::line(&line.to_string());
        }
        let mut line = format!("{}  {id}", term::strong(&event.name));
        if let Some(answer) = answer {
            line.push_str("  ");
            line.push_str(answer);
        }
        if let Some(spoiled) = spoiled {
            line.push_str("  (");
            line.push_str(spoiled);
            line.push(')');
        }
        term::line(&line);
    }
}
