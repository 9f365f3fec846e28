//! The verifiable log from outside: the tree against its definition, golden vectors, refusals,
//! hostile bytes, programs of others.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "functions that tests share are tests too; their sizes are small"
)]

mod batches;
mod foreign_notes;
mod foreign_trees;
mod golden_notes;
mod histories;
mod keys;
mod life;
mod notes;
mod policies;
mod policy_vectors;
mod proofs;
mod public_vectors;
mod receipts;
mod reference;
mod tiles;
mod vectors;
mod witnesses;
