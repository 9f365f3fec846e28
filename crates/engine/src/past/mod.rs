//! The past on disk: what happened, found by id, account and time, in bounded memory.
//!
//! Two indexes stand behind the state: the [`Changes`] of the ledger, and the [`Records`] of
//! payments, channels, funding and account holders. Both follow from the journal and can be built again.
//! Invariants: what is here never changes; nothing that the fold decides depends on whether a row
//! is in memory or on disk. Which rows there are is the fold's business, not decided here.

mod changes;
mod channel;
mod fact;
mod payment;
mod record;
mod records;

use std::path::Path;
use std::sync::Arc;

use disk::Disk;
use index::{Error, Fingerprint, Found, Index, Manifest, OpenError, Options, Schema, Sealed};

pub(crate) use changes::Changes;
pub(crate) use channel::{ClosedChannel, OpenedChannel};
pub(crate) use fact::{ChannelPaid, DocumentPut, MandateChange, MandateStep, Parties, Refunded};
pub(crate) use payment::{Ended, LegsAt, Opened};
pub(crate) use record::{Funding, RECORD_BYTES, Record};
pub(crate) use records::Records;

/// Rows that can be read, or rows of which only the sum is kept.
pub(crate) enum Rows {
    Indexed(Box<Index>),
    /// For a fold that is checked and not served: it never looks back.
    Counted(Counted),
}

/// What is left of rows that nobody will read.
pub(crate) struct Counted {
    schema: Schema,
    fingerprint: Fingerprint,
    /// Rows that nobody has heard yet, if somebody wants to.
    heard: Option<Vec<u8>>,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Where an index lies and how it works.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub disk: Arc<dyn Disk>,
    pub dir: &'a Path,
    pub options: Options,
}

impl Rows {
    /// An empty index; one that is there is removed.
    pub(crate) fn create(place: &Place<'_>, schema: Schema) -> Result<Self, OpenError> {
        let disk = Arc::clone(&place.disk);
        Index::create(disk, place.dir, schema, place.options).map(Self::indexed)
    }

    /// Whether [`Rows::open`] would find the files that the manifest names. Removes nothing.
    pub(crate) fn probe(
        place: &Place<'_>,
        schema: &Schema,
        manifest: &Manifest,
    ) -> Result<(), OpenError> {
        Index::probe(&*place.disk, place.dir, schema, &place.options, manifest)
    }

    /// The index as a manifest says.
    pub(crate) fn open(
        place: &Place<'_>,
        schema: Schema,
        manifest: &Manifest,
        keep: &[Manifest],
    ) -> Result<Self, OpenError> {
        let disk = Arc::clone(&place.disk);
        Index::open(disk, place.dir, schema, place.options, manifest, keep).map(Self::indexed)
    }

    fn indexed(index: Index) -> Self {
        Self::Indexed(Box::new(index))
    }

    /// No index: rows are counted and summed.
    pub(crate) fn counted(schema: Schema) -> Self {
        Self::counted_from(schema, Fingerprint::default())
    }

    /// As [`Rows::counted`], from rows that sum to this on.
    pub(crate) fn counted_from(schema: Schema, fingerprint: Fingerprint) -> Self {
        Self::Counted(Counted { schema, fingerprint, heard: None })
    }

    /// Rows that are only counted are kept until [`Rows::hear`] takes them.
    pub(crate) fn listen(&mut self) {
        if let Self::Counted(counted) = self {
            counted.heard = Some(Vec::new());
        }
    }

    /// The rows since the last time.
    pub(crate) fn hear(&mut self) -> Vec<u8> {
        match self {
            Self::Counted(Counted { heard: Some(heard), .. }) => std::mem::take(heard),
            _ => Vec::new(),
        }
    }

    /// What the rows sum to, if they are only counted.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Self::Indexed(_) => None,
            Self::Counted(counted) => Some(counted.fingerprint),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Indexed(index) => index.len(),
            Self::Counted(counted) => counted.fingerprint.rows,
        }
    }

    fn append(&mut self, rows: &[u8], pairs: Option<&[u8]>) -> Result<(), Error> {
        match self {
            Self::Indexed(index) => index.append(rows, pairs),
            Self::Counted(Counted { schema, fingerprint, heard }) => {
                if let Some(heard) = heard {
                    heard.extend_from_slice(rows);
                }
                let mut pairs = pairs.map(|pairs| pairs.chunks_exact(schema.pair_bytes.max(1)));
                for row in rows.chunks_exact(schema.row_bytes) {
                    let pair = pairs.as_mut().and_then(Iterator::next);
                    fingerprint.add_row(schema, fingerprint.rows, row, pair);
                }
                Ok(())
            }
        }
    }

    fn burn(&mut self, key: u128) -> Result<(), Error> {
        match self {
            Self::Indexed(index) => index.burn(key),
            Self::Counted(counted) => {
                counted.fingerprint.add_burned(key);
                Ok(())
            }
        }
    }

    fn find(&self, key: u128) -> Result<Option<Found>, Error> {
        self.index().map_or(Ok(None), |index| index.find(key))
    }

    fn row(&self, position: u64, row: &mut [u8]) -> Result<(), Error> {
        let len = self.len();
        self.index()
            .map_or(Err(Error::BeyondEnd { position, len }), |index| index.row(position, row))
    }

    /// Appends the rows of a range of positions.
    pub(crate) fn rows(
        &self,
        range: std::ops::Range<u64>,
        rows: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let (position, len) = (range.start, self.len());
        self.index()
            .map_or(Err(Error::BeyondEnd { position, len }), |index| index.rows(range, rows))
    }

    fn pair(&self, position: u64, pair: &mut [u8]) -> Result<bool, Error> {
        self.index().map_or(Ok(false), |index| index.pair(position, pair))
    }

    fn positions(
        &self,
        term: u64,
        within: std::ops::Range<u64>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<u64>, Error> {
        self.index()
            .map_or(Ok(Vec::new()), |index| index.positions(term, within, newest_first, limit))
    }

    fn index(&self) -> Option<&Index> {
        match self {
            Self::Indexed(index) => Some(index),
            Self::Counted(_) => None,
        }
    }

    /// Hands a full chunk on to be written.
    pub(crate) fn seal_if_full(&mut self) -> Result<(), Error> {
        match self {
            // The promise is not needed: a later seal covers these rows too.
            Self::Indexed(index) if index.is_chunk_full() => index.seal().map(drop),
            _ => Ok(()),
        }
    }

    /// Reads what is sealed, from any thread.
    pub(crate) fn reader(&self) -> Option<index::Reader> {
        self.index().map(Index::reader)
    }

    /// Removes old files of the index, from any thread.
    pub(crate) fn keeper(&self) -> Option<index::Keeper> {
        self.index().map(Index::keeper)
    }

    /// Hands everything on to be written; the promise names the files when they are durable.
    pub(crate) fn seal(&mut self) -> Result<Option<Sealed>, Error> {
        match self {
            Self::Indexed(index) => index.seal().map(Some),
            Self::Counted(_) => Ok(None),
        }
    }
}
