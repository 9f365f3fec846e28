//! Documents of the registry: settings that are facts, which the fold keeps and does not interpret.
//!
//! A document has a kind, an id and a body; each change makes a new revision. The present ones are in
//! memory, in the state and for readers on any thread; that one was changed stays in the events.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::codec::{Decoder, Encoder, Malformed};
use crate::error::{Coded, Retry, Unavailable};

/// Longest id of a document.
pub const DOCUMENT_ID_BYTES_MAX: usize = 64;

/// Largest body of a document.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024;

/// Most documents of a kind at a time.
pub const DOCUMENTS_PER_KIND_COUNT_MAX: usize = 10_000;

/// A document as it stands after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is about.
    pub kind: DocumentKind,
    /// Its name among those of its kind.
    pub id: String,
    /// Counts its changes from 1; an id that is used again after it was deleted begins anew.
    pub revision: u64,
    /// JSON, as far as the engine knows any bytes; empty if it was deleted.
    pub body: Vec<u8>,
    /// When it was changed, Unix milliseconds.
    pub at_ms: u64,
    /// It is gone with this change.
    pub deleted: bool,
}

macro_rules! document_kinds {
    ($($(#[$doc:meta])* $kind:ident = $number:literal;)*) => {
        /// What a document is about. The numbers stand in the journal.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum DocumentKind {
            $($(#[$doc])* $kind = $number,)*
        }

        impl DocumentKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];
        }
    };
}

document_kinds! {
    /// A priced resource with its terms.
    Offer = 1;
    /// An API key, hashed.
    Key = 2;
    /// Where events are sent.
    WebhookEndpoint = 3;
    /// A discount code.
    Code = 4;
    /// Who pays for others.
    Sponsor = 5;
    /// A payout that was asked for.
    Payout = 6;
    /// A setting of the node.
    Setting = 7;
}

/// What a document must be before it is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Anything; a document that is deleted must be there.
    Any,
    /// It must not be there.
    Absent,
    /// It must have this revision.
    Revision(u64),
}

/// Request to create, change or delete a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// What it is about.
    pub kind: DocumentKind,
    /// Its name: 1 to 64 visible ASCII characters.
    pub id: String,
    /// What it says from now on; `None` deletes it.
    pub body: Option<Vec<u8>>,
    /// Refuse if it is something else.
    pub expected: Expected,
}

/// Why a document was not changed, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PutError {
    /// The id is empty, too long or has other characters.
    #[error("an id is 1 to 64 visible ASCII characters")]
    IdInvalid,
    /// The body is too large.
    #[error("a document holds at most 16384 bytes")]
    TooLarge,
    /// It is not what was expected.
    #[error("the document has revision {current}, which is not what was expected; read it again")]
    RevisionConflict {
        /// Its revision; 0: it is not there.
        current: u64,
    },
    /// There are as many of its kind as there may be.
    #[error("there are 10000 documents of this kind; delete some that are not needed")]
    TooMany,
    /// The engine cannot take the command now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Coded for PutError {
    fn code(&self) -> &'static str {
        match self {
            Self::IdInvalid => "id_invalid",
            Self::TooLarge => "document_too_large",
            Self::RevisionConflict { .. } => "revision_conflict",
            Self::TooMany => "too_many_documents",
            Self::Unavailable(inner) => inner.code(),
        }
    }

    fn http_status(&self) -> u16 {
        match self {
            Self::IdInvalid | Self::TooLarge | Self::TooMany => 422,
            Self::RevisionConflict { .. } => 409,
            Self::Unavailable(inner) => inner.http_status(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unavailable(inner) => inner.retry(),
            _ => Retry::Never,
        }
    }
}

impl DocumentKind {
    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let number = from.u8()?;
        let kind = Self::ALL.iter().find(|kind| **kind as u8 == number);
        kind.copied().ok_or(Malformed("kind of a document"))
    }
}

/// Whether a text can be an id.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=DOCUMENT_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The documents that are there, by kind and id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Documents(BTreeMap<DocumentKind, BTreeMap<String, Arc<Document>>>);

impl Documents {
    pub(crate) fn get(&self, kind: DocumentKind, id: &str) -> Option<&Arc<Document>> {
        self.0.get(&kind)?.get(id)
    }

    /// In the order of their ids.
    pub(crate) fn of(&self, kind: DocumentKind) -> impl Iterator<Item = &Arc<Document>> {
        self.0.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn count(&self, kind: DocumentKind) -> usize {
        self.0.get(&kind).map_or(0, BTreeMap::len)
    }

    /// The document as it is now, or its end.
    pub(crate) fn put(&mut self, document: Arc<Document>) {
        let of_kind = self.0.entry(document.kind).or_default();
        if document.deleted {
            of_kind.remove(&document.id);
        } else {
            of_kind.insert(document.id.clone(), document);
        }
        self.0.retain(|_, of_kind| !of_kind.is_empty());
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.0.values().flat_map(BTreeMap::values)
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.len(self.all().count());
        for document in self.all() {
            out.u8(document.kind as u8);
            out.str(&document.id);
            out.u64(document.revision);
            out.u64(document.at_ms);
            out.bytes(&document.body);
        }
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut documents = Self::default();
        let mut last = None;
        for _ in 0..from.len()? {
            let kind = DocumentKind::decode(from)?;
            let id = from.str()?.to_owned();
            let here = Some((kind, id.clone()));
            if here <= last || !is_id(&id) {
                return Err(Malformed("order of documents"));
            }
            last = here;
            let (revision, at_ms) = (from.u64()?, from.u64()?);
            let body = from.bytes()?.to_vec();
            let document = Document { kind, id, revision, body, at_ms, deleted: false };
            documents.put(Arc::new(document));
        }
        Ok(documents)
    }
}
