//! The engine as the source of events.

use engine::{Document, DocumentKind, Engine, Expected, Put};
use tokio::runtime::Handle;

use crate::endpoint::{Disabled, Endpoint};
use crate::render::notice_of;
use crate::source::{Page, Registered, Source};

/// Follows an engine from a thread outside of the runtime.
#[derive(Debug)]
pub struct EngineSource {
    engine: Engine,
    runtime: Handle,
}

impl EngineSource {
    /// To be called within the runtime that the engine is asked on.
    pub fn new(engine: Engine) -> Self {
        Self { engine, runtime: Handle::current() }
    }
}

/// Reads an endpoint's document; `None` if it is none.
pub fn registered(document: &Document) -> Option<Registered> {
    let id = document.id.parse().ok()?;
    let endpoint: Endpoint = serde_json::from_slice(&document.body).ok()?;
    Some(Registered { id, revision: document.revision, endpoint })
}

impl Source for EngineSource {
    type Error = String;

    fn page(&self, from: u64, count_max: usize) -> Result<Page, String> {
        let page = self.runtime.block_on(self.engine.events(from, count_max));
        let page = page.map_err(|error| error.to_string())?;
        let notices = page.events.iter().filter_map(|event| notice_of(&self.engine, event));
        Ok(Page { notices: notices.collect(), next: page.next })
    }

    fn end(&self) -> u64 {
        *self.engine.events_end().borrow()
    }

    fn endpoints(&self) -> Result<Vec<Registered>, String> {
        let documents = self.engine.documents(DocumentKind::WebhookEndpoint);
        Ok(documents.iter().filter_map(|document| registered(document)).collect())
    }

    fn disable(&self, id: money::EndpointId, revision: u64, why: Disabled) -> Result<(), String> {
        let Some(document) = self.engine.document(DocumentKind::WebhookEndpoint, &id.to_string())
        else {
            return Ok(());
        };
        let Some(mut known) = registered(&document) else { return Ok(()) };
        known.endpoint.active = false;
        known.endpoint.disabled = Some(why);
        let body = serde_json::to_vec(&known.endpoint).map_err(|error| error.to_string())?;
        let put = Put {
            kind: DocumentKind::WebhookEndpoint,
            id: id.to_string(),
            body: Some(body),
            expected: Expected::Revision(revision),
        };
        self.runtime.block_on(self.engine.put(put)).map(|_| ()).map_err(|error| error.to_string())
    }
}
