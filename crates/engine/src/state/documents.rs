//! The registry's part of the fold: documents come, change and go.

use std::sync::Arc;

use super::State;
use super::apply::{Broken, broken};
use crate::document::{
    DOCUMENT_BYTES_MAX, DOCUMENTS_PER_KIND_COUNT_MAX, Document, DocumentKind, is_id,
};
use crate::past::{DocumentPut, Record};

impl State {
    /// A document that is there.
    pub fn document(&self, kind: DocumentKind, id: &str) -> Option<Arc<Document>> {
        self.documents.get(kind, id).cloned()
    }

    /// The documents of a kind that are there, in the order of their ids.
    pub fn documents(&self, kind: DocumentKind) -> Vec<Arc<Document>> {
        self.documents.of(kind).cloned().collect()
    }

    /// The revision of a document; 0: it is not there.
    pub(crate) fn revision(&self, kind: DocumentKind, id: &str) -> u64 {
        self.documents.get(kind, id).map_or(0, |document| document.revision)
    }

    pub(super) fn put_document(
        &mut self,
        kind: DocumentKind,
        id: &str,
        revision: u64,
        body: Option<&[u8]>,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let misfit = |what| Err(broken("document put", what));
        let before = self.revision(kind, id);
        if before.checked_add(1) != Some(revision) {
            return misfit("its revision does not follow");
        }
        let is_new = before == 0;
        if is_new && (body.is_none() || !is_id(id)) {
            return misfit("it was never there");
        }
        if body.is_some_and(|body| body.len() > DOCUMENT_BYTES_MAX)
            || (is_new && self.documents.count(kind) >= DOCUMENTS_PER_KIND_COUNT_MAX)
        {
            return misfit("it is too large, or one too many");
        }
        let document = Document {
            kind,
            id: id.to_owned(),
            revision,
            body: body.unwrap_or_default().to_vec(),
            at_ms: at_ns / 1_000_000,
            deleted: body.is_none(),
        };
        let is_deleted = document.deleted;
        self.documents.put(Arc::new(document));
        let put = DocumentPut { kind, id: id.to_owned(), revision, is_deleted, at_ns };
        self.put(&Record::DocumentPut(put))
    }
}
