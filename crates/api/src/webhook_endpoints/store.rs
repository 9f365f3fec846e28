//! Endpoints in the registry, and who may reach them.

use engine::{DocumentKind, Expected, Put};
use http402::Problem;
use money::EndpointId;
use webhook::{Endpoint, Registered, registered};

use crate::authority::Reach;
use crate::node::Shared;
use crate::refused::Refused;

const KIND: DocumentKind = DocumentKind::WebhookEndpoint;
const TITLE: &str = "The endpoint was not changed";

impl Shared {
    /// The outbox, if the node has one.
    pub(crate) fn webhooks(&self) -> Result<&webhook::Handle, Refused> {
        self.node.webhooks.as_ref().ok_or_else(super::unavailable)
    }
}

/// Requires that an endpoint hears of nothing out of reach.
pub(crate) async fn within(
    shared: &Shared,
    reach: &Reach,
    endpoint: &Endpoint,
) -> Result<(), Refused> {
    let Some(accounts) = endpoint.accounts.clone() else { return reach.all() };
    let asked = accounts.clone();
    let views = shared
        .engine()
        .read(move |state| asked.iter().map(|id| state.account(*id)).collect::<Vec<_>>())
        .await?;
    for (account, view) in accounts.into_iter().zip(views) {
        reach.account(account)?;
        let Some(view) = view else {
            let detail = format!("there is no account {account}");
            return Err(Refused::bad_request("invalid_account", detail).with_param("accounts"));
        };
        reach.asset(view.asset.code)?;
    }
    Ok(())
}

/// The endpoints within reach, in the order of their ids.
pub(super) async fn reachable(shared: &Shared, reach: &Reach) -> Result<Vec<Registered>, Refused> {
    shared.webhooks()?;
    let mut found = Vec::new();
    for document in shared.engine().documents(KIND) {
        let Some(known) = registered(&document) else { continue };
        if reach.is_all() || within(shared, reach, &known.endpoint).await.is_ok() {
            found.push(known);
        }
    }
    Ok(found)
}

/// One endpoint; out of reach is as good as unknown.
pub(crate) async fn find(
    shared: &Shared,
    reach: &Reach,
    id: EndpointId,
) -> Result<Registered, Refused> {
    shared.webhooks()?;
    let document = shared.engine().document(KIND, &id.to_string());
    if let Some(known) = document.and_then(|document| registered(&document))
        && (reach.is_all() || within(shared, reach, &known.endpoint).await.is_ok())
    {
        return Ok(known);
    }
    let detail = "the node has no such endpoint";
    Err(Refused::not_found("webhook_endpoint_unknown", detail).with_param("we_id"))
}

pub(super) fn count(shared: &Shared) -> usize {
    shared.engine().documents(KIND).len()
}

/// Makes or changes an endpoint; `revision` is the one that is changed.
pub(super) async fn put(
    shared: &Shared,
    id: EndpointId,
    endpoint: Endpoint,
    revision: Option<u64>,
) -> Result<Registered, Refused> {
    let body = serde_json::to_vec(&endpoint).map_err(|error| {
        tracing::error!(%error, "an endpoint could not be written as JSON");
        super::unavailable()
    })?;
    let document = change(shared, id, Some(body), revision).await?;
    Ok(Registered { id, revision: document.revision, endpoint })
}

pub(super) async fn delete(shared: &Shared, known: &Registered) -> Result<(), Refused> {
    change(shared, known.id, None, Some(known.revision)).await.map(|_| ())
}

async fn change(
    shared: &Shared,
    id: EndpointId,
    body: Option<Vec<u8>>,
    revision: Option<u64>,
) -> Result<engine::Document, Refused> {
    let expected = revision.map_or(Expected::Absent, Expected::Revision);
    let put = Put { kind: KIND, id: id.to_string(), body, expected };
    let document = shared.engine().put(put).await;
    let document = document.map_err(|error| Refused::of(TITLE, &error))?;
    shared.webhooks()?.refresh();
    Ok(document)
}

pub(super) fn new_id() -> Result<EndpointId, Refused> {
    let mut digest = [0; 32];
    getrandom::fill(&mut digest).map_err(|_| no_randomness())?;
    Ok(EndpointId::from_digest(&digest))
}

/// The machine cannot make secrets.
pub(super) fn no_randomness() -> Refused {
    let detail = webhook::NoRandomness.to_string();
    Refused::new(Problem::new(503, "no_randomness", TITLE, detail))
}
