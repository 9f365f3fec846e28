//! What the log says of the books, and how anyone checks it. Pure.
//!
//! Every row of the ledger is a leaf of the verifiable log, behind a salted commitment; whoever has
//! an opening sees what it commits to. The log of crate `tlog` keeps the leaves; this crate gives
//! them their meaning. Invariants: a leaf has one meaning and a meaning one leaf; what a verifier
//! accepts follows from entries of the log and from nothing that its operator merely says.
//!
//! It must not do I/O, read a clock or draw randomness.

mod digest;
pub mod epoch;
pub mod record;
mod secret;
pub mod statement;
mod text;
pub mod verdict;

pub use secret::Secret;
