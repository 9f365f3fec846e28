//! What the node's log knows of one account: its statement, and that it can be forgotten.

use bytes::Bytes;
use http::StatusCode;
use instrument::KeyPair;
use money::{AccountId, NodeId};
use serde::Deserialize;
use serde_json::json;

use super::{NodeClient, access, authorization, known, problem};
use crate::error::Error;
use crate::request::Request;

/// What became of the wish to forget an account.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Forgotten {
    /// The account.
    pub account: AccountId,
    /// Leaves of the log that can no longer be opened for it.
    pub leaves: u64,
}

impl NodeClient {
    /// Destroys what could open an account's leaves of the log up to now; for the operator.
    pub async fn forget(&self, token: &str, account: AccountId) -> Result<Forgotten, Error> {
        let headers = authorization("Bearer", token)?;
        let path = format!("/v1/accounts/{account}/forget");
        self.post(&path, &json!({}), headers).await.map(|(forgotten, _)| forgotten)
    }

    /// The statement of a key's own account as the node wrote it, proven by the key's signature;
    /// `None` if the node does not know the account.
    pub async fn statement(
        &self,
        key: &KeyPair,
        node: NodeId,
        account: AccountId,
        limit_bytes: usize,
    ) -> Result<Option<Bytes>, Error> {
        let url = format!("{}/v1/accounts/{account}/statement", self.url);
        let answer = self.transport.send(&Request::get(&url)?, &access(key, node)?).await?;
        let status = answer.status();
        let body = answer.into_bytes(limit_bytes).await?;
        if status == StatusCode::OK {
            return Ok(Some(body));
        }
        known(Err(problem(status.as_u16(), &body)))
    }
}
