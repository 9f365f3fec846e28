//! What calls of webhook endpoints take and answer.

use money::{AccountId, EndpointId, EventId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webhook::Registered;

use crate::node::Shared;
use crate::refused::Refused;
use crate::schema;

/// An endpoint to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhookEndpoint)]
pub(super) struct Wanted {
    /// Where events are posted: `https://`, a public address, no user, no fragment.
    #[schema(format = "uri", max_length = 2048)]
    pub(super) url: String,
    /// Names of events, or `*` for all.
    #[schema(min_items = 1)]
    pub(super) events: Vec<String>,
    /// Accounts to which it is limited; left out, it is the operator's and hears everything.
    #[serde(default)]
    #[schema(value_type = Option<Vec<schema::Account>>, min_items = 1, max_items = 64)]
    pub(super) accounts: Option<Vec<AccountId>>,
    /// For people.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub(super) description: String,
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub(super) active: bool,
    #[serde(default)]
    pub(super) signature: Signature,
}

const fn yes() -> bool {
    true
}

/// What is to be different.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookEndpointChanges)]
pub(super) struct Changes {
    #[schema(format = "uri", max_length = 2048)]
    pub(super) url: Option<String>,
    #[schema(min_items = 1)]
    pub(super) events: Option<Vec<String>>,
    #[schema(max_length = 256)]
    pub(super) description: Option<String>,
    pub(super) active: Option<bool>,
}

/// How messages are signed.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WebhookSignature)]
pub(super) enum Signature {
    /// `v1`, with a secret that node and receiver share.
    #[default]
    Hmac,
    /// `v1a`, with a key pair of which the receiver has the public key.
    Ed25519,
}

/// Why the node switched an endpoint off.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WebhookEndpointDisabled)]
pub(super) enum Disabled {
    /// It answered 410.
    Gone,
    /// It took nothing for days.
    Failing,
}

/// An endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
pub(super) struct Shown {
    #[schema(value_type = schema::Endpoint)]
    pub(super) webhook_endpoint: EndpointId,
    url: String,
    events: Vec<String>,
    /// Null: it is the operator's.
    #[schema(value_type = Option<Vec<schema::Account>>)]
    accounts: Option<Vec<AccountId>>,
    description: String,
    active: bool,
    /// Null unless the node switched it off.
    disabled: Option<Disabled>,
    signature: Signature,
    /// What verifies `v1a` signatures, `whpk_…`; null for a shared secret.
    public_key: Option<String>,
    /// Since when it takes nothing; null if it does.
    failing_since_ms: Option<u64>,
    /// The version in whose shapes bodies are written.
    api_version: String,
    created_at_ms: u64,
    revision: u64,
}

/// An endpoint with its new secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpointWithSecret)]
pub(super) struct WithSecret {
    #[serde(flatten)]
    pub(super) endpoint: Shown,
    /// `whsec_…`, shown this once; null for a key pair, whose public key is in `public_key`.
    pub(super) secret: Option<String>,
}

/// An endpoint that is no more.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpointDeleted)]
pub(super) struct Nothing {
    #[schema(value_type = schema::Endpoint)]
    pub(super) webhook_endpoint: EndpointId,
    pub(super) deleted: bool,
}

/// What is to be sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookReplay)]
pub(super) struct Replay {
    /// Everything that happened since, Unix milliseconds.
    pub(super) since_ms: u64,
}

/// Where a replay begins.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookReplayed)]
pub(super) struct Replayed {
    #[schema(value_type = schema::Endpoint)]
    pub(super) webhook_endpoint: EndpointId,
    /// Position of the first event that is looked at again.
    pub(super) position: u64,
}

/// A body without members.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoMembers {}

/// A test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookPinged)]
pub(super) struct Pinged {
    #[schema(value_type = schema::Event)]
    pub(super) event: EventId,
    /// Whether it is on its way: not to an endpoint that is switched off.
    pub(super) sent: bool,
}

impl Shown {
    pub(super) fn of(shared: &Shared, known: &Registered) -> Result<Self, Refused> {
        let webhooks = shared.webhooks()?;
        let endpoint = &known.endpoint;
        let failing = webhooks.report().failing;
        let failing = failing.iter().find(|(id, _)| *id == known.id);
        Ok(Self {
            webhook_endpoint: known.id,
            url: endpoint.url.clone(),
            events: endpoint.events.clone(),
            accounts: endpoint.accounts.clone(),
            description: endpoint.description.clone(),
            active: endpoint.active,
            disabled: endpoint.disabled.map(Disabled::from),
            signature: endpoint.signature.into(),
            public_key: endpoint.public_key(known.id, webhooks.seal()),
            failing_since_ms: failing.map(|(_, since_ms)| *since_ms),
            api_version: endpoint.api_version.clone(),
            created_at_ms: endpoint.created_at_ms,
            revision: known.revision,
        })
    }
}

impl From<webhook::Scheme> for Signature {
    fn from(scheme: webhook::Scheme) -> Self {
        match scheme {
            webhook::Scheme::Hmac => Self::Hmac,
            webhook::Scheme::Ed25519 => Self::Ed25519,
        }
    }
}

impl From<Signature> for webhook::Scheme {
    fn from(signature: Signature) -> Self {
        match signature {
            Signature::Hmac => Self::Hmac,
            Signature::Ed25519 => Self::Ed25519,
        }
    }
}

impl From<webhook::Disabled> for Disabled {
    fn from(why: webhook::Disabled) -> Self {
        match why {
            webhook::Disabled::Gone => Self::Gone,
            webhook::Disabled::Failing => Self::Failing,
        }
    }
}
