//! The outbox of webhooks beside the engine of a node.

use std::sync::Arc;

use engine::{DocumentKind, Engine, SystemClock};
use webhook::{EngineSource, Handle, Options, Seal, StartError};

use crate::config::WebhooksSection;
use crate::data;
use crate::secrets::SecretError;
use crate::vault::Vault;

/// Why webhooks cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboxError {
    /// The key that seals secrets cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The thread does not start.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Starts the outbox of a node's data folder. Retries follow the machine's clock, not the engine's: who
/// receives lives in the world's time, also when a sandbox does not.
pub(crate) fn start(
    engine: &Engine,
    vault: &Vault,
    settings: &WebhooksSection,
) -> Result<Handle, OutboxError> {
    let options = Options {
        path: vault.folder().join(webhook::FILE),
        node: engine.node(),
        seal: Seal::new(&vault.seed(data::SEAL_KEY)?),
        clock: Arc::new(SystemClock),
        in_flight_count: settings.in_flight,
        allow_private: settings.allow_private,
    };
    Ok(webhook::start(EngineSource::new(engine.clone()), engine.events_end(), options)?)
}

/// Endpoints that want nothing more, and were switched off for it.
pub(crate) fn disabled(engine: &Engine) -> u64 {
    let documents = engine.documents(DocumentKind::WebhookEndpoint);
    let known = documents.iter().filter_map(|document| webhook::registered(document));
    known.filter(|known| known.endpoint.disabled.is_some()).count() as u64
}
