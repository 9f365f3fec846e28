//! The stream of events as a client reads it.

use client::EventDecoder;

/// However the bytes are cut into pieces, the events are the same.
pub fn stream(bytes: &[u8]) -> bool {
    let Ok(whole) = EventDecoder::default().push(bytes) else { return false };
    let mut decoder = EventDecoder::default();
    let mut pieces = Vec::new();
    for piece in bytes.chunks(3) {
        pieces.extend(decoder.push(piece).expect("what fits at once fits in pieces"));
    }
    assert_eq!(pieces, whole);
    !whole.is_empty()
}
