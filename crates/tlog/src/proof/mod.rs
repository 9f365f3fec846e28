//! Proofs that a leaf is in a tree and that a tree continues another: RFC 6962, section 2.1.
//!
//! Building and verifying share the hash functions and nothing else, so that an error in one is
//! not believed by the other.

mod build;
mod verify;

pub use build::{ProveError, prove_consistency, prove_inclusion};
pub use verify::{VerifyError, verify_consistency, verify_inclusion};
