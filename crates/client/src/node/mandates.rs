//! Calls about mandates: registering chains, pausing, resuming, revoking, showing one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use instrument::{KeyPair, Pause, Revocation, Signed, Statement};
use money::{MandateId, NodeId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Mandate, NodeClient, access, known};
use crate::clock::now_ms;
use crate::error::Error;
use crate::mandate::Chain;

#[derive(Deserialize)]
struct Done {
    mandate: MandateId,
}

impl NodeClient {
    /// Registers a chain of mandates; the same again is fine. Returns the id of the last one.
    pub async fn register(&self, chain: &Chain, label: &str) -> Result<MandateId, Error> {
        let body = json!({"chain": chain.links(), "label": label});
        let (done, _) = self.post::<Done>("/v1/mandates", &body, HeaderMap::new()).await?;
        Ok(done.mandate)
    }

    /// A mandate and what is left of it, for its delegate and those who granted it or one above;
    /// `None` if the key knows no such mandate.
    pub async fn mandate(
        &self,
        key: &KeyPair,
        node: NodeId,
        mandate: MandateId,
    ) -> Result<Option<Mandate>, Error> {
        known(self.get(&format!("/v1/mandates/{mandate}"), access(key, node)?).await)
    }

    /// Stops a mandate and all below it, or lets it go on; by the key of its granter, or of one
    /// above.
    pub async fn pause(
        &self,
        key: &KeyPair,
        node: NodeId,
        mandate: MandateId,
        paused: bool,
    ) -> Result<(), Error> {
        let body = signed("pause", Pause { node, mandate, sequence: now_ms(), paused }, key);
        let act = if paused { "pause" } else { "resume" };
        let path = format!("/v1/mandates/{mandate}/{act}");
        self.post::<Done>(&path, &body, HeaderMap::new()).await.map(drop)
    }

    /// Ends a mandate and all below it; by the key of its granter, or of one above.
    pub async fn revoke(
        &self,
        key: &KeyPair,
        node: NodeId,
        mandate: MandateId,
    ) -> Result<(), Error> {
        let body = signed("revocation", Revocation { node, mandate }, key);
        self.post::<Done>("/v1/mandates/revoke", &body, HeaderMap::new()).await.map(drop)
    }
}

fn signed<T: Statement>(name: &str, statement: T, key: &KeyPair) -> Value {
    let signed = Signed::sign(statement, key);
    json!({
        name: STANDARD.encode(signed.unverified().to_bytes()),
        "signature": STANDARD.encode(signed.signature().0),
        "key": key.public().to_string(),
    })
}
