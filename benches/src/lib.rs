//! What every bench needs: load generators, instruction counts, the machine's own limits, and one form
//! of result.
//!
//! Invariant: a figure is printed only for work that succeeded; an answer of another status than
//! expected is an error, never a fast request. Rates on a shared machine swing: each result goes
//! with the load of the machine, and comparisons are made within one run.

pub mod callgrind;
mod chunked;
mod connection;
pub mod disk;
pub mod load;
pub mod memory;
pub mod pace;
pub mod percentile;
pub mod plot;
pub mod process;
pub mod random;
pub mod report;
