//! What the node's log knows of one account: its statement, and that it can be forgotten.

use http::HeaderMap;
use instrument::KeyPair;
use money::{AccountId, NodeId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{NodeClient, access, authorization, known};
use crate::error::Error;

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

    /// The statement of a key's own account, proven by its signature; `None` if the node does not
    /// know the account.
    pub async fn statement(
        &self,
        key: &KeyPair,
        node: NodeId,
        account: AccountId,
    ) -> Result<Option<Value>, Error> {
        let headers = access(key, node)?;
        self.statement_with(headers, account).await
    }

    /// The statement of any account; for the operator.
    pub async fn statement_of(
        &self,
        token: &str,
        account: AccountId,
    ) -> Result<Option<Value>, Error> {
        self.statement_with(authorization("Bearer", token)?, account).await
    }

    async fn statement_with(
        &self,
        headers: HeaderMap,
        account: AccountId,
    ) -> Result<Option<Value>, Error> {
        known(self.get(&format!("/v1/accounts/{account}/statement"), headers).await)
    }
}
