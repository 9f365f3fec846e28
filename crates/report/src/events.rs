//! The engine's events as facts.
//!
//! Invariant: what the read model does not count is passed over, never guessed at.

use std::time::Duration;

use engine::{
    ChannelEvent, DocumentChange, DocumentEvent, DocumentKind, Engine, Event, EventKind, OfferTag,
    PaymentEvent, RefundEvent,
};
use serde::Deserialize;
use tokio::runtime::Handle;

use crate::fact::{Fact, Income, Payment, Refund};
use crate::follow::{Facts, Source, SourceError};

/// Reads the events of an engine from a thread that is not the runtime's.
#[derive(Debug)]
pub struct EngineEvents {
    engine: Engine,
    runtime: Handle,
}

impl EngineEvents {
    /// Of this engine; questions to it are waited for on `runtime`.
    pub fn new(engine: Engine, runtime: Handle) -> Self {
        Self { engine, runtime }
    }
}

impl Source for EngineEvents {
    fn facts(&mut self, from: u64, count_max: usize) -> Result<Facts, SourceError> {
        let page = self.runtime.block_on(self.engine.events(from, count_max));
        let page = page.map_err(|error| SourceError(error.to_string()))?;
        let fact = |event: Event| (event.position, event.at_ns, fact(&self.engine, event.kind));
        let facts = page.events.into_iter().map(fact).collect();
        Ok(Facts { facts, next: page.next, end: page.end })
    }

    fn wait(&mut self, position: u64, patience: Duration) {
        let mut end = self.engine.events_end();
        self.runtime.block_on(async {
            // Nothing new, or an engine that has stopped: the caller looks again in either case.
            let _ = tokio::time::timeout(patience, end.wait_for(|end| *end > position)).await;
        });
    }
}

fn fact(engine: &Engine, kind: EventKind) -> Fact {
    match kind {
        EventKind::PaymentHeld(event) => Fact::Held(payment(event)),
        EventKind::PaymentSettled(event) => Fact::Settled(payment(event)),
        EventKind::PaymentReleased(event, _) => Fact::Released(event.payment),
        EventKind::RefundSettled(event) => Fact::Refunded(refund(event)),
        EventKind::ChannelSettled(ChannelEvent { amount, legs, tags, .. }) => {
            Fact::ChannelSettled(Income { legs, amount, tags })
        }
        EventKind::DocumentPut(event) if event.kind == DocumentKind::Offer => offer(engine, &event),
        _ => Fact::Other,
    }
}

fn payment(event: PaymentEvent) -> Payment {
    let PaymentEvent { payment, payer, payee, legs, amount, tags, description, mandate, .. } =
        event;
    Payment { id: payment, payer, payee, legs, amount, tags, description, mandate }
}

fn refund(event: RefundEvent) -> Refund {
    let RefundEvent { refund, payment, legs, amount, tags, reason, .. } = event;
    Refund { id: refund.get(), payment, legs, amount, tags, reason }
}

/// The name of an offer as it is now; what it was called in between is not told.
fn offer(engine: &Engine, event: &DocumentEvent) -> Fact {
    #[derive(Deserialize)]
    struct Titled {
        #[serde(default)]
        description: String,
        #[serde(default)]
        path: String,
    }
    let found = match event.change {
        DocumentChange::Deleted => None,
        _ => engine.document(DocumentKind::Offer, &event.id),
    };
    let titled: Option<Titled> =
        found.and_then(|document| serde_json::from_slice(&document.body).ok());
    match (titled, event.id.parse()) {
        (Some(Titled { description, path }), Ok(id)) => {
            let title = if description.is_empty() { path } else { description };
            Fact::OfferNamed { tag: OfferTag::of(id).0, id: event.id.clone(), title }
        }
        _ => Fact::Other,
    }
}
