//! What the engine reads when it starts: batches of the journal and snapshots of the state.

use engine::fuzzing;
use money::NodeId;

/// The entries of a batch. What a new node can fold must balance and outlive its own snapshot.
pub fn batch(bytes: &[u8]) -> bool {
    let Some(again) = fuzzing::batch(bytes) else { return false };
    assert_eq!(again, bytes);
    let node = NodeId::new(1).expect("a valid id");
    // The snapshot is opened again over its past, and must balance.
    if let Some(state) = fuzzing::fold(node, bytes).expect("a past that can be read again") {
        assert_eq!(fuzzing::snapshot(&state), Some(state));
    }
    true
}

/// A whole state. A foreign snapshot may list things in another order than the engine writes them;
/// what the engine writes of it stays.
pub fn snapshot(bytes: &[u8]) -> bool {
    fuzzing::snapshot(bytes).is_some_and(|written| {
        assert_eq!(fuzzing::snapshot(&written).as_ref(), Some(&written));
        true
    })
}
