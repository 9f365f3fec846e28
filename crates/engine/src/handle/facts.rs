//! Documents, refunds, counters and events.

use std::sync::Arc;

use money::{PaymentId, RefundId};
use tokio::sync::watch;

use super::{Command, Engine, Reply};
use crate::counter::{Count, CountError, Counted};
use crate::document::{Document, DocumentKind, Put, PutError};
use crate::error::Unavailable;
use crate::event::{self, EVENTS_PER_PAGE_COUNT_MAX, EventPage};
use crate::refund::{Refund, RefundError, RefundView};

/// Events that are read on the writer at a time.
const EVENTS_ON_WRITER_COUNT_MAX: u64 = 1024;

/// What the writer is asked about documents, refunds and counters.
pub(crate) enum FactCommand {
    Put(Put, Reply<Document, PutError>),
    Refund(Refund, Reply<RefundView, RefundError>),
    Count(Count, Reply<Counted, CountError>),
}

impl Engine {
    /// Creates, changes or deletes a document.
    pub async fn put(&self, put: Put) -> Result<Document, PutError> {
        self.call(|reply| Command::Fact(FactCommand::Put(put, reply))).await
    }

    /// A document that is there, without asking the writer.
    pub fn document(&self, kind: DocumentKind, id: &str) -> Option<Arc<Document>> {
        self.board.document(kind, id)
    }

    /// The documents of a kind that are there, in the order of their ids, without asking the writer.
    pub fn documents(&self, kind: DocumentKind) -> Vec<Arc<Document>> {
        self.board.documents(kind)
    }

    /// Counts the changes of documents since the start, to wait on.
    pub fn documents_version(&self) -> watch::Receiver<u64> {
        self.board.version()
    }

    /// Pays a settled payment back, all of it or a part. Idempotent by id.
    pub async fn refund(&self, refund: Refund) -> Result<RefundView, RefundError> {
        self.call(|reply| Command::Fact(FactCommand::Refund(refund, reply))).await
    }

    /// Counts a use that goes without a payment. Idempotent by id among the newest uses of its counter,
    /// [`COUNTER_USES_REMEMBERED_COUNT_MAX`](crate::COUNTER_USES_REMEMBERED_COUNT_MAX).
    pub async fn count(&self, count: Count) -> Result<Counted, CountError> {
        self.call(|reply| Command::Fact(FactCommand::Count(count, reply))).await
    }

    /// One refund.
    pub async fn refund_view(&self, id: RefundId) -> Result<Option<RefundView>, Unavailable> {
        self.read(move |state| state.refund_view(id)).await
    }

    /// The refunds of a payment, oldest first.
    pub async fn refunds_of(&self, payment: PaymentId) -> Result<Vec<RefundView>, Unavailable> {
        self.read(move |state| state.refunds_of(payment)).await
    }

    /// The end of the durable events: the position of the next one, to wait on.
    pub fn events_end(&self) -> watch::Receiver<u64> {
        self.board.events_end()
    }

    /// The durable events at `from` and behind, oldest first. So many positions are looked at,
    /// [`EVENTS_PER_PAGE_COUNT_MAX`] at most, and not each has an event: go on at `next` until it is
    /// `end`. Most are read without the writer; of the newest the writer is asked for 1,024 at most.
    pub async fn events(&self, from: u64, count_max: usize) -> Result<EventPage, Unavailable> {
        let end = *self.board.events_end().borrow();
        let count = count_max.min(EVENTS_PER_PAGE_COUNT_MAX) as u64;
        let until = end.min(from.saturating_add(count));
        if from >= until {
            return Ok(EventPage { events: Vec::new(), next: from.min(end), end });
        }
        if let Some(sealed) = self.sealed.clone()
            && let Ok(until) = sealed.end().map(|sealed| sealed.min(until))
            && from < until
        {
            let read = self.beside(move || event::page(&sealed, from..until)).await;
            if let Some(Ok(events)) = read {
                return Ok(EventPage { events, next: until, end });
            }
            // Legs of a sealed record may be in rows that are not: the writer has all.
        }
        let until = until.min(from.saturating_add(EVENTS_ON_WRITER_COUNT_MAX));
        let events = self.read(move |state| state.events(from..until)).await?;
        let events = events.ok_or(Unavailable::Stopped)?;
        Ok(EventPage { events, next: until, end })
    }
}
