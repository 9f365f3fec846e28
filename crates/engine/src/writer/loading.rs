//! Loading: the newest snapshot whose past is there, or an empty state to fold the whole journal on.
//!
//! Invariants: a snapshot that cannot be used is passed over and told, never repaired; files of the
//! index are removed only when a state has been chosen that does not need them; where the disk
//! refuses to read what may be whole, nothing is chosen and the start fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use index::Manifest;
use journal::{Position, Snapshot, Snapshots};
use tracing::warn;

use crate::codec::Malformed;
use crate::error::StartError;
use crate::handle::Options;
use crate::past::{Changes, Place, Records, Rows};
use crate::state::{Manifests, State};

/// Folder of the indexes within the data folder.
pub(crate) const INDEX: &str = "index";
/// Folder of the ledger's changes within it.
pub(crate) const CHANGES: &str = "changes";
/// Folder of the records within it.
pub(crate) const RECORDS: &str = "records";

/// What a start begins with.
pub(super) struct Loading {
    pub snapshots: Snapshots,
    /// Manifests of the snapshots that can be kept, newest last.
    pub kept: Vec<Manifests>,
    found: Option<(State, Position)>,
}

/// Why a snapshot's past could not be opened.
enum Unusable {
    Malformed(Malformed),
    Index(index::OpenError),
}

impl From<Malformed> for Unusable {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why)
    }
}

impl From<index::OpenError> for Unusable {
    fn from(why: index::OpenError) -> Self {
        Self::Index(why)
    }
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(why) => why.fmt(f),
            Self::Index(why) => why.fmt(f),
        }
    }
}

impl Loading {
    /// Looks for the newest snapshot that can be used.
    pub(super) fn begin(options: &Options) -> Result<Self, StartError> {
        let dir = options.data.join("snapshots");
        let snapshots = Snapshots::open_on(Arc::clone(&options.disk), &dir)?;
        let mut loading = Self { snapshots, kept: Vec::new(), found: None };
        let listed = loading.snapshots.list()?;
        for (older, (sequence, path)) in listed.iter().enumerate().rev() {
            let Some(snapshot) = loading.read(*sequence, path)? else { continue };
            let before = loading.manifests(&listed[..older])?;
            match restore(options, &snapshot, &before) {
                Ok((state, manifests)) => {
                    if state.node != options.node {
                        let (expected, found) = (options.node, state.node);
                        return Err(StartError::OtherNode { expected, found });
                    }
                    let position = Position { sequence: *sequence, hash: snapshot.head };
                    loading.kept = before;
                    loading.kept.push(manifests);
                    loading.found = Some((state, position));
                    break;
                }
                Err(Unusable::Index(why)) if is_passing(&why) => return Err(why.into()),
                Err(why) => {
                    warn!(sequence, %why, "the snapshot cannot be used; an older one or the whole \
                          journal is read instead");
                }
            }
        }
        Ok(loading)
    }

    /// The batch that the state goes up to.
    pub(super) fn position(&self) -> Option<Position> {
        self.found.as_ref().map(|(_, position)| *position)
    }

    /// The state to go on from: that of the snapshot, or an empty one over an empty index.
    pub(super) fn state(&mut self, options: &Options) -> Result<State, StartError> {
        if let Some((state, _)) = self.found.take() {
            return Ok(state);
        }
        let [changes, records] = &places(options);
        let changes = Rows::create(&changes.place(options), Changes::SCHEMA)?;
        let records = Rows::create(&records.place(options), Records::SCHEMA)?;
        Ok(State::new(options.node, changes, records))
    }

    fn read(&self, sequence: u64, path: &Path) -> Result<Option<Snapshot>, StartError> {
        match self.snapshots.read(sequence)? {
            Some(Ok(snapshot)) => Ok(Some(snapshot)),
            Some(Err(why)) => {
                warn!(path = %path.display(), %why, "a snapshot was passed over");
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// What the snapshots need of the index, as far as they can be read.
    fn manifests(&self, listed: &[(u64, PathBuf)]) -> Result<Vec<Manifests>, StartError> {
        let mut manifests = Vec::new();
        for (sequence, path) in listed {
            let snapshot = self.read(*sequence, path)?;
            let stored = snapshot.as_ref().map(|snapshot| State::stored(&snapshot.state));
            if let Some(Ok(stored)) = stored {
                manifests.push(stored.manifests);
            }
        }
        Ok(manifests)
    }
}

/// The state of a snapshot, with its past opened. A snapshot of another node opens nothing.
fn restore(
    options: &Options,
    snapshot: &Snapshot,
    before: &[Manifests],
) -> Result<(State, Manifests), Unusable> {
    let bytes = &snapshot.state;
    let manifests = State::stored(bytes)?.manifests;
    if State::snapshot_node(bytes)? != options.node {
        let counted = |manifest: &Manifest, schema| {
            let fingerprint = index::Fingerprint { rows: manifest.len(), ..Default::default() };
            Rows::counted_from(schema, fingerprint)
        };
        let state = State::restore::<Unusable>(bytes, |manifests| {
            let changes = counted(&manifests.changes, Changes::SCHEMA);
            Ok([changes, counted(&manifests.records, Records::SCHEMA)])
        });
        return Ok((state?, manifests));
    }
    let [changes, records] = &places(options);
    let keep = |of: fn(&Manifests) -> &Manifest| -> Vec<Manifest> {
        before.iter().map(|manifests| of(manifests).clone()).collect()
    };
    let state = State::restore::<Unusable>(bytes, |manifests| {
        let places = [changes.place(options), records.place(options)];
        let both = [
            (&places[0], Changes::SCHEMA, &manifests.changes, keep(|one| &one.changes)),
            (&places[1], Records::SCHEMA, &manifests.records, keep(|one| &one.records)),
        ];
        // An open removes what other snapshots need, so both must be there before one is opened.
        for (place, schema, manifest, _) in &both {
            Rows::probe(place, schema, manifest)?;
        }
        let [changes, records] =
            both.map(|(place, schema, manifest, kept)| Rows::open(place, schema, manifest, &kept));
        Ok([changes?, records?])
    })?;
    Ok((state, manifests))
}

/// Whether the index may be whole, and only cannot be opened now. To pass over its snapshot would
/// throw it away.
const fn is_passing(why: &index::OpenError) -> bool {
    matches!(why, index::OpenError::Disk(_) | index::OpenError::Thread(_))
}

/// Folder and settings of one index.
struct Folder {
    dir: PathBuf,
    options: index::Options,
}

impl Folder {
    fn place(&self, options: &Options) -> Place<'_> {
        Place { disk: Arc::clone(&options.disk), dir: &self.dir, options: self.options }
    }
}

/// The index of the ledger's changes and that of the records.
fn places(options: &Options) -> [Folder; 2] {
    let changes = index::Options {
        // A simulated disk takes one thread at a time.
        background: options.index.background && !options.disk.is_single_threaded(),
        ..options.index
    };
    // Payments come by the thousand where transfers come by the million.
    let records = index::Options {
        chunk_rows: changes.chunk_rows.div_ceil(4),
        cache_bytes: changes.cache_bytes / 4,
        ..changes
    };
    let dir = options.data.join(INDEX);
    [
        Folder { dir: dir.join(CHANGES), options: changes },
        Folder { dir: dir.join(RECORDS), options: records },
    ]
}
