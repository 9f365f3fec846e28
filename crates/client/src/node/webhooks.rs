//! Events and webhooks, for the operator and for payees with a key.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use super::{NODE_ANSWER_BYTES_MAX, NodeClient, authorization, problem};
use crate::error::Error;
use crate::events::EventStream;
use crate::request::Request;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

impl NodeClient {
    /// Opens the stream of events of some names, or of all. `after` is the id of the last event that
    /// was seen; without it the stream begins now.
    pub async fn events(
        &self,
        token: &str,
        names: &[String],
        after: Option<&str>,
    ) -> Result<EventStream, Error> {
        let mut url = format!("{}/v1/events/stream", self.url);
        if !names.is_empty() {
            url = format!("{url}?type={}", names.join(","));
        }
        let mut headers = authorization("Bearer", token)?;
        if let Some(id) = after.and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(LAST_EVENT_ID, id);
        }
        let answer = self.transport.send(&Request::get(&url)?, &headers).await?;
        let status = answer.status().as_u16();
        if status == 200 {
            return Ok(EventStream::new(answer));
        }
        Err(problem(status, &answer.into_bytes(NODE_ANSWER_BYTES_MAX).await?))
    }

    /// Lets a sandbox send a made-up event of a name to all who want it.
    pub async fn trigger(&self, token: &str, name: &str) -> Result<Value, Error> {
        self.post_json("/v1/sandbox/events", token, &json!({"type": name})).await
    }

    /// The endpoints of webhooks.
    pub async fn webhook_endpoints(&self, token: &str) -> Result<Value, Error> {
        self.get("/v1/webhook-endpoints?limit=100", authorization("Bearer", token)?).await
    }

    /// Makes an endpoint; the answer has its secret.
    pub async fn add_webhook_endpoint(&self, token: &str, wanted: &Value) -> Result<Value, Error> {
        self.post_json("/v1/webhook-endpoints", token, wanted).await
    }

    /// The newest deliveries of an endpoint, in one state or in any.
    pub async fn deliveries(
        &self,
        token: &str,
        endpoint: &str,
        state: Option<&str>,
    ) -> Result<Value, Error> {
        let state = state.map(|state| format!("&state={state}")).unwrap_or_default();
        let path = format!("/v1/webhook-endpoints/{endpoint}/deliveries?limit=100{state}");
        self.get(&path, authorization("Bearer", token)?).await
    }

    /// Sends a delivery again.
    pub async fn redeliver(&self, token: &str, delivery: &str) -> Result<Value, Error> {
        self.post_json(&format!("/v1/deliveries/{delivery}/redeliver"), token, &json!({})).await
    }

    /// Sends an endpoint everything since a time again.
    pub async fn replay(&self, token: &str, endpoint: &str, since_ms: u64) -> Result<Value, Error> {
        let path = format!("/v1/webhook-endpoints/{endpoint}/replay");
        self.post_json(&path, token, &json!({"since_ms": since_ms})).await
    }

    /// Posts a body to a URL, wherever it is; the status of the answer.
    pub async fn forward(
        &self,
        url: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<u16, Error> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = Request::new(Method::POST, url, headers, body)?;
        let answer = self.transport.send(&request, &HeaderMap::new()).await?;
        Ok(answer.status().as_u16())
    }

    async fn post_json(&self, path: &str, token: &str, body: &Value) -> Result<Value, Error> {
        let headers = authorization("Bearer", token)?;
        self.post(path, body, headers).await.map(|(answer, _)| answer)
    }
}
