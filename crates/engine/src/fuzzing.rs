//! A door for the fuzzer: what the engine reads from its journal and its snapshots.
//!
//! Bytes in, bytes out: entries and state stay the engine's own. Nothing else may come in here; the
//! node itself never calls this module.

use std::path::Path;
use std::sync::Arc;

use disk::{Disk, Simulated};
use index::{Fingerprint, Manifest, Sealed};
use money::NodeId;

use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::Stamped;
use crate::past::{Changes, Place, Records, Rows};
use crate::state::{Manifests, State};

/// The entries of a batch, written again; `None` if they are malformed.
pub fn batch(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut again = Encoder::default();
    for stamped in entries(bytes)? {
        stamped.encode(&mut again);
    }
    Some(again.bytes)
}

/// The parts of a snapshot that the engine and the ledger encode, written again; `None` if it is
/// malformed.
pub fn snapshot(bytes: &[u8]) -> Option<Vec<u8>> {
    let state = State::restore::<Malformed>(bytes, |manifests| {
        let counted = |rows, schema| {
            Rows::counted_from(schema, Fingerprint { rows, ..Fingerprint::default() })
        };
        let changes = counted(manifests.changes.len(), Changes::SCHEMA);
        Ok([changes, counted(manifests.records.len(), Records::SCHEMA)])
    });
    let mut again = state.as_ref().ok()?.head_bytes();
    State::stored(bytes).ok()?.manifests.encode(&mut again);
    again.extend(state.ok()?.resident().to_bytes());
    Some(again)
}

/// The state in a snapshot without the names of the index's files, which depend on when chunks were
/// written; `None` if it is malformed.
pub fn state_of(snapshot: &[u8]) -> Option<Vec<u8>> {
    let stored = State::stored(snapshot).ok()?;
    Some([stored.head, stored.resident].concat())
}

/// The snapshot of what a batch makes of a new node, its past on a disk in memory, after it was
/// opened again and gave the same; `None` if the batch is malformed or does not fit.
pub fn fold(node: NodeId, bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let disk: Arc<dyn Disk> = Arc::new(Simulated::new(0));
    let place = |dir| Place { disk: Arc::clone(&disk), dir: Path::new(dir), options: TINY };
    let [changes, records] = ["changes", "records"].map(place);
    let told = |error: index::OpenError| error.to_string();
    let mut state = State::new(
        node,
        Rows::create(&changes, Changes::SCHEMA).map_err(told)?,
        Rows::create(&records, Records::SCHEMA).map_err(told)?,
    );
    let Some(entries) = entries(bytes) else { return Ok(None) };
    for stamped in entries {
        if state.apply(&stamped).is_err() {
            return Ok(None);
        }
        state.seal_if_full().map_err(|error| error.to_string())?;
    }
    let sealed = [state.ledger.past_mut().0.seal(), state.records.0.seal()];
    let [changes_are, records_are] = sealed.map(manifest);
    let manifests = Manifests { changes: changes_are?, records: records_are? };
    let folded = stored_as(&state, &manifests);
    let again = State::restore::<Unusable>(&folded, |manifests| {
        let changes = Rows::open(&changes, Changes::SCHEMA, &manifests.changes, &[])?;
        Ok([changes, Rows::open(&records, Records::SCHEMA, &manifests.records, &[])?])
    });
    let again = again.map_err(|Unusable(why)| why)?;
    if stored_as(&again, &manifests) == folded {
        Ok(Some(folded))
    } else {
        Err("the snapshot gives another state".to_owned())
    }
}

/// So small that a few entries fill chunks and runs are merged.
const TINY: index::Options = index::Options {
    chunk_rows: 8,
    fan_out: 2,
    cache_bytes: 1 << 16,
    file_blocks: 2,
    background: false,
};

fn manifest(sealed: Result<Option<Sealed>, index::Error>) -> Result<Manifest, String> {
    let sealed = sealed.map_err(|error| error.to_string())?.ok_or("no index")?;
    sealed.manifest().map_err(|error| error.to_string())
}

fn stored_as(state: &State, manifests: &Manifests) -> Vec<u8> {
    let mut bytes = state.head_bytes();
    manifests.encode(&mut bytes);
    bytes.extend(state.resident().to_bytes());
    bytes
}

/// Why a snapshot that was just written does not open.
struct Unusable(String);

impl From<Malformed> for Unusable {
    fn from(why: Malformed) -> Self {
        Self(why.to_string())
    }
}

impl From<index::OpenError> for Unusable {
    fn from(why: index::OpenError) -> Self {
        Self(why.to_string())
    }
}

fn entries(batch: &[u8]) -> Option<Vec<Stamped>> {
    let mut from = Decoder::new(batch);
    let mut entries = Vec::new();
    while !from.is_empty() {
        entries.push(Stamped::decode(&mut from).ok()?);
    }
    Some(entries)
}
