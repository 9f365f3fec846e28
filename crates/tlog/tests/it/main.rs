//! The verifiable log from outside: the tree against its definition, vectors, programs of others.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "functions that tests share are tests too; their sizes are small"
)]

mod foreign_trees;
mod proofs;
mod public_vectors;
mod reference;
mod tiles;
mod vectors;
