//! The verifiable log: tree, tiles, checkpoints, receipts and their verification. Pure.
//!
//! Formats are those of C2SP (tlog-tiles, signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof,
//! tlog-policy) over the tree hash of RFC 6962, section 2.1, so that programs of others verify what
//! is made here. Invariants: what a verifier accepts follows from bytes that were signed; building
//! and verifying share the hashes and nothing else.
//!
//! It must not do I/O, read a clock or draw randomness, and must not know what a leaf commits to.
