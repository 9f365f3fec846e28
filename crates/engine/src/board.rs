//! The board: what readers on any thread see without asking the writer.
//!
//! Invariant: only what is durable is on it. The writer gathers a batch's news, the committer puts
//! them up once the journal holds the batch.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::document::{Document, DocumentKind, Documents};
use crate::state::State;

/// What a batch brings for the board.
#[derive(Default)]
pub(crate) struct News {
    /// Documents that were changed, in order.
    pub documents: Vec<Arc<Document>>,
    /// The position of the next event.
    pub events_end: u64,
}

/// Shared by the committer and all handles.
#[derive(Debug)]
pub(crate) struct Board {
    documents: RwLock<Documents>,
    /// Counts changes of documents, for those who keep something that follows from them.
    version: watch::Sender<u64>,
    events_end: watch::Sender<u64>,
}

impl Board {
    /// As the journal has it at the start.
    pub(crate) fn of(state: &State) -> Self {
        Self {
            documents: RwLock::new(state.documents.clone()),
            version: watch::Sender::new(0),
            events_end: watch::Sender::new(state.records.0.len()),
        }
    }

    /// The batch is durable.
    pub(crate) fn put_up(&self, news: News) {
        if !news.documents.is_empty() {
            let mut documents = self.documents.write().unwrap_or_else(PoisonError::into_inner);
            let count = news.documents.len() as u64;
            news.documents.into_iter().for_each(|document| documents.put(document));
            drop(documents);
            self.version.send_modify(|version| *version += count);
        }
        self.events_end.send_if_modified(|end| {
            let is_new = *end != news.events_end;
            *end = news.events_end;
            is_new
        });
    }

    pub(crate) fn document(&self, kind: DocumentKind, id: &str) -> Option<Arc<Document>> {
        let documents = self.documents.read().unwrap_or_else(PoisonError::into_inner);
        documents.get(kind, id).cloned()
    }

    pub(crate) fn documents(&self, kind: DocumentKind) -> Vec<Arc<Document>> {
        let documents = self.documents.read().unwrap_or_else(PoisonError::into_inner);
        documents.of(kind).cloned().collect()
    }

    pub(crate) fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    pub(crate) fn events_end(&self) -> watch::Receiver<u64> {
        self.events_end.subscribe()
    }
}
