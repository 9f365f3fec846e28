//! One node with a funded payer and a payee, and requests to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use api::{Admission, Backlog, LogReport, Monitor, Node, NodeLog, Token, Traffic, Watched};
use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use engine::{AccountRole, AccountSpec, Engine, Fund, LogOptions, ManualClock, Options};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use http402::llms::{Asked, Entry};
use http402::x402::{Payment, requirements};
use http402::{Challenge, Dialect, Identifier, Instrument, Resource};
use instrument::{
    Access, KeyPair, Order, PurchaseDigest, Signed, SignedOrder, Statement, node_id, payer_account,
};
use money::{AccountId, Amount, Asset, OrderId, TransferId};
use serde_json::{Value, json};
use tlog::policy::Policy;
use tlog::{KeyName, LogSigner};
use tokio::sync::watch;
use tower::ServiceExt;

/// 2026-11-23 02:40:00 UTC.
pub const START_MS: u64 = 1_795_401_600_000;
pub const FUNDED: u128 = 1_000_000_000;
pub const PRICE: u128 = 2_000_000;
pub const FAUCET: u128 = 5_000_000;
pub const OPERATOR: &str = "secret-of-the-operator";
pub const GATEWAY: &str = "secret-of-the-gateway";

/// Name of the log.
pub const LOG: &str = "pay.example/log";

pub struct World {
    pub app: Router,
    pub engine: Engine,
    pub clock: ManualClock,
    pub node_key: KeyPair,
    pub payer: KeyPair,
    pub payee: AccountId,
    pub folder: tempfile::TempDir,
}

pub fn usd() -> Asset {
    Asset::new("USD", 9).unwrap()
}

/// Watches a node; it takes no samples by itself.
pub fn monitor(engine: Engine, folder: &Path, log: Option<NodeLog>) -> Monitor {
    let data = folder.to_owned();
    let backlog = Arc::new(Backlog::default);
    let traffic = Traffic::default();
    let certificates = Arc::new(Vec::new);
    let version = "0.0.0";
    Monitor::new(Watched {
        engine,
        data,
        version,
        log,
        clock: None,
        backlog,
        traffic,
        certificates,
    })
}

pub fn key(number: u8) -> KeyPair {
    KeyPair::from_seed(&[number; 32])
}

impl World {
    pub async fn new() -> Self {
        Self::with(tempfile::tempdir().unwrap(), |_| {}).await
    }

    /// A node on a folder, set up as `change` says.
    pub async fn with(folder: tempfile::TempDir, change: impl FnOnce(&mut Node)) -> Self {
        Self::start(folder, None, change).await
    }

    /// A node that keeps a log, which the witnesses of a policy watch.
    pub async fn logged(policy: &str) -> Self {
        let name = KeyName::new(LOG).unwrap();
        let signer = LogSigner::from_seed(name, &[3; 32]);
        let policy = format!("log {} http://127.0.0.1:4021/log\n{policy}", signer.verifier());
        let log = NodeLog {
            policy: Arc::new(Policy::parse(policy.as_bytes()).unwrap()),
            report: watch::Sender::new(LogReport::default()).subscribe(),
        };
        let options = LogOptions::new(signer);
        let folder = tempfile::tempdir().unwrap();
        Self::start(folder, Some(options), |node| node.log = Some(log)).await
    }

    async fn start(
        folder: tempfile::TempDir,
        log: Option<LogOptions>,
        change: impl FnOnce(&mut Node),
    ) -> Self {
        let node_key = key(1);
        let clock = ManualClock::new(START_MS * 1_000_000);
        let mut options = Options::new(folder.path(), node_id(&node_key.public()));
        options.clock = Arc::new(clock.clone());
        options.log = log;
        let engine = Engine::start(options).unwrap().engine;
        let payee = AccountId::new(77).unwrap();
        open_books(&engine, payee).await;
        if let Some(log) = engine.log() {
            // Treasury and residue, payee, payer, the money that entered.
            log.reaches(4).await.unwrap();
        }
        let mut node = Node {
            engine: engine.clone(),
            key: Arc::new(node_key.clone()),
            public_url: "http://127.0.0.1:4021/".to_owned(),
            offers: watch::channel(Vec::new()).1,
            file_offers: Vec::new(),
            operator_token: Token::new(OPERATOR),
            gateway_token: Token::new(GATEWAY),
            sponsored_key: gateway::SiteKey::of_gateway(GATEWAY).public(),
            sandbox: true,
            faucet_units: FAUCET,
            labels: BTreeMap::new(),
            site: Some("http://127.0.0.1:4020".to_owned()),
            log: None,
            monitor: monitor(engine.clone(), folder.path(), None),
            clock: None,
            report: None,
            admission: Admission::default(),
            webhooks: None,
        };
        change(&mut node);
        let app = api::router(node);
        Self { app, engine, clock, node_key, payer: key(7), payee, folder }
    }

    pub fn payer_account(&self) -> AccountId {
        payer_account(&self.payer.public(), usd())
    }

    pub async fn balance(&self, account: AccountId) -> u128 {
        let read = move |state: &engine::State| state.account(account);
        self.engine.read(read).await.unwrap().map_or(0, |view| view.available.units())
    }

    /// What is held of the payer's money.
    pub async fn held(&self) -> u128 {
        let account = self.payer_account();
        let read = move |state: &engine::State| state.account(account);
        self.engine.read(read).await.unwrap().map_or(0, |view| view.held.units())
    }

    /// What the payer holds and the payee received: tells whether anything moved.
    pub async fn moved(&self) -> u128 {
        let spent = FUNDED - self.balance(self.payer_account()).await;
        assert_eq!(self.balance(self.payee).await, spent, "money was lost or made");
        spent
    }

    pub fn challenge(&self) -> Challenge {
        challenge(&self.engine, self.payee)
    }

    pub fn order(&self, number: u128) -> Order {
        let challenge = self.challenge();
        Order {
            node: challenge.network,
            id: OrderId::new(number).unwrap(),
            payer: self.payer_account(),
            signer: self.payer.public(),
            payee: challenge.pay_to,
            amount: challenge.amount,
            purchase: challenge.purchase,
            expires_at_ms: START_MS + 300_000,
            mandate: None,
        }
    }

    /// A facilitator request for an order, signed by the payer, under the challenge's terms.
    pub fn pays(&self, order: Order) -> Value {
        facilitator_body(&SignedOrder::sign(order, &self.payer), &self.challenge())
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::read(self.app.clone().oneshot(request).await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, &[], "")).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(request(Method::POST, path, &[], &body.to_string())).await
    }

    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.send(request(Method::POST, path, headers, &body.to_string())).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request(Method::GET, path, headers, "")).await
    }

    /// Settles one order and returns the payment's id.
    pub async fn settled(&self, number: u128) -> String {
        let answer = self.post("/settle", &self.pays(self.order(number))).await;
        assert_eq!(answer.json["success"], true, "{answer:?}");
        answer.json["transaction"].as_str().unwrap().to_owned()
    }

    /// An `Authorization` header that proves a key.
    pub fn access(&self, signer: &KeyPair, change: impl FnOnce(&mut Access)) -> String {
        let mut access =
            Access { node: self.engine.node(), key: signer.public(), issued_at_ms: START_MS };
        change(&mut access);
        let signed = Signed::sign(access, signer);
        let bytes = [signed.unverified().to_bytes().as_slice(), &signed.signature().0].concat();
        format!("Farthing {}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

async fn open_books(engine: &Engine, payee: AccountId) {
    engine.open_asset(usd(), true).await.unwrap();
    let spec = AccountSpec {
        id: payee,
        asset: usd(),
        role: AccountRole::Payee,
        label: "Author".to_owned(),
    };
    engine.open_account(spec).await.unwrap();
    let fund = Fund {
        id: TransferId::new(1).unwrap(),
        account: payer_account(&key(7).public(), usd()),
        amount: Amount::new(FUNDED, usd()),
        reference: "start".to_owned(),
        sandbox_only: false,
    };
    engine.fund(fund).await.unwrap();
}

pub fn challenge(engine: &Engine, payee: AccountId) -> Challenge {
    Challenge {
        network: engine.node(),
        amount: Amount::new(PRICE, usd()),
        pay_to: payee,
        purchase: Some(PurchaseDigest([0xab; 32])),
        max_timeout_seconds: 300,
        resource: Resource {
            url: "http://127.0.0.1:4020/articles/1".to_owned(),
            description: Some("An article".to_owned()),
            mime_type: Some("text/html".to_owned()),
            service_name: Some("The Farthing Magazine".to_owned()),
        },
        identifier: Identifier::Off,
        listed: Some(Method::GET),
        splits: None,
        metered: None,
        channel: None,
        passes: Vec::new(),
    }
}

/// An offer of a path at a site.
pub fn offer(engine: &Engine, payee: AccountId, method: Method, path: &str, text: &str) -> Entry {
    let mut challenge = challenge(engine, payee);
    challenge.resource.url = format!("http://127.0.0.1:4020{path}");
    challenge.resource.description = Some(text.to_owned());
    Entry { asked: Asked::Request(method), challenge }
}

/// The body of `/verify` and `/settle`.
pub fn facilitator_body(order: &SignedOrder, challenge: &Challenge) -> Value {
    let terms = requirements(challenge);
    let payload = Payment {
        dialect: Dialect::X402V2,
        accepted: &terms,
        instrument: &Instrument::exact(*order),
        resource_url: Some(&challenge.resource.url),
        extensions: None,
    };
    json!({"x402Version": 2, "paymentPayload": payload, "paymentRequirements": terms})
}

pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub json: Value,
    pub bytes: Vec<u8>,
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer = Self { status: head.status.as_u16(), headers: head.headers, json, bytes };
        assert!(answer.header("request-id").starts_with("req_"), "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        answer
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Requires a whole problem document with this status, code and param.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str, param: Option<&str>) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let found = (self.status, self.json["code"].as_str(), self.json["param"].as_str());
        assert_eq!(found, (status, Some(code), param), "{self:?}");
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["type"], format!("urn:farthing:problem:{code}"));
        assert_eq!(self.json["request_id"], self.header("request-id"));
        assert_eq!(self.json["charged"], false);
        for text in ["title", "detail", "retry"] {
            assert!(self.json[text].as_str().is_some_and(|text| !text.is_empty()), "{text}");
        }
        assert_eq!(self.header("content-length"), self.bytes.len().to_string());
    }
}
