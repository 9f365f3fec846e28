//! A payer who keeps what was signed, so that the very same payment can be presented again, and who
//! survives that nobody answers.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use engine::{Clock, SystemClock};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use http402::x402::{self, Payment, PaymentRequired, SettleResponse, Settlement};
use http402::{Dialect, Instrument};
use hyper_util::rt::TokioIo;
use instrument::{KeyPair, Order, Signed, payer_account};
use money::{OrderId, PaymentId};
use tokio::net::TcpStream;

/// Longer than a gateway lets a copy wait.
const PATIENCE: Duration = Duration::from_secs(65);

/// One request.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub method: Method,
    pub path: String,
}

impl Wanted {
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into() }
    }

    pub fn post(path: impl Into<String>) -> Self {
        Self { method: Method::POST, path: path.into() }
    }

    pub fn is_job(&self) -> bool {
        self.method == Method::POST
    }

    /// Units of its price.
    pub fn price(&self) -> u128 {
        if self.is_job() { crate::shop::JOB_UNITS } else { crate::shop::ARTICLE_UNITS }
    }
}

/// A signed payment for a request.
#[derive(Clone)]
pub struct Presented {
    pub wanted: Wanted,
    pub payment: PaymentId,
    header: (HeaderName, HeaderValue),
}

impl Presented {
    /// What is signed, as it is sent.
    pub fn header_value(&self) -> &str {
        self.header.1.to_str().unwrap()
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wanted { method, path } = &self.wanted;
        write!(f, "{} for {method} {path}", self.payment)
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Got {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn settlement(&self) -> Option<Settlement> {
        match SettleResponse::decode_header(self.headers.get(x402::PAYMENT_RESPONSE)?).unwrap() {
            SettleResponse::Success(settlement) => Some(settlement),
            _ => None,
        }
    }

    pub fn is_replay(&self) -> bool {
        self.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }

    /// Code of the problem document.
    pub fn code(&self) -> String {
        let problem: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let code = problem.as_ref().and_then(|problem| problem["code"].as_str());
        code.unwrap_or_default().to_owned()
    }

    /// Success, with the settlement of this payment.
    #[track_caller]
    pub fn assert_delivers(&self, presented: &Presented) {
        assert_eq!(self.status, 200, "{presented:?} {self:?}");
        let settlement = self.settlement().unwrap();
        assert_eq!(settlement.payment, presented.payment, "{self:?}");
        assert_eq!(settlement.amount.units(), presented.wanted.price(), "{self:?}");
    }

    /// The first answer again, marked as such.
    #[track_caller]
    pub fn assert_repeats(&self, first: &Self, presented: &Presented) {
        self.assert_delivers(presented);
        assert!(self.is_replay(), "{presented:?} {self:?}");
        assert_eq!(self.body, first.body, "{presented:?}");
    }

    /// A refusal that names the payment.
    #[track_caller]
    pub fn assert_refuses(&self, presented: &Presented, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (402, code), "{presented:?} {self:?}");
        assert_eq!(self.headers["farthing-payment"], presented.payment.to_string());
        assert!(self.settlement().is_none());
    }
}

/// Somebody who pays.
pub struct Buyer {
    pub key: KeyPair,
}

impl Buyer {
    pub fn new(seed: u8) -> Self {
        Self { key: KeyPair::from_seed(&[seed; 32]) }
    }

    /// Asks for the price at a gateway and signs an order; `None` if nobody answers.
    pub async fn sign(&self, port: u16, wanted: &Wanted) -> Option<Presented> {
        let asked = ask(port, wanted, None).await?;
        assert_eq!(asked.status, 402, "{wanted:?} {asked:?}");
        let required = PaymentRequired::decode_header(&asked.headers[x402::PAYMENT_REQUIRED]);
        let required = required.unwrap();
        let terms = &required.accepts[0];
        let mut id = [0; 32];
        getrandom::fill(&mut id).unwrap();
        let order = Order {
            node: terms.network,
            id: OrderId::from_digest(&id),
            payer: payer_account(&self.key.public(), terms.amount.asset()),
            signer: self.key.public(),
            payee: terms.pay_to,
            amount: terms.amount,
            purchase: terms.purchase,
            expires_at_ms: SystemClock.now_ms() + u64::from(terms.max_timeout_seconds) * 1000,
            mandate: None,
        };
        let order = Signed::sign(order, &self.key);
        let payment = Payment {
            dialect: Dialect::X402V2,
            accepted: terms,
            instrument: &Instrument::exact(order),
            resource_url: Some(&required.resource.url),
            extensions: None,
        };
        let header = payment.encode_header().unwrap();
        let payment = order.unverified().payment_id();
        Some(Presented { wanted: wanted.clone(), payment, header })
    }
}

/// Presents a payment at a gateway; `None` if no whole answer came.
pub async fn present(port: u16, presented: &Presented) -> Option<Got> {
    ask(port, &presented.wanted, Some(&presented.header)).await
}

/// Presents a payment over a connection from which nothing is read.
pub async fn present_unread(port: u16, presented: &Presented) -> TcpStream {
    use tokio::io::AsyncWriteExt as _;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let Wanted { method, path } = &presented.wanted;
    let (name, value) = (presented.header.0.as_str(), presented.header.1.to_str().unwrap());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: shop\r\n{name}: {value}\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Makes a request without payment.
pub async fn ask_unpaid(port: u16, wanted: &Wanted) -> Option<Got> {
    ask(port, wanted, None).await
}

/// Makes a request with a header beside the usual ones.
pub async fn ask(
    port: u16,
    wanted: &Wanted,
    header: Option<&(HeaderName, HeaderValue)>,
) -> Option<Got> {
    let mut request = Request::builder().method(&wanted.method).uri(&wanted.path);
    request = request.header("host", "shop");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let request = request.body(Body::empty()).unwrap();
    let exchange = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connected.ok()?;
        // A connection that breaks off is seen by whoever waits for the answer.
        tokio::spawn(async move { connection.await.ok() });
        let (head, body) = sender.send_request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Got { status: head.status.as_u16(), headers: head.headers, body })
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap()
}
