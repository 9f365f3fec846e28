//! API keys and the operator's password, for the operator.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{NODE_ANSWER_BYTES_MAX, NodeClient, authorization, problem};
use crate::error::Error;
use crate::request::Request;

/// An API key as the node shows it.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ApiKey {
    /// Its id.
    pub key_id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Accounts that it is limited to.
    pub accounts: Option<Vec<String>>,
    /// When it ends, Unix milliseconds.
    pub expires_at_ms: Option<u64>,
    /// The secret, in the answer that makes the key.
    #[serde(default)]
    pub secret: Option<String>,
}

impl NodeClient {
    /// Makes a key; `key` is the body of `POST /v1/keys`. The answer alone has the secret.
    pub async fn make_key(&self, token: &str, key: &Value) -> Result<ApiKey, Error> {
        let headers = authorization("Bearer", token)?;
        self.post("/v1/keys", key, headers).await.map(|(made, _)| made)
    }

    /// Every key.
    pub async fn keys(&self, token: &str) -> Result<Vec<ApiKey>, Error> {
        #[derive(Deserialize)]
        struct Page {
            data: Vec<ApiKey>,
            next_cursor: Option<String>,
        }
        let (mut keys, mut path) = (Vec::new(), "/v1/keys?limit=100".to_owned());
        loop {
            let page: Page = self.get(&path, authorization("Bearer", token)?).await?;
            keys.extend(page.data);
            let Some(cursor) = page.next_cursor else { return Ok(keys) };
            path = format!("/v1/keys?limit=100&cursor={cursor}");
        }
    }

    /// Deletes a key.
    pub async fn delete_key(&self, token: &str, key_id: &str) -> Result<(), Error> {
        self.done(Method::DELETE, &format!("/v1/keys/{key_id}"), token, None).await
    }

    /// Sets the operator's password.
    pub async fn set_password(&self, token: &str, password: &str) -> Result<(), Error> {
        let body = json!({"password": password});
        self.done(Method::PUT, "/v1/session/password", token, Some(&body)).await
    }

    /// A call whose answer has no content.
    async fn done(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<(), Error> {
        let mut headers = authorization("Bearer", token)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let url = format!("{}{path}", self.url);
        let request = Request::new(method, &url, HeaderMap::new(), body)?;
        let answer = self.transport.send(&request, &headers).await?;
        let status = answer.status();
        if status == StatusCode::NO_CONTENT {
            return Ok(());
        }
        Err(problem(status.as_u16(), &answer.into_bytes(NODE_ANSWER_BYTES_MAX).await?))
    }
}
