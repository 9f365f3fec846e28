//! What every bench needs: a load generator, instruction counts, and one form of result.
//!
//! Invariant: a figure is printed only for work that succeeded; an answer of another status than
//! expected is an error, never a fast request. Rates on a shared machine swing: each result goes
//! with the load of the machine, and comparisons are made within one run.

pub mod callgrind;
mod connection;
pub mod disk;
pub mod load;
pub mod report;
