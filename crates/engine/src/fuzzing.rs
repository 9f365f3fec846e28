//! A door for the fuzzer: what the engine reads from its journal and its snapshots.
//!
//! Bytes in, bytes out: entries and state stay the engine's own. Nothing else may come in here; the
//! node itself never calls this module.

use money::NodeId;

use crate::codec::{Decoder, Encoder};
use crate::entry::Stamped;
use crate::state::State;

/// The entries of a batch, written again; `None` if they are malformed.
pub fn batch(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut again = Encoder::default();
    for stamped in entries(bytes)? {
        stamped.encode(&mut again);
    }
    Some(again.bytes)
}

/// The state of a snapshot, written again; `None` if it is malformed.
pub fn snapshot(bytes: &[u8]) -> Option<Vec<u8>> {
    State::from_bytes(bytes).ok().map(|state| state.to_bytes())
}

/// The state that a batch makes of a new node, as a snapshot; `None` if the batch is malformed or
/// does not fit.
pub fn fold(node: NodeId, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut state = State::new(node);
    for stamped in entries(bytes)? {
        state.apply(&stamped).ok()?;
    }
    Some(state.to_bytes())
}

fn entries(batch: &[u8]) -> Option<Vec<Stamped>> {
    let mut from = Decoder::new(batch);
    let mut entries = Vec::new();
    while !from.is_empty() {
        entries.push(Stamped::decode(&mut from).ok()?);
    }
    Some(entries)
}
