//! Whether a document may be changed.

use crate::document::{
    DOCUMENT_BYTES_MAX, DOCUMENTS_PER_KIND_COUNT_MAX, Expected, Put, PutError, is_id,
};
use crate::state::State;

/// The revision that the change makes.
pub(crate) fn put(state: &State, put: &Put) -> Result<u64, PutError> {
    if !is_id(&put.id) {
        return Err(PutError::IdInvalid);
    }
    if put.body.as_ref().is_some_and(|body| body.len() > DOCUMENT_BYTES_MAX) {
        return Err(PutError::TooLarge);
    }
    let current = state.revision(put.kind, &put.id);
    let is_expected = match put.expected {
        // What is not there cannot be deleted.
        Expected::Any => put.body.is_some() || current > 0,
        Expected::Absent => put.body.is_some() && current == 0,
        Expected::Revision(revision) => current > 0 && current == revision,
    };
    if !is_expected {
        return Err(PutError::RevisionConflict { current });
    }
    if current == 0 && state.documents.count(put.kind) >= DOCUMENTS_PER_KIND_COUNT_MAX {
        return Err(PutError::TooMany);
    }
    Ok(current.saturating_add(1))
}
