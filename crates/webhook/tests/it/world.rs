//! Events that are made up, a receiver that answers as told and checks every signature, and an outbox
//! between them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::{Clock, ManualClock};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use money::{AccountId, EndpointId, EventId, NodeId};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use webhook::{
    API_VERSION, Disabled, Endpoint, Handle, Notice, Options, Page, Registered, Scheme, Seal,
    Secret, Source,
};

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);
pub const START_MS: u64 = 1_700_000_000_000;

pub fn node() -> NodeId {
    NodeId::new(7).unwrap()
}

pub fn account(number: u128) -> AccountId {
    AccountId::new(number).unwrap()
}

pub fn endpoint_id(number: u128) -> EndpointId {
    EndpointId::new(number).unwrap()
}

pub fn seal() -> Seal {
    Seal::new(&[3; 32])
}

/// Id of the event at a position.
pub fn event_id(position: u64) -> EventId {
    EventId::new(u128::from(position) + 1).unwrap()
}

/// The event at a position: it depends on nothing else.
pub fn notice(position: u64, at_ms: u64) -> Notice {
    let payee = account(u128::from(position % 2) + 1);
    let Value::Object(data) = json!({
        "payment": format!("pay_{position}"), "payer": account(99), "payee": payee, "amount": "1000",
    }) else {
        unreachable!()
    };
    Notice {
        id: event_id(position),
        name: "payment.settled",
        position: Some(position),
        at_ms,
        accounts: vec![payee],
        data,
    }
}

#[derive(Clone, Default)]
pub struct Registry(pub Arc<Mutex<BTreeMap<EndpointId, Registered>>>);

impl Registry {
    pub fn put(&self, id: EndpointId, endpoint: Endpoint) {
        let mut all = self.0.lock().unwrap();
        let revision = all.get(&id).map_or(1, |known| known.revision + 1);
        all.insert(id, Registered { id, revision, endpoint });
    }

    pub fn get(&self, id: EndpointId) -> Endpoint {
        self.0.lock().unwrap()[&id].endpoint.clone()
    }
}

/// Events up to an end, each a second after the one before.
#[derive(Clone)]
pub struct MadeUp {
    pub end: watch::Receiver<u64>,
    pub registry: Registry,
}

impl Source for MadeUp {
    type Error = Infallible;

    fn page(&self, from: u64, count_max: usize) -> Result<Page, Infallible> {
        let next = self.end().min(from + count_max as u64).max(from);
        let notices = (from..next).map(|at| notice(at, START_MS + at * 1000)).collect();
        Ok(Page { notices, next })
    }

    fn end(&self) -> u64 {
        *self.end.borrow()
    }

    fn endpoints(&self) -> Result<Vec<Registered>, Infallible> {
        Ok(self.registry.0.lock().unwrap().values().cloned().collect())
    }

    fn disable(&self, id: EndpointId, revision: u64, why: Disabled) -> Result<(), Infallible> {
        let mut all = self.registry.0.lock().unwrap();
        let known = all.get_mut(&id).filter(|known| known.revision == revision);
        if let Some(known) = known {
            known.revision += 1;
            known.endpoint.active = false;
            known.endpoint.disabled = Some(why);
        }
        Ok(())
    }
}

pub fn endpoint(id: EndpointId, url: &str, secret: &Secret) -> Endpoint {
    Endpoint {
        url: url.to_owned(),
        events: vec!["*".to_owned()],
        accounts: None,
        description: String::new(),
        active: true,
        disabled: None,
        signature: secret.scheme(),
        secret: seal().seal(&id.to_string(), &secret.text()).unwrap(),
        replaced: None,
        api_version: API_VERSION.to_owned(),
        created_at_ms: 0,
        from: 0,
    }
}

/// What a receiver got.
#[derive(Debug, Clone)]
pub struct Got {
    pub id: String,
    pub body: Value,
    pub signature: String,
}

/// An answer: status and headers.
pub type Script = dyn Fn(&Got) -> (u16, Vec<(&'static str, String)>) + Send + Sync;

/// A receiver on this machine.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    pub got: Arc<Mutex<Vec<Got>>>,
    script: Arc<Mutex<Arc<Script>>>,
    secret: Arc<Secret>,
}

impl Receiver {
    /// One that checks no signature.
    pub async fn unchecked() -> Self {
        Self::with(Secret::generate(Scheme::Ed25519).unwrap()).await
    }

    pub async fn start() -> Self {
        Self::with(Secret::generate(Scheme::Hmac).unwrap()).await
    }

    async fn with(secret: Secret) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let always: Arc<Script> = Arc::new(|_| (200, Vec::new()));
        let receiver = Self {
            url: format!("http://{}/hooks", listener.local_addr().unwrap()),
            got: Arc::default(),
            script: Arc::new(Mutex::new(always)),
            secret: Arc::new(secret),
        };
        let own = receiver.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let own = own.clone();
                let answer = service_fn(move |request| own.clone().answer(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        receiver
    }

    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Answers so from now on.
    pub fn answers(
        &self,
        script: impl Fn(&Got) -> (u16, Vec<(&'static str, String)>) + Send + Sync + 'static,
    ) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let header = |name: &str| head.headers[name].to_str().unwrap().to_owned();
        let (id, signature) = (header("webhook-id"), header("webhook-signature"));
        let at_s: u64 = header("webhook-timestamp").parse().unwrap();
        if let Secret::Shared(_) = &*self.secret {
            let ours = self.secret.sign(&id, at_s, &body);
            assert!(signature.split(' ').any(|one| one == ours), "{signature}");
        }
        let got = Got { id, body: serde_json::from_slice(&body).unwrap(), signature };
        let script = Arc::clone(&self.script.lock().unwrap());
        let (status, headers) = script(&got);
        self.got.lock().unwrap().push(got);
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        Ok(response.body(Full::default()).unwrap())
    }

    pub fn count(&self) -> usize {
        self.got.lock().unwrap().len()
    }

    /// Positions in the order of arrival.
    pub fn positions(&self) -> Vec<u64> {
        self.got.lock().unwrap().iter().map(|got| got.body["position"].as_u64().unwrap()).collect()
    }
}

/// An outbox that follows made-up events.
pub struct World {
    pub clock: ManualClock,
    pub end: watch::Sender<u64>,
    pub registry: Registry,
    pub handle: Handle,
}

impl World {
    /// Deliveries one after the other.
    pub fn start(folder: &Path) -> Self {
        Self::with(folder, Registry::default(), 0, 1)
    }

    pub fn start_at(folder: &Path, registry: Registry, end: u64) -> Self {
        Self::with(folder, registry, end, 4)
    }

    fn with(folder: &Path, registry: Registry, end: u64, in_flight_count: usize) -> Self {
        let clock = ManualClock::new((START_MS + end * 1000) * 1_000_000);
        let (end, seen) = watch::channel(end);
        let source = MadeUp { end: seen.clone(), registry: registry.clone() };
        let options = Options {
            path: folder.join(webhook::FILE),
            node: node(),
            seal: seal(),
            clock: Arc::new(clock.clone()),
            in_flight_count,
            allow_private: true,
        };
        let handle = webhook::start(source, seen, options).unwrap();
        Self { clock, end, registry, handle }
    }

    /// So many events more have happened.
    pub fn happen(&self, count: u64) {
        self.end.send_modify(|end| *end += count);
    }

    pub fn advance_ms(&self, milliseconds: u64) {
        self.clock.advance_ms(milliseconds);
        self.handle.refresh();
    }

    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Everything stops.
    pub async fn stop(self) {
        let handle = self.handle.clone();
        tokio::task::spawn_blocking(move || handle.stop()).await.unwrap();
    }
}

/// Waits until something holds.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
