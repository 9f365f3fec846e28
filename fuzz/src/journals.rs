//! Headers of the journal's files.

use journal::frame::{FrameHeader, HEADER_BYTES};
use journal::segment::SegmentHeader;

/// The key under which seeds are written; a real one is the checksum of a segment's header.
pub const KEY: [u8; 32] = [7; 32];

/// The header of one batch.
pub fn frame(bytes: &[u8]) -> bool {
    FrameHeader::decode(bytes, &KEY).is_some_and(|header| {
        assert_eq!(header.encode(&KEY), bytes[..HEADER_BYTES]);
        true
    })
}

/// The header of a segment.
pub fn segment(bytes: &[u8]) -> bool {
    SegmentHeader::decode(bytes).is_ok_and(|(header, key)| {
        assert!(bytes.starts_with(&header.encode()));
        assert_eq!(header.key(), key);
        true
    })
}
