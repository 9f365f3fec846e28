//! The node's HTTP API as a payer or operator uses it.
//!
//! Format: `docs/reference/http-api.md`. Members that this client does not know are skipped, so an
//! older client works with a newer node.
//!
//! Invariants: an answer counts only with status 200 or 201 and JSON of the expected shape within
//! the limit; everything else is an error with the node's own code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use instrument::{Access, KeyPair, PublicKey, Signed, Statement as _};
use money::{Amount, AssetCode, NodeId, PaymentId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

mod catalogue;
mod channels;
mod keys;
mod log;
mod mandates;
mod shapes;
mod webhooks;

pub use catalogue::{Listing, Listings};
pub use channels::ChannelFacts;
pub use keys::ApiKey;
pub use log::Forgotten;
use shapes::amount;
pub use shapes::{
    Account, AssetFacts, Books, Copyable, Enters, Funded, Mandate, NodeFacts, PayerAccount,
    PayerPayment, Receiver, Sums,
};

use crate::clock::now_ms;
use crate::error::{Error, Kind};
use crate::receipt::ReceiptDocument;
use crate::request::Request;
use crate::transport::{Answer, Timeouts, Transport};

/// Largest answer of a node that is read.
const NODE_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest receipt that is read.
const RECEIPT_ANSWER_BYTES_MAX: usize = 64 * 1024;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// One node.
#[derive(Debug, Clone)]
pub struct NodeClient {
    transport: Transport,
    url: String,
}

impl NodeClient {
    /// The node at an origin such as `http://127.0.0.1:4021`.
    pub fn new(url: &str, timeouts: Timeouts) -> Result<Self, Error> {
        let url = url.trim_end_matches('/').to_owned();
        Request::get(&url)?;
        let timeouts =
            Timeouts { head_ms: timeouts.node_ms, piece_ms: timeouts.node_ms, ..timeouts };
        Ok(Self { transport: Transport::new(timeouts), url })
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Who it is and what it carries.
    pub async fn facts(&self) -> Result<NodeFacts, Error> {
        self.get("/v1/node", HeaderMap::new()).await
    }

    /// Play money for a key; sandbox nodes only. Returns what the account can spend.
    pub async fn faucet(&self, key: &PublicKey) -> Result<Amount, Error> {
        #[derive(Deserialize)]
        struct Filled {
            balance: String,
            asset: AssetCode,
            scale: u8,
        }
        let body = json!({"key": key.to_string()});
        let (filled, _) = self.post::<Filled>("/v1/faucet", &body, HeaderMap::new()).await?;
        amount(&filled.balance, filled.asset, filled.scale)
    }

    /// The account of a key, proven by its signature; `None` if no money ever entered it.
    pub async fn payer(&self, key: &KeyPair, node: NodeId) -> Result<Option<PayerAccount>, Error> {
        known(self.get("/v1/payer", access(key, node)?).await)
    }

    /// What became of a payment; `None` if the node does not know it.
    pub async fn receipt(&self, payment: PaymentId) -> Result<Option<ReceiptDocument>, Error> {
        let path = format!("/v1/receipts/{payment}");
        let request = Request::get(&format!("{}{path}", self.url))?;
        let headers = HeaderMap::new();
        let exchange = self.exchange(&request, &headers, RECEIPT_ANSWER_BYTES_MAX);
        let found: Result<(ReceiptDocument, _), Error> = exchange.await;
        match known(found.map(|(found, _)| found))? {
            Some(found) if found.payment != payment => {
                Err(Error::answer("the node answered with another payment's receipt"))
            }
            found => Ok(found),
        }
    }

    /// Every account; for the operator.
    pub async fn accounts(&self, token: &str) -> Result<Vec<Account>, Error> {
        #[derive(Deserialize)]
        struct Listed {
            accounts: Vec<Account>,
        }
        let headers = authorization("Bearer", token)?;
        let listed: Listed = self.get("/v1/accounts", headers).await?;
        Ok(listed.accounts)
    }

    /// The sums of the books; for the operator.
    pub async fn books(&self, token: &str) -> Result<Books, Error> {
        self.get("/v1/books", authorization("Bearer", token)?).await
    }

    /// A durable batch up to which the node's folder can be copied; for the operator.
    pub async fn backup_point(&self, token: &str) -> Result<Copyable, Error> {
        let headers = authorization("Bearer", token)?;
        self.post("/v1/backup", &json!({}), headers).await.map(|(point, _)| point)
    }

    /// Lets money enter; for the operator.
    pub async fn fund(&self, token: &str, enters: &Enters<'_>) -> Result<Funded, Error> {
        let mut headers = authorization("Bearer", token)?;
        let key = HeaderValue::from_str(enters.idempotency_key)
            .map_err(|_| Error::argument("an idempotency key has printable characters only"))?;
        headers.insert(IDEMPOTENCY_KEY, key);
        let mut body = json!({
            "amount": enters.amount.units().to_string(),
            "asset": enters.amount.asset().code,
            "reference": enters.reference,
        });
        match enters.receiver {
            Receiver::Account(account) => body["account"] = account.to_string().into(),
            Receiver::Key(key) => body["key"] = key.to_string().into(),
        }
        let (funded, headers) = self.post::<Funded>("/v1/fund", &body, headers).await?;
        let replayed = headers.contains_key("idempotent-replayed");
        Ok(Funded { replayed, ..funded })
    }

    /// Asks with a token, or with an API key: `T` is as much of the answer as the caller reads.
    pub async fn ask<T: DeserializeOwned>(&self, token: &str, path: &str) -> Result<T, Error> {
        self.get(path, authorization("Bearer", token)?).await
    }

    /// Tells with a token, or with an API key.
    pub async fn tell<T: DeserializeOwned>(
        &self,
        token: &str,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, Error> {
        self.post(path, body, authorization("Bearer", token)?).await.map(|(answer, _)| answer)
    }

    /// Ends well if the node takes payments.
    pub async fn ready(&self) -> Result<(), Error> {
        self.get::<serde_json::Value>("/readyz", HeaderMap::new()).await.map(|_| ())
    }

    /// A call of the operator's, as it is: `body` is JSON, `key` its idempotency key. An answer that is
    /// a refusal is an error; any other is on its way when this returns.
    pub async fn call(
        &self,
        token: &str,
        (method, path): (Method, &str),
        key: Option<&str>,
        body: Option<&serde_json::Value>,
    ) -> Result<Answer, Error> {
        let mut headers = authorization("Bearer", token)?;
        if let Some(key) = key {
            let key = HeaderValue::from_str(key)
                .map_err(|_| Error::argument("an idempotency key has printable characters only"))?;
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let url = format!("{}{path}", self.url);
        let body = Bytes::from(body.map(ToString::to_string).unwrap_or_default());
        let request = Request::new(method, &url, HeaderMap::new(), body)?;
        let answer = self.transport.send(&request, &headers).await?;
        let status = answer.status().as_u16();
        if matches!(status, 200 | 201 | 204) {
            return Ok(answer);
        }
        Err(problem(status, &answer.into_bytes(NODE_ANSWER_BYTES_MAX).await?))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, headers: HeaderMap) -> Result<T, Error> {
        let request = Request::get(&format!("{}{path}", self.url))?;
        let exchange = self.exchange(&request, &headers, NODE_ANSWER_BYTES_MAX);
        exchange.await.map(|(answer, _)| answer)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
        mut headers: HeaderMap,
    ) -> Result<(T, HeaderMap), Error> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let url = format!("{}{path}", self.url);
        let body = Bytes::from(body.to_string());
        let request = Request::new(Method::POST, &url, HeaderMap::new(), body)?;
        self.exchange(&request, &headers, NODE_ANSWER_BYTES_MAX).await
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        request: &Request,
        headers: &HeaderMap,
        limit_bytes: usize,
    ) -> Result<(T, HeaderMap), Error> {
        let answer = self.transport.send(request, headers).await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.into_bytes(limit_bytes).await?;
        if !matches!(status, 200 | 201) {
            return Err(problem(status, &body));
        }
        let answer = serde_json::from_slice(&body).map_err(|why| {
            Error::answer(format!("{}: not the expected answer: {why}", request.url()))
        })?;
        Ok((answer, headers))
    }
}

/// Reads a problem document as far as it is one.
pub(crate) fn problem(status: u16, body: &[u8]) -> Error {
    #[derive(Default, Deserialize)]
    struct Problem {
        #[serde(default)]
        code: String,
        #[serde(default)]
        param: Option<String>,
        #[serde(default)]
        detail: String,
    }
    let read: Problem = serde_json::from_slice(body).unwrap_or_default();
    let Problem { mut code, param, mut detail } = read;
    if code.is_empty() {
        "http_status".clone_into(&mut code);
    }
    if detail.is_empty() {
        "it gives no reason".clone_into(&mut detail);
    }
    Error::new(Kind::Status { status, code, param, detail })
}

/// Not known is an answer, not a failure, where the node says so itself.
fn known<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The proof that a request comes from a key's owner.
fn access(key: &KeyPair, node: NodeId) -> Result<HeaderMap, Error> {
    let access = Access { node, key: key.public(), issued_at_ms: now_ms() };
    let signed = Signed::sign(access, key);
    let mut proof = access.to_bytes().to_vec();
    proof.extend(signed.signature().0);
    authorization("Farthing", &URL_SAFE_NO_PAD.encode(proof))
}

fn authorization(scheme: &str, credentials: &str) -> Result<HeaderMap, Error> {
    let mut value = HeaderValue::from_str(&format!("{scheme} {credentials}"))
        .map_err(|_| Error::argument("the token has characters that cannot be sent"))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}
