//! A door for the fuzzer: what the engine reads from its journal and its snapshots.
//!
//! Bytes in, bytes out: entries and state stay the engine's own. Nothing else may come in here; the
//! node itself never calls this module.

use index::Fingerprint;
use money::NodeId;

use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::Stamped;
use crate::past::{Changes, Records, Rows};
use crate::state::State;

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

/// The state that a batch makes of a new node, without its past; `None` if the batch is malformed or
/// does not fit.
pub fn fold(node: NodeId, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut state = State::counted(node);
    for stamped in entries(bytes)? {
        state.apply(&stamped).ok()?;
    }
    let mut folded = state.head_bytes();
    folded.extend(state.resident().to_bytes());
    Some(folded)
}

fn entries(batch: &[u8]) -> Option<Vec<Stamped>> {
    let mut from = Decoder::new(batch);
    let mut entries = Vec::new();
    while !from.is_empty() {
        entries.push(Stamped::decode(&mut from).ok()?);
    }
    Some(entries)
}
