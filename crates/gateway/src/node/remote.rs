//! The node behind its HTTP API.
//!
//! Invariant: whenever it is unknown what the node did, the answer is
//! [`Unavailable::Unreachable`]: the payer presents the same payment again, which is safe.

use std::time::Duration;

use axum::body::Body;
use engine::{
    Authorize, AuthorizeError, Authorized, ClaimToken, Count, CountError, Counted, Outcome,
    PaymentView, ReleaseError, SettleError, Unavailable,
};
use http::response::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use money::PaymentId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::NodeFacts;
use super::wire::{AuthorizeWire, AuthorizedWire, CountWire, FinishWire, HoldWire, RefusedWire};
use crate::connect::connector;

/// Longest answer of the node.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Longest wait for the node unless another is set; a copy of a payment may wait for the first one to finish.
const NODE_TIMEOUT_MS: u64 = 90_000;

/// Why a gateway cannot use a node.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Not an absolute http or https URL.
    #[error("`{0}` is not the URL of a node")]
    Url(String),
    /// The node did not answer as one.
    #[error("the node at {url} could not be asked who it is: {why}")]
    NoAnswer {
        /// The node's URL.
        url: String,
        /// What happened.
        why: String,
    },
    /// A list of the node could not be read.
    #[error("the node's list {path} could not be read: {why}")]
    List {
        /// Which.
        path: String,
        /// What happened.
        why: String,
    },
}

/// A node at a URL, with the token that lets a gateway speak to it.
#[derive(Clone)]
pub struct RemoteNode {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    url: String,
    token: String,
    timeout: Duration,
}

impl std::fmt::Debug for RemoteNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteNode").field("url", &self.url).finish_non_exhaustive()
    }
}

impl RemoteNode {
    /// A node at `url`, such as `https://pay.example`.
    pub fn new(url: &str, token: String) -> Result<Self, RemoteError> {
        let url = url.trim_end_matches('/').to_owned();
        let parsed: Uri = url.parse().map_err(|_| RemoteError::Url(url.clone()))?;
        if parsed.scheme().is_none() || parsed.authority().is_none() {
            return Err(RemoteError::Url(url));
        }
        let client = Client::builder(TokioExecutor::new()).build(connector(None));
        let timeout = Duration::from_millis(NODE_TIMEOUT_MS);
        Ok(Self { client, url, token, timeout })
    }

    /// As it is, but waits no longer than this for an answer of the node.
    #[must_use]
    pub fn with_timeout_ms(self, timeout_ms: u64) -> Self {
        Self { timeout: Duration::from_millis(timeout_ms), ..self }
    }

    /// Asks the node who it is.
    pub async fn facts(&self) -> Result<NodeFacts, RemoteError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            node: money::NodeId,
        }
        let no_answer = |why: String| RemoteError::NoAnswer { url: self.url.clone(), why };
        let (status, body) = self
            .send(Method::GET, "/v1/node", Vec::new())
            .await
            .map_err(|why| no_answer(why.to_string()))?;
        if status != 200 {
            return Err(no_answer(format!("status {status}")));
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|error| no_answer(error.to_string()))?;
        Ok(NodeFacts { node: answer.node, url: self.url.clone() })
    }

    /// Longest wait that the node may be asked for: its answer must come before it is given up.
    pub(super) fn patience_ms(&self) -> u32 {
        u32::try_from(self.timeout.as_millis() * 2 / 3).unwrap_or(u32::MAX)
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(u16, Vec<u8>), Unavailable> {
        let (parts, body) = self.exchange(method, path, None, body, ANSWER_BYTES_MAX).await?;
        Ok((parts.status.as_u16(), body))
    }

    /// Asks, with one more header, and reads an answer of so many bytes at most.
    pub(super) async fn exchange(
        &self,
        method: Method,
        path: &str,
        header: Option<(HeaderName, HeaderValue)>,
        body: Vec<u8>,
        answer_bytes_max: usize,
    ) -> Result<(Parts, Vec<u8>), Unavailable> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .map_err(|_| Unavailable::Unreachable)?;
        request.headers_mut().extend(header);
        let exchange = async {
            let response = self.client.request(request).await.map_err(drop)?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, answer_bytes_max);
            let body = body.collect().await.map_err(drop)?.to_bytes();
            Ok::<_, ()>((parts, body.to_vec()))
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(())) | Err(_) => Err(Unavailable::Unreachable),
        }
    }

    /// One call: 200 carries the answer, any 4xx or 503 with `refused` the node's refusal, all else
    /// is unknown.
    pub(super) async fn ask<T, E>(&self, call: &str, message: &impl Serialize) -> Result<T, E>
    where
        T: DeserializeOwned,
        E: DeserializeOwned + From<Unavailable>,
    {
        let body = serde_json::to_vec(message).map_err(|_| Unavailable::Unreachable)?;
        let path = format!("/v1/{call}");
        let (status, body) = self.send(Method::POST, &path, body).await?;
        if status == 200 {
            return serde_json::from_slice(&body).map_err(|_| Unavailable::Unreachable.into());
        }
        match serde_json::from_slice::<RefusedWire<E>>(&body) {
            Ok(refused) => Err(refused.refused),
            Err(_) => Err(Unavailable::Unreachable.into()),
        }
    }

    /// See [`super::Node::proof`].
    pub(super) async fn proof(&self, payment: PaymentId) -> Result<String, String> {
        let path = format!("/v1/receipts/{payment}/proof");
        let answer = self.send(Method::GET, &path, Vec::new()).await;
        match answer.map_err(|why| why.to_string())? {
            (200, body) => String::from_utf8(body).map_err(|_| "the proof is no text".to_owned()),
            (status, _) => Err(format!("the node answered with {status}")),
        }
    }

    pub(super) async fn authorize(
        &self,
        command: Authorize,
        base: Option<String>,
    ) -> Result<Authorized, AuthorizeError> {
        let wire = AuthorizeWire::new(&command).with_base(base);
        let answer: AuthorizedWire =
            self.ask::<_, AuthorizeError>("payments/authorize", &wire).await?;
        answer.open().map_err(|_| Unavailable::Unreachable.into())
    }

    pub(super) async fn hold(
        &self,
        payment: PaymentId,
        claim: ClaimToken,
        seconds: u32,
    ) -> Result<(), AuthorizeError> {
        self.ask("payments/hold", &HoldWire { payment, claim, seconds }).await
    }

    pub(super) async fn charge(
        &self,
        payment: PaymentId,
        claim: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<PaymentView, AuthorizeError> {
        self.ask("payments/charge", &finish(payment, claim, None, outcome, false)).await
    }

    pub(super) async fn settle(
        &self,
        payment: PaymentId,
        units: Option<u128>,
        outcome: Option<Outcome>,
        durable_outcome: bool,
    ) -> Result<PaymentView, SettleError> {
        let claim = ClaimToken(0);
        self.ask("payments/settle", &finish(payment, claim, units, outcome, durable_outcome)).await
    }

    pub(super) async fn count(&self, count: Count) -> Result<Counted, CountError> {
        self.ask("payments/count", &CountWire::from(count)).await
    }

    pub(super) async fn release(
        &self,
        payment: PaymentId,
        claim: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<(), ReleaseError> {
        self.ask("payments/release", &finish(payment, claim, None, outcome, true)).await
    }
}

fn finish(
    payment: PaymentId,
    claim: ClaimToken,
    units: Option<u128>,
    outcome: Option<Outcome>,
    durable_outcome: bool,
) -> FinishWire {
    FinishWire {
        payment,
        claim,
        units: units.map(|units| units.to_string()),
        outcome: outcome.map(Into::into),
        durable_outcome,
    }
}
